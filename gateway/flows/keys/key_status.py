"""Tells an operator of the keys that wrap other keys, and of those that they wrap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.flows.act import Act, Acts
from gateway.flows.policy.policy_fleet import FORGOTTEN_S, SILENT_S


@dataclass(frozen=True, slots=True)
class MasterStatus:
    """id: "" of rows that don't say. first_seen_at: Unix seconds. rows: by table. workers: those that have it.

    is_here: in this node's configuration.
    """

    id: str
    is_active: bool
    is_here: bool
    first_seen_at: int | None
    rows: Mapping[str, int]
    workers: int
    may_be_destroyed: bool


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """done: no row is left to wrap anew. workers: of the fleet. months, system: with the times of `MasterRows`."""

    masters: Sequence[MasterStatus]
    done: bool
    workers: int
    months: Sequence[tuple[str, int | None]]
    system: Sequence[tuple[str, int]]

    @property
    def unused(self) -> list[str]:
        """Ids of keys of this node that wrap nothing and are not about to."""
        return [one.id for one in self.masters if one.is_here and not one.is_active and not one.rows]


async def key_status(acts: Acts) -> KeyStatus:
    """Raises RecordUnavailable."""
    async with acts.begin() as act:
        state = await act.masters.state()
        counts = await act.masters.counts()
        workers = [one for one in await act.policy_workers.all(FORGOTTEN_S) if one.silent_s <= SILENT_S]
        active, done = ("", True) if state is None else (state.active, state.done)
        ids = dict.fromkeys((active, *acts.vault.masters, *counts))
        held = {one: sum(one in worker.master_ids for worker in workers) for one in ids}
        masters = [await _master(act, acts, one, active, counts, held) for one in ids if one]
        if "" in counts:
            masters.append(MasterStatus("", False, False, None, counts[""], 0, False))
        return KeyStatus(masters, done, len(workers), await act.masters.months(), await act.masters.system())


async def _master(
    act: Act, acts: Acts, master: str, active: str, counts: Mapping[str, Mapping[str, int]], held: Mapping[str, int]
) -> MasterStatus:
    """A row that says nothing may be under any of them."""
    rows, is_active = counts.get(master, {}), master == active
    free = not rows and not is_active and "" not in counts
    seen = await act.masters.first_seen(master)
    return MasterStatus(master, is_active, master in acts.vault.masters, seen, rows, held[master], free)
