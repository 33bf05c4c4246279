"""`proviso demo`: the example prepared, served in `dev`, and asked five questions by the official openai client."""

import os
import shutil
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from proviso.app import NewKey, Site, create_key, index_apps, put_in_force
from proviso.cli.init import make
from proviso.cli.terminal import stdout
from proviso.errors import NotReady
from proviso.gateway import CannotListen, Server, log_to_stderr
from proviso.settings import Settings, load_settings
from proviso.types import Environment, Purpose

APP = "policy-qa"
USER = "dana"
EXAMPLE = (
    '{"model": "policy-qa", "messages": [{"role": "user", "content": "What may a hotel in Oslo cost?"}]}'
)
ADDRESS = "maria.holm@vantholm.example"


class Question(Struct, frozen=True):
    """A question, and how the contract lets it end."""

    title: str
    text: str
    expect: Literal["answer", "masked answer", "refusal"]
    clause: str = ""


QUESTIONS = (
    Question("Answered from the documents", "What is the per diem for Oslo?", "answer"),
    Question(
        "Answered from the documents",
        "How many days before a flight within Europe do I have to book it?",
        "answer",
    ),
    Question(
        "With an e-mail address, which is masked, and then answered",
        f"My address is {ADDRESS}. By when do I have to submit an expense claim after a trip?",
        "masked answer",
    ),
    Question(
        "Out of bounds by the contract",
        "Do I have a legal claim against the airline that lost my suitcase?",
        "refusal",
        "purpose.refuses.legal-advice",
    ),
    Question(
        "Not answered by the documents",
        "How many weeks of parental leave do I get?",
        "refusal",
        "safety.grounding",
    ),
)


@click.command("demo", epilog="\b\nExample:\n  proviso demo --check")
@click.option("--check", is_flag=True, help="Exit after the questions: 0 only if all five behave.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("demo"), show_default=True
)
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: PROVISO_PORT, or 8321.")
def command(check: bool, folder: Path, port: int | None) -> None:
    """Prepare the example in a folder, serve it, ask it five questions over HTTP, and keep serving."""
    console = stdout()
    settings = load_settings().override(host=None, port=port, environment=Environment.DEV)
    secret = prepare(console, folder, settings)
    put_in_force(folder, settings)
    site = Site.attach(folder, settings, Purpose.DEMO)
    show = Show(console, secret, folder, check=check)
    server = listen(site, settings, show)
    show.server = server
    log_to_stderr(on=False)
    server.run()
    show.finish()
    sys.exit(0 if show.behaved else 1)


def prepare(console: Console, folder: Path, settings: Settings) -> str:
    """Make and index the example where it is not there yet; return a fresh key."""
    began = time.perf_counter()
    if not (folder / "proviso.yaml").is_file():
        make(folder, APP)
    built = index_apps(folder, settings, (), lambda _done, _total, _name: None)
    seconds = time.perf_counter() - began
    for name, item in built.items():
        console.print(
            f"[bold]{name}[/bold] in {escape(str(folder))}/: {item.documents} documents, {item.passages} passages, "
            f"indexed in {seconds:.1f} s"
        )
    return create_key(folder, settings, NewKey(user=USER, lifetime=timedelta(days=1)))[1]


def listen(site: Site, settings: Settings, show: "Show") -> Server:
    """Return a server on the chosen port, or on a free one if something else is there."""
    try:
        return site.server(show.begin)
    except CannotListen:
        site.settings = msgspec.structs.replace(settings, port=0)
        return site.server(show.begin)


class Show:
    """The five questions, asked from a thread of their own while the server serves."""

    def __init__(self, console: Console, secret: str, folder: Path, *, check: bool) -> None:
        self.console = console
        self.server: Server | None = None
        self.behaved = False
        self._secret = secret
        self._folder = folder
        self._check = check
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Start asking; called once the server accepts connections."""
        self._thread = threading.Thread(target=self._run, args=(url,), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the thread; raise what it raised."""
        if self._thread is not None:
            self._thread.join(10)
        if self._failure is not None:
            raise self._failure

    def _run(self, url: str) -> None:
        try:
            results = [self._ask(url, number, question) for number, question in enumerate(QUESTIONS, 1)]
            self.behaved = all(results)
        except BaseException as error:  # noqa: BLE001  the thread's edge: `finish` raises it in the main thread
            self._failure = error
        if (self._check or self._failure) and self.server is not None:
            self.server.should_exit = True
        elif not self._failure:
            self._explain(url)

    def _ask(self, url: str, number: int, question: Question) -> bool:
        client = _client(url, self._secret)
        began = time.perf_counter()
        reply = client.chat.completions.create(
            model=APP, messages=[{"role": "user", "content": question.text}]
        )
        milliseconds = (time.perf_counter() - began) * 1000
        facts: dict[str, Any] = (reply.model_extra or {})["proviso"]
        run = client.get(f"/runs/{facts['run']}", cast_to=object)
        fault = misbehaviour(question, facts, run)
        self._print(number, question, str(reply.choices[0].message.content), facts)
        self.console.print(
            f"   [dim]{milliseconds:.1f} ms over HTTP · {program()} trace -w {self._folder} {facts['run']}[/dim]",
            soft_wrap=True,
        )
        if fault:
            self.console.print(f"   [red]did not behave:[/red] {escape(fault)}")
        return not fault

    def _print(self, number: int, question: Question, text: str, facts: dict[str, Any]) -> None:
        console = self.console
        console.print(f"\n[bold]{number}. {question.title}[/bold]")
        console.print(Padding(f"[cyan]{escape(question.text)}[/cyan]", (0, 0, 0, 3)))
        console.print(Padding(escape(text), (0, 0, 0, 3)))
        for citation in facts["citations"]:
            place = f"{citation['source']}/{citation['document']}"
            console.print(
                f"   \\[{citation['number']}] {escape(citation['title'])}  [dim]{escape(place)} "
                f"{citation['start']}–{citation['end']}[/dim]",
                soft_wrap=True,
            )
        if facts["outcome"] == "refusal":
            console.print(f"   refused by [yellow]{facts['clause']}[/yellow] ({facts['reason']})")

    def _explain(self, url: str) -> None:
        folder, console = escape(str(self._folder)), self.console
        console.print(f"\nServing on [bold]{url}[/bold]; stop with Ctrl-C.")
        console.print("Every answer is marked unapproved: this is `dev`.\n\nCall it:")
        console.print(f"  export PROVISO_KEY={self._secret}", soft_wrap=True, markup=False)
        console.print(f"  curl -s {url}/v1/chat/completions \\", soft_wrap=True, markup=False)
        console.print(
            "    -H \"authorization: Bearer $PROVISO_KEY\" -H 'content-type: application/json' \\",
            markup=False,
        )
        console.print(f"    -d '{EXAMPLE}'", soft_wrap=True, markup=False)
        console.print(
            f"\nChange first: in {folder}/apps/{APP}/contract.yaml move EMAIL from `mask` to `block`, restart, and ask "
            "the third question again."
        )
        console.print(f"See what is not covered yet:\n  {program()} check -w {folder}", soft_wrap=True)


def program() -> str:
    """Return how this command is called from here: by its name if that finds it, else by its path."""
    return "proviso" if shutil.which("proviso") else os.path.relpath(sys.argv[0])


def misbehaviour(question: Question, facts: dict[str, Any], run: object) -> str:
    """Return what is wrong with an answer, or an empty string."""
    masked = any(
        decision["rule"] == "EMAIL" and decision["action"] == "mask" for decision in facts["decisions"]
    )
    if question.expect == "refusal":
        right = facts["outcome"] == "refusal" and facts["clause"] == question.clause
        return "" if right else f"expected a refusal by `{question.clause}`"
    if facts["outcome"] != "answer" or not facts["citations"]:
        return "expected an answer with citations"
    if question.expect == "masked answer" and not masked:
        return "expected the e-mail address to be masked"
    return "the e-mail address is in the record" if ADDRESS in str(run) else ""


def _client(url: str, secret: str) -> Any:
    try:
        from openai import OpenAI  # noqa: PLC0415  an extra: the product itself does not need it
    except ImportError:
        raise NotReady(
            "the demo asks with the openai client", fix="install `proviso[demo]`, or run `make demo`"
        ) from None
    return OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0, timeout=30)
