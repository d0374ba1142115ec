"""Loads policy whole or not at all, keeps the last good one, and tells the audit log what changed."""

import asyncio
import difflib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from gateway.core.audit.entries import Detail, Entry, Kind
from gateway.core.errors import GatewayError
from gateway.core.policy.compile import PolicyRejected, compile_policy
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.core.policy.tests_runner import run_tests
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.scheduling import aside
from gateway.stores.files.policies import LastGood, PolicyUnreadable, read_sources
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault

DEFAULT_LIMIT: Final = "GENERAL.EXECUTE"
_DIFF_LINES: Final = 400
_LOG: Final = structlog.stdlib.get_logger("gateway.policy")


class PolicyRefused(GatewayError):
    """Every mistake with its place, one a line; what was enforced before still is."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy that compiled and passed its own tests, and the texts that it was made of."""

    policy: Policy
    sources: Mapping[str, str]


def load(directory: Path, site: Site, limits: Mapping[str, Limit], now: int) -> Loaded:
    """Read, compile, test. Raises PolicyRefused. now: Unix seconds, for tests and what ends with a day."""
    return accept(_sources(directory), site, limits, now)


def _sources(directory: Path) -> Mapping[str, str]:
    try:
        return read_sources(directory)
    except PolicyUnreadable as error:
        raise PolicyRefused(str(error)) from error


def accept(sources: Mapping[str, str], site: Site, limits: Mapping[str, Limit], now: int) -> Loaded:
    """Compile and test. Raises PolicyRefused."""
    policy = compile_sources(sources, site, limits)
    failures = run_tests(policy, now)
    if failures:
        raise PolicyRefused("\n".join(map(str, failures)))
    return Loaded(policy, sources)


def compile_sources(sources: Mapping[str, str], site: Site, limits: Mapping[str, Limit]) -> Policy:
    """limits: of the configuration, GENERAL.EXECUTE among them. Raises PolicyRefused."""
    try:
        return compile_policy(sources, site, default_limit=limits[DEFAULT_LIMIT], limits=limits)
    except PolicyRejected as error:
        raise PolicyRefused(str(error)) from error


@dataclass(slots=True)
class Policies:
    """What this worker enforces, and whether a newer policy was refused. enforce: hears of each accepted one."""

    directory: Path
    site: Site
    limits: Mapping[str, Limit]
    last_good: LastGood
    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock_us: Callable[[], int]
    enforce: Callable[[Policy], None]
    count: Callable[[str], None]
    current: Loaded | None = None
    refused: str = ""
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def serves(self) -> bool:
        """False: the policy of the start was refused and there is no older one, so nobody gets in anywhere."""
        return not self.refused or (self.current is not None and bool(self.current.sources))

    def first(self) -> Policy:
        """At start: what the directory has, else the last good one, else a policy that lets nobody in anywhere."""
        try:
            self.current = self._load()
            self.count("accepted")
            self._keep(self.current)
        except PolicyRefused as error:
            self._refuse(error)
            self.current = self._last_good() or accept({}, self.site, self.limits, self._now())
        return self.current.policy

    async def reload(self) -> None:
        """Whole or not at all. A refusal is in the log, in readyz and in the figures, and changes nothing.

        Decisions go on meanwhile.
        """
        async with self._reloading:
            try:
                loaded = await aside(self._load)
            except PolicyRefused as error:
                if str(error) != self.refused:
                    self._refuse(error)
                    await self._tell(self._refusal(self.refused))
                return
            before, mended, self.refused = self.current, bool(self.refused), ""
            unchanged = before is not None and before.policy.version == loaded.policy.version
            if mended or not unchanged:
                self.count("accepted")
            if unchanged:
                return
            self.current = loaded
            self.enforce(loaded.policy)
            _LOG.info("policy accepted", version=loaded.policy.version)
            await self._tell(await aside(partial(self._accepted, before, loaded)))

    async def announce(self) -> None:
        """The policy of the start, for the audit log, and one that was refused. Nothing that it has heard before."""
        if self.refused:
            await self._tell(self._refusal(self.refused))
        if self.current is not None and self.serves:
            await self._tell(self._acceptance(None, self.current))

    def _load(self) -> Loaded:
        """Raises PolicyRefused."""
        sources, current = _sources(self.directory), self.current
        if current is not None and sources == current.sources and not self.refused:
            return current
        return accept(sources, self.site, self.limits, self._now())

    def _accepted(self, before: Loaded | None, after: Loaded) -> Entry:
        self._keep(after)
        return self._acceptance(before, after)

    def _refuse(self, error: PolicyRefused) -> None:
        self.refused = str(error)
        self.count("refused")
        _LOG.error("policy refused, the last good one stays", problems=str(error).splitlines())

    def _last_good(self) -> Loaded | None:
        sources = self.last_good.read()
        if sources is None:
            return None
        try:
            return accept(sources, self.site, self.limits, self._now())
        except PolicyRefused:
            _LOG.exception("the last good policy is refused too")
            return None

    def _keep(self, loaded: Loaded) -> None:
        try:
            self.last_good.write(loaded.sources)
        except OSError as error:
            _LOG.warning("the accepted policy could not be kept", why=str(error))

    async def _tell(self, entry: Entry) -> None:
        """Every worker of the fleet loads the same files: the first one tells."""
        try:
            async with transaction(self.pool) as connection:
                audit = Audit(connection, self.vault)
                if (await audit.last_detail(entry.kind)).get("version") != entry.detail["version"]:
                    await audit.append(entry)
        except RecordUnavailable:
            _LOG.warning("a policy change is not in the audit log: Postgres does not answer", kind=entry.kind.value)

    def _acceptance(self, before: Loaded | None, after: Loaded) -> Entry:
        diff = _diff(before.sources if before is not None else {}, after.sources)
        previous = "" if before is None else before.policy.version
        detail: Detail = {"version": after.policy.version, "before": previous, "diff": diff}
        return Entry(Kind.POLICY_LOADED, self._now(), "gateway", None, detail, {}, "")

    def _refusal(self, problem: str) -> Entry:
        problems = problem.splitlines()[:_DIFF_LINES]
        digest = hashlib.sha256(problem.encode()).hexdigest()[:12]
        detail: Detail = {"version": f"refused {digest}", "problems": problems}
        return Entry(Kind.POLICY_REFUSED, self._now(), "gateway", None, detail, {}, "")

    def _now(self) -> int:
        return self.clock_us() // 1_000_000


def _diff(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "").splitlines(), after.get(name, "").splitlines()
        lines += difflib.unified_diff(old, new, name, name, lineterm="", n=1)
    if len(lines) > _DIFF_LINES:
        return [*lines[:_DIFF_LINES], f"... {len(lines) - _DIFF_LINES} more lines"]
    return lines
