"""May this release be served here? `dev` serves any valid folder, marked unapproved; the others ask for everything."""

from proviso.errors import GateClosed
from proviso.governance.coverage import Coverage
from proviso.types import Environment


def admit(environment: Environment, coverage: Coverage) -> bool:
    """Return whether the release is approved; raise `GateClosed` with what is missing where it may not be served."""
    if environment is Environment.DEV:
        return False
    missing = "; ".join(coverage.stages[1].missing)
    raise GateClosed(
        f"`{environment}` does not serve `{coverage.app}`: missing {missing}",
        fix=f"run `proviso check {coverage.app}` for each gap, or serve in `dev`",
    )
