"""What is in force, compiled: one app or all of them, again only as far as something has changed."""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from proviso.access import AppResource
from proviso.app.authorisation import app_resource_in_force
from proviso.app.deploying import Deployed, in_force
from proviso.app.hosting import Hosting, is_hosted
from proviso.app.spending import Spending
from proviso.app.wiring import snapshots
from proviso.contract import Bundle, Terms, load_release, load_terms
from proviso.errors import ProvisoError, Unavailable
from proviso.orchestrator import CompiledRelease, compile_release, under_terms
from proviso.retrieval import open_index
from proviso.store import Control
from proviso.types import Environment


class Serving(Struct, frozen=True):
    """One app as it is served, and what it was compiled from."""

    deployed: Deployed
    bundle: Bundle
    release: CompiledRelease
    resource: AppResource
    spending: Spending


class Compiler:
    """Compiles what is in force. Everything here may take a while: an index may have to be opened."""

    def __init__(self, control: Control, state: Path, environment: Environment, hosting: Hosting) -> None:
        self._control = control
        self._state = state
        self._environment = environment
        self._hosting = hosting
        self._log = logging.getLogger("proviso.store")

    def now(self, known: Mapping[str, Serving]) -> tuple[dict[str, Serving], set[str]]:
        """Return every app in force that can be served here, and the names of those that cannot.

        What is `known` is compiled only as far as it differs. An app that cannot be served as it is in force now is
        logged as `app_not_ready`: the others go on.
        """
        found: dict[str, Serving] = {}
        unready: set[str] = set()
        for app, deployed in in_force(self._control).items():
            try:
                found[app] = self._again(deployed, known.get(app))
            except Unavailable:  # the store is away: this is heard of again
                raise
            except ProvisoError as error:
                unready.add(app)
                fact = {"event": "app_not_ready", "app": app, "reason": str(error)}
                self._log.error("%s", msgspec.json.encode(fact).decode())
        return found, unready

    def compile(self, deployed: Deployed) -> Serving:
        """Compile one app; raise what keeps it from being served."""
        bundle, terms = (
            load_release(deployed.release, self._control),
            load_terms(deployed.terms, self._control),
        )
        release = compile_release(
            bundle,
            terms,
            index=open_index(snapshots(self._state, deployed.app), deployed.snapshot),
            models=self._hosting.models(bundle, terms),
            environment=self._environment,
            unapproved=deployed.unapproved,
        )
        return _serving(deployed, bundle, terms, release)

    def _again(self, deployed: Deployed, known: Serving | None) -> Serving:
        if known is None or known.deployed.release != deployed.release:
            return self.compile(deployed)
        if known.deployed == deployed:
            return known
        terms = load_terms(deployed.terms, self._control)
        models = self._hosting.models(known.bundle, terms)
        release = under_terms(
            known.release, known.bundle, terms, models=models, unapproved=deployed.unapproved
        )
        return _serving(deployed, known.bundle, terms, release)


def _serving(deployed: Deployed, bundle: Bundle, terms: Terms, release: CompiledRelease) -> Serving:
    spending = Spending(terms, release, hosted=is_hosted(bundle))
    return Serving(deployed, bundle, release, app_resource_in_force(bundle, terms), spending)
