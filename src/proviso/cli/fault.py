"""The last resort: one line for what no part of the command expected, and the traceback for those who ask for it."""

import os
import sys
import traceback
from collections.abc import Mapping

EXIT = 4
_DEBUG = "PROVISO_DEBUG"


def explain_fault(error: Exception, environ: Mapping[str, str]) -> None:
    """Say on standard error what failed and what to do; the values that it failed with stay out."""
    if environ.get(_DEBUG) == "1":
        traceback.print_exception(error)
    elif isinstance(error, OSError) and error.errno is not None:
        place = f"`{error.filename}`: " if error.filename is not None else ""
        _say(f"{place}{os.strerror(error.errno)}", "see to that, and try again")
    else:
        _say(
            f"`{type(error).__name__}` in {_place(error)}: this is a mistake in Proviso, not in yours",
            "report it",
        )
    let_go_of_output()


def let_go_of_output() -> None:
    """Turn standard output away if it takes no more: else the end of the process fails a second time, loudly."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _say(what: str, fix: str) -> None:
    sys.stderr.write(f"error: {what}; {fix} (`{_DEBUG}=1` shows the traceback)\n")


def _place(error: Exception) -> str:
    """Return the module and line of ours that was last under way, or else of anyone's."""
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [place for place in frames if place[0].f_globals.get("__name__", "").startswith("proviso.")]
    if not frames:
        return "an unknown place"
    frame, line = (ours or frames)[-1]
    return f"{frame.f_globals.get('__name__', 'an unknown module')}:{line}"
