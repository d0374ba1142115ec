"""/admin/decisions: how requests are answered, and why one was refused, by the reference that its person saw."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.pictures.spans import LAST_DAY, LAST_HOUR, LAST_MONTH
from gateway.core.units import DAY_S
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.decisions import AdminDecisions, DecisionsOver, RefusalExplained
from gateway.web.account import ago, iso
from gateway.web.console.frame import Frame
from gateway.web.console.pictures import picture_of
from gateway.web.console.why import drawn
from gateway.web.middleware import content_security_policy
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

DECISIONS_PATH: Final = f"{CONSOLE_PATH}/decisions"
_EVERY_S: Final = 2
_EVERY_S_OF_DAYS: Final = 60
_SPANS: Final = {one.name: one for one in (LAST_HOUR, LAST_DAY, LAST_MONTH)}
_REFERENCE: Final = re.compile(r"[0-9A-Za-z-]{8,64}")


def routes(frame: Frame, decisions: AdminDecisions) -> list[web.RouteDef]:
    pages = _DecisionPages(frame, decisions)
    return [
        web.get(DECISIONS_PATH, frame.page(pages.list)),
        web.get(f"{DECISIONS_PATH}/{{reference}}", frame.page(pages.show)),
    ]


def reference_of(text: str) -> str:
    """What may be a reference of a page; "" for what is none."""
    return text if _REFERENCE.fullmatch(text) else ""


@dataclass(frozen=True, slots=True)
class _DecisionPages:
    frame: Frame
    decisions: AdminDecisions

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        span = _SPANS.get(request.query.get("over", ""), LAST_DAY)
        found, now = await self.decisions.over(span), self.frame.browser.clock()
        kept = await self.decisions.refusals()
        region = {
            "drawn": picture_of(span, found.times, found.series, outcomes_of(found.series)),
            "kinds": kinds_of(found),
            "latest": [
                {
                    "reference": one.request_id,
                    "at": ago(now - one.at),
                    "at_iso": iso(one.at),
                    "person": shown(name) or ("a stranger" if one.subject is None else "somebody"),
                    "route": one.route,
                    "reason": shown(one.reason),
                    "outcome": one.outcome,
                    "n": one.n,
                }
                for one, name in kept.samples
            ],
        }
        every_s = _EVERY_S if span.step_s < DAY_S else _EVERY_S_OF_DAYS
        return self.frame.live(
            request, who, "decisions.html", region, spans=list(_SPANS.values()), over=span.name, every_s=every_s
        )

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        reference = reference_of(request.match_info["reference"])
        found = await self.decisions.explain(reference) if reference else None
        if found is None:
            return self.frame.render(request, who, "decision_unknown.html", 404, reference=shown(reference))
        raw, now = who.may(AdminAct.LOOK_SOURCE), self.frame.browser.clock()
        response = self.frame.render(
            request,
            who,
            "decision.html",
            sample=found.sample,
            reason=shown(found.sample.reason),
            at=ago(now - found.sample.at),
            at_iso=iso(found.sample.at),
            person=None if found.person is None else {"id": found.person.id, "name": shown(found.person.username)},
            asked=_asked(found, with_raw=raw),
            why=drawn(found.then, with_paths=raw),
            today=_today(found),
            differs=not found.was_limited and found.then.simulated.outcome != found.sample.outcome,
            was_limited=found.was_limited,
            is_cut="cut" in found.facts,
            hidden=not raw,
        )
        response.headers["Content-Security-Policy"] = content_security_policy(scripts=True)
        return response


def outcomes_of(series: Mapping[str, Sequence[int]]) -> Sequence[str]:
    """What was let in comes first, then the most frequent."""
    return sorted(series, key=lambda name: (name != "allow", -sum(series[name]), name))


def kinds_of(found: DecisionsOver) -> Sequence[Mapping[str, str]]:
    return [
        {
            "app": one.route.partition("/")[0] or "none",
            "route": one.route,
            "outcome": one.outcome.replace("_", " "),
            "reason": shown(one.reason),
            "n": f"{one.n:,}",
        }
        for one in found.kinds
    ]


def _asked(found: RefusalExplained, *, with_raw: bool) -> Sequence[tuple[str, str]]:
    facts = dict(found.facts_shown(raw=with_raw))
    at = found.sample.at
    ages = {
        "signed in": _age(facts.pop("authenticated_at", "0"), at),
        "second factor": _age(facts.pop("mfa_at", "0"), at),
    }
    for name in ("amr", "risk", "cut", "user"):
        facts.pop(name, None)
    told = {**facts, **ages}
    return [(name, shown(", ".join(text.splitlines()))) for name, text in told.items() if text]


def _age(text: str, at: int) -> str:
    """When that was, seen from the request."""
    return ago(at - int(text)) if int(text) else ""


def _today(found: RefusalExplained) -> str:
    if found.today is None:
        return ""
    simulated = found.today.simulated
    if simulated.outcome == found.sample.outcome:
        return "the same"
    return f"{simulated.outcome.replace('_', ' ')} {simulated.status}"
