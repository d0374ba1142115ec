"""/admin/reviews: access reviews, and what was decided of each person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import PAGE, AdminLists
from gateway.flows.admin.people import NobodyThere
from gateway.flows.compliance.access_reviews import ListedReview, NamedLine, ReviewRefused
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.cursors import whole_number
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/reviews"


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    pages = _ReviewPages(frame, lists)
    return [
        web.get(_PATH, frame.page(pages.list, AdminAct.LOOK_LISTS)),
        web.get(f"{_PATH}/{{number}}", frame.page(pages.show, AdminAct.LOOK_LISTS)),
    ]


@dataclass(frozen=True, slots=True)
class _ReviewPages:
    frame: Frame
    lists: AdminLists

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        before, now = whole_number(request.query.get("before", "")), self.frame.browser.clock()
        found = await self.lists.reviews.page(before, PAGE + 1)
        return self.frame.render(
            request,
            who,
            "reviews.html",
            reviews=[_line(one, now) for one in found[:PAGE]],
            is_first=before is None,
            before=found[PAGE - 1].row.id if len(found) > PAGE else 0,
        )

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        number, after = whole_number(request.match_info["number"]), _person(request.query.get("after", ""))
        if number is None:
            raise NobodyThere("no number")
        try:
            found = await self.lists.reviews.show_page(number, after, PAGE + 1)
        except ReviewRefused as error:
            raise NobodyThere(str(error)) from error
        now = self.frame.browser.clock()
        return self.frame.render(
            request,
            who,
            "review.html",
            review=_line(ListedReview(found.row, 0), now),
            policy=found.row.policy,
            lines=[_person_line(one, now) for one in found.lines[:PAGE]],
            after=found.lines[PAGE - 1].line.user_id if len(found.lines) > PAGE else "",
        )


def _line(one: ListedReview, now: int) -> Mapping[str, object]:
    row = one.row
    return {
        "id": row.id,
        "group": shown(row.group),
        "begun": moment(row.begun_at, now),
        "begun_by": shown(row.begun_by),
        "due": moment(row.due_at, now),
        "finished": moment(row.finished_at, now),
        "finished_by": shown(row.finished_by or ""),
        "state": "finished" if row.finished_at is not None else "overdue" if now > row.due_at else "open",
        "undecided": one.undecided,
    }


def _person_line(one: NamedLine, now: int) -> Mapping[str, object]:
    line = one.line
    return {
        "user_id": line.user_id,
        "name": shown(one.username),
        "state": line.state,
        "groups": shown(", ".join(line.groups)),
        "opens": shown(", ".join(line.opens)),
        "last": moment(line.last_login_at, now),
        "decision": line.decision or "",
        "reviewer": shown(one.reviewer),
        "decided": moment(line.decided_at, now),
    }


def _person(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
