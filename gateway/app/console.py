"""Puts together the console, and how a worker follows what is changed there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from aiohttp import web

from gateway.app.concern import Checks, Concern, every
from gateway.app.console_flows import ConsoleFlows
from gateway.config import Config
from gateway.config.sections.limits import KEY_LIMIT
from gateway.core.policy.overlay import NO_OVERLAY, Overlay
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.admin.console import Console
from gateway.flows.admin.live_settings import LiveSettings
from gateway.flows.admin.session_ending import SessionEnding
from gateway.flows.admin.sign_ins import SignIns
from gateway.flows.decide.decision_recorder import Noted
from gateway.flows.decide.decisions import Decisions
from gateway.flows.decide.refusals_kept import EVERY_S, RefusalsKept
from gateway.flows.operate.leader import Job
from gateway.flows.policy.policies import Policies
from gateway.resources import Resources
from gateway.stores.files.settings import LastSettings
from gateway.web.browser import Browser
from gateway.web.console import (
    clients,
    compliance,
    consents,
    decisions,
    emergency,
    keys,
    limits,
    newcomers,
    overview,
    people,
    policy,
    reviews,
    sessions,
    webhooks,
)
from gateway.web.console.frame import Frame
from gateway.web.operations import ReadinessCheck
from gateway.worker import Start

TakeNoted: TypeAlias = Callable[[], Noted]
_EXPIRE_S: Final = 5.0
_PURGE_S: Final = 600.0
_ENDING_S: Final = 600.0
_SIGN_INS_S: Final = 60.0


def live_settings_of(config: Config, resources: Resources) -> LiveSettings:
    last = LastSettings(config.data_dir / "settings-last.json")
    return LiveSettings(resources.pool, config.live_limits(), last, resources.acts.clock)


@dataclass(slots=True)
class Follower:
    """Takes over what was changed in the console, for decisions and for what people do on the auth host.

    configured: all named limits. reached: hears the revision that the worker enforces. behind: hears whether there is
    one that it can't follow, in whole or in part.
    """

    configured: Mapping[str, Limit]
    live: LiveSettings
    policies: Policies
    decisions: Decisions
    reached: Callable[[int], None] = lambda _revision: None
    behind: Callable[[int], None] = lambda _is_behind: None
    _applied: tuple[Mapping[str, Limit], Overlay] = field(init=False)

    def __post_init__(self) -> None:
        self._applied = (self.live.file, NO_OVERLAY)

    async def first(self) -> None:
        """Before the worker serves: what was closed or tightened must not open because a worker restarted."""
        await self.live.first()
        await self._apply()

    async def follow(self) -> tuple[int, str]:
        """The revision that is in force, and what can't be. Raises RecordUnavailable."""
        trouble = "not followed yet"
        try:
            await self.live.refresh()
            await self._apply()
            self.reached(self.live.revision)
            nowhere = [f"the closed app {name} is not in the policy" for name in self.policies.unmatched]
            trouble = "\n".join([*nowhere, self.live.trouble]).strip()
        finally:
            self.behind(bool(trouble))
        return self.live.revision, trouble

    async def _apply(self) -> None:
        """What did not work the last time is tried again: else the worker would report what it does not enforce."""
        wanted = (self.live.limits, self.live.emergency.overlay)
        if wanted == self._applied:
            return
        limits, overlay = wanted
        await self.policies.relimit({**self.configured, **limits}, overlay)
        self._applied = wanted
        self.decisions.limit_refused_keys(self.live.limit(KEY_LIMIT))


def follower_of(start: Start, live: LiveSettings, policies: Policies, decisions: Decisions) -> Follower:
    """The first worker of a node says which revision: levels of several would be added up."""
    revision, behind = (start.slot.cell(f"bastion_settings_{name}") for name in ("revision", "behind"))
    reached = (lambda _revision: None) if start.number else revision.set
    return Follower(start.config.all_limits(), live, policies, decisions, reached, behind.set)


def console(
    *, start: Start, resources: Resources, browser: Browser, live: LiveSettings, flows: ConsoleFlows, noted: TakeNoted
) -> Concern:
    """noted: takes what was noted of decisions."""
    config = start.config
    entry = Console(resources.console, config.console_rules(), BucketNames(config.keys().bucket))
    frame = Frame(browser, entry, lambda: live.emergency.in_force)
    kept = RefusalsKept(resources.acts, noted, lambda outcome, n: start.slot.cell("bastion_refusals", outcome).add(n))
    ending = SessionEnding(resources.acts, config.keys().tag)

    async def checks() -> Checks:
        words = "ok" if live.is_known else "not known: Postgres has not answered, and this node knew none before"
        return {"settings": ReadinessCheck(live.is_known, words)}

    return Concern(
        console=_pages(frame, flows) if config.admin.enabled else (),
        jobs=(
            Job("settings", flows.settings.expire, every_s=_EXPIRE_S),
            Job("consoles", entry.purge, every_s=_PURGE_S),
            Job("refusals", kept.purge, every_s=_PURGE_S),
            Job("sign_ins", SignIns(resources.acts).count, every_s=_SIGN_INS_S),
            Job("session_ending", ending.work, most_s=_ENDING_S),
        ),
        beside=(partial(every, EVERY_S, kept.write),),
        at_end=(kept.write,),
        checks=checks,
    )


def _pages(frame: Frame, flows: ConsoleFlows) -> tuple[web.RouteDef, ...]:
    return (
        *frame.routes(),
        *overview.routes(frame, flows.overview, flows.decisions, flows.sign_ins),
        *newcomers.routes(frame, flows.people),
        *people.routes(frame, flows.people, flows.decisions),
        *sessions.routes(frame, flows.sessions, flows.people),
        *decisions.routes(frame, flows.decisions),
        *policy.routes(frame, flows.policy, flows.overview),
        *limits.routes(frame, flows.settings, flows.limits),
        *emergency.routes(frame, flows.emergency, flows.settings, flows.limits),
        *(
            route
            for page in (clients, keys, webhooks, compliance, reviews, consents)
            for route in page.routes(frame, flows.lists)
        ),
    )
