"""/account/privacy: a person sees what is stored, takes a copy once a day, and asks to be deleted, or not after all."""

import io
import json
import re
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from gateway.core.audit.catalogue import LoggedIn
from gateway.core.privacy.erasure import OF_PERSON
from gateway.core.privacy.export import NOT_SHOWN, SHOWN, TITLES
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.documents import NOTHING_IS_ASKED, OwnDocuments
from gateway.flows.mail.notices import Notices
from gateway.flows.people.throttle import ChangeThrottle
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.export import Export
from gateway.flows.privacy.holds import HoldAdmin
from gateway.flows.privacy.requests import ErasureAdmin, ErasureMode, OwnErasure
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.redis.buckets import Buckets
from gateway.web import privacy
from gateway.web.browser import Browser
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import ADA, Deciding, deciding
from tests.oauth_clients import ISSUER
from tests.waiting_mail import waiting_mail
from tests.web.recovery_house import LIFETIMES
from tests.web.test_apps import AUTH, Person

PAGE: Final = "/account/privacy"
WAIT_S: Final = 14 * 86_400
EVE: Final = UUID(int=2)
DELETE: Final = f'action="{PAGE}/delete"'


@dataclass
class Privacy:
    """One person in a browser, in front of a gateway with this mode."""

    here: Deciding
    person: Person
    erasure: Erasure

    async def see(self, query: str = "") -> str:
        return unescape(await self.person.see(PAGE + query))

    async def press(self, path: str, **fields: str) -> tuple[int, str]:
        return await self.person.press(await self.person.see(PAGE), f"{PAGE}/{path}", **fields)

    async def entries(self, kind: str) -> list[tuple[str, str]]:
        rows = await self.here.pool.fetch("SELECT actor, detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
        return [(row["actor"], row["detail"]) for row in rows]

    async def download(self) -> tuple[int, bytes]:
        csrf = re.search(r'name="csrf" value="([^"]*)"', await self.person.see(PAGE))
        assert csrf is not None
        headers = self.person._headers() | {"Origin": ISSUER}
        answer = await self.person.http.post(f"{PAGE}/export", data={"csrf": csrf[1]}, headers=headers)
        return answer.status, await answer.read()

    async def lead(self, after_s: int) -> None:
        """The leader's round, so much later."""
        acts = replace(self.here.acts, clock=lambda: self.here.now + after_s)
        await replace(self.erasure, acts=acts).work()

    async def state(self) -> str:
        return str(await self.here.pool.fetchval("SELECT state FROM users WHERE id = $1", ADA))


@asynccontextmanager
async def made(
    pool: Pool, redis_url: str, directory: Path, mode: ErasureMode, per_day: int = 1
) -> AsyncIterator[Privacy]:
    async with deciding(pool, redis_url, int(time.time())) as here:
        async with pool.acquire() as connection, connection.transaction():
            ada = NewUser(ADA, "ada", "Ada <b>Lovelace", "ada@example.org", ("staff",), "x")
            await Users(connection, here.vault).add(ada, here.now)
        html, site = Html(static_files()), AuthHost(ISSUER, KEYS.csrf)
        browser = Browser(
            site, KEYS, html, here.decisions, lambda host: f"https://{host}", lambda: here.now, here.random
        )
        notices = Notices(is_on=True, lifetimes_s=LIFETIMES, random=here.random)
        app = web.Application(middlewares=page_middlewares(site, html, here.random))
        own = OwnErasure(here.acts, mode, WAIT_S, notices)
        limit = Limit("CONSENT.ANSWER", 20, 3_600_000_000, 20)
        throttle = ChangeThrottle(Buckets(here.functions), BucketNames(KEYS.bucket), limit)
        documents = OwnDocuments(here.acts, NOTHING_IS_ASKED, throttle.before)
        app.add_routes(privacy.routes(browser, own, Export(here.acts, per_day, notices), documents))
        erasure = Erasure(here.acts, KEYS, NodeFiles(directory, directory), by_itself=mode == "direct")
        async with TestClient(TestServer(app)) as http:
            yield Privacy(here, Person(http, await here.log_in(host=AUTH)), erasure)


@pytest.fixture
async def request_mode(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Privacy]:
    assert await redis.dbsize() == 0
    async with made(pool, redis_url, tmp_path, "request") as found:
        yield found


@pytest.fixture
async def direct_mode(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Privacy]:
    assert await redis.dbsize() == 0
    async with made(pool, redis_url, tmp_path, "direct") as found:
        yield found


async def test_a_request_waits_is_shown_and_told_and_is_taken_back(direct_mode: Privacy) -> None:
    asked = await direct_mode.press("delete")
    page = await direct_mode.see()
    again = await direct_mode.press("delete")
    (mail,) = await waiting_mail(direct_mode.here.acts, "erasure_asked")
    kept = await direct_mode.press("keep")

    assert (asked, again, kept) == ((303, PAGE),) * 3
    assert "Your account will be deleted on " in page
    assert DELETE not in page
    assert mail.to == "ada@example.org"
    due = direct_mode.here.now + WAIT_S
    assert await direct_mode.entries("erasure_asked") == [(str(ADA), f'{{"due_at":{due},"why":"asked_by_person"}}')]
    assert await direct_mode.entries("erasure_withdrawn") == [(str(ADA), '{"why":"asked_by_person"}')]
    assert "will be deleted" not in await direct_mode.see()
    await direct_mode.lead(WAIT_S + 1)
    assert await direct_mode.state() == "active"


async def test_the_leader_erases_when_the_wait_is_over_and_not_a_second_before(direct_mode: Privacy) -> None:
    await direct_mode.press("delete")

    await direct_mode.lead(WAIT_S - 1)
    before = await direct_mode.state()
    await direct_mode.lead(WAIT_S)

    assert (before, await direct_mode.state()) == ("active", "erased")
    assert [actor for actor, _ in await direct_mode.entries("user_erased")] == ["gateway"]
    assert '"why":"due"' in (await direct_mode.entries("user_erased"))[0][1]
    assert await direct_mode.here.pool.fetchval("SELECT count(*) FROM erasure_steps WHERE done_at IS NULL") == 0


async def test_a_hold_keeps_the_leader_from_it_and_others_do_not_wait(direct_mode: Privacy) -> None:
    await direct_mode.here.add_person(EVE, "eve")
    admin = ErasureAdmin(direct_mode.here.acts, "cli:root")
    await HoldAdmin(direct_mode.here.acts, "cli:root").add("ada", "case", None)
    await direct_mode.press("delete")
    await admin.schedule("eve", "unneeded", 5)

    await direct_mode.lead(WAIT_S)

    assert await direct_mode.state() == "active"
    assert await direct_mode.here.pool.fetchval("SELECT state FROM users WHERE id = $1", EVE) == "erased"


async def test_nothing_is_erased_by_itself_where_an_operator_decides(request_mode: Privacy) -> None:
    admin = ErasureAdmin(request_mode.here.acts, "cli:root")
    await request_mode.press("delete")

    await request_mode.lead(WAIT_S + 1)
    (pending,) = await admin.pending()

    assert await request_mode.state() == "active"
    assert (pending.username, pending.request.own) == ("ada", True)
    assert "Whoever runs this site can do so from" in await request_mode.see()
    await admin.schedule("ada", "unneeded", 60)
    await request_mode.lead(60)
    assert await request_mode.state() == "erased"


async def test_a_person_does_not_take_back_what_an_operator_has_decided(request_mode: Privacy) -> None:
    admin = ErasureAdmin(request_mode.here.acts, "cli:root")
    await admin.schedule("ada", "unneeded", 60)

    page = await request_mode.see()
    await request_mode.press("keep")
    await request_mode.press("delete")

    assert "An operator of this site decided so." in page
    assert f'action="{PAGE}/keep"' not in page
    (pending,) = await admin.pending()
    assert (pending.request.own, pending.request.due_at) == (False, request_mode.here.now + 60)
    assert await request_mode.entries("erasure_withdrawn") == []
    await admin.withdraw("ada")
    assert await admin.pending() == []


async def test_an_old_login_may_not_ask_and_may_take_back(direct_mode: Privacy) -> None:
    """E14: deletion is no weapon of whoever finds an open browser."""
    here = direct_mode.here
    await direct_mode.press("delete")
    await here.pool.execute("UPDATE sessions SET authenticated_at = authenticated_at - 601")
    await here.revocations.stale_login(direct_mode.person.login.tag, direct_mode.person.login.login)

    await direct_mode.press("keep")
    page = await direct_mode.see()
    refused = await direct_mode.press("delete")

    assert "sign out and in again" in page
    assert DELETE not in page
    assert refused[0] == 403
    assert await here.pool.fetchval("SELECT count(*) FROM erasure_requests") == 0


async def test_off_has_no_form_and_takes_none(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> None:
    assert await redis.dbsize() == 0
    async with made(pool, redis_url, tmp_path, "off", per_day=0) as off:
        page = await off.see()

        assert DELETE not in page
        assert "/export" not in page
        assert (await off.press("delete"))[0] == 403
        assert (await off.download())[0] == 429
        assert await pool.fetchval("SELECT count(*) FROM erasure_requests") == 0


@pytest.mark.parametrize(
    ("query", "leads"),
    [("?j=v1.abc-_", True), ("?i=v1.abc", True), ("?j=//evil.example", False), ("?j=v1.a&i=v1.b", False), ("", False)],
)
async def test_who_came_by_a_login_goes_on_from_there(direct_mode: Privacy, query: str, leads: bool) -> None:
    await direct_mode.press("delete")

    page = await direct_mode.see(query)
    kept = await direct_mode.press("keep", way=query)

    assert (f'href="/login{query}"' in page) == leads
    assert kept == (303, f"/login{query}" if leads else PAGE)


async def test_a_copy_has_all_that_is_theirs_once_a_day(request_mode: Privacy) -> None:
    here = request_mode.here
    async with here.acts.begin() as act:
        await act.devices.add_login(ADA, b"d" * 32, "Firefox <script>", here.now, 0)
        act.record(LoggedIn(ADA, "L", address="203.0.113.7", user_agent="Firefox"))
        await act.password_history.add(ADA, "secret-hash", 5, here.now)

    status, packed = await request_mode.download()
    again, _ = await request_mode.download()

    assert (status, again) == (200, 429)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        data, page = json.loads(archive.read("data.json")), archive.read("data.html").decode()
    assert data["person"]["email"] == "ada@example.org"
    assert data["devices"][0]["user_agent"] == "Firefox <script>"
    assert [one["kind"] for one in data["audit"]] == ["login"]
    assert data["audit"][0]["personal"]["address"] == "203.0.113.7"
    assert data["password_history"] == [{"replaced_at": here.now}]
    assert "203.0.113.7" in page
    assert "<script>" not in page
    assert "secret-hash" not in packed.decode(errors="replace") + page + json.dumps(data)
    assert "had a copy within the last 24 hours" in await request_mode.see()
    assert await request_mode.entries("data_exported") == [(str(ADA), '{"why":"asked_by_person"}')]
    (mail,) = await waiting_mail(here.acts, "data_exported")
    assert (mail.to, mail.token) == ("ada@example.org", "")


async def test_a_copy_of_an_operator_is_not_counted(request_mode: Privacy) -> None:
    await Export(request_mode.here.acts, 1).of("ada", "cli:root")

    assert (await request_mode.download())[0] == 200
    assert await Export(request_mode.here.acts, 0).of("ada", "cli:root")


async def test_every_column_of_a_copy_is_judged(request_mode: Privacy) -> None:
    """What a later column holds is shown when somebody has decided so, and every table is decided upon."""
    rows = await request_mode.here.pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    columns = {(row["table_name"], row["column_name"]) for row in rows}

    assert {(table, name) for table, names in SHOWN.items() for name in names} <= columns
    assert set(SHOWN) | set(NOT_SHOWN) == set(OF_PERSON)
    assert set(TITLES) == {*SHOWN, "audit"}


async def test_no_secret_of_a_table_is_among_what_a_copy_shows() -> None:
    secret = re.compile(r"hash|wrapped|compared|password|credential|secret|content")

    assert not [name for names in SHOWN.values() for name in names if secret.search(name)]
    assert "sealed" not in SHOWN["totp"] + SHOWN["password_history"] + SHOWN["recovery_codes"]
