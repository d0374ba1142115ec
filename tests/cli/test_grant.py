"""`bastion grant`: an operator sees which apps have access and ends it."""

import json
import time
from uuid import UUID

import pytest

from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.session.tokens import tag_of
from gateway.core.token.access import grant_credential
from gateway.stores.postgres.grants import Grants, NewGrant
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion
from tests.conftest import Pool, RandomBytes

LOGIN, GRANT = b"l" * 16, b"g" * 16


@pytest.fixture
async def granted(bastion: Bastion, pool: Pool) -> UUID:
    """ada lets wiki in, and robot acts for itself."""
    ran = await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery\n")
    assert ran.status == 0, ran.err
    now = int(time.time())
    async with pool.acquire() as connection, connection.transaction():
        user_id: UUID = await connection.fetchval("SELECT id FROM users")
        vault = Vault(MasterKeys([bytes(range(32))]), Keys.derive(b"\1" * 32, b"\2" * 32).blind_index, RandomBytes())
        logins, grants = Logins(connection, vault), Grants(connection)
        assert await logins.create(NewLogin(LOGIN, user_id, now, False, 1800, now + 9_000, "", ""))
        assert await logins.add_session(LOGIN, "client:wiki", grant_credential(GRANT), by_password(now), now)
        await grants.add(
            NewGrant(
                GRANT, "wiki", user_id, LOGIN, ("openid",), "https://a", now, 0, (), "", None, now, now + 9_000, 1800
            )
        )
        await grants.stand(b"s" * 16, "robot", ("notes.read",), "https://api", now, most_s=9_000)
    return user_id


async def test_grants_are_listed_with_their_ids(bastion: Bastion, granted: UUID) -> None:
    assert granted.version == 4
    lines = (await bastion("grant", "list")).out.splitlines()
    listed = json.loads((await bastion("grant", "list", "--json")).out)

    assert [line.split()[:3] for line in lines] == [
        [b64(b"s" * 16), "robot", "(itself)"],
        [b64(GRANT), "wiki", "ada"],
    ]
    assert [(one["id"], one["client"], one["user"], one["scopes"]) for one in listed] == [
        (b64(b"s" * 16), "robot", "", ["notes.read"]),
        (b64(GRANT), "wiki", "ada", ["openid"]),
    ]


async def test_the_list_is_narrowed_by_person_and_app(bastion: Bastion, granted: UUID) -> None:
    assert granted.version == 4
    assert "robot" not in (await bastion("grant", "list", "--user", "ada")).out
    assert "wiki" not in (await bastion("grant", "list", "--client", "robot")).out
    nobody = await bastion("grant", "list", "--user", "nobody")
    assert (nobody.status, "no person has the user name" in nobody.err) == (1, True)


async def test_a_grant_is_ended_once_and_the_log_says_who_did_it(bastion: Bastion, granted: UUID, pool: Pool) -> None:
    first = await bastion("grant", "revoke", b64(GRANT))
    again = await bastion("grant", "revoke", b64(GRANT))

    assert (first.status, first.out) == (0, f"{b64(GRANT)} is ended.\n")
    assert (again.status, again.out) == (0, f"{b64(GRANT)} had ended already.\n")
    assert "wiki" not in (await bastion("grant", "list")).out
    async with pool.acquire() as connection:
        (entry,) = await connection.fetch("SELECT * FROM audit_entries WHERE kind = 'grant_ended'")
        sessions = await connection.fetchval("SELECT count(*) FROM sessions")
        login_ended = await connection.fetchval("SELECT ended_at FROM logins")
    assert entry["actor"].startswith("cli:")
    assert entry["subject"] == granted
    assert json.loads(entry["detail"]) == {"client": "wiki", "grant": b64(GRANT), "why": "ended_by_operator"}
    assert (sessions, login_ended) == (0, None)
    assert tag_of(b"t" * 32, granted) not in entry["detail"]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("x", 2, "is no id"),
        ("!", 2, "is no id"),
        ("", 2, "is no id"),
        ("-h", 2, "is no id"),
        (b64(b"n" * 16), 1, "no such grant"),
        (b64(b"\xfb" * 16), 1, "no such grant"),  # it begins with a hyphen
        (b64(b"\xfb\xef" + b"n" * 14), 1, "no such grant"),  # with two
        (b64(b"\xfa\x10" + b"n" * 14), 1, "no such grant"),  # as the short option for help does
    ],
)
async def test_what_is_no_grant_is_said(bastion: Bastion, text: str, status: int, said: str) -> None:
    ran = await bastion("grant", "revoke", text)

    assert (ran.status, said in ran.err) == (status, True)
