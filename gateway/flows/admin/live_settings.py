"""Lets every worker follow what was changed while Bastion runs, and lets operators change it (ui.md section 5)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.emergency import NO_EMERGENCY, PREFIX, Emergency, emergency_of, named_by
from gateway.core.admin.live_limits import KEY, BadSetting, LimitValue, check, is_far, overlaid, read_value, value_of
from gateway.core.audit.admin_events import EmergencyEnded, SettingChanged, SettingExpired
from gateway.core.errors import GatewayError
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.act import Act, Acts
from gateway.flows.admin.console import hold_role
from gateway.flows.people.users import check_reason
from gateway.flows.transaction import transaction
from gateway.stores.files.settings import LastSettings
from gateway.stores.postgres.policy_workers import PolicyWorkers
from gateway.stores.postgres.settings import SettingRow, SettingRows, read_row

_FOLLOW_S: Final = 5.0
_LOOK_S: Final = 0.1
_SILENT_S: Final = 10.0
_FORGOTTEN_S: Final = 3600.0
_LOG: Final = structlog.stdlib.get_logger("gateway.settings")


class ReadOnly(GatewayError):
    """The configuration keeps settings to the file."""


class ChangedBySomebody(GatewayError):
    """Somebody else changed the setting since it was looked at; the message says to what."""


@dataclass(slots=True)
class LiveSettings:
    """Of one worker: what is in force, file and console together.

    file: limits as configured. last: the settings that this node knew. emergency: holds whatever admin.live_settings
    says.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    file: Mapping[str, Limit]
    last: LastSettings
    clock: Callable[[], int]
    revision: int = -1
    trouble: str = ""
    emergency: Emergency = NO_EMERGENCY
    limits: Mapping[str, Limit] = field(default_factory=dict)
    _rows: Sequence[SettingRow] = ()

    def __post_init__(self) -> None:
        self.limits = dict(self.file)

    def limit(self, name: str) -> Limit:
        """As it is in force at this moment."""
        return self.limits[name]

    def in_force(self, limit: Limit) -> Limit:
        """What counts in place of a limit of the file; one of a network's own, or of a route's, stays as it is."""
        return self.limits[limit.name] if self.file.get(limit.name) == limit else limit

    @property
    def is_known(self) -> bool:
        """False: neither Postgres nor a file of this node has said what is in force."""
        return self.revision >= 0

    async def first(self) -> None:
        """At start: from Postgres, else what this node knew last; else nothing is known yet."""
        try:
            await self.refresh()
        except GatewayError:
            known = await asyncio.to_thread(self.last.read)
            if known is not None:
                revision, rows = known
                self._take(revision, [row for one in rows if (row := read_row(one)) is not None])

    async def refresh(self) -> bool:
        """Whether what is in force is something else than before. Raises RecordUnavailable.

        A lower revision is followed too: a database that was restored. What is past its time ends by this node's
        clock; the leader deletes it.
        """
        async with transaction(self.pool) as connection:
            settings = SettingRows(connection)
            revision = await settings.revision()
            rows = self._rows if revision == self.revision else await settings.list()
        if 0 <= revision < self.revision:
            _LOG.warning("settings went back", before=self.revision, now=revision)
        is_new = revision != self.revision
        changed = self._take(revision, rows)
        if is_new:
            await asyncio.to_thread(self.last.write, revision, [asdict(row) for row in rows])
        return changed

    def _take(self, revision: int, rows: Sequence[SettingRow]) -> bool:
        now, before = self.clock(), (self.limits, self.emergency)
        held = [row for row in rows if row.holds(now)]
        self.limits, trouble = overlaid(
            self.file, {row.key: row.value for row in held if not row.key.startswith(PREFIX)}
        )
        self.emergency = emergency_of({row.key: (row.value, row.until) for row in held})
        self.revision, self._rows = revision, rows
        self.trouble = "\n".join([*trouble, *self.emergency.trouble])
        return (self.limits, self.emergency) != before


@dataclass(frozen=True, slots=True)
class LimitShown:
    """One limit: what the file says, what is in force, and how to change it. until: Unix seconds."""

    name: str
    file: LimitValue
    live: LimitValue
    is_changed: bool
    until: int | None
    revision: int

    @property
    def key(self) -> str:
        return KEY + self.name


@dataclass(frozen=True, slots=True)
class WantedLimit:
    """A change as it was typed. value None: back to the file's. seen: revision of the setting that was looked at, 0
    where the file's value was. until: Unix seconds, None: until it is changed again.
    """

    name: str
    value: LimitValue | None
    until: int | None
    reason: str
    seen: int


@dataclass(frozen=True, slots=True)
class Following:
    """Of how many workers a change is in force, and a line for each that is behind."""

    workers: int
    behind: Sequence[str]

    @property
    def in_force(self) -> int:
        return self.workers - len(self.behind)


@dataclass(frozen=True, slots=True)
class SettingsAdmin:
    """file: limits as configured. may_change: as `admin.live_settings` says. All of it raises RecordUnavailable."""

    acts: Acts
    file: Mapping[str, Limit]
    may_change: bool = True

    async def list(self) -> Sequence[LimitShown]:
        """In the order of their names."""
        async with self.acts.begin() as act:
            rows = {row.key: row for row in await act.settings.list() if row.holds(act.now)}
        return [self._shown(name, rows.get(KEY + name)) for name in sorted(self.file)]

    async def find(self, name: str) -> LimitShown | None:
        """None: no limit has this name."""
        if name not in self.file:
            return None
        return next(one for one in await self.list() if one.name == name)

    async def change(
        self, wanted: WantedLimit, actor: str, user_id: UUID | None = None, request_id: str = "", token: bytes = b""
    ) -> int:
        """The revision of the change. user_id: whose role allows it; None: a command's. token: id of one that acts.

        Raises ReadOnly, BadSetting, BadReason, MayNot, ChangedBySomebody.
        """
        if not self.may_change:
            raise ReadOnly("admin.live_settings is false: these numbers are changed in the configuration file")
        check_reason(wanted.reason)
        if wanted.name not in self.file:
            raise BadSetting(f"there is no limit {wanted.name[:60]!r}; `bastion settings list` shows all")
        async with self.acts.begin(operator=actor, request_id=request_id) as act:
            revision = await act.settings.next_revision()
            await self._allow(act, wanted, user_id, token)
            row = await act.settings.find(KEY + wanted.name)
            before = row if row is not None and row.holds(act.now) else None
            if (0 if before is None else before.revision) != wanted.seen:
                raise ChangedBySomebody(self._clash(wanted, before))
            file = value_of(self.file[wanted.name])
            after = file if wanted.value is None else wanted.value
            if wanted.value is None:
                await act.settings.delete(KEY + wanted.name)
            else:
                await act.settings.put(
                    SettingRow(KEY + wanted.name, after.stored, wanted.until, revision, act.now, actor)
                )
            act.record(
                SettingChanged(
                    None,
                    KEY + wanted.name,
                    file.stored if before is None else before.value,
                    after.stored,
                    file.stored,
                    wanted.until,
                    revision,
                    wanted.reason,
                )
            )
        return revision

    async def follow(self, revision: int, within_s: float = _FOLLOW_S) -> Following:
        """Waits until all workers say that they follow, or until the time is over."""
        deadline = monotonic() + within_s
        while True:
            found = await self.following(revision)
            if (found.workers and not found.behind) or monotonic() >= deadline:
                return found
            await asyncio.sleep(_LOOK_S)

    async def following(self, revision: int) -> Following:
        async with transaction(self.acts.pool) as connection:
            workers = await PolicyWorkers(connection).all(_FORGOTTEN_S)
        behind = []
        for one in workers:
            if one.silent_s > _SILENT_S:
                behind.append(f"{one.node}, worker {one.worker}: not heard of for {one.silent_s:.0f} s")
            elif one.settings < revision:
                behind.append(f"{one.node}, worker {one.worker}: does not follow yet")
        return Following(len(workers), behind)

    async def expire(self) -> None:
        """Deletes what is past its time, which no worker has in force any more: the work of the leader."""
        async with self.acts.begin() as act:
            over = await act.settings.expired(act.now)
            if not over:
                return
            revision = await act.settings.next_revision()
            for row in over:
                await act.settings.delete(row.key)
                act.record(_expired(row, revision))

    async def _allow(self, act: Act, wanted: WantedLimit, user_id: UUID | None, token: bytes) -> None:
        if wanted.value is not None:
            check(wanted.name, wanted.value)
        if user_id is None:
            return
        far = wanted.value is not None and is_far(wanted.name, wanted.value, value_of(self.file[wanted.name]))
        await hold_role(act, user_id, AdminAct.LIMITS_FAR if far else AdminAct.LIMITS, token=token)

    def _shown(self, name: str, row: SettingRow | None) -> LimitShown:
        file = value_of(self.file[name])
        if row is None:
            return LimitShown(name, file, file, is_changed=False, until=None, revision=0)
        try:
            live = read_value(row.value)
        except BadSetting:  # of another version: it is out of force
            live = file
        return LimitShown(name, file, live, is_changed=True, until=row.until, revision=row.revision)

    def _clash(self, wanted: WantedLimit, before: SettingRow | None) -> str:
        now = value_of(self.file[wanted.name]).stored if before is None else before.value
        yours = "the file's value" if wanted.value is None else wanted.value.stored
        return f"somebody else changed {wanted.name} meanwhile: it is {now} now, and you asked for {yours}"


def _expired(row: SettingRow, revision: int) -> SettingExpired | EmergencyEnded:
    named = named_by(row.key)
    if named is None:
        return SettingExpired(None, row.key, row.value, revision)
    measure, name = named
    return EmergencyEnded(None, measure.value, name, "expired", revision, None, None)
