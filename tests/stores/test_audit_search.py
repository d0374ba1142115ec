"""Entries are found by what they have in common, by an index each, and no word of anybody is stored for it."""

from uuid import UUID

import pytest

from gateway.core.audit.access_events import AccessDenied
from gateway.core.audit.catalogue import LoggedIn, LoginFailed
from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import entry_of
from gateway.core.audit.event import Event
from gateway.core.audit.login_events import SessionOpened
from gateway.core.audit.people_events import UserEnabled
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.audit_search import FIND_SPAN, SEARCH, AuditSearch, Filters, UnknownPosition
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE

SEPTEMBER, MONTH_S = 1_790_000_000, 31 * 86_400
HOST = "wiki.example.org"
TOLD: list[tuple[int, str, Event]] = [
    (SEPTEMBER, "r1", LoggedIn(ADA, "L1", address="203.0.113.7", user_agent="")),
    (SEPTEMBER + 1, "r2", SessionOpened(ADA, "L1", HOST)),
    (SEPTEMBER + 2, "r3", AccessDenied(ADA, "wiki/admin", "a rule forbids it", 3)),
    (SEPTEMBER + 3, "r4", LoginFailed(None, "mark", "203.0.113.7", "")),
    (SEPTEMBER + MONTH_S, "r5", LoginFailed(EVE, None, "203.0.113.7", "")),
    (SEPTEMBER + MONTH_S + 1, "r6", UserEnabled(EVE)),
]


@pytest.fixture
async def told(people: Pool, vault: Vault) -> Pool:
    """Six entries, numbered from 1, and a hand-off as an earlier version told of it: 7."""
    async with people.acquire() as connection, connection.transaction():
        entries = [entry_of(event, at, "cli:root", request_id) for at, request_id, event in TOLD]
        await Audit(connection, vault).append(*entries)
        await connection.execute(
            "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)"
            """ VALUES ('login', 5, $2, $1, '{"host":"old.example.org","login":"L0"}', '', 'r0')""",
            ADA,
            str(ADA),
        )
    return people


async def ids(pool: Pool, vault: Vault, filters: Filters, limit: int = 10) -> list[int]:
    async with pool.acquire() as connection, connection.transaction():
        found = await AuditSearch(connection, vault).newest(filters, limit)
    return [one.entry.id for one in found]


CASES: dict[str, tuple[Filters, list[int]]] = {
    "everything": (Filters(), [7, 6, 5, 4, 3, 2, 1]),
    "a person": (Filters(subject=EVE), [6, 5]),
    "an actor": (Filters(actor="cli:root"), [6]),
    "a kind": (Filters(kinds=(Kind.LOGIN_FAILED,)), [5, 4]),
    "logins, without hand-offs of earlier versions": (Filters(kinds=(Kind.LOGIN,)), [1]),
    "hand-offs, also of earlier versions": (Filters(kinds=(Kind.SESSION_OPENED,)), [7, 2]),
    "a family": (Filters(kinds=(Kind.LOGIN, Kind.SESSION_OPENED, Kind.LOGIN_FAILED)), [7, 5, 4, 2, 1]),
    "a time": (Filters(since=SEPTEMBER + 1, until=SEPTEMBER + 3), [3, 2]),
    "since a time": (Filters(since=SEPTEMBER + MONTH_S), [6, 5]),
    "no time": (Filters(since=SEPTEMBER + 100, until=SEPTEMBER + 200), []),
    "an address, known or not, in two months": (Filters(address="203.0.113.7"), [5, 4, 1]),
    "an address since a month": (Filters(address="203.0.113.7", since=SEPTEMBER + MONTH_S), [5]),
    "an address that nobody had": (Filters(address="203.0.113.8"), []),
    "a login": (Filters(login="L1"), [2, 1]),
    "a request": (Filters(request_id="r3"), [3]),
    "a host": (Filters(host=HOST), [2]),
    "a route": (Filters(route="wiki/admin"), [3]),
    "all at once": (Filters(subject=ADA, login="L1", host=HOST, kinds=(Kind.SESSION_OPENED,)), [2]),
    "what contradicts itself": (Filters(subject=EVE, login="L1"), []),
}


@pytest.mark.parametrize(("filters", "found"), CASES.values(), ids=CASES)
async def test_a_filter_finds_its_entries_and_no_others(
    told: Pool, vault: Vault, filters: Filters, found: list[int]
) -> None:
    assert await ids(told, vault, filters) == found


async def test_pages_follow_on_each_other_by_position(told: Pool, vault: Vault) -> None:
    await told.execute(
        "INSERT INTO audit_links SELECT id, id, sha256(id::text::bytea), sha256((id + 100)::text::bytea)"
        " FROM audit_entries"
    )

    first, second = await ids(told, vault, Filters(), 4), await ids(told, vault, Filters(before=4), 4)

    assert first + second == [7, 6, 5, 4, 3, 2, 1]
    with pytest.raises(UnknownPosition):
        await ids(told, vault, Filters(before=99))


async def test_an_address_is_found_no_more_once_its_month_is_destroyed_or_its_person_erased(
    told: Pool, vault: Vault
) -> None:
    address = Filters(address="203.0.113.7")
    async with told.acquire() as connection:
        await Audit(connection, vault).forget_terms(EVE)
    erased = await ids(told, vault, address)

    await told.execute("UPDATE audit_period_keys SET wrapped = NULL, destroyed_at = 1 WHERE month = '2026-09'")

    assert erased == [4, 1]
    assert await ids(told, vault, address) == []


@pytest.fixture
async def many(told: Pool, superuser: Pool) -> Pool:
    """Some thousands of others, so that Postgres has a reason to use an index."""
    await told.execute(
        "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)"
        " SELECT CASE WHEN n % 2 = 0 THEN 'logout' ELSE 'access_denied' END, $1::bigint + n, md5(n::text),"
        "        gen_random_uuid(), json_build_object('login', md5(n::text), 'host', md5(n::text) || '.example.org',"
        "        'route', md5(n::text)), '', md5(n::text) FROM generate_series(1, 6000) AS n",
        SEPTEMBER + 2 * MONTH_S,
    )
    await told.execute("INSERT INTO audit_terms SELECT sha256(id::text::bytea), id FROM audit_entries WHERE id > 7")
    await superuser.execute("ANALYZE audit_entries; ANALYZE audit_terms; ANALYZE audit_links")
    return told


INDEXES: dict[str, tuple[Filters, str]] = {
    "subject": (Filters(subject=UUID(int=77)), "audit_entries_of_subject"),
    "actor": (Filters(actor="cli:root"), "audit_entries_of_actor"),
    "kind": (Filters(kinds=(Kind.USER_ENABLED,)), "audit_entries_of_kind"),
    "family": (Filters(kinds=(Kind.USER_ENABLED, Kind.LOGIN_FAILED)), "audit_entries_of_kind"),
    "address": (Filters(address="203.0.113.7"), "audit_terms_pkey"),
    "login": (Filters(login="L1"), "audit_entries_of_login"),
    "request": (Filters(request_id="r3"), "audit_entries_of_request"),
    "host": (Filters(host=HOST), "audit_entries_of_host"),
    "route": (Filters(route="wiki/admin"), "audit_entries_of_route"),
}


@pytest.mark.parametrize(("filters", "index"), INDEXES.values(), ids=INDEXES)
async def test_each_search_uses_its_index(many: Pool, vault: Vault, filters: Filters, index: str) -> None:
    """As Postgres plans it by itself: a sequential scan is not forbidden."""
    async with many.acquire() as connection, connection.transaction():
        values = await AuditSearch(connection, vault).values(filters)
        assert values is not None
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {SEARCH}", *values, 50))

    assert index in plan, plan
    assert "Seq Scan on audit_entries" not in plan, plan


async def test_a_time_is_found_by_its_index_and_reads_no_others(many: Pool, vault: Vault) -> None:
    filters = Filters(since=SEPTEMBER, until=SEPTEMBER + 3)
    async with many.acquire() as connection, connection.transaction():
        span = await connection.fetch(f"EXPLAIN {FIND_SPAN}", SEPTEMBER, SEPTEMBER + 3)
        values = await AuditSearch(connection, vault).values(filters)
        assert values is not None
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT TEXT, TIMING OFF) {SEARCH}", *values, 50)
    asked, plan = ("\n".join(row[0] for row in one) for one in (span, rows))

    assert "audit_entries_of_time" in asked, asked
    assert "audit_entries_pkey" in plan, plan
    assert "Rows Removed by Filter" not in plan, plan


async def test_nothing_that_is_searched_by_an_address_holds_it(told: Pool) -> None:
    rows = await told.fetch("SELECT * FROM audit_terms")
    assert len(rows) == 3
    assert len({row["term"] for row in rows}) == 2, "a month has terms of its own"
    assert "203.0.113.7" not in repr(Filters(address="203.0.113.7"))
