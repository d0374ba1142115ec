"""Takes what a person shows as a second factor, once: a code that they type, or a passkey."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from gateway.core.assurance.steps import RECOVERY_CODE, TOTP, FactorProof
from gateway.core.audit.factor_events import FactorFailed, RecoveryCodeUsed
from gateway.core.keys import Keys
from gateway.core.login.lockout import Door, Proving
from gateway.core.login.one_time_codes import app_code, matching_step, recovery_code, recovery_hash
from gateway.core.mail.kinds import MailKind
from gateway.core.privacy.sealing import NOBODY
from gateway.flows.act import Act
from gateway.flows.mail.notices import NO_NOTICES, Notices
from gateway.flows.people.issuing import Visit
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyShown, Taken
from gateway.stores.postgres.factors import FOR_FACTOR

WRONG: Final = "wrong"
_FEW_LEFT: Final = 3


@dataclass(frozen=True, slots=True, repr=False)
class ShownFactor:
    """What somebody shows, and whose it has to be. email: theirs. With a passkey nothing that was typed counts.

    repr is left out: it is personal.
    """

    user_id: UUID
    email: str
    step: Literal["login", "step_up", "reset"]
    visit: Visit
    typed: str
    passkey: PasskeyShown | None = None


@dataclass(frozen=True, slots=True)
class FactorProofs:
    """count: hears of the factor and of what came of it: accepted or wrong."""

    keys: Keys
    passkeys: PasskeyProofs
    lockouts: Lockouts
    count: Callable[[str], None]
    notices: Notices = NO_NOTICES

    async def take(self, act: Act, shown: ShownFactor) -> FactorProof | None:
        """None: wrong, used before, or the door is locked; counted, and its entry is recorded.

        It is used up with the transaction; the caller holds the person. Raises BrokenSeal or
        CorruptRow for a row that is not ours.
        """
        if shown.passkey is None:
            return await self._typed(act, shown)
        taken = await self.passkeys.take_second(act, shown.user_id, shown.passkey)
        if isinstance(taken, Taken):
            return taken.proof
        act.record(_failed(shown))  # and no door looks: nobody guesses a signature
        return None

    async def _typed(self, act: Act, shown: ShownFactor) -> FactorProof | None:
        """At a locked door the same statements as for a wrong code, whatever was typed (threats.md L16)."""
        code, user_id = app_code(shown.typed), shown.user_id
        door, locked = await self.lockouts.look(act, Proving.FACTOR, user_id, "", shown.visit.source)
        if code:
            proof = await self._app(act, user_id, code, door, locked=locked)
        else:
            proof = await self._code(act, user_id, shown.typed, locked=locked)
        kind = "totp" if code else "recovery_code"
        self.count(f"{kind} {WRONG if proof is None else 'accepted'}")
        if proof is None:
            await self.lockouts.count(act, door, _failed(shown, locked=locked), shown.email)
        return proof

    async def _app(self, act: Act, user_id: UUID, code: str, door: Door, *, locked: bool) -> FactorProof | None:
        app = await act.factors.app(user_id)
        step = None if app is None else matching_step(app.secret, code, app.now)
        if app is None or step is None or locked or await self.lockouts.was_locked(act, door):
            return None
        return TOTP if await act.factors.claim_step(app.id, step, act.now) else None

    async def _code(self, act: Act, user_id: UUID, typed: str, *, locked: bool) -> FactorProof | None:
        """Nobody guesses 120 bits, so a lock that comes meanwhile does not matter."""
        code = recovery_code(typed)
        if code is None:
            return None
        whose = NOBODY if locked else user_id
        used = await act.factors.use_code(user_id, recovery_hash(self.keys.recovery, whose, code), FOR_FACTOR, act.now)
        if used is None:
            return None
        left = await act.factors.codes_left(user_id, act.now)
        act.record(RecoveryCodeUsed(user_id, used, left.recovery))
        await self.notices.tell(act, user_id, MailKind.RECOVERY_CODE_USED)
        if left.recovery <= _FEW_LEFT:
            await self.notices.tell(act, user_id, MailKind.RECOVERY_CODES_LOW)
        return RECOVERY_CODE


def _failed(shown: ShownFactor, *, locked: bool = False) -> FactorFailed:
    visit, why = shown.visit, "locked" if locked else None
    return FactorFailed(shown.user_id, shown.step, visit.address_text, visit.user_agent, why)
