"""Runs the `tests:` of a policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gateway.core.analysis.simulate import Asked, Simulated, Simulation
from gateway.core.policy.cases import Expected, Person, PolicyTest
from gateway.core.policy.facts import Actor
from gateway.core.policy.model import Policy


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
        simulated = _last_answer(policy, test, person, at if test.at is None else test.at)
        mismatches = [*_mismatches(test.expected, simulated)]
        if mismatches:
            who = f" as {person.user}" if person else ""
            reason = f" ({simulated.why})" if simulated.why else ""
            message = f"{test.request}{who}: {'; '.join(mismatches)}{reason}"
            yield TestFailure(test.place.file, test.place.line, message)


def _last_answer(policy: Policy, test: PolicyTest, person: Person | None, now: int) -> Simulated:
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


def _mismatches(expected: Expected, simulated: Simulated) -> Iterator[str]:
    if expected.outcome not in (simulated.outcome, str(simulated.status)):
        by = f" by {simulated.route}" if simulated.route else ""
        status = f" {simulated.status}" if expected.outcome.isdigit() else ""
        yield f"expected {expected.outcome}, got {simulated.outcome}{status}{by}"
    if expected.route and expected.route != simulated.route:
        yield f"expected route {expected.route}, got {simulated.route or 'none'}"
    if expected.identity is not None and expected.identity != (simulated.identity or "none"):
        yield f"expected identity {expected.identity}, got {simulated.identity or 'none'}"
    for name, value in expected.headers.items():
        there = simulated.headers.get(name)
        if {"absent": there is None, "present": there is not None}.get(value, there == value) is False:
            yield f"expected {name}: {value}, got {there or 'absent'}"
