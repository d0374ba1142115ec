"""What the console says of the whole: what is wrong first, then figures, workers, and the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.catalogue import CATALOGUE
from gateway.flows.act import Acts
from gateway.flows.evidence.audit_entries import Listed, entries_before, list_entries
from gateway.flows.transaction import transaction
from gateway.stores.postgres.counts import Counts
from gateway.stores.postgres.policy_workers import PolicyWorker, PolicyWorkers

PAGE: Final = 50
_ACTS: Final = 10
_SILENT_S: Final = 10.0
_FORGOTTEN_S: Final = 3600.0
_LATE: Final = 60
_ACT_KINDS: Final = ("admin_entered", "role_granted", "role_revoked", "setting_changed", "sessions_ended",
                     "emergency_begun", "emergency_ended", "user_disabled", "user_enabled", "groups_changed",
                     "unlocked")  # fmt: skip


@dataclass(frozen=True, slots=True)
class NeedsLook:
    """What an operator should look at, and where. path: of the console, "" for none."""

    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """wrong: the worst first. figures: a number and what it counts. acts: of administrators, the latest first."""

    wrong: Sequence[NeedsLook]
    figures: Sequence[tuple[int, str]]
    acts: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class WorkerShown:
    """trouble: "" where all is well."""

    node: str
    number: int
    policy: str
    settings: int
    silent_s: int
    trouble: str


@dataclass(frozen=True, slots=True)
class EntriesWanted:
    """kind, person "": all. before: an id, 0: the newest."""

    kind: str = ""
    person: str = ""
    before: int = 0


@dataclass(frozen=True, slots=True)
class EntriesFound:
    """The newest first. before: for the next page, 0 on the last. nobody: the person that was asked for is unknown."""

    entries: Sequence[Listed]
    kinds: Sequence[str]
    before: int
    nobody: bool = False


@dataclass(frozen=True, slots=True)
class ConsoleOverview:
    """All of it raises RecordUnavailable."""

    acts: Acts

    async def look(self) -> Looked:
        async with transaction(self.acts.pool) as connection:
            counts = await Counts(connection).all(self.acts.clock())
            workers = await PolicyWorkers(connection).all(_FORGOTTEN_S)
        async with self.acts.begin() as act:
            owners = await act.admin_roles.count_owners()
        troubled = [one for one in _workers(workers) if one.trouble]
        wrong = [NeedsLook(f"{one.node}, worker {one.number}: {one.trouble}", "/admin/fleet") for one in troubled]
        if counts.oldest_unlinked_s > _LATE:
            wrong.append(
                NeedsLook(f"The oldest entry that is not linked is {counts.oldest_unlinked_s} s old.", "/admin/audit")
            )
        if owners < 2:  # noqa: PLR2004
            wrong.append(
                NeedsLook("There is one owner: nobody else could give roles. Make another one.", "/admin/people")
            )
        figures = [
            (counts.logins, "signed in"),
            (counts.people, "people"),
            (counts.locked, "locked out"),
            (counts.failed, "failed sign-ins in the last hour"),
        ]
        return Looked(wrong, figures, await entries_before(self.acts.pool, self.acts.vault, _ACT_KINDS, 0, _ACTS))

    async def workers(self) -> Sequence[WorkerShown]:
        async with transaction(self.acts.pool) as connection:
            return _workers(await PolicyWorkers(connection).all(_FORGOTTEN_S))

    async def entries(self, wanted: EntriesWanted) -> EntriesFound:
        kinds = sorted(event.kind.value for event in CATALOGUE)
        if wanted.person:
            async with self.acts.begin() as act:
                user = await act.users.find_by_name(wanted.person)
            if user is None:
                return EntriesFound([], kinds, 0, nobody=True)
            found = await list_entries(self.acts.pool, self.acts.vault, user.id, wanted.kind or None, PAGE)
            return EntriesFound(found[::-1], kinds, 0)
        some = (wanted.kind,) if wanted.kind else ()
        entries = await entries_before(self.acts.pool, self.acts.vault, some, wanted.before, PAGE + 1)
        before = entries[PAGE - 1].id if len(entries) > PAGE else 0
        return EntriesFound(entries[:PAGE], kinds, before)


def _workers(found: Sequence[PolicyWorker]) -> list[WorkerShown]:
    newest = max((one.settings for one in found), default=0)
    versions = {one.version for one in found}
    return [
        WorkerShown(
            one.node, one.worker, one.version, one.settings, int(one.silent_s), _trouble(one, newest, len(versions))
        )
        for one in found
    ]


def _trouble(one: PolicyWorker, newest: int, versions: int) -> str:
    if one.silent_s > _SILENT_S:
        return f"not heard of for {one.silent_s:.0f} s"
    if one.refused:
        return f"refused the policy: {one.refused.splitlines()[0]}"
    if one.settings < newest:
        return "does not follow the settings yet"
    if one.trouble:
        return one.trouble.splitlines()[0]
    return "workers serve different versions of policy" if versions > 1 else ""
