"""Loads policy whole or not at all, keeps the last good one, and tells the audit log what changed."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from gateway.core.analysis.tests_runner import run_tests
from gateway.core.audit.changes import MOST_LINES, text_changes
from gateway.core.audit.settings_events import PolicyLoaded, PolicyNotLoaded
from gateway.core.errors import GatewayError
from gateway.core.policy.compile import PolicyRejected, compile_policy
from gateway.core.policy.model import Policy
from gateway.core.policy.overlay import NO_OVERLAY, Overlay
from gateway.core.policy.reading.registered import RegisteredClient
from gateway.core.policy.secrets import SecretReader, SecretSource, SecretUnusable, not_read
from gateway.core.policy.site import Site
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.act import Acts
from gateway.flows.transaction import RecordUnavailable
from gateway.scheduling import LongWork
from gateway.stores.files.policies import LastGood, PolicyUnreadable, read_sources, unread

_LONG_S: Final = 30
_LOG: Final = structlog.stdlib.get_logger("gateway.policy")


class PolicyRefused(GatewayError):
    """Every mistake with its place, one a line; what was enforced before still is."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy that compiled and passed its own tests, the texts that it was made of, and what was read beside them."""

    policy: Policy
    sources: Mapping[str, str]
    secrets: Mapping[SecretSource, bytes | None]


def load(directory: Path, site: Site, limits: Mapping[str, Limit], now: int, secrets: SecretReader) -> Loaded:
    """Read, compile, test. Raises PolicyRefused. now: Unix seconds, for tests and what ends with a day."""
    return accept(_sources(directory), site, limits, now, secrets)


def _sources(directory: Path) -> Mapping[str, str]:
    try:
        return read_sources(directory)
    except PolicyUnreadable as error:
        raise PolicyRefused(str(error)) from error


def accept(
    sources: Mapping[str, str],
    site: Site,
    limits: Mapping[str, Limit],
    now: int,
    secrets: SecretReader,
    registered: Sequence[RegisteredClient] = (),
) -> Loaded:
    """Compile and test. Raises PolicyRefused."""
    kept = _Kept(secrets)
    policy = compile_sources(sources, site, limits, secrets=kept.read, registered=registered)
    return _tested(Loaded(policy, sources, kept.found), now)


def _tested(loaded: Loaded, now: int) -> Loaded:
    failures = run_tests(loaded.policy, now)
    if failures:
        raise PolicyRefused("\n".join(map(str, failures)))
    return loaded


def compile_sources(
    sources: Mapping[str, str],
    site: Site,
    limits: Mapping[str, Limit],
    *,
    with_tests: bool = True,
    secrets: SecretReader = not_read,
    registered: Sequence[RegisteredClient] = (),
    overlay: Overlay = NO_OVERLAY,
) -> Policy:
    """limits: of the configuration. Raises PolicyRefused."""
    try:
        return compile_policy(
            sources,
            site,
            limits=limits,
            with_tests=with_tests,
            secrets=secrets,
            registered=registered,
            overlay=overlay,
        )
    except PolicyRejected as error:
        raise PolicyRefused(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Kept:
    """Remembers what was read, so that a secret that changed in its file is told from one that didn't."""

    reader: SecretReader
    found: dict[SecretSource, bytes | None] = field(default_factory=dict)

    def read(self, source: SecretSource) -> bytes | None:
        self.found[source] = self.reader(source)
        return self.found[source]

    def read_if_possible(self, source: SecretSource) -> bytes | None:
        try:
            return self.read(source)
        except SecretUnusable as error:
            _LOG.warning("a client's secret can't be read: it can't authenticate", place=source.name, why=str(error))
            self.found[source] = None
            return None


@dataclass(slots=True)
class Policies:
    """What this worker enforces, and whether a newer policy was refused. enforce: hears of each accepted one.

    current: as the files say. overlay: of an emergency, over that. unmatched: apps that are closed and nowhere.
    """

    directory: Path
    site: Site
    limits: Mapping[str, Limit]
    last_good: LastGood
    acts: Acts
    enforce: Callable[[Policy], None]
    count: Callable[[str], None]
    secrets: SecretReader
    long_work: LongWork
    current: Loaded | None = None
    refused: str = ""
    registered: tuple[RegisteredClient, ...] = ()
    overlay: Overlay = NO_OVERLAY
    unmatched: tuple[str, ...] = ()
    _enforced: Policy | None = None
    _unread: tuple[str, ...] = ()
    _reading_since: int | None = None
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _telling: asyncio.Lock = field(default_factory=asyncio.Lock)  # in the order of what was enforced

    @property
    def in_force(self) -> Loaded:
        """With what an emergency lays over it. After first()."""
        assert self.current is not None
        return replace(self.current, policy=self._enforced or self.current.policy)

    @property
    def serves(self) -> bool:
        """False: the policy of the start was refused and there is no older one, so nobody gets in anywhere."""
        return not self.refused or (self.current is not None and bool(self.current.sources))

    @property
    def detail(self) -> str:
        """What readyz says of it. A file system that hangs fails nobody, but no change of policy comes either."""
        version = "none" if self.current is None else self.current.policy.version
        said = f"version {version} stays; refused: {self.refused}" if self.refused else f"ok, version {version}"
        waited = 0 if self._reading_since is None else self.acts.clock() - self._reading_since
        if waited < _LONG_S:
            return said
        return f"{said}; has been reading {self.directory} for {waited} s: does its file system answer?"

    def first(self) -> Policy:
        """At start: what the directory has, else the last good one, else a policy that lets nobody in anywhere."""
        self._warn_of(unread(self.directory))
        try:
            self.current = load(self.directory, self.site, self.limits, self.acts.clock(), self.secrets)
            self.count("accepted")
            self._keep(self.current)
        except PolicyRefused as error:
            self._refuse(_shortened(str(error)))
            self.current = self._last_good() or accept({}, self.site, self.limits, self.acts.clock(), not_read)
        return self.current.policy

    async def reload(self) -> None:
        """Whole or not at all. A refusal is in the log, in readyz and in the figures, and changes nothing.

        Decisions go on meanwhile, and the next reload does not wait until this one is in the audit log.
        """
        async with self._reloading:
            self._reading_since = self.acts.clock()
            try:
                tell = await self._reload()
            finally:
                self._reading_since = None
        if tell is not None:
            async with self._telling:
                await self._tell(await self.long_work.aside(tell))

    async def _reload(self) -> Callable[[], PolicyLoaded | PolicyNotLoaded] | None:
        """What there is to tell."""
        self._warn_of(await asyncio.to_thread(unread, self.directory))
        try:
            sources = await asyncio.to_thread(_sources, self.directory)
            loaded = await self._judged(sources)
        except PolicyRefused as error:
            problems = _shortened(str(error))
            if problems == self.refused:
                return None
            self._refuse(problems)
            return partial(_refusal, problems)
        before, mended, self.refused = self.current, bool(self.refused), ""
        unchanged = (
            before is not None and before.policy.version == loaded.policy.version and before.secrets == loaded.secrets
        )
        if mended or not unchanged:
            self.count("accepted")
        if unchanged:
            return None
        policy = await self._laid_over(loaded, self.registered)
        self.current = loaded
        self._enforce(policy)
        self._warn_of_clients(loaded.policy)
        self._keep(loaded)  # in no thread: a worker that ends would leave it half-written
        _LOG.info("policy accepted", version=loaded.policy.version)
        return partial(_acceptance, before, loaded)

    async def register(self, registered: tuple[RegisteredClient, ...]) -> None:
        """Puts them beside the files that are in force: a mistake in newer files holds up no client, and the end of
        none. It is no new policy.
        """
        async with self._reloading:
            current = self.current
            if registered == self.registered or current is None:
                return
            policy = await self.long_work.aside(lambda: self._beside(current, registered))
            beside = replace(current, policy=policy)
            enforced = await self._laid_over(beside, registered)
            self.registered, self.current = registered, beside
            self._enforce(enforced)
            self._warn_of_clients(policy)
            _LOG.info("registered clients read", clients=len(registered) - len(policy.left_out))

    async def relimit(self, limits: Mapping[str, Limit], overlay: Overlay) -> None:
        """Gives the files that are in force other named limits, and lays an emergency over them: no new policy.

        What fails leaves all as it was, so that the next try compiles again.
        """
        async with self._reloading:
            before = (self.limits, self.overlay)
            self.limits, self.overlay = limits, overlay
            try:
                await self._relay(same_limits=limits == before[0])
            except BaseException:
                self.limits, self.overlay = before
                raise

    async def _relay(self, *, same_limits: bool) -> None:
        current = self.current
        if current is None:
            return
        loaded = current if same_limits else await self._recompiled(current)
        enforced = await self._laid_over(loaded, self.registered)
        self.current = loaded
        self._enforce(enforced)

    async def _recompiled(self, current: Loaded) -> Loaded:
        return replace(current, policy=await self.long_work.aside(lambda: self._beside(current, self.registered)))

    async def _laid_over(self, loaded: Loaded, registered: tuple[RegisteredClient, ...]) -> Policy:
        """What is enforced of it. In-file tests judge the files alone, so an emergency refuses no policy."""
        overlay = self.overlay
        if overlay == NO_OVERLAY:
            return loaded.policy
        return await self.long_work.aside(lambda: self._beside(loaded, registered, overlay))

    def _enforce(self, policy: Policy) -> None:
        self.unmatched, self._enforced = self.overlay.unmatched(policy), policy
        self.enforce(policy)

    def _beside(
        self, current: Loaded, registered: tuple[RegisteredClient, ...], overlay: Overlay = NO_OVERLAY
    ) -> Policy:
        """Tests that were not read the last time may be what a newer Bastion refuses."""
        return compile_sources(
            current.sources,
            self.site,
            self.limits,
            with_tests=bool(current.policy.tests),
            secrets=current.secrets.__getitem__,
            registered=registered,
            overlay=overlay,
        )

    async def announce(self) -> None:
        """The policy of the start, for the audit log, and one that was refused. Nothing that it has heard before."""
        if self.refused:
            await self._tell(_refusal(self.refused))
        if self.current is not None and self.serves:
            await self._tell(_acceptance(None, self.current))

    async def _judged(self, sources: Mapping[str, str]) -> Loaded:
        """Files that did not change are not compiled again, unless they name secrets, which may have changed.

        What their tests say may change with the day.

        Raises PolicyRefused.
        """
        current, now = self.current, self.acts.clock()
        if current is not None and sources == current.sources and not current.secrets:
            return await asyncio.to_thread(_tested, current, now)
        return await self.long_work.aside(
            lambda: accept(sources, self.site, self.limits, now, self.secrets, self.registered)
        )

    def _warn_of(self, files: tuple[str, ...]) -> None:
        """Once, until they are others. What they define may be what a policy that is refused lacks."""
        if files and files != self._unread:
            _LOG.warning("policy files are not read: expected *.yaml in the directory itself", files=files)
        self._unread = files

    def _warn_of_clients(self, policy: Policy) -> None:
        for client, why in policy.left_out.items():
            _LOG.warning("a registered client is left out: it gets no tokens", client=client, why=why)

    def _refuse(self, problems: str) -> None:
        self.refused = problems
        self.count("refused")
        _LOG.error("policy refused, the last good one stays", problems=problems.splitlines())

    def _last_good(self) -> Loaded | None:
        """Its tests passed when it was accepted.

        That a day has passed since, or that a newer Bastion has other words for them, must not lock out everybody.
        """
        sources = self.last_good.read()
        if sources is None:
            return None
        kept = _Kept(self.secrets)
        try:
            found = compile_sources(sources, self.site, self.limits, with_tests=False, secrets=kept.read_if_possible)
        except PolicyRefused:
            _LOG.exception("the last good policy is refused too")
            return None
        return Loaded(found, sources, kept.found)

    def _keep(self, loaded: Loaded) -> None:
        try:
            self.last_good.write(loaded.sources)
        except OSError as error:
            _LOG.warning("the accepted policy could not be kept", why=str(error))

    async def _tell(self, event: PolicyLoaded | PolicyNotLoaded) -> None:
        """Every worker of the fleet loads the same files: the first one tells."""
        try:
            async with self.acts.begin() as act:
                last = await act.audit.last(event.kind)
                if last is None or last.detail.get("version") != event.version:
                    act.record(event)
        except RecordUnavailable:
            _LOG.warning("a policy change is not in the audit log: Postgres does not answer", kind=event.kind.value)


def _acceptance(before: Loaded | None, after: Loaded) -> PolicyLoaded:
    diff = text_changes(before.sources if before is not None else {}, after.sources)
    previous = "" if before is None else before.policy.version
    return PolicyLoaded(None, after.policy.version, previous, diff)


def _refusal(problem: str) -> PolicyNotLoaded:
    digest = hashlib.sha256(problem.encode()).hexdigest()[:12]
    return PolicyNotLoaded(None, f"refused {digest}", tuple(problem.splitlines()))


def _shortened(problems: str) -> str:
    """A mistake in what many routes share is told of each."""
    lines = problems.splitlines()
    return "\n".join(
        lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], f"... {len(lines) - MOST_LINES} more problems"]
    )
