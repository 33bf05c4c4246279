"""How much is left of the limits in force, for operators."""

from pathlib import Path

from proviso.app.deploying import access_in_force, in_force
from proviso.app.spending import limits_under
from proviso.app.wiring import now_us, opened
from proviso.budgets import Limits, Standing, limits_of_all, standing
from proviso.contract import load_terms
from proviso.errors import UnknownApp
from proviso.settings import Settings
from proviso.store import Control, Database


def standings(root: Path, settings: Settings, app: str = "") -> dict[str, list[Standing]]:
    """Return how the limits in force stand, by app (default: all); waits for the store.

    Raises `NotInForce` where nothing is in force, `UnknownApp` for an app that is not.
    """
    with opened(settings, root) as store:
        control = Control(store.database)
        access_in_force(control)
        served = in_force(control)
        if app and app not in served:
            raise UnknownApp(
                f"no app `{app[:64]}` is in force", fix=f"use one of {', '.join(sorted(served))}"
            )
        return {
            name: _standings(store.database, limits_under(load_terms(deployed.terms, control), name))
            for name, deployed in sorted(served.items())
            if app in ("", name)
        }


def _standings(database: Database, limits: Limits) -> list[Standing]:
    now = now_us()
    return standing(database, limits_of_all(database, limits, now), now)
