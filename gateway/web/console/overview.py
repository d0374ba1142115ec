"""/admin, /admin/fleet and /admin/audit: what is wrong, who serves what, and what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.pictures.sign_ins import SHOWN
from gateway.core.pictures.spans import LAST_DAY, LAST_WEEK
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.decisions import AdminDecisions
from gateway.flows.admin.overview import ConsoleOverview, EntriesWanted, Looked
from gateway.flows.admin.sign_ins import SignIns
from gateway.web.account import ago, iso
from gateway.web.console.decisions import kinds_of, outcomes_of
from gateway.web.console.entries import line_of
from gateway.web.console.frame import Frame
from gateway.web.console.pictures import picture_of
from gateway.web.cursors import whole_number
from gateway.web.middleware import is_poll
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PERSON_CHARS: Final = 320
_REFUSED: Final = ("deny", "limited")
_MOST: Final = 8


def routes(frame: Frame, overview: ConsoleOverview, decisions: AdminDecisions, sign_ins: SignIns) -> list[web.RouteDef]:
    pages = _OverviewPages(frame, overview, decisions, sign_ins)
    return [
        web.get(CONSOLE_PATH, frame.page(pages.show)),
        web.get(f"{CONSOLE_PATH}/fleet", frame.page(pages.fleet)),
        web.get(f"{CONSOLE_PATH}/audit", frame.page(pages.audit, AdminAct.LOOK_AUDIT)),
        web.post(f"{CONSOLE_PATH}/audit", frame.finds(pages.find)),
    ]


@dataclass(frozen=True, slots=True)
class _OverviewPages:
    frame: Frame
    overview: ConsoleOverview
    decisions: AdminDecisions
    sign_ins: SignIns

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        found, decided = await self.overview.look(), await self.decisions.over(LAST_DAY)
        refused = [one for one in kinds_of(decided) if one["outcome"] in _REFUSED]
        region = {
            "wrong": found.wrong,
            "figures": found.figures,
            "decided": picture_of(LAST_DAY, decided.times, decided.series, outcomes_of(decided.series)),
            "refused_most": refused[:_MOST],
        }
        more = {} if is_poll(request) else await self._more(who, found)
        return self.frame.live(request, who, "overview.html", region, **more)

    async def _more(self, who: Administrator, found: Looked) -> Mapping[str, object]:
        """What is not renewed."""
        now, signed = self.frame.browser.clock(), await self.sign_ins.last_week()
        inside = await self.frame.console.inside()
        entries = found.acts if who.may(AdminAct.LOOK_AUDIT) else []
        return {
            "signed": picture_of(LAST_WEEK, signed.times, signed.series, SHOWN),
            "inside": [(shown(one.name), ago(now - one.seen_at)) for one in inside],
            "entries": [line_of(one, now) for one in entries],
        }

    async def fleet(self, request: web.Request, who: Administrator) -> web.Response:
        return self.frame.render(request, who, "fleet.html", workers=await self.overview.workers())

    async def audit(self, request: web.Request, who: Administrator) -> web.Response:
        kind = request.query.get("kind", "")
        return await self._entries(
            request, who, EntriesWanted(kind=kind, before=whole_number(request.query.get("before", "")) or 0)
        )

    async def find(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """A name stands in no URL."""
        who.require(AdminAct.LOOK_AUDIT)
        wanted = EntriesWanted(kind=fields.get("kind", ""), person=fields.get("person", "")[:_PERSON_CHARS].strip())
        return await self._entries(request, who, wanted)

    async def _entries(self, request: web.Request, who: Administrator, wanted: EntriesWanted) -> web.Response:
        found, now = await self.overview.entries(wanted), self.frame.browser.clock()
        return self.frame.render(
            request,
            who,
            "audit.html",
            entries=[line_of(one, now) for one in found.entries],
            kinds=found.kinds,
            wanted=wanted,
            nobody=found.nobody,
            before=found.before,
            now=iso(now),
        )
