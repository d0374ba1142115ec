"""/admin/webhooks: where events go, and how far each endpoint is.

Of its address the host alone is shown: the rest may be secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import AdminLists
from gateway.flows.webhooks.endpoint_admin import WHY_PAUSED, ListedEndpoint, state_words
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/webhooks"


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    return [web.get(_PATH, frame.page(_WebhookPages(frame, lists).list, AdminAct.LOOK_LISTS))]


@dataclass(frozen=True, slots=True)
class _WebhookPages:
    frame: Frame
    lists: AdminLists

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        """All on one page: webhooks.endpoints says how many there may be."""
        found, now = await self.lists.endpoints.all(), self.frame.browser.clock()
        lines = [_line(one, now) for one in found]
        return self.frame.render(request, who, "webhooks.html", endpoints=lines)


def _line(one: ListedEndpoint, now: int) -> Mapping[str, object]:
    endpoint, level = one
    return {
        "id": endpoint.id,
        "host": shown(urlsplit(endpoint.target.url).netloc.rpartition("@")[2]),
        "events": shown(", ".join(endpoint.filter)),
        "ordered": endpoint.ordered,
        "personal": endpoint.personal,
        "state": state_words(endpoint),
        "why": WHY_PAUSED.get(endpoint.why, endpoint.why),
        "failing": moment(now - int(endpoint.failing_s), now) if endpoint.failures else None,
        "next": moment(now + int(endpoint.held_s), now) if endpoint.held_s > 0 else None,
        "behind": level.behind,
    }
