"""/admin/people/new: invites somebody by mail. No administrator ever types a password."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.people import AdminPeople
from gateway.flows.people.users import Newcomer
from gateway.web.browser import see_other
from gateway.web.console.frame import Frame
from gateway.web.middleware import REQUEST_ID
from gateway.web.ways import CONSOLE_PATH

_PEOPLE: Final = f"{CONSOLE_PATH}/people"
_PATH: Final = f"{_PEOPLE}/new"


def routes(frame: Frame, people: AdminPeople) -> list[web.RouteDef]:
    """They stand before those of one person, whose address takes any word."""
    pages = _NewcomerPages(frame, people)
    return [
        web.get(_PATH, frame.page(pages.ask, AdminAct.INVITE, fresh=True)),
        web.post(_PATH, frame.form(pages.invite)),
    ]


@dataclass(frozen=True, slots=True)
class _NewcomerPages:
    frame: Frame
    people: AdminPeople

    async def ask(self, request: web.Request, who: Administrator) -> web.Response:
        return self.frame.render(request, who, "person_new.html")

    async def invite(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.StreamResponse:
        who.require(AdminAct.INVITE)
        username, name, email = (fields.get(key, "").strip() for key in ("username", "name", "email"))
        newcomer = Newcomer(username, name, email, tuple(fields.get("groups", "").replace(",", " ").split()))
        await self.people.invite(who, newcomer, fields.get("reason", "").strip(), request[REQUEST_ID])
        return see_other(f"{_PEOPLE}?done=invited")
