"""/admin/clients: apps that get tokens, those of policy files and those that commands registered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import PAGE, AdminLists, ClientLine
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.console.why import place_of
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/clients"
_ID_CHARS: Final = 200


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    return [web.get(_PATH, frame.page(_ClientPages(frame, lists).list, AdminAct.LOOK_LISTS))]


@dataclass(frozen=True, slots=True)
class _ClientPages:
    frame: Frame
    lists: AdminLists

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        asked = request.query.get("after", "")
        after = asked if asked.isprintable() and len(asked) <= _ID_CHARS else ""
        found, now = await self.lists.page_of_clients(after), self.frame.browser.clock()
        return self.frame.render(
            request,
            who,
            "clients.html",
            clients=[_line(one, now) for one in found[:PAGE]],
            is_first=not after,
            after=found[PAGE - 1].id if len(found) > PAGE else "",
        )


def _line(one: ClientLine, now: int) -> Mapping[str, object]:
    settings = {} if one.row is None else json.loads(one.row.settings)
    enforced = one.enforced
    return {
        "id": shown(one.id),
        "name": shown(str(settings.get("name", "")) if enforced is None else enforced.name),
        "type": shown(str(settings.get("type", "")) if enforced is None else enforced.type),
        "place": None if enforced is None or enforced.registered else place_of(enforced.place),
        "registered": None if one.row is None else moment(one.row.created_at, now),
        "changed": None if one.row is None else moment(one.row.changed_at, now),
        "state": _state(one),
        "left_out": shown(one.left_out),
    }


def _state(one: ClientLine) -> str:
    if one.enforced is not None and not one.enforced.registered:
        return "in force"
    if one.row is not None and one.row.state == "disabled":
        return "disabled"
    if one.left_out:
        return "left out"
    return "not known here yet" if one.enforced is None else "in force"
