"""A site: the apps of a workspace compiled and ready, over HTTP or for one question from the command line."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from proviso.access import AppResource, Keys, Permission, RunResource
from proviso.app.authorisation import added_policies
from proviso.app.callers import Callers
from proviso.app.deploying import (
    ACCESS,
    SERVING,
    Deployed,
    access_in_force,
    in_force,
    note_built,
    prepare,
)
from proviso.app.hosting import Hosting, tell_failed
from proviso.app.notices import sender_of, tell
from proviso.app.pending import Pending
from proviso.app.reached import Reached
from proviso.app.serving import Compiler, Serving
from proviso.app.spending import Reconciler, settle
from proviso.app.wiring import load, now_us, open_recorder, open_spool
from proviso.budgets import LeasedBudget, LimitReached
from proviso.contract import Access, load_access, save_access
from proviso.errors import NotReady, Unavailable, UnknownApp
from proviso.gateway import Gateway, Parts, Server
from proviso.governance import Routing
from proviso.ledger import RunReader, RunRecord, UsageReader
from proviso.orchestrator import (
    STRICT_LEASE_S,
    Caller,
    CompiledRelease,
    Run,
)
from proviso.outbox import NEWS as MAIL
from proviso.outbox import InvalidDestination, Sender
from proviso.settings import Settings
from proviso.store import KEYS, Control, NewsFeed, awake_and_asleep, open_store
from proviso.types import Principal, Purpose, Request

_LEAST_FREE = 32 * 1024 * 1024  # bytes: a commit and its write-ahead log fit many times
_AGAIN_S = 1.0


class OutOfTouch(Unavailable):
    """What this process knows of keys, terms and routing is too old to serve by."""

    code = "out_of_touch"


class Site:
    """Everything that one serving process holds. Close it, or let its server do so."""

    def __init__(self, root: Path, settings: Settings, purpose: Purpose, *, serves: bool = False) -> None:
        self.settings = settings
        self._root = root
        self._state = settings.state(root)
        self._purpose = purpose
        self._store = open_store(self._state, settings.store)
        self._serving: dict[str, Serving] = {}
        self._hosting = Hosting(settings)
        self.routing = Routing(())
        # What was served of apps that cannot be served as they are in force now.
        self._unready: dict[str, CompiledRelease] = {}
        self._listening: asyncio.Task[None] | None = None
        self._beside: list[asyncio.Task[None]] = []  # what runs as long as it serves
        self._sender: Sender | None = None
        self._sending: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None  # for credentials, once
        self._log = logging.getLogger("proviso.store")
        with contextlib.ExitStack() as opened:
            opened.callback(self._store.close)
            self._control = Control(self._store.database)
            # INVARIANT: the feed is opened before anything is read, so that no change falls in between.
            self.feed = NewsFeed(self._control)
            self.keys = Keys(self._control, now_us)
            self._compiler = Compiler(self._control, self._state, settings.environment, self._hosting)
            self.reader = RunReader.open(self._store)
            opened.callback(self.reader.close)
            self._usage = UsageReader(self._store.archive())
            spool = open_spool(settings, self._state)
            self.recorder = open_recorder(self._store, spool, serves=serves)
            self._budget = LeasedBudget(
                self._store.database, lambda: self.recorder.writer, now_us, awake_and_asleep
            )
            self._reached = Reached(self._control, lambda: self.callers.access.workspace, now_us)
            opened.pop_all()

    @classmethod
    def open(cls, root: Path, settings: Settings, purpose: Purpose, names: tuple[str, ...] = ()) -> Self:
        """Compile the apps of a folder (default: all) as they stand there; nothing comes in force by it.

        Raises `InvalidWorkspace`, `NotReady` where a snapshot has not been built, `GateClosed` where the environment
        does not serve a release.
        """
        apps, policies = load(root, names), added_policies(root)
        site = cls(root, settings, purpose)
        with site._released_on_error():
            control = site._control
            built = [prepare(app, settings, site._state, control) for app in apps]
            for deployed in built:
                note_built(deployed, control, site.recorder)
            site._begin(load_access(save_access(apps[0], policies, control), control), built)
        return site

    @classmethod
    def attach(cls, root: Path, settings: Settings, purpose: Purpose) -> Self:
        """Compile what is in force, and follow it; raise `NotInForce` where nothing is."""
        site = cls(root, settings, purpose, serves=True)
        with site._released_on_error():
            site.feed.subscribe(SERVING, site._serving_changed)
            site.feed.subscribe(ACCESS, site._access_changed)
            site.feed.subscribe(MAIL, site._mail_came)
            control = site._control
            access = access_in_force(control)
            site._sender = site._sender_for(access)
            site._begin(access, in_force(control).values())
            for writer, runs in site.recorder.gaps.items():
                with control.transaction() as tables:
                    tell(access.workspace, tables, "worker.gap", writer=writer, runs=runs)
        return site

    @property
    def apps(self) -> list[str]:
        """The names of the apps that are served."""
        return self.routing.apps

    async def begin(self, request: Request, principal: Principal) -> Pending:
        """Give a request its run, under the release that serves this caller.

        Raises `UnknownApp`, `Forbidden`, `OutOfTouch` when what is known has not been confirmed for too long, and
        `LimitReached`, `BudgetUnconfirmed` or `TooCostly` where the contract's limits leave no room.
        """
        release = self._resolve(request.app, principal)
        self._check_lease(release)
        serving = self._serving[release.app]  # both before anything is awaited: they are of one moment
        self.callers.check(principal, serving.resource, request.purpose)
        subject = self.recorder.known_pseudonym(principal.user)
        if subject is None:
            subject = await asyncio.to_thread(self.recorder.pseudonym, principal.user)
        budget = self._budget
        try:
            reservation, allowance = await serving.spending.reserve(budget, release, request, principal)
        except LimitReached as no:
            self._reached.note(no)
            raise
        run = Run(release, request, Caller(principal, subject), now_us(), allowance)

        def ended(run: Run) -> None:
            settle(budget, reservation, run)
            tell_failed(run)

        return Pending(run, self.recorder, ended)

    def _resolve(self, app: str, principal: Principal) -> CompiledRelease:
        try:
            return self.routing.resolve(app, principal)
        except UnknownApp:
            if app in self._unready:  # raises for a caller who could not use it before either
                Routing([self._unready[app]]).resolve(app, principal)
                raise NotReady(
                    f"`{app}` cannot be served here as it is in force now",
                    fix="look for `app_not_ready` in the log",
                ) from None
            raise

    def usable(self, principal: Principal) -> list[CompiledRelease]:
        """Return the releases that this caller may ask, by app; raise `OutOfTouch` where one is not known to be so."""
        found = [
            release
            for release in self.routing.usable(principal)
            if self.callers.may_ask(principal, self._serving[release.app].resource, self._purpose)
        ]
        for release in found:
            self._check_lease(release)
        return found

    def may_read_own(self, principal: Principal, record: RunRecord) -> bool:
        """Return whether a caller may read a run because they have asked it."""
        return self.callers.may_read(principal, self._resource(record), Permission.READ_OWN_RUN)

    def may_read_any(self, principal: Principal, record: RunRecord) -> bool:
        """Return whether a caller may read a run, whoever asked it."""
        return self.callers.may_read(principal, self._resource(record), Permission.READ_RUN)

    def _check_lease(self, release: CompiledRelease | None) -> None:
        """Raise `OutOfTouch` where who may do what has not been confirmed within a release's lease."""
        lease = release.terms.lease_s if release else STRICT_LEASE_S
        if self._listening is not None and (silent := self.feed.silent_s()) > lease:
            raise OutOfTouch(
                f"the store has not been heard of for {silent:.0f} s, so nobody knows what is still in force",
                fix="bring the store back; `/readyz` says when this is over",
            )

    def _resource(self, record: RunRecord) -> RunResource:
        serving = self._serving.get(record.app)
        self._check_lease(serving.release if serving else None)
        none = frozenset[str]()
        # Of an app that is no longer served only what one has asked oneself is left to read.
        app = serving.resource if serving else AppResource(record.app, "", none, none, none)
        return RunResource(record.run, app, record.user)

    def server(self, on_ready: Callable[[str], None]) -> Server:
        """Return the HTTP server of this site, not yet running; it closes the site when it ends."""
        parts = Parts(
            known=self.callers.known,
            authenticate=self.callers.authenticate,
            begin=self.begin,
            usable=self.usable,
            read_run=self._read_run,
            may_read_own=self.may_read_own,
            may_read_any=self.may_read_any,
            not_ready=self.not_ready,
            start=self.start,
            close=self.close,
            clock=now_us,
        )
        gateway = Gateway(parts, self.settings, purpose=self._purpose)
        return Server(gateway, self.settings, on_ready=on_ready)

    async def start(self) -> None:
        """Begin to listen for news, and to write what was spooled."""
        self.recorder.start()
        self._listening = asyncio.create_task(self._kept_up("news", self.feed.run))
        reconciler = Reconciler(self._budget, self._usage)
        beside = {"budget": self._budget.run, "reconciler": reconciler.run, "reached": self._reached.run}
        for name, run in beside.items():
            self._beside.append(asyncio.create_task(self._kept_up(name, run)))
        self._send()
        self._looking = asyncio.create_task(self._hosting.look())

    async def close(self) -> None:
        """Write what is under way, and let go of the files."""
        running = [self._listening, self._sending, self._looking, *self._beside]
        await _stopped([task for task in running if task is not None])
        await self.callers.close()
        await self._budget.close()
        await self._hosting.close()
        await self.recorder.close()
        self._let_go()

    def release(self) -> None:
        """Let go of the files without a loop."""
        self.recorder.release()
        self._let_go()

    def _let_go(self) -> None:
        # Releases own their indexes' files: these are closed with the last reference, so a request that is still
        # under way keeps those that it reads.
        self._route({})
        self.feed.close()
        self._usage.close()
        self.reader.close()
        self._store.close()

    def not_ready(self) -> str:
        """Say what keeps this process from answering; empty: nothing does."""
        free = shutil.disk_usage(self._state).free
        if free < _LEAST_FREE:
            return f"the disk has {free} bytes left: no record can be written"
        try:
            for serving in self._serving.values():
                self._check_lease(serving.release)
        except OutOfTouch as error:
            return error.message
        return ""

    # --- news ---------------------------------------------------------------------------------------

    async def _kept_up(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run something as long as this process serves, whatever becomes of it."""
        while True:
            try:
                await run()
            except Exception as error:  # noqa: BLE001  the edge: else it would be missing, and nobody would say so
                fault = {"event": "task_failed", "task": name, "error": type(error).__name__}
                self._log.error("%s", msgspec.json.encode(fault).decode())
            await asyncio.sleep(_AGAIN_S)

    def _send(self) -> None:
        self._sending = None
        if self._sender is not None:
            self._sending = asyncio.create_task(self._kept_up("sender", self._sender.run))

    def _begin(self, access: Access, apps: Iterable[Deployed]) -> None:
        self.callers = Callers(self.keys, access, self.settings.environment, now_us)
        self.feed.subscribe(KEYS, self._keys_changed)
        self._route({deployed.app: self._compiler.compile(deployed) for deployed in apps})

    def _sender_for(self, access: Access) -> Sender | None:
        """Return what delivers notices to those whom this version names, if it names any."""
        if not access.workspace.notifications:
            return None
        try:
            return sender_of(access.workspace, self._store.database)
        except (
            InvalidDestination,
            NotReady,
        ) as error:  # notices wait in the outbox; answers do not wait for them
            fact = {"event": "notices_undeliverable", "reason": str(error)}
            self._log.error("%s", msgspec.json.encode(fact).decode())
            return None

    async def _mail_came(self) -> None:
        if self._sender is not None:
            await self._sender.hear()

    async def _keys_changed(self) -> None:
        self.callers.keys_changed()

    async def _access_changed(self) -> None:
        access = await asyncio.to_thread(access_in_force, self._control)
        if access.digest != self.callers.access.digest:
            await self.callers.adopt(access)
            self._sender = self._sender_for(access)
            if self._sending is not None:
                await _stopped([self._sending])
            self._send()

    async def _serving_changed(self) -> None:
        before = {app: one.release for app, one in self._serving.items()} | self._unready
        serving, unready = await asyncio.to_thread(self._compiler.now, self._serving)
        self._unready = {app: before[app] for app in unready if app in before}
        self._route(serving)

    def _route(self, serving: dict[str, Serving]) -> None:
        # Both tables are replaced whole, in one step of the loop: no request sees half of a change.
        self._serving = serving
        self.routing = Routing(one.release for one in serving.values())

    @contextlib.contextmanager
    def _released_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.release()
            raise

    async def _read_run(self, run: str) -> RunRecord | None:
        return await asyncio.to_thread(self.reader.run, run)


async def _stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
