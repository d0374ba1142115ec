"""One state of the whole: a person's slot in Redis, their rows in Postgres, who is in the middle of what."""

from typing import NamedTuple

from tests.model.functions import Leases, Record, Slot
from tests.model.mechanisms import Mechanisms

# Credentials, as bits. The second login has one only, and so has one that is made after those two have ended.
P, K, N, Q = 1, 2, 4, 8  # the login's own, a host's by hand-off, P's successor by rotation; the second login's own
R = 16  # the later login's own
OF_LOGIN = (P | K | N, Q, R)
EVERY = P | K | N | Q  # that may have been ended
IDLE, LEASED, READ_LOGIN, READ_BOTH = range(4)
DONE = 99  # of an act: it was answered, or refused
CHANGE_THE_PERSON = ("disable", "enable", "groups")
GONE = -1  # a lease that stands on no record any more, so it is refused wherever it is shown


class Postgres(NamedTuple):
    """logins: the credentials that pass; 0 where the login has ended or is not made yet. changed: by set_password."""

    up: bool
    active: bool
    groups: int
    logins: tuple[int, ...]
    changed: bool = False


class Node(NamedTuple):
    """A refill on some node (decide/refill.py). credentials and person: what it has read; person -1: not active."""

    step: int
    login: int = 0
    leases: Leases = Leases(0, 0)
    credentials: int = 0
    person: int = 0


class Act(NamedTuple):
    """step: the next one of its program. again: it has crashed once and began anew.

    groups: those that its commit found, where it lets Redis follow whatever was committed of the person before.
    """

    name: str
    step: int = 0
    again: bool = False
    groups: int = 0


class Promised(NamedTuple):
    """What has been said to people. gone: credentials of which no node may allow any. born: those that are to pass.

    marked: as gone, for as long as Redis loses nothing. replaced: those that another took the place of. groups: the
    oldest that may be served. denied: a logout has left its marker without Postgres. journal: and its line, which waits
    for Postgres. enabled: the person, who may sign in again. claimed: which requests were given the session of the
    hand-off.
    """

    gone: int = 0
    marked: int = 0
    born: int = 0
    replaced: int = 0
    groups: int = 0
    denied: bool = False
    journal: bool = False
    enabled: bool = False
    claimed: int = 0


class State(NamedTuple):
    """slot: in the primary. copy: an earlier one, in a replica or in a saved image; None is an empty one.

    inc: the incarnation that the primary's functions believe in; other: what those of the other server remember, or of
    the one that the slot came from, 0 nothing. Stamps are compared with inc and nothing else, so 0 stands for
    every other incarnation.
    faults: how many may still come. lost: what Redis had is gone, or lies under stamps that don't count. replica: of
    Postgres, where a mutation reads it. zombie: what an isolated old primary has, where a mutation lets it go on.
    """

    slot: Slot
    copy: Slot | None
    inc: int
    other: int
    faults: int
    lost: bool
    postgres: Postgres
    nodes: tuple[Node, ...]
    acts: tuple[Act, ...]
    promised: Promised
    replica: Postgres | None = None
    zombie: Slot | None = None


def fresh_leases(state: State, login: int) -> Leases:
    """Tokens that stand on no record; states() keeps the numbers of those that do low."""
    slots = [slot for slot in (state.slot, state.copy) if slot is not None]
    person = {slot.u.lease for slot in slots if slot.u is not None}
    own = {record.lease for slot in slots if (record := slot.l[login]) is not None}
    return Leases(_unused(person), _unused(own))


def _unused(used: set[int]) -> int:
    return next(number for number in (1, 2, 3) if number not in used)


def normal(state: State, has: Mechanisms) -> State:
    """One for all states that differ only in names: of tokens, of nodes, of copies that nobody will ever look at."""
    copy = state.copy if state.faults else None
    if not has.fresh_tokens:
        return state._replace(copy=copy, nodes=tuple(sorted(state.nodes)))
    persons = _names(has, state.slot.u, copy.u if copy else None)
    logins = [_names(has, record, copy.l[at] if copy else None) for at, record in enumerate(state.slot.l)]
    return state._replace(
        slot=_renamed(state.slot, persons, logins),
        copy=_renamed(copy, persons, logins) if copy else None,
        nodes=tuple(sorted(_renamed_node(node, persons, logins, has) for node in state.nodes)),
    )


Names = dict[int, int]


def _names(has: Mechanisms, *records: Record | None) -> Names:
    """Tokens that may still be shown. One under another stamp never is: it has none, and no name."""
    names: Names = {0: 0}
    for record in records:
        if record is not None and record.lease not in names and (record.stamp or not has.stamped_leases):
            names[record.lease] = len(names)
    return names


def _renamed(slot: Slot, persons: Names, logins: list[Names]) -> Slot:
    renamed = tuple(_renamed_record(record, names) for record, names in zip(slot.l, logins, strict=True))
    return Slot(_renamed_record(slot.u, persons), renamed, slot.c)


def _renamed_record(record: Record | None, names: Names) -> Record | None:
    if record is None or record.lease == (name := names.get(record.lease, 0)):
        return record
    return record._replace(lease=name)


def _renamed_node(node: Node, persons: Names, logins: list[Names], has: Mechanisms) -> Node:
    if node.step == IDLE:
        return node
    person, login = persons.get(node.leases.person, GONE), logins[node.login].get(node.leases.login, GONE)
    if login == GONE and person in (0, GONE) and has.fill_needs_the_lease and has.asks_again_when_refused:
        return Node(IDLE)  # whatever it reads, it changes nothing any more
    leases = Leases(person, login)
    return node if leases == node.leases else node._replace(leases=leases)
