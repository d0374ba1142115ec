"""Live settings: /admin/limits as JSON. A change says by If-Match which revision it is of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.live_limits import MOST_BURST, BadSetting, LimitValue, typed
from gateway.flows.admin.live_settings import LimitShown, SettingsAdmin, WantedLimit
from gateway.flows.admin.people import AdminLimits, NobodyThere
from gateway.web.api.operation import AnyOperation, Call, Operation
from gateway.web.api.shapes import ApiAnswer, Given, Nothing, ReasonGiven, Revised, Time, whole

_NO_SETTING = "no setting has this name"
_CHANGE = (409, 429)


class LimitGiven(Given):
    rate: Annotated[
        str, Field(pattern="^[1-9][0-9]{0,7}/(s|min|h|d)$", description="A count and a period, such as 10/min.")
    ]
    burst: (
        Annotated[
            int,
            Field(ge=1, le=MOST_BURST, description="How many at once; without it all of a period."),
            BeforeValidator(whole),
        ]
        | None
    ) = None
    until: Time | None = None
    reason: ReasonGiven


class ResetGiven(Given):
    reason: ReasonGiven


class LimitNumbers(ApiAnswer):
    rate: str
    burst: int


class SettingLine(Revised):
    """revision 0: the file's value holds. until: when it holds again."""

    name: str
    file: LimitNumbers
    live: LimitNumbers
    is_changed: bool
    until: int | None


class SettingsFound(ApiAnswer):
    settings: tuple[SettingLine, ...]


class SettingNow(SettingLine):
    """workers: how many there are, and in_force: on how many of them the change is. behind: a line for each other."""

    workers: int
    in_force: int
    behind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingsOperations:
    settings: SettingsAdmin
    limits: AdminLimits
    clock: Callable[[], int]

    def all(self) -> Sequence[AnyOperation]:
        change = AdminAct.LIMITS
        return (
            Operation(
                "listSettings", "GET", "/settings", "List settings", AdminAct.LOOK, Nothing, SettingsFound, self.list
            ),
            Operation(
                "getSetting", "GET", "/settings/{name}", "Show one", AdminAct.LOOK, Nothing, SettingLine, self.show
            ),
            Operation(
                "setSetting", "PUT", "/settings/{name}", "Change a setting, and wait up to 5 s for all workers", change,
                LimitGiven, SettingNow, self.set, conditional=True, may=_CHANGE,
            ),
            Operation(
                "resetSetting", "POST", "/settings/{name}/reset", "Go back to the file's value", change, ResetGiven,
                SettingNow, self.reset, conditional=True, may=_CHANGE,
            ),
        )  # fmt: skip

    async def list(self, _call: Call, _asked: Nothing) -> SettingsFound:
        return SettingsFound(settings=tuple(_shown(one) for one in await self.settings.list()))

    async def show(self, call: Call, _asked: Nothing) -> SettingLine:
        return _shown(await self._found(call))

    async def set(self, call: Call, given: LimitGiven) -> SettingNow:
        if given.until is not None and given.until <= self.clock():
            raise BadSetting("until is past")
        value = typed(given.rate, "" if given.burst is None else str(given.burst))
        return await self._change(call, value, given.until, given.reason)

    async def reset(self, call: Call, given: ResetGiven) -> SettingNow:
        return await self._change(call, None, None, given.reason)

    async def _change(self, call: Call, value: LimitValue | None, until: int | None, reason: str) -> SettingNow:
        name, who = (await self._found(call)).name, call.who
        await self.limits.acts.before(who.user_id)
        wanted = WantedLimit(name, value, until, reason, call.seen)
        revision = await self.settings.change(wanted, who.name, who.user_id, call.request_id, who.token)
        following, now = await self.settings.follow(revision), _shown(await self._found(call))
        return SettingNow(
            **dict(now), workers=following.workers, in_force=following.in_force, behind=tuple(following.behind)
        )

    async def _found(self, call: Call) -> LimitShown:
        found = await self.settings.find(call.path["name"])
        if found is None:
            raise NobodyThere(_NO_SETTING)
        return found


def _shown(one: LimitShown) -> SettingLine:
    return SettingLine(
        revision=one.revision,
        name=one.name,
        file=LimitNumbers(rate=one.file.rate, burst=one.file.burst),
        live=LimitNumbers(rate=one.live.rate, burst=one.live.burst),
        is_changed=one.is_changed,
        until=one.until,
    )
