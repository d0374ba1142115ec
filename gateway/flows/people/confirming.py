"""Sends and takes the codes that confirm a login and are no factor: mailed ones, and those of operators."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from gateway.core.audit.factor_events import RecoveryCodeUsed
from gateway.core.keys import Keys
from gateway.core.login.mail_code import MAIL_CODE_BYTES, is_mail_code, mail_code_hash, new_mail_code, typed_mail_code
from gateway.core.login.one_time_codes import recovery_code, recovery_hash
from gateway.flows.act import Act
from gateway.flows.mail.notices import NO_FACTS, NO_NOTICES, NoticeFacts, Notices
from gateway.stores.postgres.factors import FOR_MAIL
from gateway.stores.postgres.users import UserRow

ConfirmWay: TypeAlias = Literal["mail_code", "operator_code"]


@dataclass(frozen=True, slots=True)
class Confirming:
    """bound_to: the attempt or the login that a code confirms; it confirms nothing else."""

    keys: Keys
    random: Callable[[int], bytes]
    notices: Notices = NO_NOTICES

    def can_mail(self, user: UserRow) -> bool:
        """An address counts as proven: its person confirmed it by a link, or an operator entered it."""
        return self.notices.is_on and bool(user.email)

    async def send(self, act: Act, user: UserRow, bound_to: bytes, facts: NoticeFacts = NO_FACTS) -> bytes | None:
        """What Postgres is to have of the code. None: none was sent, because too many were, or there is no way."""
        code = new_mail_code(self.random(MAIL_CODE_BYTES))
        if not await self.notices.code(act, user, code, facts):
            return None
        return mail_code_hash(self.keys.mail_code, bound_to, code)

    async def take(self, act: Act, user_id: UUID, typed: str, bound_to: bytes, mailed: bytes | None) -> bool:
        """mailed: what send() gave. False: wrong, or used before. An operator's code is used up with the transaction;
        the caller holds the person, and uses a mailed one up.
        """
        code = typed_mail_code(typed)
        if code is not None:
            return mailed is not None and is_mail_code(self.keys.mail_code, bound_to, code, mailed)
        operators = recovery_code(typed)
        if operators is None:
            return False
        hash_ = recovery_hash(self.keys.recovery, user_id, operators)
        used = await act.factors.use_code(user_id, hash_, FOR_MAIL, act.now)
        if used is not None:
            act.record(RecoveryCodeUsed(user_id, used, 0))
        return used is not None
