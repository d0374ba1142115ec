"""What other sites may do through a browser."""

import pytest

from gateway.core.policy.cross_origin import cors_block, preflight, refuses_cross_origin
from gateway.core.policy.route import Route
from tests.core.policy.build import app, routed

OWN = "https://a.t.example"
EVIL = "https://evil.example"
SHOP = "https://shop.example"
SIBLING = "https://b.t.example"
LISTED = f"cors: {{origins: {SHOP}, methods: [GET, PUT], headers: [Content-Type, X-Y], expose: X-Total, max_age: 5m"


def route(settings: str = "cors: none") -> Route:
    return routed(app(f"allow: authenticated, {settings}"), "/").route


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "QUERY"])
@pytest.mark.parametrize(
    ("origin", "site", "refused"),
    [
        (OWN, "same-origin", False),
        (OWN, None, False),
        ("null", "same-origin", False),
        (None, "same-origin", False),
        (None, "none", False),
        (None, None, False),  # no browser
        (EVIL, "cross-site", True),
        (EVIL, None, True),
        (SIBLING, "same-site", True),
        (SHOP, "cross-site", True),
        ("null", "cross-site", True),
        ("null", None, True),
        (None, "cross-site", True),
        (None, "same-site", True),
        (None, "something-new", True),
        (OWN + ":8443", None, True),
        ("http://a.t.example", None, True),
        (OWN + ".evil.example", None, True),
        ("", None, True),
    ],
)
def test_unsafe_methods_come_from_the_host_itself(
    method: str, origin: str | None, site: str | None, refused: bool
) -> None:
    assert refuses_cross_origin(route(), method, False, origin, site, OWN, True) == refused


@pytest.mark.parametrize(
    ("origin", "site", "refused"),
    [
        (OWN, "same-origin", False),
        (OWN, None, False),
        (None, None, True),
        (None, "same-origin", True),
        ("null", "same-origin", True),
        (SIBLING, "same-site", True),
        (EVIL, "cross-site", True),
    ],
)
def test_a_websocket_has_to_say_where_it_comes_from(origin: str | None, site: str | None, refused: bool) -> None:
    assert refuses_cross_origin(route(), "GET", True, origin, site, OWN, True) == refused


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_may_come_from_everywhere(method: str) -> None:
    assert not refuses_cross_origin(route(), method, False, EVIL, "cross-site", OWN, True)


@pytest.mark.parametrize("websocket", [False, True])
def test_what_opens_without_a_session_needs_no_browser(websocket: bool) -> None:
    assert not refuses_cross_origin(route(), "POST", websocket, EVIL, "cross-site", OWN, False)
    assert not refuses_cross_origin(route("cross_origin: allow"), "POST", websocket, EVIL, "cross-site", OWN, True)


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        (f"{LISTED}, credentials: true}}", False),
        (f"{LISTED}}}", True),
        ('cors: {origins: "*"}', True),
        ("cors: app", True),
    ],
)
def test_a_listed_origin_passes_where_it_may_send_cookies(settings: str, refused: bool, websocket: bool) -> None:
    assert refuses_cross_origin(route(settings), "POST", websocket, SHOP, "cross-site", OWN, True) == refused
    assert refuses_cross_origin(route(settings), "POST", websocket, EVIL, "cross-site", OWN, True)


@pytest.mark.parametrize(
    ("origin", "method", "headers", "granted"),
    [
        (SHOP, "PUT", None, True),
        (SHOP, "PUT", "", True),
        (SHOP, "HEAD", "content-type", True),
        (SHOP, "GET", "X-Y , Content-Type,accept", True),
        (SHOP, "POST", None, False),
        (SHOP, "put", None, False),
        (SHOP, "PUT", "x-z", False),
        (SHOP, "PUT", "authorization", False),
        (SHOP, "PUT", "*", False),
        (EVIL, "PUT", None, False),
        ("null", "PUT", None, False),
        (SHOP + "/", "PUT", None, False),
        (SHOP + ".evil.example", "PUT", None, False),
        ("https://SHOP.example", "PUT", None, False),
        ("", "PUT", None, False),
    ],
)
def test_a_preflight_is_granted_what_is_listed(origin: str, method: str, headers: str | None, granted: bool) -> None:
    assert (preflight(route(f"{LISTED}}}"), origin, method, headers) is not None) == granted


def test_a_grant_says_all_that_is_listed() -> None:
    assert dict(preflight(route(f"{LISTED}, credentials: true}}"), SHOP, "PUT", None) or ()) == {
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Allow-Methods": "GET, PUT, HEAD",
        "Access-Control-Allow-Headers": "content-type, x-y",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Max-Age": "300",
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("settings", ["cors: none", "cors: app"])
def test_without_a_profile_no_preflight_is_granted(settings: str) -> None:
    assert preflight(route(settings), OWN, "GET", None) is None


@pytest.mark.parametrize("origin", [None, EVIL, "null", OWN, ""])
def test_the_apps_own_cors_headers_are_taken_away(origin: str | None) -> None:
    assert cors_block(route().cors, origin) == (("X-Bastion-Cors", "1"),)
    assert cors_block(route(f"{LISTED}, credentials: true}}").cors, origin) == (("X-Bastion-Cors", "1"),)
    assert cors_block(route("cors: app").cors, origin) == ()


def test_a_listed_origin_reads_the_answer() -> None:
    assert dict(cors_block(route(f"{LISTED}, credentials: true}}").cors, SHOP)) == {
        "X-Bastion-Cors": "1",
        "X-Bastion-Acao": SHOP,
        "X-Bastion-Acac": "true",
        "X-Bastion-Acexpose": "X-Total",
    }
    assert "X-Bastion-Acac" not in dict(cors_block(route(f"{LISTED}}}").cors, SHOP))


@pytest.mark.parametrize("origin", [SHOP, EVIL, "null"])
def test_an_origin_that_is_not_written_is_never_reflected(origin: str) -> None:
    everybody = route('cors: {origins: "*"}')

    assert dict(cors_block(everybody.cors, origin)) == {"X-Bastion-Cors": "1", "X-Bastion-Acao": "*"}
    assert dict(preflight(everybody, origin, "POST", None) or ())["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in dict(preflight(everybody, origin, "POST", None) or ())
