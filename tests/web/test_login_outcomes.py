"""What the sign-in page answers where a right password is not enough: a block, and a breached password."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from redis.asyncio import Redis

from gateway.config.load import load_config
from gateway.core.login.attempt import Device, parse_device, remember
from gateway.core.risk.device import device_digest
from gateway.demo.setting import AUTH_HOST
from gateway.flows.people.passwords import Passwords
from gateway.resources import clock, make_vault
from gateway.stores.files.breach_import import import_corpus, parts_of
from gateway.stores.postgres.devices import Devices
from tests.breached import ordered_file
from tests.conftest import Pool
from tests.web.worker import ADA, HOST, PORT, Worker, whole_worker

PASSWORD, NEW = "correct horse battery", "plum violin cabin zephyr"
WEEK_S = 7 * 86_400
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


@dataclass
class SignInPages:
    """A browser without a login, in front of a whole worker. cookies: as the worker set them."""

    worker: Worker
    cookies: dict[str, str]

    async def get(self, path: str) -> tuple[int, str]:
        answer = await self.worker.client.get(path, headers=self._headers(), allow_redirects=False)
        self._keep(answer.headers.getall("Set-Cookie", []))
        return answer.status, unescape(await answer.text())

    async def post(self, page: str, **fields: str) -> tuple[int, str, str]:
        """With what the form of the page holds. Status, where it leads, and the page that follows."""
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', (await self.get(page))[1]))
        headers = self._headers() | {"Origin": f"https://{AUTH_HOST}:{PORT}", "X-Forwarded-For": "203.0.113.7"}
        answer = await self.worker.client.post(page, data={**form, **fields}, headers=headers, allow_redirects=False)
        self._keep(answer.headers.getall("Set-Cookie", []))
        return answer.status, answer.headers.get("Location", ""), unescape(await answer.text())

    async def sign_in(self) -> tuple[int, str, str]:
        return await self.post("/login", name="ada", password=PASSWORD)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value

    def _headers(self) -> dict[str, str]:
        return {
            **HOST,
            "User-Agent": FIREFOX,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value),
        }


@asynccontextmanager
async def pages_at(
    pool: Pool, database_url: str, redis_url: str, directory: Path, **environ: str
) -> AsyncIterator[SignInPages]:
    """Of ada, who has a password."""
    async with whole_worker(pool, database_url, redis_url, directory, **environ) as worker:
        config = load_config(directory / "config.yaml", environ={}).config
        passwords = Passwords(config.secrets.peppers, 1, 4)
        stored = await passwords.hash(ADA, PASSWORD)
        passwords.close()
        await pool.execute("UPDATE users SET password = $1 WHERE id = $2", stored, ADA)
        yield SignInPages(worker, {})


async def test_a_blocked_login_says_so_and_leads_to_the_field_for_an_operators_code(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    assert await redis.dbsize() == 0
    environ = {"BASTION_RISK_WEIGHTS": "first_login=70"}
    async with pages_at(pool, database_url, redis_url, tmp_path / "demo", **environ) as browser:
        status, _, page = await browser.sign_in()
        verify = await browser.get("/login/verify")

        assert status == 403
        assert "RISK_TOO_HIGH" in page
        assert 'href="/login/verify"' in page
        assert verify[0] == 200
        assert "Code from whoever runs this site" in verify[1]
        assert "__Host-bastion-login" not in browser.cookies


async def test_a_breached_password_is_changed_before_the_login_is_made(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    assert await redis.dbsize() == 0
    index = tmp_path / "index"
    import_corpus(parts_of([ordered_file(tmp_path / "leak", {PASSWORD: 3})]), index, 1, 0, lambda _a, _b: None)
    environ = {"BASTION_BREACH_SOURCE": "index", "BASTION_BREACH_INDEX": str(index), "BASTION_RISK_STEP_UP_AT": "70"}
    async with pages_at(
        pool, database_url, redis_url, tmp_path / "demo", BASTION_BREACH_AT_LOGIN="change", **environ
    ) as browser:
        await settle(browser, pool, tmp_path / "demo")

        begun = await browser.sign_in()
        first, form = await browser.get(begun[1]), begun[1]
        twice = await browser.post(form, new=NEW, again="another one entirely")
        refused = await browser.post(form, new="short", again="short")
        nobody = "__Host-bastion-login" not in browser.cookies
        done = await browser.post(form, new=NEW, again=NEW)

        assert begun[:2] == (303, "/login/change")
        assert (first[0], twice[0], refused[0], nobody) == (200, 400, 400, True)
        assert "Choose a new password" in first[1]
        assert done[:2] == (303, "/account")
        assert (await browser.get("/account"))[0] == 200
        assert (await browser.get("/login/change"))[0] == 303


async def test_a_breached_password_that_lets_nobody_in_leads_to_a_new_one_by_mail(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    assert await redis.dbsize() == 0
    index = tmp_path / "index"
    import_corpus(parts_of([ordered_file(tmp_path / "leak", {PASSWORD: 3})]), index, 1, 0, lambda _a, _b: None)
    environ = {"BASTION_BREACH_SOURCE": "index", "BASTION_BREACH_INDEX": str(index), "BASTION_BREACH_AT_LOGIN": "block"}
    mail = {"BASTION_MAIL_DIRECTORY": str(tmp_path / "mail"), "BASTION_MAIL_FROM": "auth@example.org"}
    async with pages_at(pool, database_url, redis_url, tmp_path / "demo", **environ, **mail) as browser:
        status, _, page = await browser.sign_in()

        assert status == 403
        assert 'Follow "Forgot your password?" to get a new one.' in page
        assert "Ask whoever" not in page
        assert "/forgot" in page


async def settle(browser: SignInPages, pool: Pool, directory: Path) -> None:
    """As if ada had used this browser for a week."""
    config = load_config(directory / "config.yaml", environ={}).config
    browser.cookies["__Host-bastion-device"] = remember(config.keys().device, Device("", ()), "ada", b"d" * 16)
    device = device_digest(parse_device(browser.cookies["__Host-bastion-device"]).id, FIREFOX)
    now = clock()
    async with pool.acquire() as connection, connection.transaction():
        devices = Devices(connection, make_vault(config))
        for at in (now - WEEK_S, now - 60):
            await devices.add_login(ADA, device, FIREFOX, at, 0)
