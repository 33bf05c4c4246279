"""The API's description as an OpenAPI 3.1 document, made from the structs that decode and encode it."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from proviso import __version__
from proviso.gateway.chat import ChatRequest
from proviso.gateway.completion import ChatCompletion, Chunk
from proviso.gateway.native import RunRequest, RunResult, TextEvent
from proviso.gateway.pages import AppList, AppModel, Health, Readiness, Welcome
from proviso.gateway.problems import Dialect, OpenAIError, Problem
from proviso.ledger import RunRecord

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_STRUCTS: tuple[type[Struct], ...] = (
    AppList, AppModel, ChatCompletion, ChatRequest, Chunk, Health, OpenAIError, Problem, Readiness,
    RunRecord, RunRequest, RunResult, TextEvent, Welcome,
)  # fmt: skip
_MEANING = {
    "400": "The body is not what the route takes; the JSON path says where.",
    "401": "No API key, or one that is not valid (any more).",
    "403": "The key may not do this.",
    "404": "No such route, app or run that this caller may see.",
    "405": "The route does not take this method; `Allow` says which.",
    "408": "The body did not arrive in time.",
    "413": "The body is larger than the server takes.",
    "415": "The body is not JSON in UTF-8.",
    "500": "Something unexpected; the reply has an ID to look for in the log.",
    "503": "Not ready, or something the answer needs is out of reach; nothing was answered.",
}
_ASKING = ("400", "401", "403", "404", "405", "408", "413", "415", "500", "503")
_READING = ("401", "404", "405", "500", "503")
_QUESTION = "What is the per diem for Oslo?"
_TAGS = [
    {
        "name": "OpenAI dialect",
        "description": "Any OpenAI client works: change its base URL; `model` is the app.",
    },
    {"name": "Runs", "description": "The native dialect: everything that is known of an answer."},
    {"name": "Service", "description": "Health, readiness, and this description; no key needed."},
]


def openapi() -> Mapping[str, Any]:
    """Return the document; every route is in it, and every reply of a route fits its schema."""
    _, made = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    schemas: Json = msgspec.json.decode(msgspec.json.encode(made))  # its defaults are tuples, JSON has lists
    for schema in schemas.values():  # docstrings come with their indentation
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Proviso",
            "version": __version__,
            "summary": "Answers from approved documents, under a contract.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": _TAGS,
        "security": [{"key": []}],
        "paths": {**_openai_paths(), **_run_paths(), **_service_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "`proviso keys create` makes one."}
            },
        },
    }


def _openai_paths() -> Json:
    body = {"model": "policy-qa", "messages": [{"role": "user", "content": _QUESTION}]}
    return {
        "/v1/chat/completions": {
            "post": {
                **_head(
                    "OpenAI dialect", "createChatCompletion", "Ask an app a question, as OpenAI's clients do"
                ),
                "requestBody": _body(ChatRequest, body),
                "responses": {
                    "200": _answer(
                        "The answer, or the refusal that the contract asks for.",
                        ChatCompletion,
                        "`data: ` and a `Chunk` each, then `data: [DONE]`. An error is an `OpenAIError`.",
                    ),
                    **_errors(Dialect.OPENAI, _ASKING),
                },
            }
        },
        "/v1/models": {
            "get": {
                **_head("OpenAI dialect", "listApps", "List the apps that you may use"),
                "responses": {
                    "200": _json("The apps.", AppList),
                    **_errors(Dialect.OPENAI, ("401", "405", "500", "503")),
                },
            }
        },
        "/v1/models/{app}": {
            "get": {
                **_head("OpenAI dialect", "getApp", "Describe one app"),
                "parameters": [_parameter("app", "The app's name.", "policy-qa")],
                "responses": {"200": _json("The app.", AppModel), **_errors(Dialect.OPENAI, _READING)},
            }
        },
    }


def _run_paths() -> Json:
    return {
        "/v1/apps/{app}/runs": {
            "post": {
                **_head(
                    "Runs",
                    "createRun",
                    "Ask an app a question; get everything that is known of the answer",
                ),
                "parameters": [_parameter("app", "The app's name.", "policy-qa")],
                "requestBody": _body(RunRequest, {"question": _QUESTION}),
                "responses": {
                    "200": _answer(
                        "The answer, or the refusal that the contract asks for.",
                        RunResult,
                        "Events `text` with a `TextEvent` each, then `run` with a `RunResult`. "
                        "An error is an event `error` with a `Problem`.",
                    ),
                    **_errors(Dialect.NATIVE, _ASKING),
                },
            }
        },
        "/v1/runs/{run}": {
            "get": {
                **_head(
                    "Runs",
                    "getRun",
                    "Read a run: its caller may, and the roles that its app names",
                ),
                "parameters": [_parameter("run", "The run's ID.", "019a6e2f-0c1d-7a3b-8c4d-5e6f708192a3")],
                "responses": {
                    "200": _json("The record.", RunRecord),
                    **_errors(Dialect.NATIVE, _READING),
                },
            }
        },
    }


def _service_paths() -> Json:
    open_to_all: Json = {"security": []}
    return {
        "/": {
            "get": {
                **_head("Service", "welcome", "Say what this is and where things are"),
                **open_to_all,
                "responses": {"200": _json("What is here.", Welcome), **_errors(Dialect.NATIVE, ("405",))},
            }
        },
        "/healthz": {
            "get": {
                **_head("Service", "health", "Say whether the process runs"),
                **open_to_all,
                "responses": {"200": _json("It does.", Health), **_errors(Dialect.NATIVE, ("405",))},
            }
        },
        "/readyz": {
            "get": {
                **_head("Service", "readiness", "Say whether questions are answered"),
                **open_to_all,
                "responses": {
                    "200": _json("They are.", Readiness),
                    **_errors(Dialect.NATIVE, ("405", "503")),
                },
            }
        },
        "/openapi.json": {
            "get": {
                **_head("Service", "describe", "Give this document"),
                **open_to_all,
                "responses": {
                    "200": _content("This document.", "application/json", {"type": "object"}),
                    **_errors(Dialect.NATIVE, ("405",)),
                },
            }
        },
    }


def _head(tag: str, operation: str, summary: str) -> Json:
    return {"tags": [tag], "operationId": operation, "summary": summary}


def _parameter(name: str, description: str, example: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def _body(struct: type[Struct], example: Json) -> Json:
    media = {"schema": _ref(struct), "example": example}
    return {"required": True, "content": {"application/json": media}}


def _answer(description: str, struct: type[Struct], events: str) -> Json:
    return {
        "description": description,
        "headers": {
            "x-proviso-run": {"description": "The run's ID.", "schema": {"type": "string", "format": "uuid"}},
            "x-proviso-unapproved": {
                "description": "Sent where the release has not been approved.",
                "schema": {"const": "true"},
            },
        },
        "content": {
            "application/json": {"schema": _ref(struct)},
            "text/event-stream": {"schema": {"type": "string", "description": events}},
        },
    }


def _json(description: str, struct: type[Struct]) -> Json:
    return _content(description, "application/json", _ref(struct))


def _errors(dialect: Dialect, statuses: Iterable[str]) -> Json:
    if dialect is Dialect.OPENAI:
        return {status: _json(_MEANING[status], OpenAIError) for status in statuses}
    return {
        status: _content(_MEANING[status], "application/problem+json", _ref(Problem)) for status in statuses
    }


def _content(description: str, media: str, schema: Json) -> Json:
    return {"description": description, "content": {media: {"schema": schema}}}


def _ref(struct: type[Struct]) -> Json:
    return {"$ref": _REF.format(name=struct.__name__)}
