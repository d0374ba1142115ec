"""`bastion user` says what it did, refuses what can't be, and survives being killed."""

import asyncio
import json
import os
import pwd
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import OTP, PWD, Assurance, by_password
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.login.lockout import Door, Lockout, Proving
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.session.tokens import LOGIN_BYTES, tag_of
from gateway.stores.postgres.lockouts import LockoutRows
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.wire import login_key
from tests.cli.conftest import SECRETS, Bastion
from tests.conftest import Pool, RandomBytes

ADA = ("user", "add", "ada", "--name", "Ada Lovelace", "--email", "ada@example.org", "--group", "staff")
PASSWORD = "correct horse battery"
KEYS = Keys.derive(bytes(range(1, 33)), bytes(range(2, 34)))


async def add_ada(bastion: Bastion) -> None:
    added = await bastion(*ADA, "--password-stdin", stdin=PASSWORD + "\n")
    assert (added.status, added.err) == (0, "")


async def test_second_factors_are_shown_and_a_code_is_made_without_one(bastion: Bastion) -> None:
    await add_ada(bastion)

    shown = await bastion("user", "mfa", "ada")
    nothing = await bastion("user", "mfa", "ada", "reset", "--now", "--reason", "phone lost")
    waits = await bastion("user", "mfa", "ada", "reset", "--reason", "phone lost")
    gone = await bastion("user", "mfa", "ada", "remove", "totp", "--reason", "phone lost")
    bare, later = await bastion("user", "mfa", "ada", "remove"), await bastion("user", "mfa", "ada", "--now")
    code = await bastion("user", "code", "ada", "--reason", "phone lost")
    endless = await bastion("user", "code", "ada", "--for", "25h", "--reason", "phone lost")

    assert (shown.status, shown.out) == (0, "ada has no second factor.\n")
    assert (nothing.status, nothing.out) == (0, "ada had no second factor before.\n")
    assert waits.status != 0
    assert "ada can't be told by mail, so a reset could not wait for them; see --now" in waits.err
    assert (gone.status, gone.out) == (0, "ada had no factor totp.\n")
    assert (bare.status, later.status) == (2, 2)
    assert (code.status, len(code.out.split("-")) > 1) == (0, True), "it confirms a login on a strange device"
    assert endless.status != 0
    assert "expected a duration from 1s to 1d" in endless.err


async def test_a_person_is_added_shown_and_listed(bastion: Bastion) -> None:
    await add_ada(bastion)

    listed = await bastion("user", "list", "--json")
    shown = await bastion("user", "show", "ADA@example.org")

    (ada,) = json.loads(listed.out)
    assert (ada["username"], ada["groups"], ada["state"]) == ("ada", ["staff"], "active")
    assert "Ada Lovelace" in shown.out
    assert PASSWORD not in listed.out + shown.out


async def test_the_log_names_the_account_of_the_operator(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)

    async with pool.acquire() as connection:
        actor = await connection.fetchval("SELECT actor FROM audit_entries")
    assert actor == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


async def test_if_absent_changes_nothing_for_who_exists(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)

    again = await bastion("user", "add", "ADA", "--if-absent", "--password-stdin", stdin="another one of mine")
    without = await bastion("user", "add", "ada", "--password-stdin", stdin="another one of mine")

    assert (again.status, again.out) == (0, "ADA exists; nothing was changed.\n")
    assert (without.status, without.err) == (
        1,
        "Error: the user name 'ada' or its e-mail belongs to somebody already\n",
    )
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_entries") == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("user", "add", "ada,root", "--password-stdin"), PASSWORD, "user name 'ada,root'"),
        (("user", "add", "ada", "--group", "a,b", "--password-stdin"), PASSWORD, "group name 'a,b'"),
        (("user", "add", "ada", "--password-stdin"), "hob nob rob sob\n"[1:], "at least 15 characters; this has 14"),
        (("user", "add", "ada", "--password-stdin"), "two\nlines are not one", "one line"),
        (("user", "add", "ada"), PASSWORD, "use --password-stdin"),
        (("user", "disable", "ada"), "", "no person has the user name or e-mail 'ada'"),
        (("user", "groups", "ada", "--set", "a", "--add", "b"), "", "can't go with"),
        (("user", "groups", "--add", "b"), "", "need a NAME"),
        (("user", "rename", "ada", "ada,root"), "", "user name 'ada,root'"),
        (("user", "email", "ada", "nowhere"), "", "expected something like"),
        (("user", "end-sessions", "ada"), "", "Missing option '--reason'"),
        (("user", "end-sessions", "ada", "--reason", ""), "", "a reason is one line"),
        (("user", "end-sessions", "ada", "--login", "!", "--reason", "x"), "", "'!' is not an id"),
    ],
)
async def test_what_can_not_be_is_refused_with_its_reason(
    bastion: Bastion, arguments: tuple[str, ...], stdin: str, message: str
) -> None:
    refused = await bastion(*arguments, stdin=stdin)

    assert refused.status in (1, 2)
    assert message in refused.err
    assert stdin.strip() not in refused.err or not stdin
    assert (await bastion("user", "list")).out == ""


async def test_names_are_changed_and_each_change_is_told(bastion: Bastion) -> None:
    await add_ada(bastion)

    said = [
        (await bastion("user", *change)).out
        for change in (
            ("rename", "ada", "countess"),
            ("rename", "countess", "countess"),
            ("email", "countess", "c@example.org"),
            ("email", "countess", ""),
            ("email", "countess", ""),
            ("name", "countess", "Countess Ada"),
            ("name", "countess", ""),
        )
    ]
    (shown,) = json.loads((await bastion("user", "list", "--json")).out)

    assert said == [
        "ada is countess now.\n",
        "countess was countess already.\n",
        "countess has the e-mail address c@example.org now.\n",
        "countess has no e-mail address now.\n",
        "countess had no e-mail address before.\n",
        "countess has the display name Countess Ada now.\n",
        "countess has no display name now.\n",
    ]
    assert (shown["username"], shown["email"], shown["name"]) == ("countess", "", "")


async def test_the_groups_of_all_people_are_shown(bastion: Bastion) -> None:
    await add_ada(bastion)
    await bastion("user", "add", "bob", "--group", "staff", "--group", "ops", "--password-stdin", stdin=PASSWORD)

    shown = (await bastion("user", "groups")).out

    assert [line.split() for line in shown.splitlines()] == [["ops", "1", "bob"], ["staff", "2", "ada,", "bob"]]


async def test_sessions_are_shown_with_their_ids_and_ended_one_by_one(
    bastion: Bastion, pool: Pool, random_bytes: RandomBytes
) -> None:
    await add_ada(bastion)
    vault, now = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes), int(time.time())
    async with pool.acquire() as connection, connection.transaction():
        user_id, logins = await connection.fetchval("SELECT id FROM users"), Logins(connection, vault)
        for letter in (b"\xfb", b"m"):  # the first id begins with a hyphen
            login_id = letter * LOGIN_BYTES
            assert await logins.create(
                NewLogin(login_id, user_id, now, False, 1800, now + 600, "203.0.113.7", "a\x1b[31mbrowser")
            )
            assert await logins.add_session(login_id, "app.example.com", letter * 16, by_password(now), now)
        proven = Assurance(now, now, PWD | OTP, 35)  # in the middle of the app
        assert await logins.add_session(b"m" * LOGIN_BYTES, "app.example.com", b"p" * 16, proven, now)
    first = b64(b"\xfb" * LOGIN_BYTES)

    shown = (await bastion("user", "sessions", "ada")).out
    of_person = (await bastion("user", "show", "ada")).out
    as_json = json.loads((await bastion("user", "sessions", "ada", "--json")).out)
    ended = await bastion("user", "end-sessions", "ada", "--login", first, "--reason", "laptop stolen")
    left = (await bastion("user", "sessions", "ada")).out
    unknown = await bastion("user", "end-sessions", "ada", "--login", b64(b"n" * LOGIN_BYTES), "--reason", "x")
    rest = await bastion("user", "end-sessions", "ada", "--reason", "left the company")

    assert first.startswith("-")
    assert {one["id"] for one in as_json} == {line.split()[0] for line in shown.splitlines()}
    assert shown.count("203.0.113.7 with 'a\\x1b[31mbrowser', proven by password") == 2
    for text in (shown, of_person):
        assert "proven by password, risk score not known" in text
        assert "proven by password and authenticator app, risk score 35 of 100" in text
    assert {one["id"]: (one["acr"], one["amr"], one["risk"]) for one in as_json} == {
        first: ("1", ["pwd"], None),
        b64(b"m" * LOGIN_BYTES): ("2", ["pwd", "otp", "mfa"], 35),
    }
    assert (ended.out, rest.out) == ("ada: 1 login ended.\n", "ada: 1 login ended.\n")
    assert (first in left, left.count("\n")) == (False, 1)
    assert (unknown.status, "`bastion user sessions ada` lists them" in unknown.err) == (1, True)
    assert (await bastion("user", "sessions", "ada")).out == ""


async def test_a_password_that_is_not_utf8_is_refused(bastion: Bastion) -> None:
    process = await bastion.start("user", "add", "ada", "--password-stdin")
    _, err = await process.communicate(b"\xff\xfe12345678")

    assert process.returncode == 2
    assert b"not UTF-8" in err


async def test_a_password_is_asked_for_twice_and_not_shown(bastion: Bastion) -> None:
    terminal, inside = os.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "user", "add", "ada",
        cwd=bastion.directory, stdin=inside, stdout=PIPE, stderr=PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None

    for prompt in (b"Password: ", b"Repeat for confirmation: "):
        await asyncio.wait_for(process.stderr.readuntil(prompt), 30)
        os.write(terminal, PASSWORD.encode() + b"\n")
    out, _ = await process.communicate()

    assert out == b"ada is added.\n"
    os.set_blocking(terminal, False)
    with pytest.raises(BlockingIOError):  # a terminal that echoes would have something to read
        os.read(terminal, 1000)
    os.close(terminal)
    os.close(inside)


async def test_groups_are_set_added_and_removed(bastion: Bastion) -> None:
    await add_ada(bastion)

    said = [
        (await bastion("user", "groups", "ada", *options)).out
        for options in ((), ("--add", "ops", "--remove", "staff"), ("--set", "a,b"), ("--set", ""))
    ]

    assert said == ["ada: staff\n", "ada: ops\n", "ada: a, b\n", "ada: no groups\n"]


async def test_disable_enable_and_a_new_password_are_done_and_said(bastion: Bastion) -> None:
    await add_ada(bastion)

    disabled = await bastion("user", "disable", "ada")
    again = await bastion("user", "disable", "ada")
    listed = await bastion("user", "list")
    enabled = await bastion("user", "enable", "ada")
    changed = await bastion("user", "set-password", "ada", "--password-stdin", stdin="another long one")

    assert disabled.out == "ada is disabled, and logged out everywhere.\n"
    assert again.out == "ada was disabled already, and is logged out everywhere.\n"
    assert "[disabled]" in listed.out
    assert enabled.out == "ada can log in again.\n"
    assert changed.out == "ada has a new password, and is logged out everywhere.\n"


async def test_without_redis_the_command_fails_and_says_what_holds(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)
    bastion.configure(redis_url=f"unix://default@{bastion.directory}/nobody.sock")

    failed = await bastion("user", "disable", "ada")

    assert failed.status == 1
    assert "recorded" in failed.err
    assert "60 s" in failed.err
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT state FROM users") == "disabled"


async def test_without_postgres_the_command_fails_without_showing_the_url(bastion: Bastion) -> None:
    bastion.configure(database_url=f"postgresql://bastion:hunter2@/none?host={bastion.directory}")

    failed = await bastion("user", "list")

    server = f"Postgres at {bastion.directory} (database none, role bastion)"
    assert failed.status == 1
    assert failed.err.startswith(f"Error: no connection to {server}: there is no such socket; start Postgres, or")
    assert "hunter2" not in failed.err


async def test_a_node_with_another_key_may_do_nothing(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)
    bastion.configure(pepper=SECRETS["other"])

    refused = await bastion("user", "add", "eve", "--password-stdin", stdin=PASSWORD)

    assert refused.status == 1
    assert "not the key that this database was made with: pepper p1;" in refused.err
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 1


async def test_a_command_that_was_killed_before_redis_heard_is_mended_by_repeating_it(
    bastion: Bastion, pool: Pool, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    await add_ada(bastion)
    key = await _live_login_of_ada(pool, redis)
    async with _redis_that_hangs(tmp_path / "hangs.sock", redis_url) as reached:
        bastion.configure(redis_url=f"unix://default@{tmp_path}/hangs.sock")
        process = await bastion.start("user", "disable", "ada")
        await asyncio.wait_for(reached.wait(), 30)
        process.kill()
        await process.wait()
    before = await redis.get(key)
    bastion.configure()

    repeated = await bastion("user", "disable", "ada")

    assert before == b"live", "the kill came too late"
    assert repeated.status == 0
    assert await redis.get(key) == b"X"
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'user_disabled'") == 1


async def _live_login_of_ada(pool: Pool, redis: Redis) -> str:
    """The key of its record; what the record says is of no matter here."""
    login_id, now = b"l" * LOGIN_BYTES, int(time.time())
    async with pool.acquire() as connection:
        user_id = await connection.fetchval("SELECT id FROM users")
        await connection.execute(
            "INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)"
            " VALUES ($1, $2, $3, false, 60, $4, $3, '')",
            login_id, user_id, now, now + 600,
        )  # fmt: skip
    key = login_key(tag_of(KEYS.tag, user_id), b64(login_id))
    await redis.set(key, "live")
    return key


@asynccontextmanager
async def _redis_that_hangs(path: Path, redis_url: str) -> AsyncIterator[asyncio.Event]:
    """A socket in front of the real one that lets the greeting through and keeps the first function call."""
    reached = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, front = await asyncio.open_unix_connection(redis_url.removeprefix("unix://").split("?")[0])
        while data := await reader.read(65536):
            if b"FCALL" in data:
                reached.set()
                break
            front.write(data)
            writer.write(await behind.read(65536))
        await reader.read()  # until the process is gone
        for end in (front, writer):
            end.close()

    async with await asyncio.start_unix_server(serve, path):
        yield reached


async def test_somebody_who_is_locked_out_is_shown_and_unlocked(bastion: Bastion, pool: Pool) -> None:
    await add_ada(bastion)
    until = int(time.time()) + 900
    async with pool.acquire() as connection:
        ada = await connection.fetchval("SELECT id FROM users")
        for proving, device in (("password", b""), ("password", b"d" * 32), ("factor", b"")):
            lockouts, door = LockoutRows(connection), Door(ada, Proving(proving), device)
            await lockouts.hold(door)
            await lockouts.save(door, Lockout((until,), 900, until if proving == "password" else until - 900))

    shown, as_json = await bastion("user", "show", "ada"), await bastion("user", "show", "ada", "--json")
    said = [(await bastion("user", "unlock", "ada@example.org")).out for _ in range(2)]

    ends = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(until))
    assert f"locked     password on devices that are new to them, until {ends}\n" in shown.out
    assert f"locked     password on a device that they use, until {ends}\n" in shown.out
    assert json.loads(as_json.out)["locks"] == [
        {"proving": "password", "device": device, "until": until} for device in ("strange", "known")
    ]
    assert said == ["ada@example.org: 2 locks ended.\n", "ada@example.org was not locked out.\n"]
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM lockouts") == 0
        assert await connection.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'unlocked'") == 1
