"""`bastion audit search` finds entries, says how far it looked, and leaves an entry itself."""

import json

import pytest

from gateway.core.audit.access_events import AccessDenied
from gateway.core.audit.catalogue import LoggedIn
from gateway.core.audit.entry import entry_of
from gateway.core.privacy.sealing import MasterKeys
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import clock
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion
from tests.conftest import Pool, RandomBytes


@pytest.fixture
async def logged(bastion: Bastion, pool: Pool, random_bytes: RandomBytes) -> Bastion:
    """ada was added, logged in, and was denied a route; the first two are linked."""
    adding = ("user", "add", "ada", "--name", "Ada Lovelace", "--password-stdin")
    assert (await bastion(*adding, stdin="correct horse battery")).status == 0
    vault = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes)
    user_id = await pool.fetchval("SELECT id FROM users")
    events = LoggedIn(user_id, "L1", address="203.0.113.7", user_agent="curl"), AccessDenied(user_id, "wiki/x", "no", 2)
    for event in events:
        async with pool.acquire() as connection, connection.transaction():
            await Audit(connection, vault).append(entry_of(event, clock(), "", "r1"))
        if event is events[0]:
            await Linker(pool, bastion.directory / "data", None, clock).work()
    return bastion


async def found(bastion: Bastion, *options: str) -> list[str]:
    """The kinds, the newest first."""
    result = await bastion("audit", "search", "--json", *options)
    assert result.status == 0, result.err
    return [one["kind"] for one in json.loads(result.out)["entries"]]


async def test_what_happened_to_a_person_is_shown_with_the_address(logged: Bastion) -> None:
    searched = await logged("audit", "search", "--user", "ada")

    lines = searched.out.splitlines()
    assert [line.split()[3] for line in lines] == ["user_added", "login", "access_denied"]
    assert "address=203.0.113.7" in lines[1]
    assert searched.err == ""


NARROWED: list[tuple[tuple[str, ...], list[str]]] = [
    (("--user", "ada", "--kind", "login"), ["login"]),
    (("--actor", "ada"), ["access_denied", "login"]),
    (("--family", "access"), ["access_denied"]),
    (("--family", "access", "--kind", "login"), []),
    (("--since", "1h", "--kind", "login", "--kind", "access_denied"), ["access_denied", "login"]),
    (("--until", "1h"), []),
    (("--address", "203.0.113.7"), ["login"]),
    (("--address", "2001:DB8::0"), []),
    (("--login", "L1"), ["login"]),
    (("--request-id", "r1"), ["access_denied", "login"]),
    (("--route", "wiki/x"), ["access_denied"]),
    (("--host", "wiki.example.org"), []),
    (("--contains", "lovelace"), ["user_added"]),
    (("--contains", "lovelace", "--kind", "login"), []),
]


async def test_options_narrow_a_search(logged: Bastion) -> None:
    assert [(options, await found(logged, *options)) for options, _ in NARROWED] == NARROWED


async def test_a_search_is_an_entry_and_what_was_asked_for_is_sealed(logged: Bastion, pool: Pool) -> None:
    await found(logged, "--user", "ada", "--contains", "lovelace", "--address", "203.0.113.7")

    row = await pool.fetchrow("SELECT * FROM audit_entries WHERE kind = 'audit_read'")
    read = json.loads((await logged("audit", "list", "--kind", "audit_read", "--json")).out)[0]

    assert row is not None
    assert row["subject"] == await pool.fetchval("SELECT id FROM users")
    assert row["actor"].startswith("cli:")
    assert not any(word in str(tuple(row)) for word in ("lovelace", "203.0.113.7"))
    assert read["detail"] == {"entries": 0, "filters": ["address", "contains", "subject"]}
    assert '"contains": "lovelace"' in read["personal"]["query"]


async def test_looking_at_a_person_is_an_entry(logged: Bastion, pool: Pool) -> None:
    await logged("user", "show", "ada")

    rows = await pool.fetch("SELECT actor, subject FROM audit_entries WHERE kind = 'person_viewed'")
    assert [row["subject"] for row in rows] == [await pool.fetchval("SELECT id FROM users")]
    assert rows[0]["actor"].startswith("cli:")


async def test_pages_go_on_by_position(logged: Bastion) -> None:
    first = await logged("audit", "search", "--limit", "2", "--user", "ada")
    second = await logged("audit", "search", "--limit", "2", "--user", "ada", "--before", "2")
    newest = await logged("audit", "search", "--limit", "1", "--user", "ada")
    nowhere = await logged("audit", "search", "--before", "99")

    assert first.err == "There are older entries; the next page: --before 2\n"
    assert (second.out.split()[3], second.err) == ("user_added", "")
    assert newest.err == "There are older entries; they are not linked yet, try again in 2 s\n"
    assert (nowhere.status, "no position 99" in nowhere.err) == (1, True)


async def test_a_word_is_looked_for_in_ten_thousand_entries_and_the_command_says_so(
    logged: Bastion, pool: Pool
) -> None:
    """It opens 10,000 entries, which takes some seconds."""
    await pool.execute(
        "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)"
        """ SELECT 'logout', 1, '', NULL, '{"login":"L"}', '', '' FROM generate_series(1, 10000)"""
    )
    await Linker(pool, logged.directory / "data", None, clock).work()

    first = await logged("audit", "search", "--contains", "lovelace")
    position = first.err.split()[-1]
    second = await logged("audit", "search", "--contains", "lovelace", "--before", position)

    assert first.out == ""
    assert first.err.splitlines()[0] == "10000 entries were opened and scanned."
    assert "There are older entries; the next page: --before" in first.err
    assert "user_added" in second.out
    assert second.err.splitlines() == ["3 entries were opened and scanned."]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--address", "ada"), "expected an IP address"),
        (("--since", "yesterday"), "--since 'yesterday'"),
        (("--user", "eve"), "no person has the user name"),
    ],
)
async def test_a_wrong_option_is_said_and_is_no_search(
    logged: Bastion, pool: Pool, options: tuple[str, ...], said: str
) -> None:
    refused = await logged("audit", "search", *options)

    assert refused.status != 0
    assert said in refused.err
    assert await pool.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'audit_read'") == 0
