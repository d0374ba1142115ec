"""Begins and undoes what is for three in the morning: each a setting, in force on all workers within seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from gateway.core.admin.acts import AdminAct, AdminRole
from gateway.core.admin.emergency import (
    BadEmergency,
    InForce,
    Measure,
    WhoseSessions,
    check_words,
    closing_value,
    emergency_of,
    key_of,
    value_of,
)
from gateway.core.audit.admin_events import EmergencyBegun, EmergencyEnded
from gateway.core.mail.kinds import MailKind
from gateway.core.policy.model import Policy
from gateway.core.policy.overlay import apps_of, closing, hosts_of
from gateway.core.privacy.names import check_name
from gateway.flows.act import Act, Acts
from gateway.flows.admin.console import hold_role
from gateway.flows.mail.notices import NoticeFacts, Notices
from gateway.flows.people.users import check_reason
from gateway.stores.postgres.emergencies import Choice, EmergencyRow, Numbers
from gateway.stores.postgres.settings import SettingRow

_SHOWN: Final = 10
_REVISION_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Who acts. user_id: whose role allows it, None: a command's. login_id: their own."""

    actor: str
    user_id: UUID | None = None
    login_id: bytes | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class WantedMeasure:
    """name, words: of an app that closes. until: Unix seconds, None: until it is undone."""

    measure: Measure
    reason: str
    name: str = ""
    words: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class WantedEnd:
    """Whose sessions end. named: an app or a group. before: Unix seconds, 0: now. closes: all apps until it is done.

    keeps_own: the login of who acts, and that person's keys.
    """

    chosen: WhoseSessions
    reason: str
    named: str = ""
    before: int = 0
    closes: bool = False
    keeps_own: bool = True


@dataclass(frozen=True, slots=True)
class EmergencyShown:
    """ends: of sessions, the latest first."""

    in_force: Sequence[InForce]
    ends: Sequence[EmergencyRow]


@dataclass(frozen=True, slots=True)
class EmergencyAdmin:
    """All of it raises RecordUnavailable. What changes something raises BadEmergency, BadReason, BadName and MayNot.

    policy: where apps and their hosts are looked up. notices: owners hear of what begins.
    """

    acts: Acts
    notices: Notices
    policy: Callable[[], Policy]

    async def status(self) -> EmergencyShown:
        async with self.acts.begin() as act:
            rows = [row for row in await act.settings.list() if row.holds(act.now)]
            ends = await act.emergencies.list(_SHOWN)
        return EmergencyShown(emergency_of({row.key: (row.value, row.until) for row in rows}).in_force, ends)

    def apps(self) -> Sequence[str]:
        return apps_of(self.policy())

    async def begin(self, wanted: WantedMeasure, by: AskedBy) -> int:
        """The revision of the settings. What is in force already gets the new words and the new end."""
        check_reason(wanted.reason)
        check_words(wanted.words)
        value = self._value(wanted)
        async with self.acts.begin(operator=by.actor, request_id=by.request_id) as act:
            revision = await act.settings.next_revision()
            await _allow(act, by, wanted.measure.act)
            key = key_of(wanted.measure, wanted.name)
            await act.settings.put(SettingRow(key, value, wanted.until, revision, act.now, by.actor))
            begun = EmergencyBegun(
                None, wanted.measure.value, wanted.name, wanted.until, revision, wanted.words, wanted.reason
            )
            await self._announce(act, begun, InForce(wanted.measure, wanted.name, wanted.until))
        return revision

    async def undo(self, measure: Measure, name: str, reason: str, by: AskedBy) -> int:
        """The revision of the settings."""
        check_reason(reason)
        if measure is Measure.END_SESSIONS:
            raise BadEmergency("sessions that have ended stay so; the apps open by themselves when it is done")
        async with self.acts.begin(operator=by.actor, request_id=by.request_id) as act:
            revision = await act.settings.next_revision()
            await _allow(act, by, measure.act)
            if await act.settings.delete(key_of(measure, name)) is None:
                raise BadEmergency(f"{measure.value} {name}".strip() + " is not in force")
            act.record(EmergencyEnded(None, measure.value, name, "undone", revision, None, reason))
        return revision

    async def count(self, wanted: WantedEnd, by: AskedBy) -> Numbers:
        """What an end of sessions would take at this moment."""
        async with self.acts.begin() as act:
            return await act.emergencies.count(await self._choice(act, wanted, by), act.now)

    async def end_sessions(self, wanted: WantedEnd, by: AskedBy) -> int:
        """The leader does it, from the next second on. The revision of the settings."""
        check_reason(wanted.reason)
        async with self.acts.begin(operator=by.actor, request_id=by.request_id) as act:
            revision = await act.settings.next_revision()
            await _allow(act, by, AdminAct.EMERGENCY_OF_ALL)
            choice = await self._choice(act, wanted, by)
            numbers = await act.emergencies.count(choice, act.now)
            number = await act.emergencies.add(choice, numbers, by.actor, act.now)
            measure, name = Measure.END_SESSIONS, str(number)
            value = value_of(measure, closes=wanted.closes)
            await act.settings.put(SettingRow(key_of(measure, name), value, None, revision, act.now, by.actor))
            begun = EmergencyBegun(None, measure.value, choice.text, None, revision, "", wanted.reason)
            await self._announce(act, begun, InForce(measure, name, None, wanted.closes))
        return revision

    def _value(self, wanted: WantedMeasure) -> str:
        if wanted.measure is not Measure.CLOSE:
            return value_of(wanted.measure)
        closed = closing(self.policy(), wanted.name, wanted.words)
        if closed is None:
            apps = ", ".join(self.apps()) or "none"
            raise BadEmergency(f"the policy has no app {wanted.name[:60]!r}; it has {apps}")
        return closing_value(closed)

    async def _choice(self, act: Act, wanted: WantedEnd, by: AskedBy) -> Choice:
        if wanted.chosen in ("app", "group") and not wanted.named:
            raise BadEmergency(f"whose sessions: expected the name of the {wanted.chosen}")
        if wanted.chosen == "app" and wanted.named not in self.apps():
            raise BadEmergency(
                f"the policy has no app {wanted.named[:60]!r}; it has {', '.join(self.apps()) or 'none'}"
            )
        if wanted.chosen == "group":
            check_name("group", wanted.named)
        if wanted.before > act.now:
            raise BadEmergency("the time is not over yet: sessions that began before it can't be known")
        choice = Choice(wanted.chosen, wanted.named, None, wanted.before - 1 if wanted.before else act.now)
        if wanted.chosen == "app":
            choice = replace(choice, hosts=hosts_of(self.policy(), wanted.named, await act.emergencies.hosts(act.now)))
        return replace(choice, kept_login=by.login_id, kept_user=by.user_id) if wanted.keeps_own else choice

    async def _announce(self, act: Act, begun: EmergencyBegun, measure: InForce) -> None:
        act.record(begun)
        rows = (("What", measure.text), ("Reason", begun.reason))
        device = begun.revision.to_bytes(_REVISION_BYTES)  # so that each is told by itself
        for one in await act.admin_roles.list(act.now):
            if one.role is AdminRole.OWNER and one.is_active:
                await self.notices.tell(act, one.user_id, MailKind.EMERGENCY, NoticeFacts(device=device, more=rows))


async def _allow(act: Act, by: AskedBy, wanted: AdminAct) -> None:
    if by.user_id is not None:
        await hold_role(act, by.user_id, wanted)
