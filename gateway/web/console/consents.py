"""/admin/consents: published terms, notices and consents, and how many people answered what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.privacy.documents import DocumentKind, PublishedDocument, current
from gateway.core.units import DAY_S
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import AdminLists
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.spans import counted, wait
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/consents"


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    return [web.get(_PATH, frame.page(_ConsentPages(frame, lists).list, AdminAct.LOOK_LISTS))]


@dataclass(frozen=True, slots=True)
class _ConsentPages:
    frame: Frame
    lists: AdminLists

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        documents, counts = await self.lists.documents.status()
        now, in_force = self.frame.browser.clock(), current(documents)
        answers: dict[tuple[DocumentKind, str], list[str]] = {}
        for count in counts:
            words = f"{count.people:,} {count.action.value.replace('_', ' ')}"
            answers.setdefault((count.kind, count.version), []).append(words)
        lines = [
            {
                **_line(one, now),
                "state": "in force" if one in in_force else "retired" if one.retired else "replaced",
                "answers": ", ".join(sorted(answers.get((one.kind, one.version), ()))),
            }
            for one in reversed(documents)
        ]
        return self.frame.render(request, who, "consents.html", documents=lines)


def _line(one: PublishedDocument, now: int) -> Mapping[str, object]:
    again = one.again_after_s
    return {
        "kind": one.kind.value,
        "version": shown(one.version),
        "languages": shown(", ".join(sorted(one.texts))),
        "published": moment(one.published_at, now),
        "required": moment(one.required_from, now),
        "again": "" if again is None else wait(again) if again < DAY_S else counted(again // DAY_S, "day"),
    }
