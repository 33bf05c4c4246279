"""`proviso trace`: from an answer back to its documents, their approvals, and the contract."""

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from proviso.app import trace
from proviso.cli.terminal import json_option, print_json, stdout, workspace_option
from proviso.governance import Trace
from proviso.settings import load_settings

STEPS = ("screen", "purpose", "retrieve", "render", "draft", "verify")


@click.command("trace", epilog="\b\nExample:\n  proviso trace 01931c8e-…")
@workspace_option
@click.argument("run")
@json_option
def command(workspace: Path, run: str, as_json: bool) -> None:
    """Show the way from the answer of RUN back to documents, approvals and contract."""
    found = trace(workspace, load_settings(), run)
    if as_json:
        print_json(found)
        return
    draw(stdout(), found)


def draw(console: Console, found: Trace) -> None:
    """Draw the trace as a tree: run → answer → passages → documents → approvals; run → contract."""
    run = found["run"]
    state = "  [red]unapproved[/red]" if run["unapproved"] else ""
    tree = Tree(f"run [bold]{run['id']}[/bold]  {run['at']}  {run['outcome']}{state}")
    tree.add(
        f"asked by {escape(run['user'])} ({', '.join(run['groups'])}) with key {run['key']}, purpose {run['purpose']}"
    )
    _payload(tree, found)
    _sources(tree, found)
    decisions = tree.add("decisions" if found["decisions"] else "decisions: none")
    for decision in found["decisions"]:
        decisions.add(
            f"{decision['action']} {decision['rule']} × {decision['count']} on {decision['channel']} "
            f"[cyan]{decision['clause']}[/cyan]"
        )
    where = f" in {run['region']} ({escape(run['endpoint'])})" if run["region"] else ""
    made = tree.add(f"made by {run['provider'] or '–'} {escape(run['model'])}{where}")
    for attempt in run["attempts"]:
        made.add(
            f"{attempt['outcome']}: {attempt['model']}, called as {escape(attempt['called'])} in {attempt['region']}, "
            f"{attempt['duration_us'] // 1000} ms"
        )
    made.add(f"prompt {run['prompt'] or '–'} version {run['prompt_version'][:12] or '–'}")
    made.add(
        f"{run['input_tokens']} tokens in, {run['output_tokens']} out, {run['cost_micro_usd']} micro-dollars"
    )
    made.add(", ".join(f"{step} {found['timings'][step]} µs" for step in STEPS if step in found["timings"]))
    contract = tree.add(f"contract [bold]{run['app']}[/bold], tier {found['contract']['tier']}")
    contract.add(f"release {run['release'][:12]}, terms {run['terms'][:12]}, snapshot {run['snapshot'][:12]}")
    contract.add("approvals: none" if not found["approvals"] else ", ".join(found["approvals"]))
    contract.add(
        "owners: " + ", ".join(f"{role} {escape(who)}" for role, who in found["contract"]["owners"].items())
    )
    for step in found["contract"]["escalation"]:
        contract.add(f"escalation: after {step['after']} to {escape(step['to'])}")
    console.print(tree)


def _payload(tree: Tree, found: Trace) -> None:
    run, payload = found["run"], found["payload"]
    if question := payload.get("question"):
        tree.add(f"question: {escape(question)}")
    if answer := payload.get("answer"):
        tree.add(f"{run['outcome']}: {escape(answer)}")
    if run["clause"]:
        tree.add(f"refused by [cyan]{run['clause']}[/cyan] ({run['reason']})")


def _sources(tree: Tree, found: Trace) -> None:
    branch = tree.add("passages" if found["passages"] else "passages: none")
    for passage in found["passages"]:
        cited = f"cited as \\[{passage['cited_as']}]" if passage["cited_as"] else "not cited"
        leaf = branch.add(
            f"{escape(passage['source'])}/{escape(passage['document'])} {passage['start']}–{passage['end']}, {cited}"
        )
        leaf.add(f"version {passage['version'][:12]}, fetched {passage['fetched_at']}")
        leaf.add(f"source approved by {passage['approved_by']} on {passage['approved_on']}")
        for quote in passage["quotes"]:
            leaf.add(f"quote {quote['start']}–{quote['end']}: “{escape(quote['text'])}”")
