"""Sample entries."""

from proviso.store import Entry, Increment


def entry(
    run: str,
    *,
    app: str = "a",
    at: int = 60_000_000,
    opens: bool = False,
    closes: bool = False,
    may_spool: bool = False,
) -> Entry:
    return Entry(
        kind="run.started" if opens else "run.finished",
        at=at,
        app=app,
        run=run,
        body=f'{{"run":"{run}"}}'.encode(),
        subject="s1",
        payload=None if opens else f"text of {run}".encode(),
        opens=opens,
        closes=closes,
        may_spool=may_spool,
        increments=(Increment(at // 60_000_000, 7, '{"app":"a"}', (1, 0, 10, 2, 3, 4), 5),),
    )
