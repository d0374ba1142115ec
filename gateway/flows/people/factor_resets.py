"""Removes second factors a day after their person was told, unless they keep them: whoever talks an operator into a
reset has to keep the person from their mail for as long.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.audit.factor_events import FactorRemoved, FactorResetStopped
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.login.account_acts import AccountAct
from gateway.core.login.factor_reset import Announced, Begin, next_step
from gateway.core.mail.kinds import MailKind
from gateway.core.passkeys.passkey import PASSKEY_NAME
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import Notices
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import NamedLinks
from gateway.flows.people.own_factors import drop_app
from gateway.flows.people.stands import end_stands, tell_redis

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class FactorRemoval:
    """What operators take away. All of it works in an act of somebody who has locked the person."""

    keys: Keys
    notices: Notices

    async def all(self, act: Act, user_id: UUID, reason: str) -> bool:
        """All that the person is in by ends. False: they had none, and nothing was changed."""
        await act.factor_resets.delete(user_id)
        removed = await drop_app(act, user_id, "by_operator", reason)
        for row in await act.passkeys.list(user_id):
            removed = await self._passkey(act, user_id, row.hash, reason) or removed
        await act.factors.remove_codes(user_id)
        await self._after(act, user_id, removed=removed)
        return removed

    async def passkey(self, act: Act, user_id: UUID, passkey_hash: bytes, reason: str) -> bool:
        """As all(), of one. The recovery codes go with the last factor."""
        removed = await self._passkey(act, user_id, passkey_hash, reason)
        await act.factors.drop_codes_of_none(user_id, act.now)
        await self._after(act, user_id, removed=removed)
        return removed

    async def app(self, act: Act, user_id: UUID, reason: str) -> bool:
        """As passkey(), of the authenticator app."""
        removed = await drop_app(act, user_id, "by_operator", reason)
        await self._after(act, user_id, removed=removed)
        return removed

    async def _passkey(self, act: Act, user_id: UUID, passkey_hash: bytes, reason: str) -> bool:
        removed = await act.passkeys.remove(passkey_hash, user_id)
        if removed:
            act.record(FactorRemoved(user_id, PASSKEY_NAME, "by_operator", reason, b64(passkey_hash)))
        return removed

    async def _after(self, act: Act, user_id: UUID, *, removed: bool) -> None:
        if removed:
            await end_stands(act, self.keys.tag, user_id, AccountAct.FACTOR_RESET)
            await self.notices.tell(act, user_id, MailKind.FACTOR_REMOVED)
        await tell_redis(act, self.keys.tag, user_id)


@dataclass(frozen=True, slots=True)
class FactorResets:
    """Those that were announced, and the links that stop them."""

    acts: Acts
    removal: FactorRemoval

    async def work(self) -> None:
        """One round of the leader's. Raises RecordUnavailable, and RedisBehind after the commit of one."""
        async with self.acts.begin() as act:
            waiting = await act.factor_resets.list_open(act.now, _AT_ONCE)
        for user_id in waiting:
            await self._take_up(user_id)

    async def _take_up(self, user_id: UUID) -> None:
        async with self.acts.begin() as act:
            found = await act.factor_resets.find(user_id)
        if found is None:
            return
        async with self.acts.begin(operator=found.actor) as act:
            await act.users.lock(user_id)
            row = await act.factor_resets.find(user_id)
            if row is None:  # somebody was first
                return
            arrival = await act.outbox.arrival(row.message_id)
            step = next_step(Announced(row.asked_at, row.due_at, arrival.state, arrival.done_at), act.now)
            if isinstance(step, Begin):
                await act.factor_resets.begin(user_id, step.due_at)
            elif step == "reset":
                await act.users.begin_change(user_id, act.now)
                await self.removal.all(act, user_id, row.reason)
            elif step == "stop":
                await act.factor_resets.delete(user_id)
                act.record(FactorResetStopped(user_id, "undelivered"))


@dataclass(frozen=True, slots=True)
class KeepFactors:
    """The link of the notice. Raises as NamedLinks does."""

    links: NamedLinks

    async def keep(self, token: str, name: str, visit: Visit) -> bool:
        """False: the link works no more, or the reset has happened. Raises WrongName."""
        meant = await self.links.meant(token, name, visit)
        if meant is None:
            return False
        async with self.links.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(meant.user.id)
            if not await act.links.use(meant.hash, act.now) or not await act.factor_resets.delete(meant.user.id):
                return False
            act.record(FactorResetStopped(meant.user.id, "by_person"))
        return True
