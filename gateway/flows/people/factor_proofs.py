"""Takes what a person shows as a second factor, once: a code that they type, or a passkey."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.assurance.steps import RECOVERY_CODE, TOTP, FactorProof
from gateway.core.audit.factor_events import RecoveryCodeUsed
from gateway.core.keys import Keys
from gateway.core.login.one_time_codes import app_code, matching_step, recovery_code, recovery_hash
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Act
from gateway.flows.mail.notices import NO_NOTICES, Notices
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyShown, Taken

WRONG: Final = "wrong"
_FEW_LEFT: Final = 3


@dataclass(frozen=True, slots=True)
class FactorProofs:
    """count: hears of the factor and of what came of it: accepted or wrong."""

    keys: Keys
    passkeys: PasskeyProofs
    count: Callable[[str], None]
    notices: Notices = NO_NOTICES

    async def take(
        self, act: Act, user_id: UUID, typed: str, passkey: PasskeyShown | None = None
    ) -> FactorProof | None:
        """With a passkey nothing that was typed counts. None: wrong, or used before.

        It is used up with the transaction; the caller holds the person. Raises BrokenSeal or
        CorruptRow for a row that is not ours.
        """
        if passkey is None:
            return await self._typed(act, user_id, typed)
        taken = await self.passkeys.take_second(act, user_id, passkey)
        return taken.proof if isinstance(taken, Taken) else None

    async def _typed(self, act: Act, user_id: UUID, typed: str) -> FactorProof | None:
        code = app_code(typed)
        proof = await self._app(act, user_id, code) if code else await self._code(act, user_id, typed)
        kind = "totp" if code else "recovery_code"
        self.count(f"{kind} {WRONG if proof is None else 'accepted'}")
        return proof

    async def _app(self, act: Act, user_id: UUID, code: str) -> FactorProof | None:
        app = await act.factors.app(user_id)
        step = None if app is None else matching_step(app.secret, code, app.now)
        if app is None or step is None or not await act.factors.claim_step(app.id, step, act.now):
            return None
        return TOTP

    async def _code(self, act: Act, user_id: UUID, typed: str) -> FactorProof | None:
        code = recovery_code(typed)
        if code is None:
            return None
        used = await act.factors.use_code(user_id, recovery_hash(self.keys.recovery, user_id, code), act.now)
        if used is None:
            return None
        left = await act.factors.codes_left(user_id, act.now)
        act.record(RecoveryCodeUsed(user_id, used, left.recovery))
        await self.notices.tell(act, user_id, MailKind.RECOVERY_CODE_USED)
        if left.recovery <= _FEW_LEFT:
            await self.notices.tell(act, user_id, MailKind.RECOVERY_CODES_LOW)
        return RECOVERY_CODE
