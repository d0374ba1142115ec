"""What holds for every endpoint that programs talk to, and that pages keep what is theirs."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.errors import GatewayError, StoreUnavailable, TooManyAttempts
from gateway.core.oauth.errors import OAuthError
from gateway.flows.transaction import RecordUnavailable
from gateway.web.errors import BadForm
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from gateway.web.protocol import ProtocolRoute, form_parameters, protocol_middleware, protocol_routes

SITE = AuthHost("https://auth.example.com", b"k" * 32)
HOST = {"Host": "auth.example.com"}
FORM = {**HOST, "Content-Type": "application/x-www-form-urlencoded"}
SPA = "https://spa.example.com"
Client = TestClient[web.Request, web.Application]
FAILED = web.AppKey("failed", list[Exception])
TOLD = web.AppKey("told", list[tuple[str, str]])

ERRORS: dict[str, tuple[Exception, int, str, str]] = {
    "grant": (OAuthError("invalid_grant", "the code is used"), 400, "invalid_grant", "the code is used"),
    "client": (OAuthError("invalid_client", status=401, challenge='Basic realm="x"'), 401, "invalid_client", ""),
    "nonce": (OAuthError("use_dpop_nonce", nonce="n1"), 400, "use_dpop_nonce", ""),
    "form": (BadForm("The body is not a form."), 400, "invalid_request", "The body is not a form."),
    "redis": (StoreUnavailable("secret host"), 503, "temporarily_unavailable", ""),
    "postgres": (RecordUnavailable("secret host"), 503, "temporarily_unavailable", ""),
    "many": (TooManyAttempts(7), 429, "temporarily_unavailable", "too many requests"),
    "ours": (GatewayError("secret thing"), 500, "server_error", ""),
    "bug": (ValueError("secret thing"), 500, "server_error", ""),
}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    failed: list[Exception] = []

    async def tell(request: web.Request) -> web.Response:
        error = request.query.get("error", "")
        if error:
            raise ERRORS[error][0]
        return web.json_response({"fine": True})

    async def take(request: web.Request) -> web.Response:
        parameters = await form_parameters(request)
        return web.json_response({"grant": parameters.required("grant_type"), "more": parameters.get("more")})

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="page")

    endpoints = [
        ProtocolRoute("/both", {"GET": tell, "POST": take}),
        ProtocolRoute("/open", {"GET": tell}, readable="everywhere"),
    ]
    told: list[tuple[str, str]] = []
    speak = protocol_middleware(
        SITE,
        endpoints,
        lambda size: b"r" * size,
        lambda origin: origin == SPA,
        failed.append,
        lambda path, error: told.append((path, error)),
    )
    html = Html(static_files())
    app = web.Application(
        middlewares=[speak, *page_middlewares(SITE, html, lambda size: b"r" * size)], client_max_size=16384
    )
    app[FAILED], app[TOLD] = failed, told
    app.add_routes([*protocol_routes(endpoints), web.get("/page", page)])
    async with TestClient(TestServer(app)) as testing:
        yield testing


@pytest.mark.parametrize(("name", "expected"), ERRORS.items(), ids=ERRORS)
async def test_every_error_is_json_and_tells_only_what_is_the_clients(
    client: Client, name: str, expected: tuple[Exception, int, str, str]
) -> None:
    _, status, error, description = expected

    answer = await client.get("/both", params={"error": name}, headers=HOST)
    text = await answer.text()

    said = {"error": error} | ({"error_description": description} if description else {})
    assert (answer.status, json.loads(text)) == (status, said)
    assert "secret" not in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert ("Retry-After" in answer.headers) is (status in (429, 503))
    assert client.app is not None
    assert bool(client.app[FAILED]) is (name not in ("grant", "client", "nonce"))
    assert client.app[TOLD] == [("/both", error)]


async def test_a_challenge_and_a_nonce_are_headers(client: Client) -> None:
    refused = await client.get("/both", params={"error": "client"}, headers=HOST)
    anew = await client.get("/both", params={"error": "nonce"}, headers=HOST)
    later = await client.get("/both", params={"error": "many"}, headers=HOST)

    assert refused.headers["WWW-Authenticate"] == 'Basic realm="x"'
    assert anew.headers["DPoP-Nonce"] == "n1"
    assert later.headers["Retry-After"] == "7"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_another_method_is_refused_in_json(client: Client, method: str) -> None:
    answer = await client.request(method, "/both", headers=HOST)

    assert answer.status == 405
    assert (await answer.json())["error"] == "invalid_request"
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_answered_as_get(client: Client) -> None:
    answer = await client.head("/both", headers=HOST)

    assert (answer.status, await answer.text()) == (200, "")


async def test_another_host_is_refused(client: Client) -> None:
    answer = await client.get("/both", headers={"Host": "app.example.com"})

    assert (answer.status, (await answer.json())["error"]) == (421, "invalid_request")


async def test_a_form_has_each_parameter_once(client: Client) -> None:
    fine = await client.post("/both", data="grant_type=a&more=", headers=FORM)
    missing = await client.post("/both", data="more=x", headers=FORM)
    twice = await client.post("/both", data="grant_type=a&grant_type=a", headers=FORM)
    odd = await client.post("/both", data="grant_type=a%00", headers=FORM)

    assert await fine.json() == {"grant": "a", "more": ""}
    assert (await missing.json())["error_description"] == "grant_type is missing"
    assert (await twice.json())["error_description"] == "grant_type came more than once"
    assert (await odd.json())["error_description"] == "grant_type has characters that cannot be printed"
    assert [one.status for one in (missing, twice, odd)] == [400] * 3


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_a_body_that_is_no_form_is_refused_in_json(client: Client, kind: str) -> None:
    answer = await client.post("/both", data=b'{"grant_type":"a"}', headers={**HOST, "Content-Type": kind})

    assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(("size", "status"), [(16 * 1024, 400), (16 * 1024 + 1, 413)])
async def test_a_body_has_a_limit(client: Client, size: int, status: int) -> None:
    answer = await client.post("/both", data=b"x" * size, headers=FORM)

    assert (answer.status, (await answer.json())["error"]) == (status, "invalid_request")


async def test_scripts_of_clients_may_read_and_others_may_not(client: Client) -> None:
    mine = await client.get("/both", headers={**HOST, "Origin": SPA})
    other = await client.get("/both", headers={**HOST, "Origin": "https://evil.example"})
    both = await client.get("/both", headers=[("Host", HOST["Host"]), ("Origin", SPA), ("Origin", SPA)])

    assert mine.headers["Access-Control-Allow-Origin"] == SPA
    assert mine.headers["Access-Control-Expose-Headers"] == "DPoP-Nonce, WWW-Authenticate"
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Access-Control-Allow-Origin" not in both.headers
    for answer in (mine, other, both):
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_scripts_of_clients_may_read_errors_too(client: Client) -> None:
    answer = await client.get("/both", params={"error": "nonce"}, headers={**HOST, "Origin": SPA})

    assert answer.headers["Access-Control-Allow-Origin"] == SPA


async def test_a_preflight_is_answered(client: Client) -> None:
    asked = {**HOST, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop"}

    mine = await client.options("/both", headers={**asked, "Origin": SPA})
    other = await client.options("/both", headers={**asked, "Origin": "https://evil.example"})

    assert (mine.status, other.status) == (204, 204)
    assert mine.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"
    assert mine.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, DPoP"
    assert not any(name.startswith("Access-Control") for name in other.headers)


async def test_what_is_for_everybody_says_so(client: Client) -> None:
    answer = await client.get("/open", headers={**HOST, "Origin": "https://anybody.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_scripts_and_frames_reach_endpoints_but_no_pages(client: Client) -> None:
    """Each class keeps its own rules (O7)."""
    fetch = {**HOST, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Origin": SPA}

    assert (await client.get("/both", headers=fetch)).status == 200
    page = await client.get("/page", headers=fetch)
    assert page.status == 403
    assert (await client.options("/page", headers=fetch)).status == 405
    assert not any(name.startswith("Access-Control") for name in page.headers)


async def test_an_unknown_address_is_a_page(client: Client) -> None:
    answer = await client.get("/both/more", headers=HOST)

    assert (answer.status, answer.content_type) == (404, "text/html")
