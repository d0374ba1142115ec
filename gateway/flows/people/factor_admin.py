"""What operators do to second factors of people: look, make a code that stands in for one, take a lost one away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.factor_events import FactorRemoved, OperatorCodeMade
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.one_time_codes import RECOVERY_BYTES, in_groups, new_recovery_code, recovery_hash
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Acts
from gateway.flows.mail.notices import Notices
from gateway.flows.people.own_factors import drop_app
from gateway.flows.people.own_passkeys import PASSKEY_NAME
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.flows.people.users import check_reason
from gateway.stores.postgres.users import UnknownUser

_RESET: Final = "factor_reset"


class NoFactor(GatewayError):
    """The person has no second factor."""


@dataclass(frozen=True, slots=True)
class EnrolledFactors:
    """added_at None: the person has no authenticator app. Times are Unix seconds."""

    added_at: int | None
    last_used_at: int | None
    passkeys: int
    recovery_codes: int
    operator_codes: int


@dataclass(frozen=True, slots=True)
class FactorAdmin:
    """actor: who acts, as the audit log is to name them. Names are user names or e-mail addresses.

    Everything raises UnknownUser and RecordUnavailable; what changes something raises BadReason too.
    """

    acts: Acts
    keys: Keys
    random: Callable[[int], bytes]
    notices: Notices
    actor: str

    async def show(self, name: str) -> EnrolledFactors:
        async with self.acts.begin() as act:
            user = await act.users.named(name)
            app = await act.factors.app(user.id)
            passkeys = len(await act.passkeys.list(user.id))
            left = await act.factors.codes_left(user.id, act.now)
        added_at, last_used_at = (None, None) if app is None else (app.confirmed_at, app.last_used_at)
        return EnrolledFactors(added_at, last_used_at, passkeys, left.recovery, left.operator)

    async def make_code(self, name: str, lasts_s: int, reason: str) -> str:
        """A code that stands in for a factor once; one before counts no more. Raises NoFactor."""
        check_reason(reason)
        code = new_recovery_code(self.random(RECOVERY_BYTES))
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            if not await act.users.begin_change(user.id, act.now):
                raise UnknownUser(f"{name} is disabled, so no code lets them in; enable them first")
            if not await act.factors.enrolled(user.id, act.now):
                raise NoFactor(f"{name} has no second factor that a code could stand in for")
            expires_at = act.now + lasts_s
            hash_ = recovery_hash(self.keys.recovery, user.id, code)
            await act.factors.add_operator_code(user.id, hash_, act.now, expires_at)
            act.record(OperatorCodeMade(user.id, expires_at, reason))
        return in_groups(code)

    async def reset(self, name: str, reason: str) -> bool:
        """All factors go, and all that the person is in by ends. False: they had none, and nothing was changed.

        Raises RedisBehind after the commit.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            await act.users.begin_change(user.id, act.now)
            removed = await drop_app(act, user.id, "by_operator", reason)
            for row in await act.passkeys.list(user.id):
                removed = await act.passkeys.remove(row.hash, user.id) or removed
                act.record(FactorRemoved(user.id, PASSKEY_NAME, "by_operator", reason))
            await act.factors.remove_codes(user.id)
            if removed:
                await end_stands(act, self.keys.tag, user.id, _RESET)
                await self.notices.tell(act, user.id, MailKind.FACTOR_REMOVED)
            await tell_redis(act, self.keys.tag, user.id)
        return removed
