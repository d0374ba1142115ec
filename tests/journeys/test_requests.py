"""What reaches the app, what reaches the browser, and who gets which refusal."""

import asyncio
import re
import ssl
from html import unescape

import aiohttp
import asyncpg
import pytest
from redis import Redis as SyncRedis

from tests.staging import NAVIGATION, Seen, Stage, Visitor


def test_a_forged_identity_never_arrives(stage: Stage) -> None:
    forged = {"Remote-User": "root", "Remote_User": "root", "Remote-Groups": "admins", "X-Auth-Request-User": "root"}

    public = stage.visitor().send("GET", stage.app + "/public/x", {**NAVIGATION, **forged})
    protected = stage.signed_in().send("GET", stage.app + "/api/x", forged)

    assert public.status == 200
    assert "root" not in public.text
    assert protected.status == 200
    assert "root" not in protected.text
    assert "ada" in protected.text


def test_our_cookies_never_reach_the_app(stage: Stage) -> None:
    visitor = stage.signed_in()
    visitor.jar["app.localhost"]["theme"] = "dark"

    page = visitor.visit(stage.app + "/")

    assert "__Host-bastion" not in page.text
    assert "theme=dark" in page.text


def test_no_session_cookie_is_set_on_an_allowed_response(stage: Stage) -> None:
    visitor = stage.signed_in()

    answers = [visitor.fetch(stage.app + "/api/x") for _ in range(100)]

    assert {answer.status for answer in answers} == {200}
    assert all(answer.headers.get("Set-Cookie") is None for answer in answers)
    assert all("public" not in answer.headers["Cache-Control"] for answer in answers)


def test_a_script_gets_401_json_with_the_way_to_the_login(stage: Stage) -> None:
    answer = stage.visitor().fetch(stage.app + "/api/x")

    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"] == "login_required"
    assert answer.headers["Location"] == stage.auth + "/login"
    assert answer.headers["WWW-Authenticate"].startswith("Bastion realm=")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_preflight_is_answered_without_the_app(stage: Stage) -> None:
    before = stage.hits()
    asked = {"Origin": "https://partner.example", "Access-Control-Request-Method": "POST"}

    granted = stage.visitor().send("OPTIONS", stage.app + "/api/x", asked)
    refused = stage.visitor().send("OPTIONS", stage.app + "/api/x", {**asked, "Origin": "https://evil.example"})
    elsewhere = stage.visitor().send("OPTIONS", stage.app + "/x", asked)

    assert granted.status == 204
    assert granted.headers["Access-Control-Allow-Origin"] == "https://partner.example"
    assert granted.headers.get("Access-Control-Allow-Credentials") is None
    assert granted.headers.get("X-Bastion-Answer") is None
    assert (refused.status, elsewhere.status) == (403, 403)
    assert refused.headers.get("Access-Control-Allow-Origin") is None
    assert stage.hits() == before


def test_the_routes_headers_override_the_apps(stage: Stage) -> None:
    visitor = stage.signed_in()

    page = visitor.visit(stage.app + "/")

    assert page.headers.get_all("Content-Security-Policy") is not None
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "default-src *" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers.get("X-Powered-By") is None
    assert "Legacy" not in (page.headers.get("Server") or "")
    assert page.headers.get("Access-Control-Allow-Origin") is None
    assert not [name for name in page.headers if name.lower().startswith("x-bastion")]
    assert page.headers["RateLimit"].startswith('"GENERAL.SESSION"')


def test_a_person_who_may_not_gets_a_page_that_says_why(stage: Stage) -> None:
    visitor = stage.signed_in()

    page = visitor.visit(stage.app + "/admin/x")
    script = visitor.fetch(stage.app + "/admin/x")

    assert page.status == 403
    assert "have access" in page.text
    assert "ada" in page.text
    assert "another account" in page.text
    assert (script.status, script.json()["error"]) == (403, "access_denied")


def test_the_auth_host_and_the_protected_host_deny_by_the_same_page(stage: Stage) -> None:
    visitor = stage.visitor()

    on_auth = stage.log_in(visitor, stage.app + "/admin/x")
    on_host = stage.signed_in().visit(stage.app + "/admin/x")

    assert on_auth.url.startswith(stage.auth)
    assert on_host.url == stage.app + "/admin/x"
    assert (on_auth.status, on_host.status) == (403, 403)
    assert _read(on_auth) == _read(on_host)
    assert {"app.localhost", "ada", "Use another account", "Your account"} <= set(_read(on_auth))
    assert _read(on_auth).index("Reference") < _read(on_auth).index("Site")


def _read(page: Seen) -> list[str]:
    """What a person reads, piece by piece, with any reference as one. A hidden button is for a script to show."""
    text = re.sub(r"<button[^>]* hidden>.*?</button>", "", page.text, flags=re.DOTALL)
    text = text.replace(page.headers["X-Request-Id"], "<reference>")
    assert "<reference>" in text
    pieces = (unescape(piece).strip() for piece in re.sub(r"<(?!reference)[^>]*>", "\n", text).splitlines())
    return [piece for piece in pieces if piece]


@pytest.mark.parametrize(
    "path", ["/a/../admin/x", "/%2e%2e/x", "/x%00", "//admin/x", "/ADMIN/x", "/a%2fadmin", "/a%zz"]
)
def test_a_path_with_two_meanings_is_refused(stage: Stage, path: str) -> None:
    before = stage.hits()

    assert stage.signed_in().send("GET", stage.app + path, NAVIGATION).status == 400
    assert stage.hits() == before + 1, "only the page after the login reached the app"


def test_another_sites_post_is_refused_and_our_own_is_not(stage: Stage) -> None:
    visitor = stage.signed_in()

    own = visitor.fetch(stage.app + "/form", "POST", Origin=stage.app)
    cross = visitor.fetch(
        stage.app + "/form", "POST", Origin="https://evil.example", **{"Sec-Fetch-Site": "cross-site"}
    )
    sibling = visitor.fetch(stage.app + "/form", "POST", Origin=stage.app2, **{"Sec-Fetch-Site": "same-site"})

    assert (own.status, cross.status, sibling.status) == (200, 403, 403)


def test_an_old_login_is_asked_again_where_the_route_wants_it_fresh(stage: Stage) -> None:
    visitor = stage.signed_in()
    fresh = visitor.visit(stage.app + "/strong/x")
    asyncio.run(make_logins_older(stage, 700))
    with SyncRedis.from_url(stage.valkey.url) as redis:
        redis.flushall()
    old = visitor.jar["app.localhost"]["__Host-bastion"]

    usual = visitor.visit(stage.app + "/x")
    asked = visitor.visit(stage.app + "/strong/x")
    again = visitor.log_in(asked, "ada", stage.summary["password"])
    late = Visitor(visitor.ca_file, {"app.localhost": {"__Host-bastion": old}})

    assert (fresh.status, usual.status) == (200, 200)
    assert asked.url.startswith(stage.auth + "/login")
    assert "Confirm" in asked.text
    assert (again.status, again.url) == (200, stage.app + "/strong/x")
    assert visitor.jar["app.localhost"]["__Host-bastion"] != old
    assert late.fetch(stage.app + "/x").status == 200, "requests that were under way are not thrown out (R12)"
    assert late.fetch(stage.app + "/strong/x").status == 401, "and never get the new assurance"


async def make_logins_older(stage: Stage, seconds: int) -> None:
    connection = await asyncpg.connect(stage.summary["database_url"])
    try:
        await connection.execute("UPDATE sessions SET authenticated_at = authenticated_at - $1::bigint", seconds)
    finally:
        await connection.close()


def websocket(stage: Stage, visitor: Visitor, origin: str) -> str:
    """What came back: the echo, or the status of the refusal."""

    async def talk() -> str:
        context = ssl.create_default_context(cafile=visitor.ca_file)
        resolver = aiohttp.TCPConnector(ssl=context, resolver=_ToThisMachine())
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.jar.get("app.localhost", {}).items())
        async with aiohttp.ClientSession(connector=resolver) as session:
            try:
                headers = {"Origin": origin, "Cookie": cookies}
                async with session.ws_connect(stage.app + "/ws", headers=headers) as socket:
                    told = str((await socket.receive(5)).data)
                    await socket.send_str("hello")
                    return told + str((await socket.receive(5)).data)
            except aiohttp.WSServerHandshakeError as error:
                return str(error.status)

    return asyncio.run(talk())


class _ToThisMachine(aiohttp.abc.AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family or 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        return


def test_a_websocket_passes_when_allowed_and_gets_401_when_not(stage: Stage) -> None:
    visitor = stage.signed_in()

    answer = websocket(stage, visitor, stage.app)

    assert "hello" in answer
    assert "ada" in answer
    assert websocket(stage, stage.visitor(), stage.app) == "401"
    assert websocket(stage, visitor, "https://evil.example") == "403"
    assert websocket(stage, visitor, stage.app2) == "403"


def test_a_limit_is_said_and_kept(stage: Stage) -> None:
    visitor = stage.visitor()

    statuses = [visitor.send("GET", stage.app + "/public/x").status for _ in range(3)]
    answer = visitor.send("GET", stage.app + "/public/x")

    assert statuses == [200, 200, 200]
    assert answer.headers["RateLimit-Policy"] == '"GENERAL.STRANGER";q=3000;w=60'


def test_guessing_is_slowed_down(stage: Stage) -> None:
    visitor = stage.visitor()
    answers = [visitor.log_in(visitor.visit(stage.auth + "/login"), "ada", "wrong") for _ in range(6)]

    assert [answer.status for answer in answers] == [403] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_guesses_from_an_address_shut_no_known_browser_out(stage: Stage) -> None:
    """The browser signs in more often than the limit has room for, because what is right costs it nothing."""
    known, guesser = stage.signed_in(), stage.visitor()
    guesses = (guesser.log_in(guesser.visit(stage.auth + "/login"), "ada", "wrong") for _ in range(30))
    refused = next(guess for guess in guesses if guess.status == 429)
    assert int(refused.headers["Retry-After"]) >= 1

    for _ in range(7):
        known.jar = {"auth.localhost": {"__Host-bastion-device": known.jar["auth.localhost"]["__Host-bastion-device"]}}
        assert stage.log_in(known).status == 200


def test_a_prefetch_starts_nothing(stage: Stage) -> None:
    visitor = stage.visitor()

    answer = visitor.send("GET", stage.app + "/", {**NAVIGATION, "Sec-Purpose": "prefetch"})

    assert answer.status == 403
    assert visitor.jar["app.localhost"] == {}


def test_early_data_is_asked_again(stage: Stage) -> None:
    assert stage.visitor().send("GET", stage.app + "/", {**NAVIGATION, "Early-Data": "1"}).status == 425
