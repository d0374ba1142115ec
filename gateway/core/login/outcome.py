"""Decides what a right password leads to. The same rules judge a login again after each further step."""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.core.assurance.model import NO_PROOF
from gateway.core.assurance.need import NOTHING, Need
from gateway.core.assurance.steps import PASSWORD, FactorProof, Steps, proven, steps

_ANY_FACTOR: Final = Need(mfa=True)


@dataclass(frozen=True, slots=True)
class LoginRules:
    """As configured. Scores of step_up_at and of block_at count already."""

    ask: Literal["always", "risk"] = "always"
    step_up_at: int = 40
    block_at: int = 70
    without_factor: Literal["mail", "refuse", "admit"] = "mail"
    breached: Literal["warn", "change", "block"] = "warn"
    release: Literal["mail", "operator"] = "mail"


@dataclass(frozen=True, slots=True)
class RightPassword:
    """What is known once a password was right.

    factors: second factors that the person enrolled. need: of the journey. score None: not known, as if
    nothing were unusual.
    breached: the password is in a list of leaked ones. settled: the device was in use here for long enough.
    proven: a second factor was proven in this login. confirmed: a mailed or an operator's code was. released: the
    person said of this browser that it is theirs. can_mail: there is mail, and an address. must_enrol: policy of
    the operator asks for a factor, and the time to enrol one is over.
    """

    factors: frozenset[FactorProof] = frozenset()
    need: Need = NOTHING
    score: int | None = None
    breached: bool = False
    settled: bool = False
    proven: bool = False
    confirmed: bool = False
    released: bool = False
    can_mail: bool = False
    must_enrol: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """The login is made."""


@dataclass(frozen=True, slots=True)
class AskFactor:
    """A second factor, in any of these ways."""

    ways: tuple[frozenset[FactorProof], ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """A code that is no factor. by_mail False: only an operator can give one."""

    by_mail: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """RISK_TOO_HIGH, or a password that everybody may know."""

    reason: Literal["risk", "breached"]


@dataclass(frozen=True, slots=True)
class Change:
    """A new password, before the login is made."""


@dataclass(frozen=True, slots=True)
class Enrol:
    """The login is made, and leads to nothing but the page where factors are enrolled."""


LoginOutcome = Issue | AskFactor | Confirm | Blocked | Change | Enrol


def outcome(facts: RightPassword, rules: LoginRules) -> LoginOutcome:
    """Pure and total. A factor comes before anything that only who has a factor may do."""
    if facts.breached and rules.breached == "block":
        return Blocked("breached")
    if facts.breached and rules.breached == "change" and not facts.settled and not facts.factors:
        return Blocked("breached")  # and no code is mailed for it
    if not facts.proven:
        missing = _second(facts, rules) if facts.factors else _without_factor(facts, rules)
        if missing is not None:
            return missing
    if facts.breached and rules.breached == "change":
        return Change() if facts.settled else Blocked("breached")
    return Enrol() if facts.must_enrol and not facts.factors else Issue()


def _second(facts: RightPassword, rules: LoginRules) -> LoginOutcome | None:
    """None: no factor is asked. Where one meets what the journey needs, no other is asked, or it would ask twice."""
    if rules.ask == "risk" and not facts.need.asks_second and (facts.score or 0) < rules.step_up_at:
        return None
    with_password = proven(NO_PROOF, PASSWORD, 1)
    for need in (Need(mfa=True, acr=facts.need.acr, amr=facts.need.amr, known=facts.need.known), _ANY_FACTOR):
        found = steps(need, with_password, facts.factors, 1)
        if isinstance(found, Steps):
            return AskFactor(found.ways)
    raise AssertionError("every second factor is one")


def _without_factor(facts: RightPassword, rules: LoginRules) -> LoginOutcome | None:
    score = facts.score or 0
    if facts.released:
        return None
    if score >= rules.block_at:
        return Blocked("risk")
    if score < rules.step_up_at or rules.without_factor == "admit" or facts.confirmed:
        return None
    return Confirm(rules.without_factor == "mail" and facts.can_mail)
