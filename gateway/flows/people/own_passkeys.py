"""What a person does to their own passkeys, on the auth host."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.audit.factor_events import FactorAdded, FactorRemoved
from gateway.core.base64url import b64
from gateway.core.mail.kinds import MailKind
from gateway.core.passkeys.answer import BadAnswer, PasskeyAnswer, read_answer, verify_enrolment
from gateway.core.passkeys.challenge import Binding, ChallengePurpose, claim_of
from gateway.core.passkeys.options import PasskeyOwner, enrolment_options
from gateway.core.passkeys.passkey import PASSKEY_NAME, Passkey
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.own_factors import NewCodes, OwnFactors
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyShown

NAME_CHARS: Final = 60
_USED: Final = "enrolment"


class NotEnrolled(Enum):
    EXPIRED = "expired"
    FAILED = "failed"
    TAKEN = "taken"  # it is enrolled already, or the person has as many as one may have


@dataclass(frozen=True, slots=True, repr=False)
class OwnPasskey:
    """Times are Unix seconds. repr is left out: the name is personal."""

    hash: bytes
    name: str
    added_at: int
    last_used_at: int | None
    alone: bool
    device_bound: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class OwnPasskeys:
    """All of it raises RecordUnavailable; what changes something raises MayNotChange, as OwnFactors does."""

    factors: OwnFactors
    proofs: PasskeyProofs

    async def list(self, live: LiveLogin) -> tuple[OwnPasskey, ...]:
        """The oldest first."""
        async with self.factors.acts.begin() as act:
            rows = await act.passkeys.list(live.person.user_id)
        return tuple(
            OwnPasskey(
                row.hash,
                row.name,
                row.created_at,
                row.last_used_at,
                row.passkey.alone,
                row.passkey.device_bound,
                row.suspended_at is not None,
            )
            for row in rows
        )

    async def options(self, live: LiveLogin, browser: str) -> str:
        """What the browser is asked to make. browser: the csrf cookie."""
        async with self.factors.acts.begin() as act:
            rows = await act.passkeys.list(live.person.user_id)
            challenge = self.proofs.challenge(_binding(live, browser), act.now)
        owner = PasskeyOwner(live.person.user_id, live.person.username, live.person.name)
        return enrolment_options(self.proofs.rp, owner, challenge, [row.passkey.id for row in rows])

    async def enrol(self, live: LiveLogin, shown: PasskeyShown, name: str, request_id: str) -> NewCodes | NotEnrolled:
        """Recovery codes come with the first factor, whichever it is."""
        try:
            answer = read_answer(shown.text)
            passkey = verify_enrolment(self.proofs.rp, answer)
        except BadAnswer:
            return NotEnrolled.FAILED
        return await self._add(live, shown.browser, answer, passkey, name, request_id)

    async def rename(self, live: LiveLogin, passkey_hash: bytes, name: str) -> None:
        """Another person's is left as it is. It changes nothing that anybody proves, so it needs no fresh login."""
        async with self.factors.acts.begin() as act:
            for row in await act.passkeys.list(live.person.user_id):
                if row.hash == passkey_hash and name:
                    await act.passkeys.rename(row, name[:NAME_CHARS])

    async def remove(self, live: LiveLogin, passkey_hash: bytes, request_id: str) -> bool:
        """The recovery codes go with the last factor. False: the person has no such passkey."""
        user_id = live.person.user_id
        async with self.factors.change(live, request_id) as act:
            removed = await act.passkeys.remove(passkey_hash, user_id)
            if removed:
                await act.factors.drop_codes_of_none(user_id, act.now)
                act.record(FactorRemoved(user_id, PASSKEY_NAME, "by_person", passkey=b64(passkey_hash)))
                await self.factors.notices.tell(act, user_id, MailKind.FACTOR_REMOVED)
            return removed

    async def _add(
        self, live: LiveLogin, browser: str, answer: PasskeyAnswer, passkey: Passkey, name: str, request_id: str
    ) -> NewCodes | NotEnrolled:
        user_id = live.person.user_id
        async with self.factors.change(live, request_id) as act:
            claim = claim_of(self.proofs.key, _binding(live, browser), answer.challenge, act.now)
            if claim is None or not await act.used_ids.use(_USED, "", claim.hash, claim.until):
                return NotEnrolled.EXPIRED
            if not await act.passkeys.add(user_id, passkey, name[:NAME_CHARS], act.now):
                return NotEnrolled.TAKEN
            act.record(FactorAdded(user_id, PASSKEY_NAME))
            await self.factors.notices.tell(act, user_id, MailKind.FACTOR_ADDED)
            return await self.factors.codes_with_first(act, user_id)


def _binding(live: LiveLogin, browser: str) -> Binding:
    return Binding(ChallengePurpose.ENROL, browser, live.token.login)
