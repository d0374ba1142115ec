"""Gives a person, or an operator, a copy of all that is stored of the person."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from gateway.core.audit.privacy_events import OWN, DataExported
from gateway.core.errors import GatewayError
from gateway.core.mail.kinds import MailKind
from gateway.core.privacy.export import TITLES, CopyRow, as_json, as_page
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.may_change import require_change
from gateway.flows.people.issuing import Visit
from gateway.stores.postgres.audit import ReadEntry
from gateway.stores.postgres.users import UnknownUser

_MOST_ENTRIES: Final = 100_000
_KIND: Final = DataExported.kind.value


class TooManyExports(GatewayError):
    """The person has had as many copies within a day as they may."""


@dataclass(frozen=True, slots=True)
class Export:
    """per_day: how many copies a person gets. All of it raises RecordUnavailable."""

    acts: Acts
    per_day: int
    notices: Notices = NO_NOTICES

    async def may(self, live: LiveLogin) -> bool:
        async with self.acts.begin() as act:
            return await self._left(act, live.person.user_id)

    async def counts(self, live: LiveLogin) -> Sequence[tuple[str, int]]:
        """What is stored, by title, without what there is none of."""
        async with self.acts.begin() as act:
            found = await act.own_data.counts(live.person.user_id)
        return [(TITLES[table], count) for table, count in found.items() if count]

    async def own(self, live: LiveLogin, visit: Visit) -> bytes:
        """A ZIP file. Raises TooManyExports, and MayNotChange: a copy outlasts the login that took it (X3)."""
        user_id = live.person.user_id
        async with self.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(user_id)
            await require_change(act, live)
            if not await self._left(act, user_id):
                raise TooManyExports("there was a copy within the last 24 hours")
            made = await _copy(act, user_id)
            act.record(DataExported(user_id, OWN))
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            await self.notices.tell(act, user_id, MailKind.DATA_EXPORTED, facts)
        return made

    async def of(self, name: str, operator: str) -> bytes:
        """As own, for an operator, whom no limit holds. Raises UnknownUser."""
        async with self.acts.begin(operator=operator) as act:
            user_id = (await act.users.named(name)).id
            made = await _copy(act, user_id)
            act.record(DataExported(user_id, None))
        return made

    async def _left(self, act: Act, user_id: UUID) -> bool:
        had = await act.audit.newest(user_id, _KIND, _MOST_ENTRIES, since=act.now - DAY_S + 1, after=0)
        return sum(one.entry.actor == str(user_id) for one in had) < self.per_day


async def _copy(act: Act, user_id: UUID) -> bytes:
    user = await act.users.find(user_id)
    if user is None:
        raise UnknownUser("the person was erased")
    entries = await act.audit.newest(user_id, None, _MOST_ENTRIES, since=0, after=0)
    tables: dict[str, Sequence[CopyRow]] = {**await act.own_data.rows(user_id)}
    tables["audit"] = [_entry(one) for one in reversed(entries)]
    person = {
        "id": str(user.id),
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "groups": list(user.groups),
        "state": user.state,
    }
    return _zipped({"data.json": as_json(person, tables, act.now), "data.html": as_page(person, tables, act.now)})


def _entry(one: ReadEntry) -> Mapping[str, Any]:
    return {
        "kind": one.entry.kind,
        "at": one.entry.at,
        "actor": one.entry.actor,
        "detail": json.loads(one.entry.detail),
        "personal": dict(one.personal),
    }


def _zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()
