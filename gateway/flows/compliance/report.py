"""What controls say of a period, and who or what auditors may draw samples from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.compliance_events import ControlExcepted
from gateway.core.compliance.controls import BY_ID, digest_of_run
from gateway.core.compliance.page import ControlRow, ExceptionRow, Report
from gateway.core.compliance.period import ControlSpan, Observation, spans
from gateway.core.errors import GatewayError
from gateway.flows.act import Acts
from gateway.flows.compliance.control_run import CHANGES
from gateway.flows.people.users import check_reason
from gateway.flows.transaction import transaction
from gateway.stores.postgres.controls import ControlException, RunResults
from gateway.stores.postgres.populations import PopulationEntry, Populations

POPULATIONS: Final[Mapping[str, Sequence[str]]] = {
    "logins": ("login",),
    "changes": CHANGES,
    "erasures": ("user_erased",),
    "consents": ("document_accepted", "document_declined", "document_withdrawn"),
}


class UnknownControl(GatewayError):
    """There is no control of this id."""


@dataclass(frozen=True, slots=True)
class ControlsNow:
    """latest: the newest look at each control, by its id. exceptions: those that hold now."""

    latest: Mapping[str, Observation]
    exceptions: Sequence[ExceptionRow]


@dataclass(frozen=True, slots=True)
class Compliance:
    """actor: who acts, as the audit log names them. All of it raises RecordUnavailable."""

    acts: Acts
    actor: str

    async def report(self, begins_at: int, ends_at: int) -> Report:
        """Unix seconds. What lies in the future is left out."""
        async with self.acts.begin() as act:
            ends_at = min(ends_at, act.now)
            runs = await act.controls.between(begins_at, ends_at)
            digests = await act.controls.digests(min((one.at for one in runs), default=begins_at), ends_at)
            exceptions = await act.controls.exceptions(begins_at, ends_at)
            made_at = act.now
        async with transaction(self.acts.pool) as connection:
            populations = Populations(connection)
            counts = {name: await populations.count(kinds, begins_at, ends_at) for name, kinds in POPULATIONS.items()}
        return Report(
            begins_at=begins_at,
            ends_at=ends_at,
            made_at=made_at,
            rows=_rows(runs, begins_at, ends_at),
            exceptions=[_row_of(one) for one in exceptions],
            populations=counts,
            changed_runs=[one.run for one in runs if digests.get(one.run) != _digest(one)],
        )

    async def now(self) -> ControlsNow:
        async with self.acts.begin() as act:
            latest = await act.controls.latest()
            exceptions = await act.controls.exceptions(act.now, act.now)
        return ControlsNow(latest, [_row_of(one) for one in exceptions])

    async def grant(self, control: str, ends_at: int, reason: str) -> None:
        """An exception from now on. Raises UnknownControl or BadReason."""
        check_reason(reason)
        if control not in BY_ID:
            raise UnknownControl(f"there is no control {control!r}; `bastion compliance report` lists them")
        async with self.acts.begin(operator=self.actor) as act:
            await act.controls.add_exception(ControlException(control, act.now, ends_at, reason, self.actor))
            act.record(ControlExcepted(None, control, ends_at))

    async def population(
        self, name: str, begins_at: int, ends_at: int, tell: Callable[[PopulationEntry], None]
    ) -> None:
        """The oldest first, a batch at a time."""
        after = 0
        while True:
            async with transaction(self.acts.pool) as connection:
                batch = await Populations(connection).page(POPULATIONS[name], begins_at, ends_at, after)
            for one in batch:
                tell(one)
            if not batch:
                return
            after = batch[-1].id


def _row_of(one: ControlException) -> ExceptionRow:
    return ExceptionRow(one.control, one.begun_at, one.ends_at, one.reason, one.added_by)


def _digest(run: RunResults) -> str:
    return digest_of_run(run.run, run.at, run.judged)


def _rows(runs: Sequence[RunResults], begins_at: int, ends_at: int) -> Sequence[ControlRow]:
    """One for each control and each of its definitions, in the order of the controls."""
    seen: dict[str, list[Observation]] = {control: [] for control in BY_ID}
    for run in runs:
        for control, observation in run.results:
            seen.setdefault(control, []).append(observation)
    rows = []
    for control, observations in seen.items():
        by_definition: dict[bytes, list[ControlSpan]] = {}
        for span in spans(observations, begins_at, ends_at):
            by_definition.setdefault(span.definition, []).append(span)
        rows += [ControlRow(control, definition.hex(), found) for definition, found in by_definition.items()]
    return rows
