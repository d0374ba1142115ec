"""Runs the `tests:` of a policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from gateway.core.policy.cases import Expected, Person, PolicyTest
from gateway.core.policy.facts import Actor
from gateway.core.policy.model import Policy
from gateway.core.policy.simulate import Asked, Outcome, Simulation


@dataclass(frozen=True, slots=True)
class TestFailure:
    """message: the request, what was expected and what came."""

    __test__: ClassVar[bool] = False  # its name looks like one of pytest's

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def run_tests(policy: Policy, at: int) -> tuple[TestFailure, ...]:
    """at: Unix seconds, for tests that name no day. Every test starts with full budgets."""
    return tuple(failure for test in policy.tests for failure in _failures(policy, test, at))


def _failures(policy: Policy, test: PolicyTest, at: int) -> Iterator[TestFailure]:
    for person in test.people:
        outcome = _last_outcome(policy, test, person, at if test.at is None else test.at)
        mismatches = [*_mismatches(test.expected, outcome)]
        if mismatches:
            who = f" as {person.user}" if person else ""
            reason = f" ({outcome.why})" if outcome.why else ""
            message = f"{test.request}{who}: {'; '.join(mismatches)}{reason}"
            yield TestFailure(test.place.file, test.place.line, message)


def _last_outcome(policy: Policy, test: PolicyTest, person: Person | None, now: int) -> Outcome:
    asked = Asked(
        test.method,
        test.host,
        test.target,
        None if person is None else _actor(person, now),
        test.address,
        now,
        test.headers,
        test.kind,
    )
    simulation = Simulation(policy)
    for _ in range(test.times - 1):
        simulation.answer(asked)
    return simulation.answer(asked)


def _actor(person: Person, now: int) -> Actor:
    mfa_at = 0 if person.mfa_s is None else now - person.mfa_s
    return Actor(person.user, person.groups, now - person.authenticated_s, mfa_at)


def _mismatches(expected: Expected, outcome: Outcome) -> Iterator[str]:
    if expected.outcome not in _names_of(outcome):
        by = f" by {outcome.route}" if outcome.route else ""
        yield f"expected {expected.outcome}, got {outcome.word or outcome.status}{by}"
    if expected.route and expected.route != outcome.route:
        yield f"expected route {expected.route}, got {outcome.route or 'none'}"
    if expected.identity is not None and expected.identity != (outcome.identity or "none"):
        yield f"expected identity {expected.identity}, got {outcome.identity or 'none'}"
    for name, value in expected.headers.items():
        there = outcome.headers.get(name)
        if {"absent": there is None, "present": there is not None}.get(value, there == value) is False:
            yield f"expected {name}: {value}, got {there or 'absent'}"


def _names_of(outcome: Outcome) -> tuple[str, ...]:
    unavailable = ("unavailable",) if outcome.status == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return (outcome.word, str(outcome.status), *unavailable)
