"""/admin/sessions/end: ends the sessions that somebody has ticked, or all that a filter finds.

What was chosen is sealed into the address of the page that confirms it: that page may have to ask for a second factor
first, and a filter may name a person or an address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.base64url import b64
from gateway.core.sealed_text import NONCE_BYTES, BadSeal, seal_text, unseal_text
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.people import AdminPeople, NobodyThere
from gateway.flows.admin.sessions import MOST_OF_FILTER, MOST_TICKED, AdminSessions, SessionLine, SessionsWanted
from gateway.flows.people.account import login_id_of
from gateway.web.browser import see_other
from gateway.web.console.frame import Frame
from gateway.web.console.session_filters import FIELD_CHARS, FILTERS, line_of, wanted_of
from gateway.web.middleware import REQUEST_ID
from gateway.web.spans import counted
from gateway.web.ways import CONSOLE_PATH

SESSIONS_PATH: Final = f"{CONSOLE_PATH}/sessions"
END_PATH: Final = f"{SESSIONS_PATH}/end"
TICK: Final = "login."
_PURPOSE: Final = b"sessions to end"
_CHOSEN_S: Final = 3600
_LISTED: Final = 50


def routes(frame: Frame, sessions: AdminSessions, people: AdminPeople) -> list[web.RouteDef]:
    pages = _ChoicePages(frame, sessions, people)
    one = f"{END_PATH}/{{choice}}"
    return [
        web.post(END_PATH, frame.finds(pages.choose)),
        web.get(one, frame.page(pages.confirm, AdminAct.END_SESSIONS, fresh=True)),
        web.post(one, frame.form(pages.end)),
    ]


@dataclass(frozen=True, slots=True)
class _Choice:
    """ids None: all that the filter finds."""

    ids: tuple[bytes, ...] | None
    asked: Mapping[str, str]

    @property
    def wanted(self) -> SessionsWanted:
        return wanted_of(self.asked) if self.ids is None else SessionsWanted(ids=self.ids)


@dataclass(frozen=True, slots=True)
class _ChoicePages:
    frame: Frame
    sessions: AdminSessions
    people: AdminPeople

    async def choose(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.StreamResponse:
        """Leads to the page that confirms it."""
        who.require(AdminAct.END_SESSIONS)
        if fields.get("what") == "filter":
            asked = {name: text for name in FILTERS if (text := fields.get(name, "")[:FIELD_CHARS].strip())}
            if wanted_of(asked) == SessionsWanted():
                return self.frame.refused(request, who, "Set a filter first. Emergency ends everybody's sessions.", 400)
            return see_other(f"{END_PATH}/{self._sealed(_Choice(None, asked))}")
        ticked = [login_id_of(name.removeprefix(TICK)) for name in fields if name.startswith(TICK)]
        ids = tuple(one for one in ticked if one)
        if not 0 < len(ids) <= MOST_TICKED:
            why = f"Tick between 1 and {MOST_TICKED} sessions; {len(ids)} are ticked."
            return self.frame.refused(request, who, why, 400)
        return see_other(f"{END_PATH}/{self._sealed(_Choice(ids, {}))}")

    async def confirm(self, request: web.Request, who: Administrator) -> web.Response:
        return await self._page(request, who, self._opened(request))

    async def end(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.StreamResponse:
        who.require(AdminAct.END_SESSIONS)
        choice, reason = self._opened(request), fields.get("reason", "").strip()
        if choice.ids is None:
            found = _may_end(await self.sessions.chosen(who, choice.wanted))
            if len(found) > MOST_OF_FILTER or fields.get("number", "").strip() != str(len(found)):
                return await self._page(request, who, choice, reason, 409)
            logins = _by_person(found)
        else:
            logins = await self.sessions.owners(choice.ids)
        done = await self.people.end_chosen(who, logins, reason, request[REQUEST_ID])
        word = "ended_some" if done.left else "ended" if done.ended else "same"
        return see_other(f"{SESSIONS_PATH}?done={word}")

    async def _page(
        self, request: web.Request, who: Administrator, choice: _Choice, reason: str = "", status: int = 200
    ) -> web.Response:
        """status: 409 where the number that was typed is not the number of those that are found now."""
        lines, now = await self.sessions.chosen(who, choice.wanted), self.frame.browser.clock()
        found = _may_end(lines)
        people, left = len({one.login.user_id for one in found}), len(lines) - len(found)
        return self.frame.render(
            request,
            who,
            "sessions_end.html",
            status,
            count=len(found),
            sessions=counted(len(found), "session"),
            people="1 person" if people == 1 else f"{people} people",
            left=left,
            left_words=counted(left, "session"),
            listed=[line_of(one, now) for one in found[:_LISTED]],
            is_filter=choice.ids is None,
            is_too_many=choice.ids is None and len(lines) > MOST_OF_FILTER,
            most=MOST_OF_FILTER,
            is_wrong=status != 200,  # noqa: PLR2004
            reason=reason,
            path=request.path,
        )

    def _sealed(self, choice: _Choice) -> str:
        browser, ids = self.frame.browser, [] if choice.ids is None else choice.ids
        values = {"at": browser.clock(), "ids": ".".join(map(b64, ids)), "asked": dict(choice.asked)}
        return seal_text(browser.keys.journey, _PURPOSE, values, browser.random(NONCE_BYTES))

    def _opened(self, request: web.Request) -> _Choice:
        """Raises NobodyThere for what is not ours, or too old."""
        browser = self.frame.browser
        try:
            values = unseal_text(browser.keys.journey, _PURPOSE, request.match_info["choice"])
        except BadSeal as error:
            raise NobodyThere("no choice of ours") from error
        if not 0 <= browser.clock() - values["at"] <= _CHOSEN_S:
            raise NobodyThere("the choice is too old")
        ids = tuple(one for text in values["ids"].split(".") if (one := login_id_of(text)))
        choice = _Choice(ids or None, values["asked"])
        if choice.wanted == SessionsWanted():
            raise NobodyThere("the choice is of everything")
        return choice


def _may_end(lines: Sequence[SessionLine]) -> Sequence[SessionLine]:
    return [one for one in lines if one.may_end]


def _by_person(lines: Sequence[SessionLine]) -> Mapping[UUID, Sequence[bytes]]:
    found = dict[UUID, list[bytes]]()
    for one in lines:
        found.setdefault(one.login.user_id, []).append(one.login.id)
    return found
