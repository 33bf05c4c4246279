"""Whoever has the original file can check a citation: extracted again, it has the quote at the citation's offsets."""

import http.client
import re
import shutil
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tools.golden import every_question, open_site

from proviso.retrieval import IsolatedReader, extract
from tests.waiting import PATIENCE_S

MASKED = re.compile(r"\w@\w|\+47 \d")  # values of types that the example's contract masks
PLACEHOLDER = re.compile(r"\\\[[A-Z_]+\\\]")
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def cited(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """The citations of all answers to the golden questions, as a caller gets them over HTTP."""
    folder = tmp_path_factory.mktemp("cited") / "example"
    shutil.copytree(pristine, folder)
    site = open_site(folder)
    ready = threading.Event()
    server = site.server(lambda _: ready.set())
    thread = threading.Thread(target=server.run)
    _, secret = site.keys.create("dana", ("employees",), ("user",), time.time_ns() // 1000 + HOUR_US)
    thread.start()
    assert ready.wait(10)
    try:
        yield [
            citation for text in every_question() for citation in ask(server.url, secret, text)["citations"]
        ]
    finally:
        server.should_exit = True
        thread.join(20)


def ask(url: str, secret: str, question: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    body = msgspec.json.encode({"question": question})
    connection.request("POST", "/v1/apps/policy-qa/runs", body, headers)
    run: dict[str, Any] = msgspec.json.decode(connection.getresponse().read())
    connection.close()
    return run


@pytest.fixture(scope="module")
def texts(indexed: Path) -> dict[tuple[str, str], str]:
    """The texts of the example's files, extracted anew and not screened, by version and document."""
    found = {}
    with IsolatedReader() as reader:
        for path in sorted((indexed / "sources").rglob("*.*")):
            content = path.read_bytes()
            found[sha256(content).hexdigest(), path.name] = extract(path.name, content, reader).text
    return found


@pytest.mark.req("A6.citations")
def test_the_original_file_has_every_quote_at_its_offsets(
    cited: list[dict[str, Any]], texts: dict[tuple[str, str], str]
) -> None:
    assert len(cited) > 40
    for citation in cited:
        original = texts[citation["version"], citation["document"]][citation["start"] : citation["end"]]
        hidden = PLACEHOLDER.sub(".+?", re.escape(citation["quote"]))
        assert re.fullmatch(hidden, original), citation


def test_among_them_are_quotes_with_a_masked_value_inside_and_before(
    cited: list[dict[str, Any]], texts: dict[tuple[str, str], str]
) -> None:
    inside = before = False
    for citation in cited:
        text = texts[citation["version"], citation["document"]]
        inside |= bool(MASKED.search(text, citation["start"], citation["end"]))
        before |= bool(MASKED.search(text, 0, citation["start"]))
    assert inside
    assert before
