"""Reads a scenario from YAML, and names of everything wrong in it the line, the field and what to do."""

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
import yaml
from msgspec import Struct, structs

from bedrock_simulator.faults import KINDS
from bedrock_simulator.scenario import Scenario
from bedrock_simulator.scenario_rules import Problem, Steps, problems_of

_DEEPEST: Final = 40
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class InvalidScenario(ValueError):
    """A scenario's file is wrong. One line a problem: file, line, field, what is wrong; what to do."""


class _Loader(yaml.SafeLoader):
    """YAML without timestamps: a day is a text here."""


_Loader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_scenario(path: Path | str, kinds: Mapping[str, str] = KINDS) -> Scenario:
    """Return the scenario in a file. `kinds`: the faults that there are. Raises `InvalidScenario`, `OSError`."""
    file = Path(path)
    root = _composed(file)
    if root is None:
        return Scenario()
    lines: dict[Steps, int] = {}
    problems: list[Problem] = []
    value = _built(root, (), lines, problems)
    if not problems:
        problems = list(_misshapen(value, Scenario, ()))
    if not problems:
        scenario = msgspec.convert(value, Scenario)
        problems = list(problems_of(scenario, kinds))
        if not problems:
            return scenario
    problems.sort(key=lambda problem: _line(problem, lines))
    raise InvalidScenario("\n".join(_told(file, problem, lines) for problem in problems))


def _composed(file: Path) -> yaml.Node | None:
    try:
        text = file.read_text("utf-8")
        return yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        raise InvalidScenario(f"{file}: the file is not UTF-8; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidScenario(
            f"{file}:{line}: this is not YAML: {error.problem}; correct the line"
        ) from error
    except yaml.YAMLError as error:
        told = str(error).splitlines()[0]
        raise InvalidScenario(f"{file}: this is not YAML: {told}; correct the file") from error
    except RecursionError as error:
        raise InvalidScenario(f"{file}: the file is nested too deep; nest it less") from error


def _built(node: yaml.Node, at: Steps, lines: dict[Steps, int], problems: list[Problem]) -> Any:
    """Return the value of a node, and note where each field stands."""
    lines.setdefault(at, node.start_mark.line + 1)
    if len(at) > _DEEPEST or len(lines) > 100_000:
        problems.append(
            Problem(at, "the file is nested too deep or refers to itself", "write it out, and shorter")
        )
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_built(one, (*at, index), lines, problems) for index, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            lines[(*at, key)] = key_node.start_mark.line + 1
            if key in made:
                problems.append(Problem((*at, key), "is given twice", "keep one of them"))
            made[key] = _built(value_node, (*at, key), lines, problems)
        return made
    return _scalar(node, at, problems)


def _scalar(node: yaml.Node, at: Steps, problems: list[Problem]) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        told = str(getattr(error, "problem", error)).splitlines()[0]
        problems.append(Problem(at, f"cannot be read: {told}", "put the value in quotes"))
        return None
    finally:
        loader.dispose()


def _misshapen(value: Any, kind: Any, at: Steps) -> Iterator[Problem]:
    """Yield what does not have the type that it should, each field for itself."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield from _misshapen_struct(value, kind, at)
    elif origin is dict and isinstance(value, dict):
        for key, one in value.items():
            yield from _misshapen(one, arguments[1], (*at, key))
    elif origin is tuple and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _misshapen(one, arguments[0], (*at, index))
    elif origin in (Union, types.UnionType) and value is None and type(None) in arguments:
        return
    else:
        yield from _misfit(value, kind, at)


def _misshapen_struct(value: Any, kind: type[Struct], at: Steps) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(at, f"is {_named(value)} where fields belong", "write `name: value` lines under it")
        return
    fields = {field.name: field for field in structs.fields(kind)}
    for key, one in value.items():
        if key in fields:
            yield from _misshapen(one, fields[key].type, (*at, key))
        else:
            yield Problem((*at, key), "is no field", f"write one of {', '.join(fields)}")
    for name, field in fields.items():
        if field.required and name not in value:
            yield Problem((*at, name), "is missing", f"add `{name}:`")


def _misfit(value: Any, kind: Any, at: Steps) -> Iterator[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        told = str(error).partition(" - at")[0]
        yield Problem(at, f"does not fit: {told[0].lower()}{told[1:]}", _fix(value, kind, told))


def _fix(value: Any, kind: Any, told: str) -> str:
    if get_origin(kind) is Literal:
        return f"write one of {', '.join(map(str, get_args(kind)))}"
    quoted = isinstance(value, int | float) and "`str`" in told
    return "put it in quotes" if quoted else "give a value of that type"


def _named(value: Any) -> str:
    return {list: "a list", type(None): "empty"}.get(type(value), f"`{value}`")


def _told(file: Path, problem: Problem, lines: dict[Steps, int]) -> str:
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.at).lstrip(".")
    named = f"`{field}`" if field else "the file"
    return f"{file}:{_line(problem, lines)}: {named} {problem.what}; {problem.fix}"


def _line(problem: Problem, lines: dict[Steps, int]) -> int:
    """Return the line of a field; of one that is missing that of what it is missing in."""
    at = problem.at
    while at and at not in lines:
        at = at[:-1]
    return lines.get(at, 1)
