"""A site: the apps of a workspace compiled and ready, over HTTP or for one question from the command line."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from proviso import guardrails, models, orchestrator, retrieval, text
from proviso.access import Keys
from proviso.app.indexing import coverage
from proviso.app.wiring import (
    as_today,
    load,
    now_us,
    open_recorder,
    opened,
    screening_pointer,
    screening_rules,
    snapshot_pointer,
    snapshots,
)
from proviso.contract import App, Workspace, load_release, load_terms, save_release, save_terms
from proviso.errors import NotReady
from proviso.gateway import Gateway, Parts, Server
from proviso.governance import Routing, admit
from proviso.ledger import Recorder, ReleaseBuilt, RunReader, RunRecord
from proviso.models import Extractive, Model
from proviso.orchestrator import Caller, CompiledRelease, Run, compile_release, serve, stream
from proviso.retrieval import open_index
from proviso.settings import Settings
from proviso.store import KEYS, Control, NewsFeed, open_store
from proviso.types import Principal, Purpose, Request, Served

# One integer for each room that shapes answers: part of every release digest.
REVISIONS = {
    "guardrails": guardrails.REVISION,
    "models": models.REVISION,
    "orchestrator": orchestrator.REVISION,
    "retrieval": retrieval.REVISION,
    "text": text.REVISION,
}


_LEAST_FREE = 32 * 1024 * 1024  # bytes: a commit and its write-ahead log fit many times


class Pending:
    """A run that has an ID and has not been answered yet, with the recorder that it will write to."""

    def __init__(self, run: Run, recorder: Recorder) -> None:
        self._run = run
        self._recorder = recorder

    @property
    def id(self) -> str:
        """The run's UUIDv7."""
        return self._run.id

    @property
    def unapproved(self) -> bool:
        """Whether its release is served without the approvals that its tier asks for."""
        return self._run.unapproved

    async def serve(self) -> Served:
        """Answer; the record is durable on return."""
        return await serve(self._run, self._recorder)

    def stream(self) -> AsyncGenerator[str | Served, None]:
        """Answer in checked pieces; the last item is the `Served` run."""
        return stream(self._run, self._recorder)


class Site:
    """Everything that one serving process holds. Close it, or let `serve` do so."""

    def __init__(self, state: Path, settings: Settings, purpose: Purpose, people: Workspace) -> None:
        self.settings = settings
        self._state = state
        self._purpose = purpose
        self._store = open_store(state)
        try:
            self._control = Control(self._store.database)
            self.reader = RunReader.open(self._store)
            self.recorder = open_recorder(self._store)
        except BaseException:
            self._store.close()
            raise
        self.feed = NewsFeed(self._control)
        self.keys = Keys(self._control, now_us)
        self.feed.subscribe(KEYS, self._keys_changed)
        self._listening: asyncio.Task[None] | None = None
        self.routing = Routing(())
        self._people = people
        self._callers: dict[
            str, tuple[Principal, Principal]
        ] = {}  # of keys that exist: as made, and as of today

    @classmethod
    def open(cls, root: Path, settings: Settings, purpose: Purpose, names: tuple[str, ...] = ()) -> Self:
        """Load, gate, bundle and compile the apps (default: all).

        Raises `InvalidWorkspace`, `NotReady` where a snapshot has not been built, `GateClosed` where the environment
        does not serve a release.
        """
        apps, state = load(root, names), settings.state(root)
        site = cls(state, settings, purpose, apps[0].workspace)
        try:
            site.routing = Routing([site._compile(app, state) for app in apps])
        except BaseException:
            site.release()
            raise
        return site

    @property
    def apps(self) -> list[str]:
        """The names of the apps that are served."""
        return self.routing.apps

    def authenticate(self, bearer: str) -> Principal:
        """Return who holds a key, with what proviso.yaml grants them at this start; raise `Unauthenticated`."""
        principal = self.keys.authenticate(bearer)
        known = self._callers.get(principal.key)
        if known is None or known[0] is not principal:
            known = self._callers[principal.key] = principal, as_today(principal, self._people)
        return known[1]

    def begin(self, request: Request, principal: Principal) -> Pending:
        """Give a request its run, under the release that serves this caller; raise `UnknownApp`."""
        release = self.routing.resolve(request.app, principal)
        caller = Caller(principal, self.recorder.pseudonym(principal.user))
        return Pending(Run(release, request, caller, now_us()), self.recorder)

    def server(self, on_ready: Callable[[str], None]) -> Server:
        """Return the HTTP server of this site, not yet running; it closes the site when it ends."""
        parts = Parts(
            authenticate=self.authenticate,
            begin=self.begin,
            usable=self.routing.usable,
            read_run=self._read_run,
            run_readers=self.routing.run_readers,
            not_ready=self.not_ready,
            start=self.start,
            close=self.close,
            clock=now_us,
        )
        gateway = Gateway(parts, self.settings, purpose=self._purpose)
        return Server(gateway, self.settings, on_ready=on_ready)

    async def start(self) -> None:
        """Begin to listen for news."""
        self._listening = asyncio.create_task(self.feed.run())

    async def close(self) -> None:
        """Write what is under way, and let go of the files."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self.recorder.close()
        self.reader.close()
        self._store.close()

    def release(self) -> None:
        """Let go of the files without a loop."""
        self.recorder.release()
        self.reader.close()
        self._store.close()

    def not_ready(self) -> str:
        """Say what keeps this process from answering: a disk on which no record would fit. Empty: nothing does."""
        free = shutil.disk_usage(self._state).free
        return "" if free >= _LEAST_FREE else f"the disk has {free} bytes left: no record can be written"

    async def _keys_changed(self) -> None:
        self.keys.forget()

    async def _read_run(self, run: str) -> RunRecord | None:
        return await asyncio.to_thread(self.reader.run, run)

    def _compile(self, app: App, state: Path) -> CompiledRelease:
        approved = admit(self.settings.environment, coverage(app, self._control, state))
        snapshot = self._control.pointer(snapshot_pointer(app.name))
        if not snapshot:
            raise NotReady(f"`{app.name}` has no snapshot of its sources", fix="run `proviso index`")
        if self._control.pointer(screening_pointer(app.name)) != screening_rules(app):
            # What another contract let through would be quoted: a field that is masked now may stand in a passage.
            what = f"the sensitive fields of `{app.name}` have changed since its documents were screened"
            raise NotReady(what, fix="run `proviso index`")
        release = save_release(app, snapshot, REVISIONS, self._control)
        terms = save_terms(app, self._control)
        self._note(app.name, release, terms, snapshot)
        return compile_release(
            load_release(release, self._control),
            load_terms(terms, self._control),
            index=open_index(snapshots(state, app.name), snapshot),
            models=callable_models(app),
            environment=self.settings.environment,
            unapproved=not approved,
        )

    def _note(self, app: str, release: str, terms: str, snapshot: str) -> None:
        """Record a release or terms that this workspace had not built before."""
        name, both = f"built/{app}", f"{release} {terms}"
        if self._control.pointer(name) == both:
            return
        event = ReleaseBuilt(at=now_us(), app=app, release=release, terms=terms, snapshot=snapshot)
        asyncio.run(self.recorder.noted(event))
        self._control.point(name, both)


def callable_models(app: App) -> dict[str, Model]:
    """Return what can be called here, by name in the register."""
    return {name: _MODELS[entry.provider]() for name, entry in app.models.models.items()}


_MODELS = {"extractive": Extractive}


@contextmanager
def open_reader(root: Path, settings: Settings) -> Iterator[RunReader]:
    """Open the records of a workspace for reading, while servers write."""
    with opened(settings, root) as store:
        reader = RunReader.open(store)
        try:
            yield reader
        finally:
            reader.close()
