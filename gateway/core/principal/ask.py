"""What a decision asks of Redis and what comes back: the seam between core/forward and stores/redis.

What is made for every decision is a plain class, because one that dataclass makes frozen, or gives its __init__, costs
two to four times as much and stays interpreted when the module is compiled. Nothing changes such a value.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from gateway.core.assurance.model import Assurance
from gateway.core.base64url import unb64
from gateway.core.ratelimit.gcra import Limit

RecordKind = Literal["login", "grant", "key"]


@dataclass(frozen=True, slots=True, eq=False)
class Presented:
    """A credential that we made, and the record that says whether it lives.

    login: the id of that record, of a login, of a grant that has a record of its own, or of an API key. credential: 16
    bytes, of a session tokens.credential_of(host, token). counted_as: what limits per caller count by, "": the login.

    Compared by identity: one text is read once (core/principal/presented.py).
    """

    tag: str
    login: str
    credential: bytes
    kind: RecordKind = "login"
    counted_as: str = ""

    @property
    def login_id(self) -> bytes:
        """The 16 bytes that Postgres knows the record by."""
        return unb64(self.login)

    @property
    def who(self) -> str:
        return self.counted_as or self.login


@dataclass(frozen=True, slots=True)
class Claim:
    """Use up a hand-off code: once, for this host; the same request within 10 s gets the same answer (R4)."""

    code_hash: str
    host: str


class ProofClaim:
    """Use up a DPoP proof: once, in its time; the same request within 10 s gets the same answer (R4).

    jti: 22 characters that stand for the proof's own. iat: as the proof says. stamp: the incarnation of Redis that its
    nonce names, 0 where it has none or one that is too old; None: no nonce is asked for.
    """

    def __init__(self, jti: str, iat: int, stamp: int | None) -> None:
        self.jti = jti
        self.iat = iat
        self.stamp = stamp


class Spend:
    """One request out of the bucket `{slot}b:<Limit.bucket>:<who>`.

    slot: the person's tag where a token is presented, `i<keyed hash of address>` for an address, `e` for everyone.
    """

    def __init__(self, slot: str, who: str, limit: Limit) -> None:
        self.slot = slot
        self.who = who
        self.limit = limit


class Question:
    """number: echoed by the function in every reply; a reply with another number is somebody else's (R5).

    request_id: the proxy's; what it sends twice is claimed and paid for once (R4). "": not the proxy's. paid: what an
    earlier try of the same question has spent already, in other slots than the person's, by its index in spends; it is
    not spent again. proof: only beside presented, and never with a claim.
    """

    def __init__(
        self,
        number: int,
        presented: Presented | None,
        claim: Claim | None,
        spends: tuple[Spend, ...],
        request_id: str = "",
        paid: "tuple[tuple[int, Spent], ...]" = (),
        proof: ProofClaim | None = None,
    ) -> None:
        self.number = number
        self.presented = presented
        self.claim = claim
        self.spends = spends
        self.request_id = request_id
        self.paid = paid
        self.proof = proof

    def with_paid(self, paid: "tuple[tuple[int, Spent], ...]") -> "Question":
        return Question(self.number, self.presented, self.claim, self.spends, self.request_id, paid, self.proof)


class Standing(Enum):
    """What the function found out about the principal."""

    NOT_ASKED = "N"  # no token was presented
    LIVE = "L"
    ENDED = "X"  # ended, idle too long, or past its absolute deadline
    UNKNOWN = "U"  # the login lives, but not with this credential
    CLAIM_REFUSED = "C"  # used before, late, another host
    STALE_NONCE = "S"  # the proof has no nonce of this Redis: nothing was claimed
    UNTIMELY = "I"  # the proof was made too long ago, or is from the future
    REPLAYED = "R"  # the proof was used before
    MISS = "M"  # not in Redis: a lease was taken, Postgres is to be asked, nothing was spent in this slot


@dataclass(frozen=True, slots=True)
class Leases:
    """Lease tokens of the two records, 0 where the record needs no fill. With LIVE: of records that are due."""

    person: int
    login: int


class LoginFacts:
    """The presented credential's own assurance, and the login's deadlines in Unix seconds."""

    def __init__(self, assurance: Assurance, expires_at: int, idle_at: int) -> None:
        self.assurance = assurance
        self.expires_at = expires_at
        self.idle_at = idle_at


class Spent:
    """In the order of Question.spends. reset_us: until the bucket is full again."""

    def __init__(self, allowed: bool, retry_after_us: int, remaining: int, reset_us: int) -> None:
        self.allowed = allowed
        self.retry_after_us = retry_after_us
        self.remaining = remaining
        self.reset_us = reset_us


class Reply:
    """login: echo of the login asked for, "" where none was. person: sealed record, b"" unless LIVE.

    paid: with MISS, what was spent all the same, as in Question. incarnation: with STALE_NONCE, what a nonce has to
    name. terms: of an API key that is LIVE, what it may do, sealed.
    """

    def __init__(
        self,
        number: int,
        login: str,
        now_us: int,
        outcome: Standing,
        person: bytes,
        facts: LoginFacts | None,
        leases: Leases | None,
        spent: tuple[Spent, ...],
        paid: tuple[tuple[int, Spent], ...] = (),
        incarnation: int = 0,
        terms: bytes = b"",
    ) -> None:
        self.number = number
        self.login = login
        self.now_us = now_us
        self.outcome = outcome
        self.person = person
        self.facts = facts
        self.leases = leases
        self.spent = spent
        self.paid = paid
        self.incarnation = incarnation
        self.terms = terms

    def with_leases(self, leases: Leases | None) -> "Reply":
        return self._with(leases, self.spent, self.paid)

    def with_spent(self, spent: tuple[Spent, ...]) -> "Reply":
        return self._with(self.leases, spent, self.paid)

    def with_paid(self, paid: tuple[tuple[int, Spent], ...]) -> "Reply":
        return self._with(self.leases, self.spent, paid)

    def _with(self, leases: Leases | None, spent: tuple[Spent, ...], paid: tuple[tuple[int, Spent], ...]) -> "Reply":
        return Reply(
            self.number,
            self.login,
            self.now_us,
            self.outcome,
            self.person,
            self.facts,
            leases,
            spent,
            paid,
            self.incarnation,
            self.terms,
        )
