"""What holds for every answer of the auth host."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from gateway.core.errors import GatewayError, StoreUnavailable, TooManyAttempts
from gateway.flows.people.passwords import PasswordsBusy
from gateway.web import assets
from gateway.web.errors import STATUS, WORDS, BadForm
from gateway.web.forms import MAX_BODY_BYTES, AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain, page_middlewares

SITE = AuthHost("https://auth.example.com", b"k" * 32)
HOST = {"Host": "auth.example.com"}
Client = TestClient[web.Request, web.Application]


ERRORS: dict[str, GatewayError] = {
    "busy": PasswordsBusy("x"),
    "redis": StoreUnavailable("x"),
    "many": TooManyAttempts(90),
    "form": BadForm("x"),
}
TOLD = web.AppKey("told", list[tuple[str, tuple[str, ...]]])


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    told: list[tuple[str, tuple[str, ...]]] = []

    async def fine(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    async def broken(_request: web.Request) -> web.Response:
        message = "secret detail"
        raise RuntimeError(message)

    async def busy(_request: web.Request) -> web.Response:
        raise TooManyAttempts(7)

    async def form(request: web.Request) -> web.Response:
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: web.Response(text=f"form: {why}", status=status))
        raise ERRORS[request.query["error"]]

    files = static_files()
    middlewares = page_middlewares(SITE, Html(files), lambda size: b"r" * size, doubled=lambda *what: told.append(what))
    app = web.Application(middlewares=middlewares)
    app[TOLD] = told
    app.add_routes(
        [web.get("/fine", fine), web.post("/fine", fine), web.get("/broken", broken), web.get("/busy", busy)]
    )
    app.add_routes([web.post("/busy", busy), web.post("/form", form)])
    app.add_routes(assets.routes(files))
    async with TestClient(TestServer(app)) as testing:
        yield testing


@pytest.mark.parametrize("path", ["/fine", "/broken", "/busy", "/nowhere", "/static/bastion.css"])
async def test_every_answer_carries_the_safe_headers(client: Client, path: str) -> None:
    answer = await client.get(path, headers=HOST)

    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["X-Request-Id"]
    if not path.startswith("/static/"):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "host", ["evil.example.com", "auth.example.com.", "auth.example.com:8443", "auth.example.com@x"]
)
async def test_another_host_is_misdirected(client: Client, host: str) -> None:
    answer = await client.get("/fine", headers={"Host": host})

    assert answer.status == 421


@pytest.mark.parametrize("host", ["AUTH.example.com", "auth.example.com:", "auth.example.com:443"])
async def test_another_spelling_of_the_host_is_the_same_host(client: Client, host: str) -> None:
    assert (await client.get("/fine", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    ("origin", "hosts"),
    [
        ("https://a.example", {"a.example", "a.example:", "a.example:443"}),
        ("https://a.example:443", {"a.example", "a.example:", "a.example:443"}),
        ("http://a.example", {"a.example", "a.example:", "a.example:80"}),
        ("https://a.example:8443", {"a.example:8443"}),
        ("https://a.example:80", {"a.example:80"}),
    ],
)
def test_what_host_may_say_depends_on_the_usual_port_of_the_scheme(origin: str, hosts: set[str]) -> None:
    assert set(AuthHost(origin, b"").authorities) == hosts


async def test_an_unhandled_error_tells_nothing_but_its_reference(client: Client) -> None:
    answer = await client.get("/broken", headers=HOST)
    text = await answer.text()

    assert answer.status == 500
    assert "secret" not in text
    assert "Traceback" not in text
    assert answer.headers["X-Request-Id"] in text


async def test_the_id_of_the_proxy_is_kept_and_another_form_is_not(client: Client) -> None:
    given = "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11"

    kept = await client.get("/fine", headers={**HOST, "X-Request-Id": given})
    replaced = await client.get("/fine", headers={**HOST, "X-Request-Id": "<script>"})

    assert kept.headers["X-Request-Id"] == given
    assert replaced.headers["X-Request-Id"] != "<script>"


async def test_too_many_attempts_say_when_to_come_back(client: Client) -> None:
    answer = await client.get("/busy", headers=HOST)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


LATER = {
    "busy": ("5", "Try again shortly"),
    "redis": ("5", "Try again shortly"),
    "many": ("90", "Try again in 2 minutes."),
}


@pytest.mark.parametrize(("error", "later"), LATER.items(), ids=LATER)
async def test_a_form_is_not_lost_with_an_error_that_passes(client: Client, error: str, later: tuple[str, str]) -> None:
    answer = await client.post("/form", params={"error": error}, headers=HOST)
    text = await answer.text()

    assert answer.status == STATUS[type(ERRORS[error])]
    assert answer.headers["Retry-After"] == later[0]
    assert text.startswith("form: ")
    assert later[1] in text


async def test_a_form_that_is_wrong_is_refused_by_a_page(client: Client) -> None:
    answer = await client.post("/form", params={"error": "form"}, headers=HOST)

    assert answer.status == 400
    assert "Retry-After" not in answer.headers
    assert not (await answer.text()).startswith("form: ")


WAYS_ON = {
    "nobody": ("GET", "/nowhere", {}, "/login"),
    "somebody": ("GET", "/nowhere", {"Cookie": "__Host-bastion-login=x"}, "/account"),
    "once more": ("GET", "/busy?j=x&y=%22", {}, "https://auth.example.com/busy?j=x&amp;y=%22"),
    "not twice": ("POST", "/busy", {"Cookie": "__Host-bastion-login=x"}, "/account"),
}


@pytest.mark.parametrize(("method", "path", "headers", "href"), WAYS_ON.values(), ids=WAYS_ON)
async def test_every_error_has_a_way_on(
    client: Client, method: str, path: str, headers: dict[str, str], href: str
) -> None:
    answer = await client.request(method, URL(path, encoded=True), headers={**HOST, **headers})

    assert f'href="{href}"' in await answer.text()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(client: Client, method: str) -> None:
    answer = await client.request(method, "/fine", headers=HOST)

    assert answer.status == 405
    assert "Allow" in answer.headers


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
async def test_a_body_has_a_limit(client: Client, size: int, status: int) -> None:
    assert (await client.post("/fine", headers=HOST, data=b"x" * size)).status == status


AHEAD = [
    ("Sec-Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("Purpose", "Preview"),
]


@pytest.mark.parametrize(("name", "value"), [("Sec-Fetch-Dest", "iframe"), *AHEAD])
async def test_a_page_is_not_framed_and_not_fetched_ahead(client: Client, name: str, value: str) -> None:
    assert (await client.get("/fine", headers={**HOST, name: value})).status == 403
    assert (await client.get("/fine", headers={**HOST, "Sec-Fetch-Dest": "document"})).status == 200
    assert (await client.get("/fine", headers={**HOST, "Sec-Purpose": "", "Purpose": "navigate"})).status == 200


async def test_static_files_are_kept_by_content_and_may_be_linked_from_protected_hosts(client: Client) -> None:
    path = static_files()["bastion.css"].path

    hashed = await client.get(path, headers=HOST)
    plain = await client.get("/static/bastion.css", headers=HOST)

    assert "immutable" in hashed.headers["Cache-Control"]
    assert "immutable" not in plain.headers["Cache-Control"]
    assert hashed.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert hashed.headers["Content-Type"].startswith("text/css")
    assert (await client.get("/static/nothing.css", headers=HOST)).status == 404


@pytest.mark.parametrize("kind", GatewayError.__subclasses__())
def test_every_status_has_words(kind: type[GatewayError]) -> None:
    assert STATUS.get(kind, 500) in WORDS


async def test_cookies_of_ours_that_came_twice_are_told_and_others_are_not(client: Client) -> None:
    ours = "__Host-bastion-login"

    for cookie in (f"{ours}=x; {ours}=y", f"{ours}=x", "a=1; a=2"):
        assert (await client.get("/fine", headers={**HOST, "Cookie": cookie})).status == 200

    assert client.app is not None
    assert client.app[TOLD] == [("auth.example.com", (ours,))]
