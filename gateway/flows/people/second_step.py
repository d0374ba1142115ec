"""Completes a login whose password was right, by a factor or a code, in one transaction (threats.md L9, L20)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.assurance.steps import PASSWORD, RECOVERY_CODE, TOTP, FactorProof
from gateway.core.audit.factor_events import FactorFailed, LoginAbandoned
from gateway.core.errors import StoreUnavailable, TooManyAttempts
from gateway.core.login.attempt import knows, parse_device
from gateway.core.login.outcome import Blocked, Change, LoginRules, RightPassword, outcome
from gateway.core.login.pre_login import attempt_hash, compared_by
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_FACTS, NoticeFacts
from gateway.flows.people.confirming import Confirming, ConfirmWay
from gateway.flows.people.disabling import disable_breached
from gateway.flows.people.doubting import doubt
from gateway.flows.people.factor_proofs import FactorProofs, ShownFactor
from gateway.flows.people.issuing import Entering, Issuing, SignedIn, Visit
from gateway.flows.people.passkey_proofs import PasskeyShown
from gateway.flows.people.risk import Risk
from gateway.flows.people.throttle import FactorThrottle
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.attempts import MOST_TRIES, AttemptRow, NewAttempt

ATTEMPT_S: Final = 600


@dataclass(frozen=True, slots=True, repr=False)
class Waiting:
    """Whose second step is missing. code: one can be typed. options: what the browser is asked for a passkey, "" for
    none. confirms: no factor is asked, but a code that was mailed, or one of an operator. repr is left out: it holds
    personal words.
    """

    user_id_text: str
    username: str
    email: str
    typed_name: str
    code: bool
    options: str
    confirms: ConfirmWay | None = None


@dataclass(frozen=True, slots=True)
class WrongCode:
    """tries_left: of this attempt; 0: it is over."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no attempt: it is completed, too old, or something that it rested on has changed."""


@dataclass(frozen=True, slots=True)
class SomebodyElses:
    """The page was made for another person than the browser's attempt is of."""


@dataclass(frozen=True, slots=True)
class ChangeNext:
    """All is proven, and the password is a breached one: another one has to be chosen first."""


@dataclass(frozen=True, slots=True)
class BreachedPassword:
    """Nobody is signed in with it any more."""


Proven = SignedIn | WrongCode | Gone | SomebodyElses | ChangeNext | BreachedPassword


@dataclass(frozen=True, slots=True)
class SecondStep:
    """count: hears how each ended, as Login's does."""

    acts: Acts
    proofs: FactorProofs
    risk: Risk
    issuing: Issuing
    confirming: Confirming
    throttle: FactorThrottle
    rules: LoginRules
    count: Callable[[str], None]

    async def waiting(self, cookie: str, browser: str = "") -> Waiting | None:
        """browser: its csrf cookie, for a page that asks. Raises RecordUnavailable."""
        hash_ = attempt_hash(cookie)
        if hash_ is None:
            return None
        async with self.acts.begin() as act:
            row = await act.attempts.find(hash_, act.now)
            user = None if row is None else await act.users.find(row.user_id)
            if row is None or user is None or user.state != "active" or row.waits_for == "change":
                return None
            if row.waits_for != "factor":
                way: ConfirmWay = "operator_code" if row.mail_code is None else "mail_code"
                return Waiting(str(user.id), user.username, user.email, row.name, code=True, options="", confirms=way)
            enrolled = await act.factors.enrolled(user.id, act.now)
            options = await self.proofs.passkeys.second_options(act, user.id, browser)
        code = not enrolled.isdisjoint({TOTP, RECOVERY_CODE})
        return Waiting(str(user.id), user.username, user.email, row.name, code, options)

    async def prove(
        self,
        cookie: str,
        shown_for: str,
        typed: str,
        visit: Visit,
        current: LiveLogin | None,
        passkey: PasskeyShown | None = None,
    ) -> Proven:
        """shown_for: Waiting.user_id_text of the page. current: who is signed in here already.

        Raises RecordUnavailable, StoreUnavailable, TooManyAttempts.
        """
        try:
            ended = await self._prove(cookie, shown_for, typed, visit, current, passkey)
        except (RecordUnavailable, StoreUnavailable):
            self.count("unavailable")
            raise
        except TooManyAttempts:
            self.count("throttled")
            raise
        match ended:
            case SignedIn():
                self.count("accepted")
            case WrongCode(tries_left):
                self.count("wrong" if tries_left else "abandoned")
            case ChangeNext():
                self.count("step_up")
            case BreachedPassword():
                self.count("blocked")
            case Gone() | SomebodyElses():
                pass
        return ended

    async def _prove(
        self,
        cookie: str,
        shown_for: str,
        typed: str,
        visit: Visit,
        current: LiveLogin | None,
        passkey: PasskeyShown | None,
    ) -> Proven:
        hash_ = attempt_hash(cookie)
        waiting = None if hash_ is None else await self.waiting(cookie)
        if hash_ is None or waiting is None:
            return Gone()
        if waiting.user_id_text != shown_for:
            return SomebodyElses()
        await self.throttle.before(waiting.user_id_text, self._known_device(waiting, visit))
        async with self.acts.begin(request_id=visit.request_id) as act:
            row = await self._hold(act, hash_, current)
            if row is None or row.waits_for == "change":
                return Gone()
            proofs = await self._taken(act, row, waiting.email, typed, visit, passkey)
            if proofs is None:
                return await self._wrong(act, row, visit)
            completed = await self._complete(act, row, proofs, visit, current)
        if isinstance(completed, BreachedPassword):
            await self._disable(row, visit)
        return completed

    async def _disable(self, row: AttemptRow, visit: Visit) -> None:
        """In an act of its own: the one before only shared the person's row."""
        async with self.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(row.user_id)
            user = await act.users.find(row.user_id)
            if user is not None and compared_by(user.password) == row.compared:
                await disable_breached(act, user, self.issuing.notices, visit)

    async def _taken(
        self, act: Act, row: AttemptRow, email: str, typed: str, visit: Visit, passkey: PasskeyShown | None
    ) -> tuple[FactorProof, ...] | None:
        """What the login proves by this step: nothing by a code that is no factor (L11). None: wrong."""
        if row.waits_for == "factor":
            proof = await self.proofs.take(act, ShownFactor(row.user_id, email, "login", visit, typed, passkey))
            return None if proof is None else (proof,)
        if await self.confirming.take(act, row.user_id, typed, row.hash, row.mail_code):
            return ()
        act.record(FactorFailed(row.user_id, "confirm", visit.address_text, visit.user_agent))
        return None

    async def purge(self) -> None:
        """Forgets attempts that nobody completed in time, and says of each that somebody knew the password (L18)."""
        async with self.acts.begin() as act:
            over = await act.attempts.purge(act.now)
            await act.doubts.purge(act.now)
            # Of a blocked one all was said at once, and a reset needs no login.
            left = [one for one in over if one.waits_for not in ("release", "reset")]
            for one in left:
                await self._abandoned(act, one.user_id, one.compared, "expired")
        for _ in left:
            self.count("abandoned")

    async def _abandoned(
        self, act: Act, user_id: UUID, compared: bytes, why: str, facts: NoticeFacts = NO_FACTS
    ) -> None:
        """Somebody knew the password and went no further."""
        act.record(LoginAbandoned(user_id, why))
        await doubt(act, user_id, compared, "abandoned")
        await self.issuing.notices.tell(act, user_id, MailKind.PASSWORD_KNOWN, facts)

    def _known_device(self, waiting: Waiting, visit: Visit) -> str:
        """Its id; "" of one from which this name never signed in."""
        device = parse_device(visit.device)
        return device.id if knows(self.issuing.keys.device, device, waiting.typed_name) else ""

    async def _hold(self, act: Act, hash_: bytes, current: LiveLogin | None) -> AttemptRow | None:
        """Person, login, attempt: in this order, as everybody. None: what was compared is no longer the password."""
        found = await act.attempts.find(hash_, act.now)
        if found is None or not await act.users.hold_compared(found.user_id, found.compared):
            return None
        if current is not None and current.person.user_id == found.user_id:
            await act.logins.hold(current.token.login_id, act.now)
        return await act.attempts.hold(hash_, act.now)

    async def _wrong(self, act: Act, row: AttemptRow, visit: Visit) -> WrongCode:
        """Counted, and only then told."""
        tries = await act.attempts.count_try(row.hash)
        if tries >= MOST_TRIES:
            await act.attempts.delete(row.hash)
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            await self._abandoned(act, row.user_id, row.compared, "tries", facts)
        return WrongCode(MOST_TRIES - tries)

    async def _complete(
        self,
        act: Act,
        row: AttemptRow,
        proofs: tuple[FactorProof, ...],
        visit: Visit,
        current: LiveLogin | None,
    ) -> SignedIn | ChangeNext | BreachedPassword:
        """Scored once more: what the first step saw may be ten minutes old."""
        await act.attempts.delete(row.hash)
        assessed = self.risk.after(await self.risk.assess(act, row.user_id, visit.source), row.verdict)
        confirmed = row.waits_for != "factor"
        facts = RightPassword(breached=row.verdict == "found", settled=assessed.is_settled(act.now), proven=True)
        follows = outcome(facts, self.rules)
        if isinstance(follows, Change):
            await act.attempts.add(_that_changes(row, proofs, act.now, confirmed=confirmed))
            return ChangeNext()
        if isinstance(follows, Blocked):
            return BreachedPassword()
        entering = Entering(
            row.user_id,
            row.name,
            (PASSWORD, *proofs),
            row.persistent,
            visit,
            assessed,
            confirmed=confirmed,
        )
        return await self.issuing.sign_in(act, entering, current)


def _that_changes(row: AttemptRow, proofs: tuple[FactorProof, ...], now: int, *, confirmed: bool) -> NewAttempt:
    """In the place of the attempt that has proven all else."""
    return NewAttempt(
        hash=row.hash,
        user_id=row.user_id,
        compared=row.compared,
        persistent=row.persistent,
        name=row.name,
        verdict=row.verdict,
        expires_at=now + ATTEMPT_S,
        waits_for="change",
        proofs=proofs,
        confirmed=confirmed,
    )
