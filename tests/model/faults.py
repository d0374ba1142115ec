"""What befalls Redis and Postgres."""

from collections.abc import Callable, Iterator
from typing import Final

from tests.model.functions import Record, Slot
from tests.model.mechanisms import Mechanisms
from tests.model.state import State

# Of the code of an act or a node there is none here: all of it happens to them.
FLUSH: Final = "Redis is emptied"
RESTART: Final = "Redis comes back from the image"
FAILOVER: Final = "the replica is promoted"
MOVE: Final = "the slot moves to another server of the cluster, or back"
VANISH: Final = "vanishes"  # of a record: its deadline, or memory that ran out. It costs no fault.
POSTGRES: Final = "Postgres goes away"


def steps(state: State, has: Mechanisms, faults: frozenset[str]) -> Iterator[tuple[str, State]]:
    if VANISH in faults:
        yield from _vanish(state)
    if not state.postgres.up:
        yield "Postgres is back", state._replace(postgres=state.postgres._replace(up=True))
    if state.replica is not None and state.replica != state.postgres:
        yield "the replica of Postgres follows", state._replace(replica=state.postgres)
    if not state.faults:
        return
    left = state._replace(faults=state.faults - 1)
    shaken = left._replace(lost=True, promised=state.promised._replace(marked=0))
    if {RESTART, FAILOVER} & faults and state.copy is None and state.slot != _empty(state.slot):
        yield "the replica or the image has it all; from here on it lags", state._replace(copy=state.slot)
    if POSTGRES in faults and state.postgres.up:
        yield POSTGRES, left._replace(postgres=state.postgres._replace(up=False))
    after: dict[str, Callable[[], State]] = {
        FLUSH: lambda: shaken._replace(slot=_empty(state.slot)),
        RESTART: lambda: _elsewhere(shaken, has, process_goes_on=False),
        FAILOVER: lambda: _elsewhere(shaken, has, process_goes_on=True),
        MOVE: lambda: _moved(shaken, has),
    }
    yield from ((fault, reached()) for fault, reached in after.items() if fault in faults)


def _vanish(state: State) -> Iterator[tuple[str, State]]:
    slot = state.slot
    if slot.u is not None:
        yield f"the person's record {VANISH}", state._replace(slot=slot._replace(u=None))
    for login, record in enumerate(slot.l):
        if record is not None and not (record.form == "X" and record.says):
            rest = (*slot.l[:login], None, *slot.l[login + 1 :])
            yield f"the record of login {login} {VANISH}", state._replace(slot=slot._replace(l=rest))


def _elsewhere(state: State, has: Mechanisms, *, process_goes_on: bool) -> State:
    """The copy is served now, under a new replication id, so no stamp in it counts."""
    served, left = state.copy or _empty(state.slot), state.slot
    zombie = left if process_goes_on and not has.old_primary_stops else state.zombie
    if has.looks_again and has.epoch_in_stamps:
        return state._replace(slot=_foreign(served), copy=_foreign(left if process_goes_on else served), zombie=zombie)
    fresh = max(state.inc, state.other) + 1
    if not process_goes_on:
        return state._replace(slot=served, copy=served, inc=fresh)
    if has.looks_again:
        return state._replace(slot=served, copy=left, inc=fresh)
    return state._replace(slot=served, copy=left, inc=state.other or fresh, other=state.inc)


def _moved(state: State, has: Mechanisms) -> State:
    """With all its records, which only their own server's stamp makes live; the server that it leaves goes on."""
    if has.epoch_in_stamps:
        return state._replace(slot=_foreign(state.slot), copy=None if state.copy is None else _foreign(state.copy))
    return state._replace(inc=state.other or max(state.inc, state.other) + 1, other=state.inc)


def _foreign(slot: Slot) -> Slot:
    return Slot(_unstamped(slot.u), tuple(_unstamped(record) for record in slot.l), _unstamped(slot.c))


def _unstamped(record: Record | None) -> Record | None:
    return record if record is None or not record.stamp else record._replace(stamp=0)


def _empty(slot: Slot) -> Slot:
    return Slot(None, tuple(None for _ in slot.l), None)
