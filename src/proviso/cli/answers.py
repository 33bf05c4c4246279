"""How an answer or a refusal looks in a terminal."""

from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from proviso.types import Answer, Citation, Served


def as_dict(served: Served) -> dict[str, Any]:
    """Return a run as plain values for `--json`."""
    plain: dict[str, Any] = msgspec.to_builtins(served)
    plain["outcome"] = {
        "kind": "answer" if isinstance(served.outcome, Answer) else "refusal",
        **plain["outcome"],
    }
    return plain


def print_served(console: Console, served: Served) -> None:
    """Print the answer with its citations, or the refusal with its clause; then latency and the trace command."""
    outcome = served.outcome
    mark = "[green]answer[/green]" if isinstance(outcome, Answer) else "[yellow]refusal[/yellow]"
    console.print(mark)
    console.print(Padding(escape(outcome.text), (0, 0, 0, 2)))
    if isinstance(outcome, Answer):
        for citation in outcome.citations:
            print_citation(console, citation)
    else:
        console.print(f"  clause [cyan]{escape(outcome.clause)}[/cyan] ({outcome.reason})")
    masked = ", ".join(f"{d.rule} × {d.count}" for d in served.decisions if d.action == "mask")
    if masked:
        console.print(f"  masked {escape(masked)}")
    state = "  [red]unapproved[/red]" if served.unapproved else ""
    console.print(
        f"  [dim]{served.duration_us / 1000:.1f} ms  proviso trace {served.run}[/dim]{state}", soft_wrap=True
    )


def print_citation(console: Console, citation: Citation) -> None:
    """Print where a quote stands."""
    place = f"{citation.source}/{citation.document}"
    console.print(
        f"  [bold]\\[{citation.number}][/bold] {escape(citation.title)}  "
        f"[dim]{escape(place)} {citation.start}–{citation.end} · version {citation.version[:12]}[/dim]",
        soft_wrap=True,
    )
