"""Goes through all states that a scenario can reach, breadth first, so that what breaks is found by a shortest way.

Or through a sample of them: from states that were reached, taken at random by a fixed seed, so that it goes deep too.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model import acts, faults, nodes
from tests.model.functions import Asked, Slot, decide
from tests.model.mechanisms import Mechanisms
from tests.model.promise import broken_at_rest, broken_by
from tests.model.state import IDLE, OF_LOGIN, Act, K, Node, P, Postgres, Promised, Q, State, fresh_leases, normal


@dataclass(frozen=True, slots=True)
class Scenario:
    """What may happen, and how often. acts run at the same time, each once.

    crash: those that may be repeated also crash at any step, and are begun anew, once.
    """

    acts: tuple[str, ...]
    faults: frozenset[str] = frozenset()
    most_faults: int = 1
    nodes: int = 2
    logins: int = 1
    crash: bool = False

    def start(self, has: Mechanisms) -> State:
        """Somebody is signed in, where that is not one of the acts. Redis is empty."""
        born = 0 if "login" in self.acts else P | (Q if self.logins > 1 else 0)
        logins = tuple(born & of for of in OF_LOGIN[: self.logins])
        postgres = Postgres(up=True, active=True, groups=0, logins=logins)
        return State(
            slot=Slot(None, (None,) * self.logins, None),
            copy=None,
            inc=1,
            other=0,
            faults=self.most_faults if self.faults - {faults.VANISH} else 0,
            lost=False,
            postgres=postgres,
            nodes=(Node(IDLE),) * self.nodes,
            acts=tuple(Act(name) for name in self.acts),
            promised=Promised(born=born),
            replica=None if has.reads_the_primary else postgres,
        )


@dataclass(frozen=True, slots=True)
class Explored:
    """broken: what of the promise; None: all states that there are were looked at. trace: by which steps.

    taken: all steps that were.
    """

    states: int
    broken: str | None
    trace: tuple[str, ...]
    taken: frozenset[str]


Ways = dict[State, tuple[State, str] | None]


def explore(
    scenario: Scenario,
    has: Mechanisms,
    promise: str = "",
    written: dict[str, acts.Program] | None = None,
    sample: int = 0,
) -> Explored:
    """promise: the one to look for (S1...); "": all. written: other programs than those of the flows.

    sample: ends with the step that has reached so many states; 0: with the last.
    """
    start = scenario.start(has)
    written = written or acts.programs(has)
    came: Ways = {start: None}
    waiting, taken = deque([start]), set[str]()
    rested: dict[State, str | None] = {}
    source = random.Random(7)
    while waiting and not 0 < sample <= len(came):
        if sample:
            waiting.rotate(source.randrange(len(waiting)))
        state = waiting.popleft()
        for label, reached in _steps(scenario, state, has, written):
            taken.add(label)
            after = normal(reached, has)
            if after in came and not label.endswith(nodes.ALLOWED):
                continue
            came.setdefault(after, (state, label))
            broken = broken_by(label, after, has) or _at_rest(after, has, rested)
            if broken and broken.startswith(promise):
                return Explored(len(came), broken, (*_way(came, state), label), frozenset(taken))
            waiting.append(after)
    return Explored(len(came), None, (), frozenset(taken))


def _at_rest(state: State, has: Mechanisms, rested: dict[State, str | None]) -> str | None:
    """Remembered by what it depends on."""
    key = state._replace(copy=None, faults=0, nodes=(), acts=(), zombie=None)
    if key not in rested:
        rested[key] = broken_at_rest(key, has)
    return rested[key]


def _steps(
    scenario: Scenario, state: State, has: Mechanisms, written: dict[str, acts.Program]
) -> Iterator[tuple[str, State]]:
    yield from nodes.steps(state, has)
    yield from acts.steps(state, has, written, crash=scenario.crash, in_doubt=faults.POSTGRES in scenario.faults)
    yield from faults.steps(state, has, scenario.faults)
    if "handoff" in scenario.acts and state.promised.born & K:
        yield from _claims(state, has)


def _claims(state: State, has: Mechanisms) -> Iterator[tuple[str, State]]:
    """Two requests come back with the same code."""
    for request in (1, 2):
        slot, reply = decide(state.slot, state.inc, Asked(0, K, claim=request), fresh_leases(state, 0), has)
        if reply.outcome in "LU":
            claimed = state.promised.claimed | (request if reply.outcome == "L" else 0)
            label = f"{nodes.DECIDE}: {reply.outcome} to request {request} with the code"
            yield label, state._replace(slot=slot, promised=state.promised._replace(claimed=claimed))


def _way(came: Ways, state: State) -> tuple[str, ...]:
    labels: list[str] = []
    at: State | None = state
    while at is not None and (before := came[at]) is not None:
        at, label = before
        labels.append(label)
    return tuple(reversed(labels))
