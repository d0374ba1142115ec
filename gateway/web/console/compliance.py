"""/admin/compliance: what the newest look at each control said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.compliance.controls import CONTROLS, Control, Result
from gateway.core.compliance.page import DISCLAIMER, ExceptionRow, why
from gateway.core.compliance.period import Observation
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import AdminLists
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/compliance"
_WORDS: Final = {
    Result.PASS: "passes",
    Result.FAIL: "fails",
    Result.UNKNOWN: "unknown",
    Result.NOT_APPLICABLE: "not applicable",
}


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    return [web.get(_PATH, frame.page(_CompliancePages(frame, lists).list, AdminAct.LOOK_LISTS))]


@dataclass(frozen=True, slots=True)
class _CompliancePages:
    frame: Frame
    lists: AdminLists

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        found, now = await self.lists.compliance.now(), self.frame.browser.clock()
        return self.frame.render(
            request,
            who,
            "compliance.html",
            controls=[_line(one, found.latest.get(one.id), now) for one in CONTROLS],
            exceptions=[_exception(one, now) for one in found.exceptions],
            is_observed=bool(found.latest),
            disclaimer=DISCLAIMER,
        )


def _line(control: Control, seen: Observation | None, now: int) -> Mapping[str, object]:
    is_current = seen is not None and seen.holds_until(now)
    return {
        "id": control.id,
        "sentence": control.sentence,
        "criteria": ", ".join(control.criteria),
        "state": _WORDS[seen.result] if seen is not None and is_current else "not observed",
        "why": "" if seen is None or seen.result not in (Result.FAIL, Result.UNKNOWN) else shown(why(seen)),
        "looked": None if seen is None else moment(seen.at, now),
    }


def _exception(one: ExceptionRow, now: int) -> Mapping[str, object]:
    return {
        "control": one.control,
        "until": moment(one.ends_at, now),
        "reason": shown(one.reason),
        "by": shown(one.by),
    }
