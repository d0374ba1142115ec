"""Signs people in by a passkey alone: no name is asked, and nothing else is."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.audit.catalogue import LoginFailed
from gateway.core.errors import StoreUnavailable, TooManyAttempts
from gateway.core.login.attempt import parse_device
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.issuing import Entering, Issuing, SignedIn, Visit
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyRefused, PasskeyShown, Taken
from gateway.flows.people.risk import Risk
from gateway.flows.people.throttle import LoginThrottle
from gateway.flows.transaction import RecordUnavailable


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """count: hears how each attempt ended, as Login's does."""

    acts: Acts
    proofs: PasskeyProofs
    risk: Risk
    issuing: Issuing
    throttle: LoginThrottle
    count: Callable[[str], None]

    async def attempt(
        self, shown: PasskeyShown, visit: Visit, current: LiveLogin | None, *, keep: bool
    ) -> SignedIn | PasskeyRefused:
        """current: who is signed in here already. Raises RecordUnavailable, StoreUnavailable, TooManyAttempts.

        Nobody guesses a signature, so no limit is asked before one is verified: whoever guesses passwords locks no
        passkey out. A wrong answer costs the address what a wrong password does.
        """
        try:
            outcome = await self._attempt(shown, visit, current, keep=keep)
        except TooManyAttempts:
            self.count("throttled")
            raise
        except (RecordUnavailable, StoreUnavailable):
            self.count("unavailable")
            raise
        self.count("accepted" if isinstance(outcome, SignedIn) else "wrong")
        return outcome

    async def _attempt(
        self, shown: PasskeyShown, visit: Visit, current: LiveLogin | None, *, keep: bool
    ) -> SignedIn | PasskeyRefused:
        async with self.acts.begin(request_id=visit.request_id) as act:
            taken = await self.proofs.take_alone(act, shown, current)
            if isinstance(taken, Taken):
                return await self._sign_in(act, taken, visit, current, keep=keep)
        await self._pay(visit)
        failed = LoginFailed(taken.user_id, None, visit.address_text, visit.user_agent)
        await self.acts.tell(failed, request_id=visit.request_id)
        return taken

    async def _sign_in(
        self, act: Act, taken: Taken, visit: Visit, current: LiveLogin | None, *, keep: bool
    ) -> SignedIn:
        user = await act.users.find(taken.user_id)
        assert user is not None  # it is held
        assessed = await self.risk.assess(act, user.id, visit.source)
        entering = Entering(user.id, user.username, (taken.proof,), keep, visit, assessed)
        return await self.issuing.sign_in(act, entering, current)

    async def _pay(self, visit: Visit) -> None:
        """Raises TooManyAttempts; then the refusal is not told to the audit log, which anybody could fill."""
        wait_s = await self.throttle.before(
            self.throttle.buckets_of(visit.address, parse_device(visit.device), known=False)
        )
        if wait_s:
            raise TooManyAttempts(wait_s)
