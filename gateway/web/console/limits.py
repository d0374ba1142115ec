"""/admin/limits: the named rate limits, what is in force, and the page that changes one for the whole fleet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.live_limits import BadSetting, LimitValue, typed
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.live_settings import ChangedBySomebody, LimitShown, SettingsAdmin, WantedLimit
from gateway.flows.admin.people import AdminLimits, NobodyThere
from gateway.flows.people.users import BadReason, check_reason
from gateway.web.account import iso
from gateway.web.console.frame import Frame
from gateway.web.cursors import whole_number
from gateway.web.middleware import REQUEST_ID
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/limits"
HOURS: Final = {"": "until it is changed again", "1": "1 hour", "4": "4 hours", "24": "a day", "168": "a week"}
_NEVER_SEEN: Final = -1
_HOUR_S: Final = 3600


def routes(frame: Frame, settings: SettingsAdmin, limits: AdminLimits) -> list[web.RouteDef]:
    pages = _LimitPages(frame, settings, limits)
    return [
        web.get(_PATH, frame.page(pages.list)),
        web.get(f"{_PATH}/{{name}}", frame.page(pages.show, AdminAct.LIMITS, fresh=True)),
        web.post(f"{_PATH}/{{name}}", frame.form(pages.ask)),
        web.post(f"{_PATH}/{{name}}/change", frame.form(pages.change)),
    ]


@dataclass(frozen=True, slots=True)
class _LimitPages:
    frame: Frame
    settings: SettingsAdmin
    limits: AdminLimits

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        found = await self.settings.list()
        may = self.settings.may_change and who.may(AdminAct.LIMITS)
        return self.frame.render(request, who, "limits.html", limits=[_line(one) for one in found], may_change=may)

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        return self._form(request, who, await self._found(request), {})

    async def ask(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        """The page with the difference. Nothing is changed yet."""
        who.require(AdminAct.LIMITS)
        found = await self._found(request)
        try:
            value = _value(found, fields)
            check_reason(fields.get("reason", "").strip())
        except (BadSetting, BadReason) as error:
            return self._form(request, who, found, fields, str(error), 400)
        return self.frame.render(
            request,
            who,
            "limit_confirm.html",
            limit=_line(found),
            after=value.text,
            fields={name: fields.get(name, "") for name in ("rate", "burst", "hours", "reason", "back", "seen")},
            until=HOURS.get(fields.get("hours", ""), ""),
            path=f"{_PATH}/{found.name}/change",
        )

    async def change(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        found, seen = await self._found(request), whole_number(fields.get("seen", ""))
        try:
            value = _value(found, fields)
            await self.limits.acts.before(who.user_id)
            revision = await self.settings.change(
                WantedLimit(
                    found.name,
                    None if fields.get("back") == "yes" else value,
                    until_of(fields, self.frame.browser.clock()),
                    fields.get("reason", "").strip(),
                    _NEVER_SEEN if seen is None else seen,
                ),
                str(who.user_id),
                who.user_id,
                request[REQUEST_ID],
            )
        except (BadSetting, ChangedBySomebody) as error:
            return self._form(request, who, await self._found(request), fields, str(error), 409)
        following = await self.settings.follow(revision)
        now = await self._found(request)
        return self.frame.render(request, who, "limit_done.html", limit=_line(now), following=following)

    def _form(
        self,
        request: web.Request,
        who: Administrator,
        found: LimitShown,
        fields: Mapping[str, str],
        error: str = "",
        status: int = 200,
    ) -> web.Response:
        return self.frame.render(
            request,
            who,
            "limit.html",
            status,
            limit=_line(found),
            path=f"{_PATH}/{found.name}",
            rate=fields.get("rate", found.live.rate),
            burst=fields.get("burst", str(found.live.burst)),
            hours=fields.get("hours", ""),
            all_hours=HOURS,
            reason=fields.get("reason", ""),
            error=shown(error),
        )

    async def _found(self, request: web.Request) -> LimitShown:
        found = await self.settings.find(request.match_info["name"])
        if found is None:
            raise NobodyThere("no limit has this name")
        return found


def _line(one: LimitShown) -> Mapping[str, object]:
    return {
        "name": one.name,
        "file": one.file.text,
        "live": one.live.text,
        "is_changed": one.is_changed,
        "until": "" if one.until is None else iso(one.until),
        "seen": one.revision,
    }


def _value(found: LimitShown, fields: Mapping[str, str]) -> LimitValue:
    """Raises BadSetting."""
    return found.file if fields.get("back") == "yes" else typed(fields.get("rate", ""), fields.get("burst", ""))


def until_of(fields: Mapping[str, str], now: int) -> int | None:
    hours = fields.get("hours", "")
    return now + int(hours) * _HOUR_S if hours in HOURS and hours and fields.get("back") != "yes" else None
