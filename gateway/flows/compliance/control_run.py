"""Looks at each control, keeps what was found, and puts the digest of it into the audit log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.core.analysis.lint import lint
from gateway.core.audit.catalogue import CATALOGUE
from gateway.core.audit.compliance_events import ControlsRun
from gateway.core.audit.event import By
from gateway.core.compliance.controls import (
    CONTROLS,
    OFF,
    Control,
    JudgedControl,
    Look,
    Result,
    digest_of_run,
    judge,
    look_of,
)
from gateway.core.errors import StoreUnavailable
from gateway.core.policy.model import Policy
from gateway.core.privacy.inventory_tables import TABLES
from gateway.flows.act import Act, Acts
from gateway.stores.postgres.controls import QUERIES
from gateway.stores.redis.access import excesses
from gateway.stores.redis.pipeline import Pipeline

_LOG: Final = structlog.stdlib.get_logger("gateway.controls")
_OPEN: Final = "open"
BY_OPERATORS: Final = tuple(sorted(event.kind.value for event in CATALOGUE if event.about.by is By.OPERATOR))
CHANGES: Final = tuple(sorted({*BY_OPERATORS, "policy_loaded", "config_loaded"}))


@dataclass(frozen=True, slots=True)
class Installation:
    """What controls look at beside tables. off: controls of features that are off. mfa_groups: mfa.required_for.

    retention_rules: those that are on; one that was turned off runs no more.
    """

    policy: Callable[[], Policy]
    servers: Sequence[Pipeline]
    off: frozenset[str]
    auth_host: str
    mfa_groups: tuple[str, ...]
    consent_enforced: bool
    lockout_failures: int
    retention_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlRun:
    """every_s: how often. All of it raises RecordUnavailable."""

    acts: Acts
    installation: Installation
    every_s: int

    async def work(self) -> None:
        """The leader's round. A run that another leader has just written is not written again."""
        async with self.acts.begin() as act:
            await act.controls.lock()
            _, at = await act.controls.last()
            if at + self.every_s <= act.now:
                await self._run(act)

    async def run(self) -> Sequence[JudgedControl]:
        """Now."""
        async with self.acts.begin() as act:
            await act.controls.lock()
            return await self._run(act)

    async def _run(self, act: Act) -> Sequence[JudgedControl]:
        run, results = (await act.controls.last())[0] + 1, [await self._judge(act, control) for control in CONTROLS]
        await act.controls.add(run, act.now, self.every_s, results)
        counts = {result: sum(one.result is result for one in results) for result in Result}
        digest = digest_of_run(run, act.now, results)
        act.record(ControlsRun(None, run, digest, counts[Result.PASS], counts[Result.FAIL], counts[Result.UNKNOWN]))
        return results

    async def _judge(self, act: Act, control: Control) -> JudgedControl:
        query = QUERIES.get(control.id, "")
        if control.id in self.installation.off:
            return JudgedControl(control.id, control.definition(query), Result.NOT_APPLICABLE, OFF.evidence)
        look = await (act.controls.look(control, act.now, self._more(control)) if query else self._beside(act, control))
        if look is None:
            _LOG.warning("a control could not be looked at", control=control.id)
        return judge(control, query, look)

    async def _beside(self, act: Act, control: Control) -> Look | None:
        """At what is in no table."""
        try:
            return await _LOOKS[control.id](self.installation, act, control)
        except StoreUnavailable:
            return None

    def _more(self, control: Control) -> Sequence[object]:
        """$3 and $4 of the control's SQL."""
        match control.id:
            case "mfa-coverage":
                return [list(self.installation.mfa_groups)]
            case "changes-have-actor":
                return [list(BY_OPERATORS)]
            case "consent-current":
                return [self.installation.auth_host, self.installation.consent_enforced]
            case "retention-ran":
                return [list(self.installation.retention_rules)]
            case _:
                return []


async def _default_deny(installation: Installation, act: Act, _control: Control) -> Look:
    policy = installation.policy()
    found = [str(one.place) for one in lint(policy, act.now) if one.code == _OPEN]
    return look_of(found, len(policy.routes))


async def _roles(_installation: Installation, act: Act, _control: Control) -> Look:
    return look_of(["database.url"] if await act.controls.overreach() else [], 1)


async def _redis(installation: Installation, _act: Act, _control: Control) -> Look:
    found = [f"server {number}" for number, one in enumerate(installation.servers, 1) if await excesses(one)]
    return look_of(found, len(installation.servers))


async def _attempts(installation: Installation, _act: Act, control: Control) -> Look:
    return look_of(["lockout.failures"] if installation.lockout_failures > control.threshold else [], 1)


async def _policy_tests(installation: Installation, _act: Act, _control: Control) -> Look:
    policy = installation.policy()
    return look_of([] if policy.tests else [policy.version], 1)


async def _standby(_installation: Installation, act: Act, _control: Control) -> Look:
    return look_of(["database.url"] if await act.controls.loses_commits() else [], 1)


async def _data_map(_installation: Installation, act: Act, _control: Control) -> Look:
    mapped, columns = {item.place for table in TABLES for item in table.items()}, set(await act.controls.columns())
    return look_of(sorted(mapped ^ columns), len(columns))


async def _clocks(_installation: Installation, act: Act, control: Control) -> Look:
    apart = abs(await act.controls.clock() - act.now)
    return look_of(["clock"] if apart > control.threshold else [], 1)


async def _nothing(_installation: Installation, _act: Act, _control: Control) -> Look:
    return OFF


_LOOKS: Final[Mapping[str, Callable[[Installation, Act, Control], Awaitable[Look]]]] = {
    "default-deny": _default_deny,
    "roles-separated": _roles,
    "redis-limited": _redis,
    "attempts-counted": _attempts,
    "policy-tests-run": _policy_tests,
    "standby-synchronous": _standby,
    "data-map-complete": _data_map,
    "clocks-agree": _clocks,
    "exports-on-time": _nothing,
}
