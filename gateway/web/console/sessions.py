"""/admin/sessions: who is signed in, with filters. A session is ended on the page that confirms it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.assurance.words import proof_words, score_words
from gateway.core.base64url import b64, unb64
from gateway.core.browsers import browser_name
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.sessions import PAGE, AdminSessions, SessionLine, SessionsWanted
from gateway.web.account import ago, iso
from gateway.web.console.frame import Frame
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

SESSIONS_PATH: Final = f"{CONSOLE_PATH}/sessions"
_CHARS: Final = 320
_MOST_DIGITS: Final = 18
_MOST_RISK: Final = 100
_YES_NO: Final = {"yes": True, "no": False}
_IN_URLS: Final = ("host", "kept", "factor", "risk")  # what names nobody


def routes(frame: Frame, sessions: AdminSessions) -> list[web.RouteDef]:
    pages = _SessionPages(frame, sessions)
    return [
        web.get(SESSIONS_PATH, frame.page(pages.show)),
        web.post(SESSIONS_PATH, frame.finds(pages.find)),
    ]


@dataclass(frozen=True, slots=True)
class _SessionPages:
    frame: Frame
    sessions: AdminSessions

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        return await self._page(request, who, {name: request.query.get(name, "") for name in (*_IN_URLS, "after")})

    async def find(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """A name or an address stands in no URL."""
        names = (*_IN_URLS, "person", "address")
        return await self._page(request, who, {name: fields.get(name, "")[:_CHARS].strip() for name in names})

    async def _page(self, request: web.Request, who: Administrator, asked: Mapping[str, str]) -> web.Response:
        lines, now = await self.sessions.page(who, _wanted(asked)), self.frame.browser.clock()
        filters = {name: text for name, text in asked.items() if text and name != "after"}
        is_personal = bool({"person", "address"} & filters.keys())
        more = lines[PAGE - 1].login if len(lines) > PAGE else None
        after = "" if more is None or is_personal else f"{more.created_at}.{b64(more.id)}"
        return self.frame.render(
            request,
            who,
            "sessions.html",
            sessions=[_line(one, now) for one in lines[:PAGE]],
            asked={"person": "", "address": "", **{name: asked.get(name, "") for name in (*_IN_URLS, *filters)}},
            is_filtered=bool(filters),
            is_cut=more is not None and is_personal,
            is_first=not asked.get("after"),
            older=f"{SESSIONS_PATH}?{urlencode({**filters, 'after': after})}" if after else "",
        )


def _line(one: SessionLine, now: int) -> Mapping[str, object]:
    login = one.login
    return {
        "id": b64(login.id),
        "user_id": login.user_id,
        "name": shown(one.username) or "nobody any more",
        "browser": shown(browser_name(login.user_agent)),
        "address": shown(login.address) or "address not known",
        "created": ago(now - login.created_at),
        "created_iso": iso(login.created_at),
        "seen": ago(now - login.last_seen_at),
        "hosts": shown(", ".join(login.hosts)),
        "proven": proof_words(login.assurance),
        "score": score_words(login.assurance),
        "kept": login.persistent,
        "may_end": one.may_end,
    }


def _wanted(asked: Mapping[str, str]) -> SessionsWanted:
    """What no page of ours sends is not asked for."""
    risk = asked.get("risk", "")
    return SessionsWanted(
        asked.get("person", ""),
        asked.get("address", ""),
        asked.get("host", ""),
        _YES_NO.get(asked.get("kept", "")),
        _YES_NO.get(asked.get("factor", "")),
        min(int(risk), _MOST_RISK) if _is_number(risk) else None,
        _after(asked.get("after", "")),
    )


def _after(text: str) -> tuple[int, bytes] | None:
    """The last of the page before; None for what is none."""
    at, _, login = text.partition(".")
    try:
        return (int(at), unb64(login)) if _is_number(at) else None
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
