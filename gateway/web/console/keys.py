"""/admin/keys: keys that sign tokens, keys that data is encrypted under, and people's API keys. No key itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.admin.acts import AdminAct
from gateway.core.base64url import b64
from gateway.core.token.signing_keys import KeyRecord, KeyState
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.lists import PAGE, AdminLists
from gateway.flows.keys.key_status import KeyStatus, MasterStatus
from gateway.flows.people.api_keys import ListedKey
from gateway.web.console.frame import Frame
from gateway.web.console.moments import moment
from gateway.web.cursors import time_and_id
from gateway.web.spans import counted
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/keys"


def routes(frame: Frame, lists: AdminLists) -> list[web.RouteDef]:
    return [web.get(_PATH, frame.page(_KeyPages(frame, lists).show, AdminAct.LOOK_LISTS))]


@dataclass(frozen=True, slots=True)
class _KeyPages:
    frame: Frame
    lists: AdminLists

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        now, after = self.frame.browser.clock(), time_and_id(request.query.get("after", ""))
        signing = await self.lists.signing_keys.records()
        found = await self.lists.api_keys.page(after, PAGE + 1)
        last = found[PAGE - 1].key if len(found) > PAGE else None
        gone = [one for one in signing if one.times.state(now) is KeyState.GONE]
        return self.frame.render(
            request,
            who,
            "keys.html",
            signing=[_signing_line(one, now) for one in signing if one not in gone],
            gone=len(gone),
            data=_data(await self.lists.data_keys(), now),
            api_keys=[_api_line(one, now) for one in found[:PAGE]],
            is_first=after is None,
            after="" if last is None else f"{last.created_at}.{b64(last.id)}",
        )


def _signing_line(record: KeyRecord, now: int) -> Mapping[str, object]:
    times = record.times
    return {
        "kid": record.kid,
        "alg": record.alg,
        "state": times.state(now).value,
        "made": moment(times.created_at, now),
        "from": moment(times.active_from, now),
        "until": moment(times.retire_at, now),
        "compromised": moment(times.compromised_at, now),
    }


def _data(found: KeyStatus, now: int) -> Mapping[str, object]:
    kept = [month for month, destroyed_at in found.months if destroyed_at is None]
    return {
        "masters": [_master(one, found.workers, now) for one in found.masters],
        "done": found.done,
        "system": [{"purpose": purpose, "made": moment(made_at, now)} for purpose, made_at in found.system],
        "months": " to ".join(dict.fromkeys((kept[0], kept[-1]))) if kept else "",
        "destroyed": len(found.months) - len(kept),
    }


def _master(one: MasterStatus, workers: int, now: int) -> Mapping[str, object]:
    notes = [
        "wraps new keys" if one.is_active else "",
        f"on {one.workers} of {counted(workers, 'worker')}" if one.id else "",
        "" if one.is_here or not one.id else "not on this node",
        "may be destroyed" if one.may_be_destroyed else "",
    ]
    return {
        "id": one.id,
        "notes": ", ".join(filter(None, notes)),
        "rows": sum(one.rows.values()),
        "seen": moment(one.first_seen_at, now),
    }


def _api_line(one: ListedKey, now: int) -> Mapping[str, object]:
    row = one.key
    return {
        "id": b64(row.id),
        "user_id": row.user_id,
        "username": shown(one.username),
        "name": shown(row.name),
        "scopes": _some(row.scopes),
        "hosts": _some(row.hosts),
        "networks": _some(row.networks),
        "made": moment(row.created_at, now),
        "used": moment(row.last_used_at, now),
        "expires": moment(row.expires_at, now),
        "rests": row.rests_at is not None,
    }


def _some(words: Sequence[str]) -> str:
    return shown(", ".join(words))
