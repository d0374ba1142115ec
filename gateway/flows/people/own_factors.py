"""What a person does to their own second factors, on the auth host."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.assurance.change import FRESH, Lacking
from gateway.core.audit.factor_events import FactorAdded, FactorRemoved, RecoveryCodesMade
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.one_time_codes import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    SECRET_BYTES,
    app_code,
    in_groups,
    matching_step,
    new_recovery_code,
    recovery_hash,
)
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_NOTICES, Notices
from gateway.flows.may_change import MayNotChange, hold_for_change, lacking_for_change

_APP_ID_BYTES: Final = 16
TOTP_NAME: Final = "totp"


class NothingWaits(GatewayError):
    """There is no app that waits for its first code."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the person has. Times are Unix seconds. lacks: what this login has to prove before a change."""

    added_at: int | None
    last_used_at: int | None
    codes_left: int
    waits: bool
    lacks: Lacking | None


@dataclass(frozen=True, slots=True, repr=False)
class NewApp:
    """secret: shown once. repr is left out, because it is one."""

    secret: bytes


@dataclass(frozen=True, slots=True, repr=False)
class NewCodes:
    """In groups, as people type them. Empty: the person keeps those that they have. repr is left out."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """All of it raises RecordUnavailable; what changes something raises MayNotChange.

    A change locks the person, and ends logins that wait for a second step (threats.md L20).
    """

    acts: Acts
    keys: Keys
    random: Callable[[int], bytes]
    notices: Notices = NO_NOTICES

    async def overview(self, live: LiveLogin) -> Overview:
        user_id = live.person.user_id
        async with self.acts.begin() as act:
            app = await act.factors.app(user_id)
            lacks = await lacking_for_change(act, live)
            waiting = await act.factors.app(user_id, confirmed=False)
            left = await act.factors.codes_left(user_id, act.now)
        if app is None:
            return Overview(None, None, left.recovery, waiting is not None, lacks)
        return Overview(app.confirmed_at, app.last_used_at, left.recovery, waiting is not None, lacks)

    async def begin_app(self, live: LiveLogin, request_id: str) -> NewApp:
        """It counts when one of its codes is typed; until then the one before does."""
        async with self.change(live, request_id) as act:
            secret = self.random(SECRET_BYTES)
            await act.factors.add_app(self.random(_APP_ID_BYTES), live.person.user_id, secret, act.now)
        return NewApp(secret)

    async def confirm_app(self, live: LiveLogin, typed: str, request_id: str) -> NewCodes | None:
        """None: the code is wrong, and the app waits on. Recovery codes come with the first factor.

        Raises NothingWaits.
        """
        user_id, code = live.person.user_id, app_code(typed)
        async with self.change(live, request_id) as act:
            waiting = await act.factors.app(user_id, confirmed=False)
            if waiting is None:
                raise NothingWaits("no authenticator app waits for its first code")
            step = None if code is None else matching_step(waiting.secret, code, waiting.now)
            if step is None:
                return None
            replaced = await act.factors.app(user_id) is not None
            await act.factors.confirm_app(waiting.id, user_id, step, act.now)
            act.record(FactorAdded(user_id, TOTP_NAME, "yes" if replaced else None))
            await self.notices.tell(act, user_id, MailKind.FACTOR_ADDED)
            return await self.codes_with_first(act, user_id)

    async def renew_codes(self, live: LiveLogin, request_id: str) -> NewCodes:
        """Those before count no more. Raises NothingWaits where there is no factor that they could stand in for."""
        user_id = live.person.user_id
        async with self.change(live, request_id) as act:
            if not await act.factors.enrolled(user_id, act.now):
                raise NothingWaits("recovery codes stand in for a factor, and there is none")
            return NewCodes(await self._make_codes(act, user_id))

    async def remove_app(self, live: LiveLogin, request_id: str) -> bool:
        """The recovery codes go with the last factor. False: there was none."""
        async with self.change(live, request_id) as act:
            dropped = await drop_app(act, live.person.user_id, "by_person")
            if dropped:
                await self.notices.tell(act, live.person.user_id, MailKind.FACTOR_REMOVED)
            return dropped

    @asynccontextmanager
    async def change(self, live: LiveLogin, request_id: str) -> AsyncIterator[Act]:
        """The person is locked, and may change their factors now."""
        async with self.acts.begin(request_id=request_id) as act:
            if not await act.users.begin_change(live.person.user_id, act.now):
                raise MayNotChange(FRESH)
            await hold_for_change(act, live)
            yield act

    async def codes_with_first(self, act: Act, user_id: UUID) -> NewCodes:
        """None where the person has some: they came with another factor."""
        left = await act.factors.codes_left(user_id, act.now)
        return NewCodes(() if left.recovery else await self._make_codes(act, user_id))

    async def _make_codes(self, act: Act, user_id: UUID) -> tuple[str, ...]:
        codes = [new_recovery_code(self.random(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        hashes = [recovery_hash(self.keys.recovery, user_id, code) for code in codes]
        await act.factors.replace_codes(user_id, hashes, act.now)
        act.record(RecoveryCodesMade(user_id))
        return tuple(map(in_groups, codes))


async def drop_app(act: Act, user_id: UUID, why: str, reason: str | None = None) -> bool:
    """The caller holds the person. False: there was none."""
    removed = await act.factors.remove_app(user_id)
    await act.factors.drop_codes_of_none(user_id, act.now)
    if removed:
        act.record(FactorRemoved(user_id, TOTP_NAME, why, reason))
    return removed
