"""Erases a person: one transaction that can't be taken back, then the steps that any leader resumes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import structlog

from gateway.core.admin.acts import AdminRole
from gateway.core.audit.privacy_events import UserErased
from gateway.core.audit.statement import signed
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.account_acts import AccountAct
from gateway.core.principal.ask import RecordKind
from gateway.core.privacy.erasure import CERTIFICATE, ErasureReason, ErasureStep, Held, Reach, certificate
from gateway.core.session.tokens import tag_of
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts, RedisBehind
from gateway.flows.mail.notices import NO_NOTICES, Notices
from gateway.flows.people.owners import LastOwner, refuse_no_owner
from gateway.flows.people.stands import end_stands
from gateway.flows.transaction import GONE, GaveWay, RecordUnavailable
from gateway.stores.files.checkpoints import CheckpointsUnusable, signing_key
from gateway.stores.files.ledger import Erased, Ledger, LedgerLine, LedgerUnusable
from gateway.stores.postgres.erasures import ErasureRow, Erasures, NotRewritten
from gateway.stores.postgres.users import UnknownUser
from gateway.stores.reasons import reason_of

_AT_ONCE: Final = 100
DEFAULT_KEEP_S: Final = 30 * DAY_S
_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.1
_RECORDS: Final[tuple[RecordKind, ...]] = ("login", "grant", "key")
_BY_ITSELF: Final = "gateway"
_LOG: Final = structlog.stdlib.get_logger("gateway.erasure")
T = TypeVar("T")


class Unfinished(GatewayError):
    """The person is erased, and a later step can't be done now. A leader does it as soon as it can."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """jws: signed with the checkpoint key of the node that did the last step. backups_until: as in it."""

    user_id: UUID
    jws: str
    reach: Reach
    backups_until: int | None


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """Where a node keeps its evidence. directory: of the checkpoints, or else data_dir."""

    directory: Path
    data_dir: Path

    def note(self, lines: Sequence[LedgerLine], forget_before: int = 0) -> None:
        """In the ledger. Raises Unfinished."""
        try:
            Ledger.open(self.directory, self.data_dir).add(lines, forget_before)
        except (OSError, CheckpointsUnusable, LedgerUnusable) as error:
            raise Unfinished(f"the ledger could not be written: {error}") from error

    def sign(self, claims: dict[str, object]) -> str:
        """Raises Unfinished."""
        try:
            return signed(signing_key(self.directory, self.data_dir), CERTIFICATE, claims)
        except (OSError, CheckpointsUnusable) as error:
            raise Unfinished(f"the certificate could not be signed: {error}") from error


@dataclass(frozen=True, slots=True)
class Erasure:
    """by_itself: whether what people asked for is done when it is due. keep_s: how long key files of backups stay. All
    of it raises RecordUnavailable.
    """

    acts: Acts
    keys: Keys
    files: NodeFiles
    by_itself: bool = False
    keep_s: int = DEFAULT_KEEP_S
    notices: Notices = NO_NOTICES
    _told: set[UUID] = field(default_factory=set)

    async def erase(self, name: str, reason: ErasureReason, operator: str) -> UUID:
        """The point of no return; finish() does the rest. Raises UnknownUser, Held or LastOwner."""

        async def attempt() -> UUID:
            with suppress(RedisBehind):  # a step of its own tells Redis
                async with self.acts.begin(operator=operator) as act:
                    await self._hold_off(act)
                    user_id = (await act.users.named(name)).id
                    await self._lock(act, user_id)
                    await self._erase(act, user_id, reason, operator)
            return user_id

        return await _insist(attempt)

    async def finish(self, user_id: UUID) -> Certificate:
        """What is left of the steps. Raises Unfinished, and UnknownUser for somebody who was not erased."""
        erasure = await self._find(user_id)
        for step, work in self._steps():
            if step not in erasure.done:
                content = await work(erasure)
                async with self.acts.begin() as act:
                    await act.erasures.finish(erasure.id, step, content, act.now)
                erasure = await self._find(user_id)
        jws = erasure.contents[ErasureStep.CERTIFICATE]
        return Certificate(user_id, jws, _reach(erasure), await self._backups_until(erasure))

    async def work(self) -> None:
        """One round of the leader's: erases who is due, and finishes what was left."""
        async with self.acts.begin() as act:
            due = await act.erasure_requests.due(act.now, _AT_ONCE, also_own=self.by_itself)
        for request in due:
            await self._erase_due(request.user_id)
        async with self.acts.begin() as act:
            left = await act.erasures.unfinished(_AT_ONCE)
        for user_id in left:
            try:
                await self.finish(user_id)
            except Unfinished as error:
                if user_id not in self._told:
                    self._told.add(user_id)
                    _LOG.warning("an erasure waits", user=str(user_id), why=str(error))
            else:
                self._told.discard(user_id)
                _LOG.info("an erasure is done", user=str(user_id))

    async def take(self, user_id: UUID, is_due: Callable[[Act, UUID], Awaitable[bool]]) -> bool:
        """Whom retention takes; the leader does the rest. is_due: asked once the person is locked. False: they are not
        due any more, a hold stands, or it is the last owner.
        """

        async def reason(act: Act) -> ErasureReason | None:
            return "unneeded" if await is_due(act, user_id) else None

        return await self._erase_if(user_id, reason)

    async def _erase_due(self, user_id: UUID) -> None:
        """Nothing is done where it was taken back meanwhile, a hold stands, or it is the last owner."""

        async def reason(act: Act) -> ErasureReason | None:
            request = await act.erasure_requests.lock_due(user_id, act.now)
            return None if request is None else request.reason

        await self._erase_if(user_id, reason)

    async def _erase_if(self, user_id: UUID, why: Callable[[Act], Awaitable[ErasureReason | None]]) -> bool:
        async def attempt() -> bool:
            try:
                async with self.acts.begin() as act:
                    await self._hold_off(act)
                    await self._lock(act, user_id)
                    reason = await why(act)
                    if reason is not None:
                        await self._erase(act, user_id, reason, "")
            except (UnknownUser, Held, LastOwner):
                return False
            except RedisBehind:  # a step of its own tells Redis
                return True
            return reason is not None

        return await _insist(attempt)

    async def _erase(self, act: Act, user_id: UUID, reason: ErasureReason, operator: str) -> None:
        """Of a person that is locked."""
        user = await act.users.find(user_id)
        if user is not None:
            await self.notices.farewell(act, user)
        was_owner = await act.admin_roles.of(user_id, act.now) is AdminRole.OWNER
        await take_away(act, self.keys.tag, user_id, reason, operator)
        if was_owner:
            await refuse_no_owner(act)

    async def _hold_off(self, act: Act) -> None:
        """Whoever adds holds or takes owners away waits, before anybody is locked."""
        await act.admin_roles.lock_owners()
        await act.holds.wait_for_none()

    async def _lock(self, act: Act, user_id: UUID) -> None:
        """The person first, then all that is theirs. Raises UnknownUser or Held."""
        if not await act.erasures.lock(user_id):
            raise UnknownUser("somebody else has erased the person at the same moment")
        await act.erasures.give_way()
        hold = await act.holds.standing(user_id, act.now)
        if hold is not None:
            raise Held(f"hold {hold} keeps the person from being erased; `bastion hold list` shows it")

    def _steps(self) -> tuple[tuple[ErasureStep, Callable[[ErasureRow], Awaitable[str]]], ...]:
        return (
            (ErasureStep.REDIS, self._tell_redis),
            (ErasureStep.LEDGER, self._note),
            (ErasureStep.KEY_FILES, self._rewrite),
            (ErasureStep.CERTIFICATE, self._certify),
        )

    async def _tell_redis(self, erasure: ErasureRow) -> str:
        """Ends first, then the person's own record, which alone has words."""
        tag, records = tag_of(self.keys.tag, erasure.user_id), json.loads(erasure.contents[ErasureStep.REDIS])
        try:
            async with self.acts.begin() as act:
                for kind in _RECORDS:
                    for record in records[kind]:
                        act.ends(kind, tag, b64(bytes.fromhex(record)))
                act.stales_person(tag)
        except RedisBehind as error:
            raise Unfinished("Redis does not answer") from error
        return ""

    async def _note(self, erasure: ErasureRow) -> str:
        await asyncio.to_thread(self.files.note, [Erased(erasure.user_id, erasure.erased_at)])
        return ""

    async def _rewrite(self, erasure: ErasureRow) -> str:
        """VACUUM refuses to run in a transaction."""
        try:
            async with self.acts.pool.acquire() as connection:
                await Erasures(connection).rewrite(erasure.id, erasure.user_id)
        except GONE as error:
            raise RecordUnavailable(f"Postgres does not answer: {reason_of(error)}") from error
        except NotRewritten as error:
            raise Unfinished(str(error)) from error
        return ""

    async def _certify(self, erasure: ErasureRow) -> str:
        until = await self._backups_until(erasure)
        claims = certificate(
            erasure.id, erasure.user_id, erasure.erased_at, erasure.done, _reach(erasure), until, self.acts.clock()
        )
        return await asyncio.to_thread(self.files.sign, claims)

    async def _backups_until(self, erasure: ErasureRow) -> int | None:
        async with self.acts.begin() as act:
            last = await act.erasures.last_backup(erasure.erased_at)
        return None if last is None else last + self.keep_s

    async def _find(self, user_id: UUID) -> ErasureRow:
        async with self.acts.begin() as act:
            erasure = await act.erasures.find(user_id)
        if erasure is None:
            raise UnknownUser(f"nobody with the id {user_id} was erased")
        return erasure


async def _insist(attempt: Callable[[], Awaitable[T]]) -> T:
    """Others hold rows of a person for moments: once they are done, an erasure that gave way to them gets through."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except GaveWay:
            await asyncio.sleep(_PAUSE_S)
    return await attempt()


def _reach(erasure: ErasureRow) -> Reach:
    found = json.loads(erasure.contents[ErasureStep.ROWS])
    return Reach(**{name: tuple(ids) for name, ids in found.items()})


async def take_away(act: Act, tag_key: bytes, user_id: UUID, reason: ErasureReason, operator: str) -> None:
    """Of somebody who is locked: the point of no return. operator "": it was due."""
    reach, records = await act.erasures.reach(user_id), await act.erasures.records(user_id, act.now)
    ended = await end_stands(act, tag_key, user_id, AccountAct.ERASED)
    await act.audit.forget_terms(user_id)
    await act.users.give_up_names(user_id, act.now)
    await act.erasures.erase(user_id, act.now)
    act.record(UserErased(user_id, tuple(map(b64, ended)), reason, None if operator else "due"))
    left = {ErasureStep.ROWS: asdict(reach), ErasureStep.REDIS: records}
    await act.erasures.add(user_id, operator or _BY_ITSELF, act.now, left)
