"""What the client gets: our refusals whole, and the app's answers with what the route says about them."""

import pytest

from gateway.core.policy.headers import SET_HEADERS
from tests.caddy.doubles import IDENTITY, App, Decision, RawApp
from tests.caddy.rig import APP, RAW, Rig

POLICY = "Content-Security-Policy"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 400, 401, 403, 405, 421, 425, 429, 500, 503])
def test_a_refusal_goes_to_the_client_whole(rig: Rig, decision: Decision, app: App, status: int) -> None:
    decision.status, decision.body = status, b"<p>no</p>"
    ours = [
        ("Location", "https://auth.localhost/login?j=x"),
        ("Set-Cookie", "__Host-bastion=; Path=/; Secure; Max-Age=0"),
        ("Set-Cookie", "__Host-bastion-way=b; Path=/; Secure"),
        ("WWW-Authenticate", "DPoP"),
        ("DPoP-Nonce", "n"),
        ("Retry-After", "7"),
        ("RateLimit", '"x";r=0'),
        ("Cache-Control", "no-store"),
        ("Content-Type", "text/html"),
        (POLICY, "default-src 'none'"),
        ("Clear-Site-Data", '"cache"'),
    ]
    decision.headers = [*ours, *IDENTITY.items(), ("X-Bastion-Set-Server", "us"), ("X-Bastion-Private", "1")]

    got = rig.fetch(APP, "/", method="POST", body=b"x")

    assert (got.status, got.body) == (status, b"<p>no</p>")
    assert got.has(ours)
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion") or name == "Via"]
    assert not app.reached


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_no_status_but_200_lets_anything_pass(rig: Rig, decision: Decision, app: App, status: int) -> None:
    decision.status = status

    got = rig.fetch(APP)

    assert got.status == status
    assert not app.reached


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_of_ours_goes_to_the_client_and_not_to_the_app(
    rig: Rig, decision: Decision, app: App, status: int
) -> None:
    decision.status = status
    cors = [("Access-Control-Allow-Origin", "https://partner"), ("Access-Control-Max-Age", "60"), ("Vary", "Origin")]
    decision.headers = [("X-Bastion-Answer", "1"), ("X-Bastion-Cors", "1"), *cors]

    asks = [("Origin", "https://partner"), ("Access-Control-Request-Method", "PUT")]
    got = rig.fetch(APP, "/api", *asks, method="OPTIONS")

    assert got.status == status
    assert got.has(cors)
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion") or name == "Via"]
    assert decision.asked[0].one("X-Forwarded-Method") == "OPTIONS"
    assert decision.asked[0].one("Access-Control-Request-Method") == "PUT"
    assert not app.reached


@pytest.mark.parametrize("name", SET_HEADERS)
def test_a_header_is_set_or_removed_or_left(rig: Rig, decision: Decision, app: App, name: str) -> None:
    app.headers = [(name, "the app's"), (name, "and again")]

    rig.doubles.decision.headers = [*IDENTITY.items(), (f"X-Bastion-Set-{name}", "of the route")]
    set_ = rig.fetch(APP)
    decision.headers[-1] = (f"X-Bastion-Set-{name}", "!")
    removed = rig.fetch(APP)
    decision.headers[-1] = (f"X-Bastion-Set-{name}", "")
    left = rig.fetch(APP)
    decision.allow()
    untold = rig.fetch(APP)

    assert set_.all(name) == ["of the route"]
    assert removed.all(name) == []
    assert left.all(name) == untold.all(name) == ["the app's", "and again"]


def test_a_header_is_set_where_the_app_has_none(rig: Rig, decision: Decision) -> None:
    decision.headers += [(f"X-Bastion-Set-{name}", f"ours of {name}") for name in SET_HEADERS]

    got = rig.fetch(APP)

    assert {name: got.all(name) for name in SET_HEADERS} == {name: [f"ours of {name}"] for name in SET_HEADERS}
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion")]


def test_a_second_csp_stands_beside_the_apps_own(rig: Rig, decision: Decision, app: App) -> None:
    app.headers = [(POLICY, "the app's")]

    decision.allow(X_Bastion_Add_Content_Security_Policy="ours")
    beside = rig.fetch(APP)
    decision.allow(X_Bastion_Add_Content_Security_Policy="ours", X_Bastion_Set_Content_Security_Policy="set")
    both = rig.fetch(APP)

    assert sorted(beside.all(POLICY)) == ["ours", "the app's"]
    assert sorted(both.all(POLICY)) == ["ours", "set"]


def test_the_apps_cors_is_taken_away(rig: Rig, decision: Decision, app: App) -> None:
    app.headers = [
        ("Access-Control-Allow-Origin", "https://evil"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "*"),
        ("Access-Control-Max-Age", "9"),
        ("Vary", "Accept"),
    ]

    decision.allow(X_Bastion_Cors="1")
    none = rig.fetch(APP, "/", ("Origin", "https://evil"))
    decision.allow(X_Bastion_Cors="1", X_Bastion_Acao="https://partner", X_Bastion_Acac="true", X_Bastion_Acexpose="Y")
    partner = rig.fetch(APP, "/", ("Origin", "https://partner"))
    decision.allow()
    left = rig.fetch(APP, "/", ("Origin", "https://evil"))

    cors = [[pair for pair in got.headers if pair[0].startswith("Access-Control")] for got in (none, partner)]
    assert cors[0] == []
    assert sorted(cors[1]) == [
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Origin", "https://partner"),
        ("Access-Control-Expose-Headers", "Y"),
    ]
    assert none.all("Vary") == partner.all("Vary") == ["Accept", "Origin"]
    assert left.has(app.headers)
    assert left.all("Vary") == ["Accept"]


@pytest.mark.parametrize(
    ("apps", "clients"),
    [
        ([], ["private, no-cache"]),
        (["public"], ["private"]),
        (["public, max-age=60"], ["private, max-age=60"]),
        (["max-age=60"], ["private, max-age=60"]),
        (["max-age=60, PUBLIC , s-maxage=9, immutable"], ["private, max-age=60"]),
        (['s-maxage="9",max-age=1'], ["private, max-age=1"]),
        (["s-maxage = 9"], ["private"]),
        (["no-store"], ["private, no-store"]),
        (["private"], ["private"]),
        (['private="Set-Cookie, X", max-age=5'], ["private, max-age=5"]),
        (["public", "s-maxage=5"], ["private", "private"]),
        ([""], ["private"]),
    ],
)
def test_an_answer_for_one_person_is_for_no_shared_cache(
    rig: Rig, decision: Decision, app: App, apps: list[str], clients: list[str]
) -> None:
    app.headers = [("Cache-Control", value) for value in apps]
    app.headers += [("Vary", "Accept"), ("CDN-Cache-Control", "max-age=9"), ("Surrogate-Control", "max-age=9")]

    decision.allow(X_Bastion_Private="1")
    private = rig.fetch(APP)
    decision.allow()
    left = rig.fetch(APP)

    assert private.all("Cache-Control") == clients
    assert private.all("Vary") == ["Accept", "Cookie, Authorization"]
    assert not private.all("CDN-Cache-Control")
    assert not private.all("Surrogate-Control")
    assert left.all("Cache-Control") == apps
    assert left.all("Vary") == ["Accept"]


@pytest.mark.parametrize("apps", [[], ["public, max-age=60"], ["private"], ["no-store, max-age=5"], ["a=1", "b=2"]])
def test_an_answer_that_nobody_may_keep_says_so_and_nothing_else(
    rig: Rig, decision: Decision, app: App, apps: list[str]
) -> None:
    app.headers = [("Cache-Control", value) for value in apps]
    app.headers += [("CDN-Cache-Control", "max-age=9"), ("Surrogate-Control", "max-age=9")]

    decision.allow(X_Bastion_Private="1", X_Bastion_Set_Cache_Control="no-store")
    got = rig.fetch(APP)

    assert got.all("Cache-Control") == ["no-store"]
    assert not got.all("CDN-Cache-Control")
    assert not got.all("Surrogate-Control")


def test_the_rate_limit_is_told(rig: Rig, decision: Decision) -> None:
    decision.allow(X_Bastion_RateLimit='"x";r=4;t=9', X_Bastion_RateLimit_Policy='"x";q=5;w=60')

    got = rig.fetch(APP)

    assert got.one("RateLimit") == '"x";r=4;t=9'
    assert got.one("RateLimit-Policy") == '"x";q=5;w=60'


@pytest.mark.parametrize(
    "cookie",
    [
        "__Host-bastion=evil; Path=/; Secure",
        " \t__Host-bastion=evil",
        "__host-BASTION-way=evil",
        "__Host-bastion = evil",
        "=__Host-bastion=evil",
        "= __Host-bastion=evil",
        "__Host-bastion",
    ],
)
def test_the_app_cannot_set_our_cookies(rig: Rig, raw: RawApp, cookie: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie:{cookie}\r\nContent-Length: 0\r\n\r\n"
    raw.answer = head.encode()

    got = rig.fetch(RAW)

    assert got.all("Set-Cookie") == ["a=1; Path=/", "bastion-refused=; Max-Age=0"]


def test_an_early_hint_is_no_way_around(rig: Rig, decision: Decision, raw: RawApp) -> None:
    decision.allow(X_Bastion_Cors="1", X_Bastion_Set_X_Frame_Options="DENY", X_Bastion_Private="1")
    raw.answer = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nSet-Cookie: __Host-bastion=evil\r\n"
        b"Access-Control-Allow-Origin: *\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nSet-Cookie: __Host-bastion=evil\r\nAccess-Control-Allow-Origin: *\r\n"
        b"Cache-Control: public\r\nContent-Length: 0\r\n\r\n"
    )

    answer = rig.say(RAW, f"GET / HTTP/1.1\r\nHost: {RAW}\r\nConnection: close\r\n\r\n".encode())

    hint, final = answer.split(b"\r\n\r\n", 1)
    assert b"103 Early Hints" in hint
    assert b"evil" not in answer
    assert b"Access-Control" not in answer
    assert b"X-Frame-Options: DENY" in final
    assert b"Vary: Cookie, Authorization" in final
    assert b"Vary: Origin" in final


def test_an_app_cannot_speak_for_us(rig: Rig, app: App) -> None:
    app.headers = [("X-Bastion-Acao", "*"), ("X-Bastion-Private", "1"), ("Via", "1.0 app")]

    got = rig.fetch(APP)

    assert not [name for name, _ in got.headers if name.startswith("X-Bastion") or name == "Via"]


@pytest.mark.parametrize("status", [304, 404, 500])
def test_an_apps_refusal_gets_the_headers_too(rig: Rig, decision: Decision, app: App, status: int) -> None:
    decision.allow(X_Bastion_Set_X_Frame_Options="DENY", X_Bastion_Private="1")
    app.status, app.body = status, b""

    got = rig.fetch(APP)

    assert (got.status, got.one("X-Frame-Options")) == (status, "DENY")
    assert got.one("Cache-Control") == "private, no-cache"
