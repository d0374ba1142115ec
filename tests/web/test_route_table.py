"""Every route of a worker is a page or an endpoint, and keeps the rules of its class (oauth.md O7)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.config.load import load_config
from gateway.core.session.cookies import LOGIN_COOKIE
from gateway.core.session.tokens import credential_of, mint, tag_of
from gateway.demo.setting import AUTH_HOST, Setting
from gateway.metrics import Metrics
from gateway.resources import clock, make_vault, random_bytes
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import NewUser, Users
from gateway.worker import Start
from tests.conftest import Pool

ADA = UUID(int=1)
PORT = 8443
HOST = {"Host": f"{AUTH_HOST}:{PORT}"}
EVIL = "https://evil.example"
FETCH = {**HOST, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "cross-site", "Origin": EVIL}
PAGES_BELOW_OAUTH2 = ("/oauth2/authorize", "/oauth2/consent")
FOR_EVERYBODY = ("/static/x", "/favicon.ico", "/robots.txt", "/.well-known/security.txt")


@dataclass(slots=True)
class Worker:
    """login: the cookie of somebody who is signed in."""

    client: TestClient[web.Request, web.Application]
    login: str

    @property
    def paths(self) -> set[str]:
        assert self.client.app is not None
        resources = (route.resource for route in self.client.app.router.routes())
        return {re.sub(r"\{.*?\}", "x", one.canonical) for one in resources if one is not None}

    @property
    def endpoints(self) -> list[str]:
        return sorted(path for path in self.paths if is_endpoint(path))

    @property
    def pages(self) -> list[str]:
        return sorted(path for path in self.paths if not is_endpoint(path) and path not in FOR_EVERYBODY)


def is_endpoint(path: str) -> bool:
    return path.startswith(("/oauth2/", "/.well-known/")) and path not in (*PAGES_BELOW_OAUTH2, *FOR_EVERYBODY)


@pytest.fixture
async def worker(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Worker]:
    setting = Setting.prepare(short_directory / uuid4().hex[:8], PORT)
    setting.write_config(database_url, redis_url)
    config = load_config(setting.config_file, environ={}).config
    metrics = Metrics(1)
    keys, now = config.keys(), clock()
    token = mint(keys.mac, tag_of(keys.tag, ADA), random_bytes(16), random_bytes(32))
    async with pool.acquire() as connection, connection.transaction():
        vault = make_vault(config)
        await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "x"), now)
        logins = Logins(connection, vault)
        assert await logins.create(NewLogin(token.login_id, ADA, now, False, 1800, now + 86_400, "", ""))
        host = config.auth_host
        assert await logins.add_session(token.login_id, host, credential_of(host, token), now, 0, now)
    async with (
        build(Start(config, 0, metrics, metrics.slot(0))) as served,
        TestClient(TestServer(served.web_app)) as client,
    ):
        yield Worker(client, f"{LOGIN_COOKIE}={token.text}")


async def test_pages_refuse_scripts_and_endpoints_take_no_cookie(worker: Worker) -> None:
    assert {"/login", "/account", *PAGES_BELOW_OAUTH2} <= {*worker.pages}
    assert {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} <= {*worker.endpoints}
    assert (await worker.client.get("/account", headers={**HOST, "Cookie": worker.login})).status == 200

    for path in worker.pages:
        await _expect_page(worker, path)
    for path in worker.endpoints:
        await _expect_endpoint(worker, path)


async def _expect_page(worker: Worker, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await worker.client.request(method, path, headers=FETCH, allow_redirects=False)
        assert answer.status == 403, path
        assert _shared(answer) == [], path
    options = await worker.client.options(path, headers=FETCH)
    assert (options.status, _shared(options)) == (405, []), path
    framed = await worker.client.get(path, headers={**HOST, "Sec-Fetch-Dest": "iframe"}, allow_redirects=False)
    assert framed.status == 403, path
    assert "frame-ancestors 'none'" in framed.headers["Content-Security-Policy"], path


async def _expect_endpoint(worker: Worker, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        without = await worker.client.request(method, path, headers=FETCH)
        with_cookie = await worker.client.request(method, path, headers={**FETCH, "Cookie": worker.login})
        assert without.status == with_cookie.status, path
        assert await without.text() == await with_cookie.text(), path
        for answer in (without, with_cookie):
            assert "Set-Cookie" not in answer.headers, path
            assert answer.content_type == "application/json", path
            assert "Access-Control-Allow-Credentials" not in answer.headers, path
            assert answer.headers.get("Access-Control-Allow-Origin", "*") == "*", path
    options = await worker.client.options(path, headers=FETCH)
    assert options.status == 204, path


def _shared(answer: ClientResponse) -> list[str]:
    return [name for name in answer.headers if name.lower().startswith("access-control")]
