"""/admin/emergency: closes apps, asks everybody for a second factor, stops sign-ins, ends sessions; and undoes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.emergency import BadEmergency, Measure, WhoseSessions
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd, WantedMeasure
from gateway.flows.admin.live_settings import SettingsAdmin
from gateway.flows.admin.people import AdminLimits
from gateway.flows.people.users import check_reason
from gateway.web.account import iso
from gateway.web.console.frame import Frame, line_of_emergency
from gateway.web.console.limits import HOURS, until_of
from gateway.web.middleware import REQUEST_ID
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/emergency"
_TURNED: Final = (Measure.CLOSE, Measure.REQUIRE_MFA, Measure.STOP_LOGINS)
_END_PATH: Final = f"{_PATH}/{Measure.END_SESSIONS.value}"
_NAME_CHARS: Final = 200
_FIELDS: Final = ("chosen", "named", "closes", "ends_own", "reason")


def routes(frame: Frame, emergency: EmergencyAdmin, settings: SettingsAdmin, limits: AdminLimits) -> list[web.RouteDef]:
    pages = _EmergencyPages(frame, emergency, settings, limits)
    found = [
        web.get(_PATH, frame.page(pages.show)),
        web.get(_END_PATH, frame.page(pages.show_end, AdminAct.EMERGENCY_OF_ALL, fresh=True)),
        web.post(_END_PATH, frame.form(pages.ask_end)),
        web.post(f"{_END_PATH}/begin", frame.form(pages.end)),
    ]
    for measure in _TURNED:
        turn = _TurnPages(pages, measure)
        at = f"{_PATH}/{measure.value}"
        found += [
            web.get(at, frame.page(turn.show, measure.act, fresh=True)),
            web.post(at, frame.form(turn.begin)),
            *(
                route
                for undo in (f"{at}/undo", f"{at}/undo/{{name}}")
                for route in (
                    web.get(undo, frame.page(turn.show_undo, measure.act, fresh=True)),
                    web.post(undo, frame.form(turn.undo)),
                )
            ),
        ]
    return found


@dataclass(frozen=True, slots=True)
class _EmergencyPages:
    frame: Frame
    emergency: EmergencyAdmin
    settings: SettingsAdmin
    limits: AdminLimits

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        found = await self.emergency.status()
        return self.frame.render(
            request,
            who,
            "emergency.html",
            in_force=[{**line_of_emergency(one), "may": who.may(one.measure.act)} for one in found.in_force],
            ends=[
                {
                    "id": one.id,
                    "what": shown(f"{one.choice.chosen} {one.choice.named}".strip()),
                    "begun": iso(one.begun_at),
                    "ended": "" if one.ended_at is None else iso(one.ended_at),
                    "done": one.done,
                    "numbers": one.numbers,
                }
                for one in found.ends
            ],
            measures=[(one.value, _TITLES[one]) for one in Measure if who.may(one.act)],
        )

    async def show_end(self, request: web.Request, who: Administrator) -> web.Response:
        return self.frame.render(request, who, "emergency_end.html", path=_END_PATH, apps=self.emergency.apps())

    async def ask_end(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """The page with the numbers. Nothing has ended yet."""
        who.require(AdminAct.EMERGENCY_OF_ALL)
        wanted = _wanted_end(fields)
        check_reason(wanted.reason)
        numbers = await self.emergency.count(wanted, _by(request, who))
        kept = {name: fields.get(name, "") for name in _FIELDS}
        return self.frame.render(
            request, who, "emergency_end_confirm.html", path=f"{_END_PATH}/begin", numbers=numbers, wanted=wanted,
            fields=kept, named=shown(wanted.named)
        )  # fmt: skip

    async def end(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        await self.limits.acts.before(who.user_id)
        return await self.followed(
            request, who, await self.emergency.end_sessions(_wanted_end(fields), _by(request, who))
        )

    async def followed(self, request: web.Request, who: Administrator, revision: int) -> web.Response:
        following = await self.settings.follow(revision)
        return self.frame.render(request, who, "emergency_done.html", following=following)


@dataclass(frozen=True, slots=True)
class _TurnPages:
    """Of one measure that is on until it is undone."""

    pages: _EmergencyPages
    measure: Measure

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        apps = self.pages.emergency.apps() if self.measure is Measure.CLOSE else ()
        return self._page(request, who, begins=True, apps=apps, name="")

    async def begin(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        who.require(self.measure.act)
        await self.pages.limits.acts.before(who.user_id)
        is_close = self.measure is Measure.CLOSE
        wanted = WantedMeasure(
            self.measure,
            fields.get("reason", "").strip(),
            fields.get("app", "") if is_close else "",
            fields.get("words", "").strip() if is_close else "",
            until_of(fields, self.pages.frame.browser.clock()),
        )
        revision = await self.pages.emergency.begin(wanted, _by(request, who))
        return await self.pages.followed(request, who, revision)

    async def show_undo(self, request: web.Request, who: Administrator) -> web.Response:
        return self._page(request, who, begins=False, apps=(), name=request.match_info.get("name", ""))

    async def undo(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        await self.pages.limits.acts.before(who.user_id)
        name = request.match_info.get("name", "")
        reason = fields.get("reason", "").strip()
        revision = await self.pages.emergency.undo(self.measure, name, reason, _by(request, who))
        return await self.pages.followed(request, who, revision)

    def _page(self, request: web.Request, who: Administrator, *, begins: bool, apps: object, name: str) -> web.Response:
        return self.pages.frame.render(
            request,
            who,
            "emergency_turn.html",
            path=request.path,
            title=_TITLES[self.measure] if begins else _UNDONE[self.measure],
            says=_SAYS[self.measure] if begins else "",
            begins=begins,
            apps=apps,
            name=shown(name),
            all_hours={**HOURS, "": "until it is undone"},
        )


def _wanted_end(fields: Mapping[str, str]) -> WantedEnd:
    """Raises BadEmergency."""
    chosen: WhoseSessions | None = next((one for one in _CHOICES if one == fields.get("chosen", "")), None)
    if chosen is None:
        raise BadEmergency("whose sessions: expected everybody, an app or a group")
    return WantedEnd(
        chosen,
        fields.get("reason", "").strip(),
        "" if chosen == "all" else fields.get("named", "").strip()[:_NAME_CHARS],
        closes=fields.get("closes") == "yes",
        keeps_own=fields.get("ends_own") != "yes",
    )


def _by(request: web.Request, who: Administrator) -> AskedBy:
    return AskedBy(str(who.user_id), who.user_id, who.live.token.login_id, request[REQUEST_ID])


_CHOICES: Final[tuple[WhoseSessions, ...]] = ("all", "app", "group")
_TITLES: Final = {
    Measure.CLOSE: "Close an app",
    Measure.REQUIRE_MFA: "Ask everybody for a second factor",
    Measure.STOP_LOGINS: "Stop sign-ins",
    Measure.END_SESSIONS: "End sessions",
}
_UNDONE: Final = {
    Measure.CLOSE: "Open the app again",
    Measure.REQUIRE_MFA: "Ask no more for a second factor",
    Measure.STOP_LOGINS: "Let people sign in again",
}
_SAYS: Final = {
    Measure.CLOSE: "Every page of the app answers 503, public ones too. What is open already, such as WebSockets and"
    " downloads, ends at stream_timeout of Caddy.",
    Measure.REQUIRE_MFA: "Every page that asks who somebody is needs a second factor of people, and of their keys and"
    " tokens. API keys can't meet it. Apps that act for themselves go on.",
    Measure.STOP_LOGINS: "Nobody signs in but people with a role. Who is signed in stays so.",
}
