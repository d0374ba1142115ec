"""The log is read once, or as it grows: each entry comes once, whatever the order of commits."""

from uuid import UUID

import pytest

from gateway.core.audit.catalogue import LoggedIn
from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry, entry_of
from gateway.core.audit.event import Event
from gateway.core.audit.login_events import LoggedOut, SessionOpened
from gateway.core.audit.people_events import UserEnabled
from gateway.flows.evidence.audit_entries import Tail, UnknownEntry, find_entry, list_entries
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault
from tests.conftest import Clock, Pool

EVE, ENABLED = UUID(int=2), UserEnabled(None)


async def append(pool: Pool, vault: Vault, at: int, event: Event = ENABLED) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await Audit(connection, vault).append(entry_of(event, at, "cli:root", ""))


async def test_an_entry_that_commits_after_a_later_one_is_not_missed(pool: Pool, vault: Vault, clock: Clock) -> None:
    tail = Tail(pool, vault, None, None, clock.seconds)
    await append(pool, vault, 1)
    await append(pool, vault, 1)
    first = [one.id for one in await tail.begin(1)]

    async with pool.acquire() as connection, connection.transaction():
        await Audit(connection, vault).append(Entry(Kind.LOGOUT, 1, "", None, {"login": "L"}, {}, ""))
        await append(pool, vault, 1)
        second = [one.id for one in await tail.next()]
    third = [one.id for one in await tail.next()]

    assert (first, second, third) == ([2], [4], [3])
    assert await tail.next() == []


async def test_what_was_seen_long_ago_is_neither_shown_again_nor_remembered(
    pool: Pool, vault: Vault, clock: Clock
) -> None:
    tail = Tail(pool, vault, None, None, clock.seconds)
    for _ in range(3):
        await append(pool, vault, 1)
    assert len(await tail.begin(10)) == 3

    clock.now += 61
    await append(pool, vault, 1)

    assert [one.id for one in await tail.next()] == [4]
    assert await tail.next() == []
    assert list(tail._seen) == [4]


@pytest.mark.parametrize("there", [0, 3])
async def test_a_tail_can_begin_with_nothing(pool: Pool, vault: Vault, clock: Clock, there: int) -> None:
    tail = Tail(pool, vault, None, None, clock.seconds)
    for _ in range(there):
        await append(pool, vault, 1)

    assert await tail.begin(0) == []
    await append(pool, vault, 1)

    assert [one.id for one in await tail.next()] == [there + 1]


async def test_a_tail_is_of_one_kind_and_person(pool: Pool, vault: Vault, clock: Clock) -> None:
    kinds = Tail(pool, vault, None, "logout", clock.seconds)
    people = Tail(pool, vault, UUID(int=1), None, clock.seconds)
    assert await kinds.begin(1) == await people.begin(1) == []

    await append(pool, vault, 1)
    await append(pool, vault, 1, LoggedOut(EVE, "L"))

    assert [one.id for one in await kinds.next()] == [2]
    assert await people.next() == []


async def test_a_listing_can_begin_at_a_second_or_after_an_entry(pool: Pool, vault: Vault) -> None:
    for at in (10, 11, 12):
        await append(pool, vault, at)

    assert [one.at for one in await list_entries(pool, vault, None, None, 9, since=11)] == [11, 12]
    assert [one.at for one in await list_entries(pool, vault, None, None, 9, since=12)] == [12]
    assert [one.id for one in await list_entries(pool, vault, None, None, 9, after=2)] == [3]


async def test_one_entry_is_found_by_its_id(pool: Pool, vault: Vault) -> None:
    await append(pool, vault, 10)

    assert (await find_entry(pool, vault, 1)).kind == "user_enabled"
    with pytest.raises(UnknownEntry, match="no entry 2"):
        await find_entry(pool, vault, 2)


async def test_a_hand_off_of_an_earlier_version_is_listed_as_what_it_was(pool: Pool, vault: Vault) -> None:
    """It was a login with a host (E13)."""
    await pool.execute(
        "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id) VALUES"
        """ ('login', 1, '', NULL, '{"host":"wiki.example.org","login":"L"}', '', '')"""
    )
    await append(pool, vault, 1, SessionOpened(EVE, "L", "wiki.example.org"))
    await append(pool, vault, 1, LoggedIn(EVE, "L"))

    listed = {kind: await list_entries(pool, vault, None, kind, 10) for kind in (None, "login", "session_opened")}

    assert {kind: [(one.id, one.kind) for one in entries] for kind, entries in listed.items()} == {
        None: [(1, "session_opened"), (2, "session_opened"), (3, "login")],
        "login": [(3, "login")],
        "session_opened": [(1, "session_opened"), (2, "session_opened")],
    }
