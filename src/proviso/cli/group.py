"""The root of the command: verbs are imported when they are called, errors become one line and an exit code."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

import click

from proviso import __version__
from proviso.cli.fault import EXIT, explain_fault, let_go_of_output
from proviso.errors import InvalidWorkspace, ProvisoError

# Verb → what it does. The module `proviso.cli.<verb>` has a click command called `command`.
VERBS: Mapping[str, str] = {
    "init": "Make a workspace from an example.",
    "check": "Check contracts; print clause by clause what controls, tests and watches them.",
    "doctor": "Say what keeps apps from being served, or from calling their models.",
    "index": "Index an app's approved sources.",
    "search": "Show the passages that a question finds.",
    "ask": "Ask an app a question from the command line.",
    "serve": "Serve the apps of a workspace over HTTP.",
    "demo": "Prepare the example, serve it, and ask it five questions.",
    "apply": "Put what the folder says in force on running servers.",
    "trace": "Show the way from an answer back to its documents, approvals and contract.",
    "keys": "Create, list and revoke API keys.",
    "access": "Explain who may do what.",
    "models": "Show which model each role gets and why, check the register, import prices.",
    "budget": "Show what is left of an app's limits.",
    "outbox": "Show notifications on their way, send dead letters again, test a destination.",
    "store": "Take the database forward, check it, back it up while it is used, restore it.",
    "conformance": "Run the suite that every model's endpoint must pass against a real one.",
    "schema": "Print the JSON Schema of a file, for editors.",
}

EXIT_CODES = """\b
Exit codes
  0  done
  1  done, and what was asked about is not as it should be (gaps, a closed gate)
  2  wrong input or usage
  3  inconclusive (tests)
  4  something outside failed (store, model, disk), or Proviso itself"""


class Verbs(click.Group):
    """A group that knows its verbs' names and one-line help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"proviso.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, so that `--help` imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="proviso")
def root() -> None:
    """Run generative-AI applications under a production contract.

    \b
    Example:
      proviso init my-ai --example policy-qa && cd my-ai
      proviso index && proviso check && proviso ask policy-qa "What is the per diem for Oslo?"
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments (default: the process's own); exit as `EXIT_CODES` says."""
    try:
        root(arguments, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except BrokenPipeError:
        let_go_of_output()
        sys.exit(0)  # the reader of our output has had enough
    except ProvisoError as error:
        _explain(error)
        sys.exit(error.exit)
    except Exception as error:  # noqa: BLE001  the edge: whatever it is, nobody is left with a traceback
        explain_fault(error, os.environ)
        sys.exit(EXIT)
    sys.exit(0)


def _explain(error: ProvisoError) -> None:
    from rich.markup import escape  # noqa: PLC0415  only an error needs it

    from proviso.cli.terminal import stderr  # noqa: PLC0415  only an error needs it

    console = stderr()
    if isinstance(error, InvalidWorkspace):
        for problem in error.problems:
            console.print(f"[bold]{escape(str(problem.at))}[/bold]  [cyan]{escape(problem.clause)}[/cyan]")
            console.print(f"    {escape(problem.what)}", soft_wrap=True)
            console.print(f"    [green]fix:[/green] {escape(problem.fix)}", soft_wrap=True)
        console.print(f"[red]invalid:[/red] {escape(error.message)}")
        return
    place = f"{error.at}: " if error.at else ""
    console.print(f"[red]error:[/red] {escape(place + error.message)}", soft_wrap=True)
    if error.fix:
        console.print(f"  [green]fix:[/green] {escape(error.fix)}", soft_wrap=True)
