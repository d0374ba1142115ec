"""Runs the `tests:` of a policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gateway.core.analysis.explain import reasons, who
from gateway.core.analysis.simulate import Asked, Simulated, Simulation
from gateway.core.policy.cases import Expected, Person, PolicyTest
from gateway.core.policy.facts import Actor
from gateway.core.policy.model import Policy


@dataclass(frozen=True, slots=True)
class TestFailure:
    """message: the request, what was expected and what came, the conditions that decided, and who asked."""

    __test__: ClassVar[bool] = False  # its name looks like one of pytest's

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def run_tests(policy: Policy, at: int) -> tuple[TestFailure, ...]:
    """at: Unix seconds, for tests that name no day. Every test starts with full budgets."""
    return tuple(failure for test in policy.tests for failure in _failures(policy, test, at))


def _failures(policy: Policy, test: PolicyTest, at: int) -> Iterator[TestFailure]:
    for person in test.people:
        asked = _asked(test, person, at if test.at is None else test.at)
        simulated = _last_answer(policy, test.times, asked)
        mismatches = [*_mismatches(test.expected, simulated)]
        if mismatches:
            actor = person.user if person else "an anonymous client"
            reason = f" ({simulated.why})" if simulated.why else ""
            told = (f"{'; '.join(mismatches)}{reason}", *_conditions(policy, test.expected, simulated, asked))
            message = f"{test.request} as {actor}: {'; '.join(told)}; {actor}: {who(asked.person, asked.now)}"
            yield TestFailure(test.place.file, test.place.line, test.place.column, message)


def _asked(test: PolicyTest, person: Person | None, now: int) -> Asked:
    actor = None if person is None else _actor(person, now)
    return Asked(test.method, test.host, test.target, actor, test.address, now, test.headers, test.kind)


def _last_answer(policy: Policy, times: int, asked: Asked) -> Simulated:
    simulation = Simulation(policy)
    for _ in range(times - 1):
        simulation.answer(asked)
    return simulation.answer(asked)


def _conditions(policy: Policy, expected: Expected, simulated: Simulated, asked: Asked) -> tuple[str, ...]:
    """Of the routes, where their conditions decided otherwise than expected."""
    if _is_outcome(expected, simulated):
        return ()
    return tuple(
        reason for found in simulated.judging for reason in reasons(policy, found, asked, simulated.app_tokens)
    )


def _is_outcome(expected: Expected, simulated: Simulated) -> bool:
    return expected.outcome in (simulated.outcome, str(simulated.status))


def _actor(person: Person, now: int) -> Actor:
    return Actor(
        person.user,
        person.groups,
        person.assurance(now),
        person.credential,
        person.client,
        person.scopes,
        person.credential == "dpop",
    )


def _mismatches(expected: Expected, simulated: Simulated) -> Iterator[str]:
    if not _is_outcome(expected, simulated):
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
