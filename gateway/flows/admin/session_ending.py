"""Ends many sessions in batches, as the work of the leader: each batch is one transaction, so a kill loses none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.admin.emergency import Measure, key_of
from gateway.core.audit.admin_events import EmergencyEnded
from gateway.core.audit.people_events import SessionsEnded
from gateway.core.base64url import b64
from gateway.core.session.tokens import tag_of
from gateway.flows.act import Act, Acts
from gateway.flows.oauth.back_channel import tell_apps
from gateway.flows.oauth.grants import end_offline_grants
from gateway.flows.people.api_keys import rest_keys
from gateway.stores.postgres.emergencies import ENDED_WHY, EmergencyRow

BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class SessionEnding:
    """tag_key: of the tags under which Redis knows people. batch: how many logins at once."""

    acts: Acts
    tag_key: bytes
    batch: int = BATCH

    async def work(self) -> None:
        """Until nothing is left to end. Raises RecordUnavailable and RedisBehind; then the next round goes on."""
        while await self._one_batch():
            pass

    async def _one_batch(self) -> bool:
        """Logins, then people who have something else, then what Redis may not have heard of: the first that is left.

        False: there was nothing to do.
        """
        async with self.acts.begin() as found:
            row = await found.emergencies.hold()
        if row is None:
            return False
        async with self.acts.begin(operator=row.begun_by) as act:
            row = await act.emergencies.hold()
            if row is None:
                return False
            if not (await self._logins(act, row) or await self._people(act, row) or await self._again(act, row)):
                await self._finish(act, row)
        return True

    async def _logins(self, act: Act, row: EmergencyRow) -> bool:
        found = await act.emergencies.next_logins(row.choice, self.batch, act.now)
        if not found:
            return False
        ended = frozenset(await act.emergencies.end(found, act.now))
        await tell_apps(act, ended)
        by_person = dict[UUID, list[bytes]]()
        for login_id, user_id in found:
            if login_id in ended:
                by_person.setdefault(user_id, []).append(login_id)
        for user_id, login_ids in by_person.items():
            act.record(SessionsEnded(user_id, tuple(map(b64, login_ids)), f"emergency {row.id}"))
            await self._end_rest(act, row, user_id)
        self._tell(act, found)
        await act.emergencies.add_done(row.id, len(ended))
        return True

    async def _people(self, act: Act, row: EmergencyRow) -> bool:
        found = await act.emergencies.next_people(row.choice, self.batch, act.now)
        for user_id in found:
            await self._end_rest(act, row, user_id)
        return bool(found)

    async def _again(self, act: Act, row: EmergencyRow) -> bool:
        """A worker that was killed between the commit and Redis has told nobody."""
        found = await act.emergencies.ended_since(row.begun_at, row.told_to, self.batch)
        if not found:
            return False
        self._tell(act, found)
        await act.emergencies.set_told(row.id, found[-1][0])
        return True

    async def _finish(self, act: Act, row: EmergencyRow) -> None:
        revision = await act.settings.next_revision()
        await act.settings.delete(key_of(Measure.END_SESSIONS, str(row.id)))
        await act.emergencies.finish(row.id, act.now)
        act.record(EmergencyEnded(None, Measure.END_SESSIONS.value, row.choice.text, "done", revision, row.done, None))

    async def _end_rest(self, act: Act, row: EmergencyRow, user_id: UUID) -> None:
        """As the table says of what is no login, also for somebody who keeps a browser (login-defence.md X2)."""
        if user_id != row.choice.kept_user:
            await end_offline_grants(act, self.tag_key, user_id, ENDED_WHY)
            await rest_keys(act, self.tag_key, user_id)
            await act.attempts.delete_of(user_id)

    def _tell(self, act: Act, logins: Sequence[tuple[bytes, UUID]]) -> None:
        for login_id, user_id in logins:
            act.ends("login", tag_of(self.tag_key, user_id), b64(login_id))
