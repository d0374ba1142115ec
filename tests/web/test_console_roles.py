"""Every address of the console with every role, over HTTP: the whole table, written out (ui.md section 3)."""

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientResponse
from redis.asyncio import Redis

from gateway.core.admin.acts import AdminRole
from gateway.core.assurance.model import OTP, PWD
from gateway.demo.setting import AUTH_HOST
from gateway.stores.postgres.users import NewUser, Users
from tests.conftest import Pool
from tests.web.worker import ADA, HOST, PORT, Worker, whole_worker

OWNER, ADMIN, SUPPORT, AUDITOR = AdminRole
ALL = {OWNER, ADMIN, SUPPORT, AUDITOR}
READERS, HELPERS, ADMINS, OWNERS = {OWNER, ADMIN, AUDITOR}, {OWNER, ADMIN, SUPPORT}, {OWNER, ADMIN}, {OWNER}
BOB = UUID(int=2)
PERSON = f"/admin/people/{BOB}"
LIMIT = "/admin/limits/AUTH.LOGIN"
WHO_MAY: Final = {
    "GET /admin": ALL,
    "GET /admin/enter": ALL,
    "POST /admin/enter": ALL,
    "GET /admin/fleet": ALL,
    "GET /admin/people": ALL,
    "POST /admin/people/find": ALL,
    f"GET {PERSON}": ALL,
    "GET /admin/sessions": ALL,
    "POST /admin/sessions": ALL,
    "GET /admin/decisions": ALL,
    "GET /admin/decisions/00000000-0000": ALL,
    "GET /admin/policy": ALL,
    "GET /admin/policy/try": ALL,
    "POST /admin/policy/try": ALL,
    "GET /admin/policy/source/demo.yaml": READERS,
    "GET /admin/limits": ALL,
    f"GET {LIMIT}": ADMINS,
    f"POST {LIMIT}": ADMINS,
    f"POST {LIMIT}/change": ADMINS,
    "GET /admin/audit": READERS,
    "POST /admin/audit": READERS,
    f"GET {PERSON}/end-session/AAAA": HELPERS,
    f"POST {PERSON}/end-session/AAAA": HELPERS,
    f"GET {PERSON}/end-sessions": HELPERS,
    f"POST {PERSON}/end-sessions": HELPERS,
    f"GET {PERSON}/unlock": HELPERS,
    f"POST {PERSON}/unlock": HELPERS,
    f"GET {PERSON}/disable": ADMINS,
    f"POST {PERSON}/disable": ADMINS,
    f"GET {PERSON}/enable": ADMINS,
    f"POST {PERSON}/enable": ADMINS,
    f"GET {PERSON}/groups": ADMINS,
    f"POST {PERSON}/groups": ADMINS,
    f"GET {PERSON}/rename": ADMINS,
    f"POST {PERSON}/rename": ADMINS,
    "GET /admin/people/new": ADMINS,
    "POST /admin/people/new": ADMINS,
    f"GET {PERSON}/role": OWNERS,
    f"POST {PERSON}/role": OWNERS,
    "GET /admin/emergency": ALL,
    "GET /admin/emergency/end-sessions": OWNERS,
    "POST /admin/emergency/end-sessions": OWNERS,
    "POST /admin/emergency/end-sessions/begin": OWNERS,
    **{
        f"{method} /admin/emergency/{measure}{path}": roles
        for measure, roles in (("close", ADMINS), ("stop-logins", ADMINS), ("require-mfa", OWNERS))
        for path in ("", "/undo", "/undo/nowhere")
        for method in ("GET", "POST")
    },
    "POST /admin/leave": ALL,  # last, because it ends the console
}
MAY_NOT = "your role may not"
# What an act says of which the role is right and the rest is not.
SAID_BY_ACTS = ("has no such login", "the policy has no app", "is not in force", "belongs to somebody")
FORBIDDEN = 403
ANSWERS = (200, 303, 404, 409)  # 404: no such reference; 409: somebody changed the limit
PERSON_NAMED: Final = {"username": "cara", "name": "Cara", "email": "cara@example.org"}
EMERGENCY: Final = {"app": "nowhere", "words": "x", "chosen": "app", "named": "nowhere"}
FORM: Final = {
    **EMERGENCY,
    **PERSON_NAMED,
    "reason": "test",
    "groups": "staff",
    "role": "",
    "rate": "10/min",
    "burst": "5",
    "seen": "-1",
    "hours": "",
}


@pytest.fixture
async def worker(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Worker]:
    """Ada has proven a second factor."""
    async with whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8]) as made:
        async with pool.acquire() as connection:
            await connection.execute("UPDATE sessions SET mfa_at = authenticated_at, amr = $1", PWD | OTP)
            await Users(connection, made.vault).add(NewUser(BOB, "bob", "", "", (), "x"), 1)
        yield made


class _Console:
    """Ada's browser."""

    def __init__(self, worker: Worker) -> None:
        self._client, self._cookies, self._csrf = worker.client, worker.login, ""

    async def ask(self, method: str, path: str) -> tuple[int, str]:
        headers = {**HOST, "Cookie": self._cookies}
        if method == "GET":
            return await self._read(await self._client.get(path, headers=headers, allow_redirects=False))
        headers |= {"Origin": f"https://{AUTH_HOST}:{PORT}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({**FORM, "csrf": self._csrf})
        return await self._read(await self._client.post(path, data=body, headers=headers, allow_redirects=False))

    async def enter(self) -> None:
        await self.ask("GET", "/admin/enter")
        assert await self.ask("POST", "/admin/enter") == (303, "/admin")

    async def _read(self, answer: ClientResponse) -> tuple[int, str]:
        """Its status, and where it leads or what it says."""
        for line in answer.headers.getall("Set-Cookie", []):
            self._cookies += "; " + line.partition(";")[0]
        text = await answer.text()
        found = re.search(r'name="csrf" value="([^"]*)"', text)
        self._csrf = found[1] if found else self._csrf
        return answer.status, answer.headers.get("Location", text)


def _addresses(worker: Worker) -> set[str]:
    """Of the console, as the router has them, but the ones that HEAD alone reaches, and its API (test_api.py)."""
    assert worker.client.app is not None
    routes = worker.client.app.router.routes()
    found = {f"{one.method} {one.resource.canonical}" for one in routes if one.resource is not None}
    pages = {one for one in found if one.split()[1].startswith("/admin") and not one.startswith("HEAD")}
    return {one for one in pages if not one.split()[1].startswith("/admin/api/")}


def _as_routed(table: Mapping[str, object]) -> set[str]:
    words = {str(BOB): "{id}", "AAAA": "{login}", "AUTH.LOGIN": "{name}", "nowhere": "{name}", "demo.yaml": "{file}"}
    words["00000000-0000"] = "{reference}"
    return {re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], one) for one in table}


async def test_each_address_answers_to_the_roles_of_the_table_and_to_no_other(
    worker: Worker, pool: Pool, redis: Redis
) -> None:
    assert _as_routed(WHO_MAY) == _addresses(worker)
    console, allowed = _Console(worker), dict[str, set[AdminRole]]()

    for role in AdminRole:
        await redis.flushdb()  # limits begin anew
        async with pool.acquire() as connection:
            await connection.execute("DELETE FROM admin_roles")
            await connection.execute("INSERT INTO admin_roles VALUES ($1, $2, NULL, 0)", ADA, role.value)
        await console.enter()
        for address in WHO_MAY:
            status, said = await console.ask(*address.split())
            assert "/enter" in address or said != "/admin/enter", address
            assert status in (*ANSWERS, FORBIDDEN), (address, said)
            if status != FORBIDDEN or any(words in unescape(said) for words in SAID_BY_ACTS):
                allowed.setdefault(address, set()).add(role)
            else:
                assert MAY_NOT in said, (address, role, said)

    assert allowed == WHO_MAY
