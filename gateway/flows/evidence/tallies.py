"""Tells the audit log of what happens too often for an entry each: added up, so that a loop is one entry a minute."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from gateway.core.audit.access_events import AccessDenied, AttemptsCounted, CookieDoubled
from gateway.core.forward.answer import Answer
from gateway.core.forward.connection import TRICKS
from gateway.flows.act import Acts
from gateway.flows.transaction import RecordUnavailable

EVERY_S: Final = 60.0
_MOST_DENIALS: Final = 10_000
_MOST_DOUBLED: Final = 100  # strangers choose hosts under a wildcard
_MOST_ATTEMPTS: Final = 100
OTHER_HOSTS: Final = "(others)"
IMPLAUSIBLE_NAME: Final = "implausible_name"
CSRF: Final = "csrf"
_ATTEMPTS: Final[Mapping[str, str]] = {
    "ambiguous_path": "ambiguous_path",
    "odd_path": "ambiguous_path",
    "bad_path": "ambiguous_path",
    **dict.fromkeys(TRICKS, "forged_header"),
}
_IDENTITY: Final = (b"remote", b"x-remote", b"x-auth", b"x-webauth", b"x-bastion", b"x-forwarded-user")


class _Denial(NamedTuple):
    """A known person, who was refused on a route."""

    subject: UUID
    route: str
    reason: str


class _Doubled(NamedTuple):
    """A cookie of ours that came twice (threats.md H1): nobody's, because nobody was read from it."""

    host: str
    cookie: str


class _Attempt(NamedTuple):
    """At getting around a check."""

    reason: str
    host: str


@dataclass(slots=True)
class Tallies:
    """The one kind of event that a crash may lose (threats.md D3): what has not been written within the minute."""

    acts: Acts
    _denials: Counter[_Denial] = field(default_factory=Counter)
    _doubled: Counter[_Doubled] = field(default_factory=Counter)
    _attempts: Counter[_Attempt] = field(default_factory=Counter)

    def count_denial(self, answer: Answer) -> None:
        """Only where the person is known; strangers are in the figures."""
        if answer.outcome == "deny" and answer.subject is not None:
            one = _Denial(answer.subject, answer.route, answer.reason)
            if one in self._denials or len(self._denials) < _MOST_DENIALS:
                self._denials[one] += 1

    def count_doubled(self, host: str, cookies: Iterable[str]) -> None:
        """Of more hosts than a tally has room for, the rest is one."""
        for cookie in cookies:
            one = _Doubled(host, cookie)
            if one not in self._doubled and len(self._doubled) >= _MOST_DOUBLED:
                one = _Doubled(OTHER_HOSTS, cookie)
            self._doubled[one] += 1

    def count_attempt(self, reason: str, host: str) -> None:
        """As count_doubled. reason: a word of AttemptsCounted."""
        one = _Attempt(reason, host)
        if one not in self._attempts and len(self._attempts) >= _MOST_ATTEMPTS:
            one = _Attempt(reason, OTHER_HOSTS)
        self._attempts[one] += 1

    def count_refused(self, host: str, reason: str) -> None:
        """reason: of an answer; only that of an attempt counts."""
        attempt = _ATTEMPTS.get(reason.partition(":")[0])
        if attempt is not None:
            self.count_attempt(attempt, host)

    def count_taken(self, host: str, taken: Iterable[bytes]) -> None:
        """taken: the names of headers that no client should send. Some say who somebody is, others clouds write too."""
        if any(name.lower().startswith(_IDENTITY) for name in taken):
            self.count_attempt("forged_header", host)

    async def write(self) -> None:
        """What was counted since the last time. Kept for the next time while Postgres does not answer."""
        denials, self._denials = self._denials, Counter()
        doubled, self._doubled = self._doubled, Counter()
        attempts, self._attempts = self._attempts, Counter()
        if not denials and not doubled and not attempts:
            return
        try:
            async with self.acts.begin() as act:
                for denial, times in denials.items():
                    if await act.users.find(denial.subject) is not None:
                        act.record(AccessDenied(*denial, times))
                for one, times in doubled.items():
                    act.record(CookieDoubled(None, *one, times))
                for attempt, times in attempts.items():
                    act.record(AttemptsCounted(None, *attempt, times))
        except RecordUnavailable:
            self._denials.update(denials)
            self._doubled.update(doubled)
            self._attempts.update(attempts)
