"""Every route of a worker is a page, an endpoint or of the API, and keeps the rules of its class (oauth.md O7)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import ClientResponse

from tests.conftest import Pool
from tests.web.worker import HOST, Worker, whole_worker

EVIL = "https://evil.example"
FETCH = {**HOST, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "cross-site", "Origin": EVIL}
OF_TOKENS = "/admin/api/"
PAGES_BELOW_OAUTH2 = ("/oauth2/authorize", "/oauth2/account", "/oauth2/consent", "/oauth2/logout")
FOR_EVERYBODY = (
    "/static/x",
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/security.txt",
    "/.well-known/change-password",
)


@pytest.fixture
async def worker(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Worker]:
    async with whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8]) as worker:
        yield worker


def paths_of(worker: Worker) -> list[str]:
    assert worker.client.app is not None
    resources = (route.resource for route in worker.client.app.router.routes())
    return sorted({re.sub(r"\{.*?\}", "x", one.canonical) for one in resources if one is not None})


def is_endpoint(path: str) -> bool:
    among = path.startswith(("/oauth2/", "/.well-known/"))
    return among and path not in (*PAGES_BELOW_OAUTH2, *FOR_EVERYBODY)


async def test_pages_refuse_scripts_and_endpoints_take_no_cookie(worker: Worker) -> None:
    endpoints = [path for path in paths_of(worker) if is_endpoint(path)]
    of_tokens = [path for path in paths_of(worker) if path.startswith(OF_TOKENS)]
    others = {*endpoints, *of_tokens, *FOR_EVERYBODY}
    pages = [path for path in paths_of(worker) if path not in others]
    assert {"/login", "/account", *PAGES_BELOW_OAUTH2} <= {*pages}
    assert {"/.well-known/openid-configuration", "/oauth2/token", "/oauth2/par"} <= {*endpoints}
    assert (await worker.client.get("/account", headers={**HOST, "Cookie": worker.login})).status == 200

    for path in pages:
        await _expect_page(worker, path)
    for path in endpoints:
        await _expect_endpoint(worker, path)
    assert of_tokens
    for path in of_tokens:
        await _expect_of_tokens(worker, path)


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


async def _expect_of_tokens(worker: Worker, path: str) -> None:
    """No cookie counts, and no script of another site reads an answer."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = await worker.client.request(method, path, headers={**FETCH, "Cookie": worker.login})
        assert (answer.status, answer.content_type) == (401, "application/problem+json"), path
        assert "Set-Cookie" not in answer.headers, path
        assert _shared(answer) == [], path


def _shared(answer: ClientResponse) -> list[str]:
    return [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_the_console_is_on_its_own_socket_alone(
    pool: Pool, database_url: str, redis_url: str, short_directory: Path
) -> None:
    own = {"BASTION_ADMIN_LISTEN": f"unix:{short_directory}/admin.sock"}
    async with whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8], **own) as worker:
        assert [path for path in paths_of(worker) if path.startswith("/admin")] == []
        assert (await worker.client.get("/admin", headers=HOST)).status == 404
        assert worker.console is not None
        paths = {one.canonical for one in worker.console.router.resources()}

        assert {"/admin", "/admin/people", "/admin/enter", "/admin/emergency"} <= paths
        assert [path for path in paths if not path.startswith("/admin")] == []
