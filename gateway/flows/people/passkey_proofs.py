"""Takes a proof with a passkey, once: verifies it, claims its challenge, and compares its counter."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from gateway.core.assurance.steps import FactorProof
from gateway.core.audit.factor_events import PasskeySuspended
from gateway.core.passkeys.answer import BadAnswer, Counted, Verified, counted, is_of, read_answer, verify_proof
from gateway.core.passkeys.challenge import (
    NONCE_BYTES,
    Binding,
    ChallengeClaim,
    ChallengePurpose,
    claim_of,
    make_challenge,
)
from gateway.core.passkeys.options import second_options, sign_in_options
from gateway.core.passkeys.relying_party import RelyingParty
from gateway.flows.act import Act
from gateway.flows.decide.decisions import LiveLogin
from gateway.stores.postgres.passkeys import PasskeyRow

_USED: Final = "passkey"


class Why(Enum):
    """Why an answer is not taken. value: of the metric."""

    EXPIRED = "expired"  # the challenge is too old, was answered before, or is of another page or browser
    UNKNOWN = "wrong"  # nobody's, or not signed by it
    NOT_VERIFIED = "not_verified"  # it proves that somebody has it, and not who
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Taken:
    """Whose passkey it is, and what it proves."""

    user_id: UUID
    proof: FactorProof


@dataclass(frozen=True, slots=True)
class PasskeyRefused:
    """user_id: whose passkey it would be, None of nobody's."""

    why: Why
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PasskeyShown:
    """What a page sent. text: the browser's answer. browser: the csrf cookie. repr is left out: it names a passkey."""

    text: str
    browser: str


@dataclass(frozen=True, slots=True)
class PasskeyProofs:
    """key: of challenges. count: hears of each answer: passkey, and accepted or a value of Why."""

    key: bytes
    rp: RelyingParty
    random: Callable[[int], bytes]
    count: Callable[[str], None]

    def challenge(self, binding: Binding, now: int) -> bytes:
        """now: Unix seconds."""
        return make_challenge(self.key, binding, self.random(NONCE_BYTES), now)

    def sign_in_options(self, browser: str, now: int) -> str:
        """For a page of nobody in particular. browser: the csrf cookie."""
        return sign_in_options(self.rp, self.challenge(Binding(ChallengePurpose.SIGN_IN, browser), now))

    async def second_options(self, act: Act, user_id: UUID, browser: str) -> str:
        """For a page of a person whose name is known; "" for one who has no passkey that counts."""
        ids = [row.passkey.id for row in await act.passkeys.list(user_id) if row.suspended_at is None]
        binding = Binding(ChallengePurpose.SECOND, browser, str(user_id))
        return second_options(self.rp, self.challenge(binding, act.now), ids) if ids else ""

    async def take_alone(self, act: Act, shown: PasskeyShown, current: LiveLogin | None) -> Taken | PasskeyRefused:
        """Whose it is says the passkey; it has to be both factors. current: who is signed in here already."""
        return self._counted(await self._take(act, shown, Binding(ChallengePurpose.SIGN_IN, shown.browser), current))

    async def take_second(self, act: Act, user_id: UUID, shown: PasskeyShown) -> Taken | PasskeyRefused:
        """Of this person, whom the caller holds."""
        binding = Binding(ChallengePurpose.SECOND, shown.browser, str(user_id))
        return self._counted(await self._take(act, shown, binding, None))

    def _counted(self, outcome: Taken | PasskeyRefused) -> Taken | PasskeyRefused:
        self.count(f"passkey {'accepted' if isinstance(outcome, Taken) else outcome.why.value}")
        return outcome

    async def _take(
        self, act: Act, shown: PasskeyShown, binding: Binding, current: LiveLogin | None
    ) -> Taken | PasskeyRefused:
        try:
            answer = read_answer(shown.text)
        except BadAnswer:
            return PasskeyRefused(Why.UNKNOWN)
        claim = claim_of(self.key, binding, answer.challenge, act.now)
        if claim is None:
            return PasskeyRefused(Why.EXPIRED)
        row = await act.passkeys.find(answer.id)
        if row is None or not is_of(answer, row.user_id.bytes):
            return PasskeyRefused(Why.UNKNOWN)
        if binding.purpose is ChallengePurpose.SECOND and binding.login != str(row.user_id):
            return PasskeyRefused(Why.UNKNOWN)
        try:
            verified = verify_proof(self.rp, answer, row.passkey)
        except BadAnswer:
            return PasskeyRefused(Why.UNKNOWN, row.user_id)
        if binding.purpose is ChallengePurpose.SIGN_IN and not verified.proof.first:
            return PasskeyRefused(Why.NOT_VERIFIED, row.user_id)
        return await self._use(act, row, verified, claim, current)

    async def _use(
        self, act: Act, row: PasskeyRow, verified: Verified, claim: ChallengeClaim, current: LiveLogin | None
    ) -> Taken | PasskeyRefused:
        """Person, login, factor: held in this order, as everybody does.

        The challenge is claimed before the counter is compared: an answer that is sent twice suspends nothing.
        """
        user_id = row.user_id
        if not await act.users.hold(user_id):
            return PasskeyRefused(Why.UNKNOWN, user_id)
        if current is not None and current.person.user_id == user_id:
            await act.logins.hold(current.token.login_id, act.now)
        before = await act.passkeys.hold(row.hash)
        if before is None:
            return PasskeyRefused(Why.SUSPENDED, user_id)
        if not await act.used_ids.use(_USED, "", claim.hash, claim.until):
            return PasskeyRefused(Why.EXPIRED, user_id)
        if counted(before, verified.sign_count) is Counted.CLONED:
            await act.passkeys.suspend(row.hash, act.now)
            act.record(PasskeySuspended(user_id, before, verified.sign_count))
            return PasskeyRefused(Why.SUSPENDED, user_id)
        await act.passkeys.use(row.hash, verified.sign_count, act.now)
        return Taken(user_id, verified.proof)
