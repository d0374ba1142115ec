"""What operators do to second factors of people: look, make a code that stands in for one, take a lost one away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.factor_events import FactorResetAnnounced, OperatorCodeMade
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.one_time_codes import RECOVERY_BYTES, in_groups, new_recovery_code, recovery_hash
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Acts
from gateway.flows.mail.notices import Notices
from gateway.flows.people.factor_resets import FactorRemoval
from gateway.flows.people.own_factors import TOTP_NAME
from gateway.flows.people.users import check_reason
from gateway.stores.postgres.factor_resets import FactorResetRow
from gateway.stores.postgres.factors import CodeKind
from gateway.stores.postgres.passkeys import PasskeyRow
from gateway.stores.postgres.users import UnknownUser

_ID_BYTES: Final = 6


class NotTold(GatewayError):
    """The person has no address, or there is no way for mail."""


@dataclass(frozen=True, slots=True, repr=False)
class EnrolledFactor:
    """id: for remove(). name: of a passkey, by its owner. Times are Unix seconds. repr is left out: it is personal."""

    id: str
    name: str
    added_at: int
    last_used_at: int | None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class EnrolledFactors:
    """reset_asked_at, reset_due_at: of a reset that waits; without the second, for its notice. Unix seconds."""

    factors: tuple[EnrolledFactor, ...]
    recovery_codes: int
    operator_codes: int
    reset_asked_at: int | None
    reset_due_at: int | None


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
            passkeys = await act.passkeys.list(user.id)
            left = await act.factors.codes_left(user.id, act.now)
            reset = await act.factor_resets.find(user.id)
        found = [
            EnrolledFactor(_id_of(one), one.name, one.created_at, one.last_used_at, one.suspended_at is not None)
            for one in passkeys
        ]
        if app is not None and app.confirmed_at is not None:
            found.insert(0, EnrolledFactor(TOTP_NAME, "", app.confirmed_at, app.last_used_at))
        times = (None, None) if reset is None else (reset.asked_at, reset.due_at)
        return EnrolledFactors(tuple(found), left.recovery, left.operator + left.operator_mail, *times)

    async def make_code(self, name: str, lasts_s: int, reason: str) -> str:
        """It stands in once for a factor, or for a mailed code if the person has no factor now; never for the other.

        One before counts no more.
        """
        check_reason(reason)
        code = new_recovery_code(self.random(RECOVERY_BYTES))
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            await act.users.lock(user.id)  # and no more: whoever waits for the code goes on with their attempt
            if not await act.users.hold(user.id):
                raise UnknownUser(f"{name} is disabled, so no code lets them in; enable them first")
            expires_at = act.now + lasts_s
            hash_ = recovery_hash(self.keys.recovery, user.id, code)
            kind: CodeKind = "operator" if await act.factors.enrolled(user.id, act.now) else "operator_mail"
            await act.factors.add_operator_code(user.id, hash_, kind, act.now, expires_at)
            act.record(OperatorCodeMade(user.id, expires_at, reason))
            await self.notices.add(act, user, MailKind.OPERATOR_CODE_MADE)
        return in_groups(code)

    async def remove(self, name: str, factor_id: str, reason: str) -> bool:
        """One factor, by its id of show(); all that the person is in by ends. False: they have no such factor.

        Raises RedisBehind after the commit.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            await act.users.begin_change(user.id, act.now)
            if factor_id == TOTP_NAME:
                return await self._removal.app(act, user.id, reason)
            for row in await act.passkeys.list(user.id):
                if _id_of(row) == factor_id:
                    return await self._removal.passkey(act, user.id, row.hash, reason)
        return False

    async def reset(self, name: str, reason: str) -> bool:
        """All factors go, and all that the person is in by ends. False: they had none, and nothing was changed.

        Raises RedisBehind after the commit.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            await act.users.begin_change(user.id, act.now)
            return await self._removal.all(act, user.id, reason)

    async def announce(self, name: str, reason: str) -> bool:
        """As reset, a day after the person was told, unless they stop it. False: they have no factor, or one waits.

        Raises NotTold.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            await act.users.lock(user.id)
            if not self.notices.is_on or not user.email:
                raise NotTold(f"{name} can't be told by mail, so a reset could not wait for them; see --now")
            waits = await act.factor_resets.find(user.id) is not None
            if waits or not await act.factors.enrolled(user.id, act.now):
                return False
            message_id = await self.notices.write(act, user.id, user.email, MailKind.FACTOR_RESET_ANNOUNCED)
            assert message_id is not None
            await act.factor_resets.add(user.id, FactorResetRow(act.now, message_id, None, self.actor, reason))
            act.record(FactorResetAnnounced(user.id, reason))
        return True

    @property
    def _removal(self) -> FactorRemoval:
        return FactorRemoval(self.keys, self.notices)


def _id_of(row: PasskeyRow) -> str:
    """Short enough to be typed; unique among 20."""
    return b64(row.hash[:_ID_BYTES])
