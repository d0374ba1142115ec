"""What reaches the pages of the auth host."""

import pytest

from tests.caddy.doubles import IDENTITY
from tests.caddy.rig import AUTH, TOKEN_CHARACTERS, Rig


def test_a_page_is_asked_for_as_the_browser_asked(rig: Rig) -> None:
    rig.fetch(AUTH, "/login?j=%2F", ("Cookie", "__Host-bastion-login=s"), method="POST", body=b"name=ada")

    (seen,) = rig.doubles.web.reached
    assert (seen.method, seen.target, seen.body) == ("POST", "/login?j=%2F", b"name=ada")
    assert seen.one("Host") == seen.one("X-Forwarded-Host") == f"{AUTH}:{rig.port}"
    assert seen.one("X-Forwarded-Proto") == "https"
    assert seen.one("X-Forwarded-For") == "127.0.0.1"
    assert len(seen.one("X-Request-Id")) == 36
    assert seen.one("Cookie") == "__Host-bastion-login=s"
    assert not rig.doubles.decision.asked


@pytest.mark.parametrize("path", ["/admin", "/admin/people?done=ended", "/%61dmin/people"])
def test_the_console_is_asked_on_its_own_socket(rig: Rig, path: str) -> None:
    rig.fetch(AUTH, path, ("X-Forwarded-For", "10.0.0.1"))

    (seen,) = rig.doubles.console.reached
    assert (seen.target, seen.one("X-Forwarded-For")) == (path, "127.0.0.1")
    assert len(seen.one("X-Request-Id")) == 36
    assert not rig.doubles.web.reached


@pytest.mark.parametrize("path", ["/administrator", "/login?next=/admin", "/static/admin"])
def test_no_other_page_is_asked_there(rig: Rig, path: str) -> None:
    rig.fetch(AUTH, path)

    assert not rig.doubles.console.reached
    assert len(rig.doubles.web.reached) == 1


def test_nobody_can_ask_for_a_decision_there(rig: Rig) -> None:
    """Also where verify_path lets the web listener decide: without these headers it refuses."""
    question = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/admin"),
        ("X-Bastion-Upgrade", "websocket"),
        ("X-Forwarded-Host", "app.localhost"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Request-Id", "another-id"),
        ("X-Real-Ip", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        *((f"X{odd}Forwarded{odd}Uri", "evil") for odd in TOKEN_CHARACTERS),
        *((name, "evil") for name in IDENTITY),
    ]

    rig.fetch(AUTH, "/verify", *question)

    (seen,) = rig.doubles.web.reached
    allowed = {"host", "via", "accept-encoding", "x-request-id"}
    allowed |= {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
    assert {name.lower() for name, _ in seen.headers} <= allowed
    assert not any(lie in value for _, value in seen.headers for lie in ("evil", "10.0.0.1", "another"))


@pytest.mark.parametrize(
    "headers",
    [
        [("Connection", "keep-alive, X-Forwarded-For")],
        [("Connection", "Cookie")],
        [("Connection", "close"), ("Connection", "X-Forwarded-Host")],
    ],
)
def test_odd_connections_are_refused_there_too(rig: Rig, headers: list[tuple[str, str]]) -> None:
    got = rig.fetch(AUTH, "/login", *headers)

    assert got.status == 400
    assert got.body.startswith(b"Connection names more than ")
    assert not rig.doubles.web.reached


@pytest.mark.parametrize("upgrade", [["h2c"], ["websocket"], ["websocket", "h2c"], ["websocket;h2c"]])
def test_an_upgrade_is_ignored_there(rig: Rig, upgrade: list[str]) -> None:
    got = rig.fetch(AUTH, "/login", ("Connection", "Upgrade, HTTP2-Settings"), *(("Upgrade", one) for one in upgrade))

    (seen,) = rig.doubles.web.reached
    assert got.status == 200
    assert not seen.all("Upgrade")
    assert not seen.all("Connection")


def test_what_is_sent_there_is_small(rig: Rig) -> None:
    assert rig.fetch(AUTH, "/login", method="POST", body=b"x" * 65_536).status == 200
    assert rig.fetch(AUTH, "/login", method="POST", body=b"x" * 65_537).status == 413


def test_the_pages_headers_reach_the_browser(rig: Rig) -> None:
    ours = [
        ("Set-Cookie", "__Host-bastion-login=s; Path=/; Secure"),
        ("Content-Security-Policy", "default-src 'none'"),
        ("Cache-Control", "no-store"),
    ]
    rig.doubles.web.headers = [*ours, ("X-Bastion-Private", "1")]

    got = rig.fetch(AUTH, "/login")

    assert got.has(ours)
    assert not [name for name, _ in got.headers if name.startswith("X-Bastion") or name in ("Via", "Server")]
