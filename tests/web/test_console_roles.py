"""Every address of the console with every role, over HTTP: the whole table, written out (ui.md section 3)."""

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.admin.acts import AdminRole
from gateway.core.assurance.model import OTP, PWD
from gateway.stores.postgres.factors import Factors
from gateway.stores.postgres.users import NewUser, Users
from tests.conftest import Pool
from tests.proofs import give_factor, proofs_of
from tests.web.console import Console
from tests.web.worker import ADA, Worker, whole_worker

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
    "POST /admin/sessions/end": HELPERS,
    "GET /admin/sessions/end/chosen": HELPERS,
    "POST /admin/sessions/end/chosen": HELPERS,
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
    **{
        f"GET /admin/{name}": READERS
        for name in ("clients", "keys", "webhooks", "compliance", "reviews", "reviews/1", "consents")
    },
    "POST /admin/leave": ALL,  # last, because it ends the console
}
MAY_NOT = "your role may not"
# What an act says of which the role is right and the rest is not.
SAID_BY_ACTS = ("has no such login", "the policy has no app", "is not in force", "belongs to somebody")
FORBIDDEN = 403
ANSWERS = (200, 303, 404, 409)  # 404: no such reference; 409: somebody changed the limit


@pytest.fixture
async def worker(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Worker]:
    """Ada has proven a second factor."""
    async with whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8]) as made:
        async with pool.acquire() as connection:
            await connection.execute("UPDATE sessions SET mfa_at = authenticated_at, amr = $1", PWD | OTP)
            await Users(connection, made.vault).add(NewUser(BOB, "bob", "", "bob@example.org", (), "x"), 1)
            await give_factor(Factors(connection, made.vault), BOB)
        yield made


def _addresses(worker: Worker) -> set[str]:
    """Of the console, as the router has them, but the ones that HEAD alone reaches, and its API (test_api.py)."""
    assert worker.client.app is not None
    routes = worker.client.app.router.routes()
    found = {f"{one.method} {one.resource.canonical}" for one in routes if one.resource is not None}
    pages = {one for one in found if one.split()[1].startswith("/admin") and not one.startswith("HEAD")}
    return {one for one in pages if not one.split()[1].startswith("/admin/api/")}


def _as_routed(table: Mapping[str, object]) -> set[str]:
    words = {str(BOB): "{id}", "AAAA": "{login}", "AUTH.LOGIN": "{name}", "nowhere": "{name}", "demo.yaml": "{file}"}
    words |= {"reviews/1": "reviews/{number}", "00000000-0000": "{reference}", "end/chosen": "end/{choice}"}
    return {re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], one) for one in table}


async def test_each_address_answers_to_the_roles_of_the_table_and_to_no_other(
    worker: Worker, pool: Pool, redis: Redis
) -> None:
    """In another order for each role, and none changes what lets Bob in or proves who he is (X12)."""
    assert _as_routed(WHO_MAY) == _addresses(worker)
    console, allowed = Console(worker), dict[str, set[AdminRole]]()
    *addresses, leave = WHO_MAY
    before, rng = await proofs_of(pool, BOB), Random(12)

    for role in AdminRole:
        await redis.flushdb()  # limits begin anew
        async with pool.acquire() as connection:
            await connection.execute("DELETE FROM admin_roles")
            await connection.execute("INSERT INTO admin_roles VALUES ($1, $2, NULL, 0)", ADA, role.value)
        await console.enter()
        for address in (*rng.sample(addresses, len(addresses)), leave):
            status, said = await console.ask(*address.split())
            assert "/enter" in address or said != "/admin/enter", address
            assert status in (*ANSWERS, FORBIDDEN), (address, said)
            if status != FORBIDDEN or any(words in unescape(said) for words in SAID_BY_ACTS):
                allowed.setdefault(address, set()).add(role)
            else:
                assert MAY_NOT in said, (address, role, said)

        assert await proofs_of(pool, BOB) == before

    assert allowed == WHO_MAY
    answered, refused = (
        worker.metrics.total("bastion_admin_requests", f"page {one}") for one in ("answered", "refused")
    )
    assert answered + refused == len(AdminRole) * (len(WHO_MAY) + 2)  # and the two of enter()
    assert refused > 0
