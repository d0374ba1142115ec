"""/admin/sessions: who is signed in, with filters. Sessions are ended on the page that confirms it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.base64url import b64
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.people import AdminPeople
from gateway.flows.admin.sessions import PAGE, AdminSessions
from gateway.web.console import session_choice
from gateway.web.console.frame import Frame
from gateway.web.console.session_choice import END_PATH, SESSIONS_PATH, TICK
from gateway.web.console.session_filters import FIELD_CHARS, FILTERS, IN_URLS, line_of, wanted_of


def routes(frame: Frame, sessions: AdminSessions, people: AdminPeople) -> list[web.RouteDef]:
    pages = _SessionPages(frame, sessions)
    return [
        web.get(SESSIONS_PATH, frame.page(pages.show)),
        web.post(SESSIONS_PATH, frame.finds(pages.find)),
        *session_choice.routes(frame, sessions, people),
    ]


@dataclass(frozen=True, slots=True)
class _SessionPages:
    frame: Frame
    sessions: AdminSessions

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        return await self._page(request, who, {name: request.query.get(name, "") for name in (*IN_URLS, "after")})

    async def find(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """A name or an address stands in no URL."""
        return await self._page(request, who, {name: fields.get(name, "")[:FIELD_CHARS].strip() for name in FILTERS})

    async def _page(self, request: web.Request, who: Administrator, asked: Mapping[str, str]) -> web.Response:
        lines, now = await self.sessions.page(who, wanted_of(asked)), self.frame.browser.clock()
        filters = {name: text for name, text in asked.items() if text and name != "after"}
        is_personal = bool({"person", "address"} & filters.keys())
        more = lines[PAGE - 1].login if len(lines) > PAGE else None
        after = "" if more is None or is_personal else f"{more.created_at}.{b64(more.id)}"
        return self.frame.render(
            request,
            who,
            "sessions.html",
            sessions=[line_of(one, now) for one in lines[:PAGE]],
            asked={"person": "", "address": "", **{name: asked.get(name, "") for name in (*IN_URLS, *filters)}},
            is_filtered=bool(filters),
            is_cut=more is not None and is_personal,
            is_first=not asked.get("after"),
            may_end=who.may(AdminAct.END_SESSIONS),
            end_path=END_PATH,
            tick=TICK,
            older=f"{SESSIONS_PATH}?{urlencode({**filters, 'after': after})}" if after else "",
        )
