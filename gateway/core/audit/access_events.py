"""What the audit log tells of requests that were refused, added up: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Host, Number, OurWord, Route, Severity


@dataclass(frozen=True, slots=True)
class AccessDenied(Event):
    kind = Kind.ACCESS_DENIED
    about = About(
        Family.ACCESS,
        Severity.LOW,
        By.PERSON,
        "Policy denied a route to a person who is logged in, so many `times` within a minute.",
        'bastion_decisions_total{outcome="deny"}',
    )

    route: Route[str]
    reason: OurWord[str]
    times: Number[int]


@dataclass(frozen=True, slots=True)
class CookieDoubled(Event):
    """Nobody's, because nobody was read from it (threats.md H1)."""

    kind = Kind.COOKIE_DOUBLED
    about = About(
        Family.ACCESS,
        Severity.MEDIUM,
        By.ANONYMOUS,
        "Requests brought a cookie of Bastion twice, so many `times` within a minute, and neither counted:"
        " a sibling host or a script plants cookies.",
    )

    host: Host[str]
    cookie: OurWord[str]
    times: Number[int]


@dataclass(frozen=True, slots=True)
class AttemptsCounted(Event):
    """reason: one of flows/evidence/tallies.py."""

    kind = Kind.ATTEMPTS_COUNTED
    about = About(
        Family.ACCESS,
        Severity.LOW,
        By.ANONYMOUS,
        "Requests tried to get around a check, so many `times` within a minute on `host`. `reason`: `ambiguous_path`, a"
        " path that apps read in several ways; `forged_header`, a header that only a proxy may send, or one that hides"
        " others; `csrf`, a form of another site; `implausible_name`, a login with a name or password that nobody can"
        " have. Of more hosts than a minute has room for, the rest is `(others)`.",
    )

    reason: OurWord[str]
    host: Host[str]
    times: Number[int]
