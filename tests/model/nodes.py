"""What nodes do: decide, and refill after a miss or where a record is due (flows/decide)."""

from collections.abc import Iterator
from typing import Final

from tests.model.functions import NO_LEASES, Asked, Fill, Leases, decide, fill, finish
from tests.model.mechanisms import Mechanisms
from tests.model.state import (
    CHANGE_THE_PERSON,
    DONE,
    IDLE,
    LEASED,
    OF_LOGIN,
    READ_BOTH,
    READ_LOGIN,
    Node,
    State,
    fresh_leases,
)

DECIDE: Final = "gateway.stores.redis.decisions.DecisionCalls.ask"
CONFIRM: Final = "gateway.flows.decide.refill.Refill.confirm_soon"
READ_LOGIN_ROW: Final = "gateway.stores.postgres.logins.Logins.find"
READ_USER_ROW: Final = "gateway.stores.postgres.users.Users.find"
FILL: Final = "gateway.stores.redis.decisions.DecisionCalls.fill"
END: Final = "gateway.flows.decide.refill.Refill._end"
UNAVAILABLE: Final = "gateway.flows.transaction.RecordUnavailable"
_IDLE: Final = Node(IDLE)
_DUE: Final = ((True, False), (False, True), (True, True))

Step = tuple[str, State]


def steps(state: State, has: Mechanisms) -> Iterator[Step]:
    """Of each node that is not just like the one before it."""
    for at, node in enumerate(state.nodes):
        if at == 0 or state.nodes[at - 1] != node:
            for label, after, new in _node_steps(state, node, has):
                yield label, after._replace(nodes=(*state.nodes[:at], new, *state.nodes[at + 1 :]))


def _node_steps(state: State, node: Node, has: Mechanisms) -> Iterator[tuple[str, State, Node]]:
    if node.step == IDLE and state.promised.born:  # before the answer, nobody knows the token
        for login in range(len(state.slot.l)):
            if state.promised.born & OF_LOGIN[login]:
                yield from _begin(state, login, has)
    elif node.step == IDLE:
        return
    elif node.step in (LEASED, READ_LOGIN):
        yield _read(state, node, has)
    elif not has.lease_before_read and node.leases == NO_LEASES:
        yield from _asked(state, node, ((False, False),), has)
    else:
        yield _fill(state, node, has)


def _begin(state: State, login: int, has: Mechanisms) -> Iterator[tuple[str, State, Node]]:
    asking = Node(LEASED, login)
    if has.lease_before_read:
        yield from _asked(state, asking, ((False, False), *(_DUE if has.due else ())), has)
    else:
        yield _read(state, asking, has)


def _asked(
    state: State, node: Node, due: tuple[tuple[bool, bool], ...], has: Mechanisms
) -> Iterator[tuple[str, State, Node]]:
    """Only what a decision changes: what it answers is a matter of promise.py, in every state."""
    fresh = fresh_leases(state, node.login) if has.fresh_tokens else Leases(1, 1)
    for one in due:
        asked = Asked(node.login, OF_LOGIN[node.login], due=one)
        slot, reply = decide(state.slot, state.inc, asked, fresh, has)
        if reply.leases != NO_LEASES:
            label = f"{DECIDE if reply.outcome == 'M' else CONFIRM}: {reply.outcome}, {reply.leases}"
            yield label, state._replace(slot=slot), node._replace(leases=reply.leases)
        elif node.step == READ_BOTH:
            yield f"{DECIDE}: {reply.outcome}", state._replace(slot=slot), _IDLE


def _read(state: State, node: Node, has: Mechanisms) -> tuple[str, State, Node]:
    """Two statements of READ COMMITTED: a commit may come between them."""
    postgres = state.postgres if state.replica is None else state.replica
    if not postgres.up:
        return f"{UNAVAILABLE}: nobody passes", state, _IDLE
    person = postgres.groups if postgres.active else -1
    if not has.reads_the_person:
        person = 0  # as they were when the login was made
    if node.step == READ_LOGIN:
        return f"{READ_USER_ROW}: {person}", state, node._replace(step=READ_BOTH, person=person)
    credentials = postgres.logins[node.login]
    label, read = f"{READ_LOGIN_ROW}: {credentials}", node._replace(step=READ_LOGIN, credentials=credentials)
    if any(act.name in CHANGE_THE_PERSON and act.step != DONE for act in state.acts):
        return label, state, read
    return label, state, read._replace(step=READ_BOTH, person=person)  # it is the same whenever it is read


def _fill(state: State, node: Node, has: Mechanisms) -> tuple[str, State, Node]:
    over = node.credentials == 0 or node.person < 0
    if over and not node.leases.login:
        return f"{END}: end", state._replace(slot=finish(state.slot, node.login)), _IDLE
    given = Fill(node.login, node.leases, node.person, node.credentials)
    if over:
        given = Fill(node.login, Leases(0, node.leases.login), 0, 0)
    slot, written = fill(state.slot, state.inc, given, has)
    allowed = "" if over or "0" not in written or has.asks_again_when_refused else ALLOWED
    return f"{FILL}: {written} {given.credentials}{allowed}", state._replace(slot=slot), _IDLE


ALLOWED: Final = ", and the answer is what was read"


def settled(state: State, has: Mechanisms) -> State:
    """What one node makes of it when nothing else moves any more, after everything has been due once."""
    for login in range(len(state.slot.l)):
        for due in ((False, False), (has.due, has.due), (False, False)):
            asked = Asked(login, OF_LOGIN[login], due=due)
            fresh = fresh_leases(state, login) if has.fresh_tokens else Leases(1, 1)
            slot, reply = decide(state.slot, state.inc, asked, fresh, has)
            if reply.leases != NO_LEASES:
                node = Node(LEASED, login, reply.leases)
                state = state._replace(slot=slot, replica=None)
                for step in (_read, _fill):
                    _, state, node = step(state, node, has)
    return state
