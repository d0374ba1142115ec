"""What the gateway is asked and what the app is told, whatever the client says."""

import re
from typing import Final

import pytest

from tests.caddy.doubles import IDENTITY, App, Decision
from tests.caddy.rig import APP, TOKEN_CHARACTERS, Rig

FORGED: Final = (
    ("Remote", "User"),
    ("Remote", "Groups"),
    ("X", "Auth", "Request", "User"),
    ("X", "Forwarded", "For"),
    ("X", "Forwarded", "Host"),
    ("X", "Forwarded", "Proto"),
    ("X", "Bastion", "Upgrade"),
)
GATEWAY_ONLY: Final = ("X-Forwarded-Method", "X-Forwarded-Uri", "X-Bastion-Upgrade")


def as_cgi(name: str) -> str:
    """How servers that make variables of headers see a name."""
    return re.sub("[^A-Z0-9]", "_", name.upper())


def test_the_gateway_is_asked_with_what_the_client_really_sent(rig: Rig, decision: Decision, app: App) -> None:
    rig.fetch(APP, "/a/..%2fb//c;x=1?q=%00&r", ("Cookie", "__Host-bastion=s"), ("Origin", "https://x"), method="PUT")

    (asked,) = decision.asked
    assert asked.method == "GET"
    assert asked.target == f"/decide?{asked.one('X-Request-Id')}"
    assert asked.one("Host") == f"{APP}:{rig.port}"
    assert asked.one("X-Forwarded-Method") == "PUT"
    assert asked.one("X-Forwarded-Uri") == "/a/..%2fb//c;x=1?q=%00&r"
    assert asked.one("X-Forwarded-Host") == f"{APP}:{rig.port}"
    assert asked.one("X-Forwarded-Proto") == "https"
    assert asked.one("X-Forwarded-For") == "127.0.0.1"
    assert asked.one("Cookie") == "__Host-bastion=s"
    assert asked.one("Origin") == "https://x"
    assert [seen.target for seen in app.reached] == ["/a/..%2fb//c;x=1?q=%00&r"]


def test_what_the_client_says_about_itself_reaches_nobody(rig: Rig, decision: Decision, app: App) -> None:
    lies = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Method", "LIE"),
        ("X-Forwarded-Uri", "/lie"),
        ("X-Forwarded-Prefix", "/lie"),
        ("X-Forwarded-Port", "1"),
        ("X-Bastion-Upgrade", "lie"),
        ("X-Request-Id", "lie-lie-lie"),
        ("X-Real-Ip", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Original-Url", "/lie"),
        ("X-Rewrite-Url", "/lie"),
        ("X-Http-Method", "LIE"),
        ("X-Http-Method-Override", "LIE"),
        ("X-Method-Override", "LIE"),
        ("Proxy", "http://lie.example"),
        ("PROXY", "http://lie.example"),
    ]

    rig.fetch(APP, "/", *lies)

    (asked,), (reached,) = decision.asked, app.reached
    assert not any(lie in value.lower() for _, value in reached.headers for lie in ("lie", "10.0.0.1", "evil"))
    for seen in (asked, reached):
        assert seen.one("X-Forwarded-For") == "127.0.0.1"
        assert seen.one("X-Forwarded-Host") == f"{APP}:{rig.port}"
        assert seen.one("X-Forwarded-Proto") == "https"
    assert asked.one("X-Request-Id") == reached.one("X-Request-Id")
    assert (asked.one("X-Forwarded-Method"), asked.one("X-Forwarded-Uri")) == ("GET", "/")
    assert asked.one("X-Bastion-Upgrade") == ""
    assert not any(reached.all(name) for name in GATEWAY_ONLY)


@pytest.mark.parametrize("words", FORGED, ids="-".join)
def test_no_spelling_of_a_name_gets_past(rig: Rig, app: App, words: tuple[str, ...]) -> None:
    spellings = [odd.join(words) for odd in TOKEN_CHARACTERS]
    spellings += [spelling.lower() for spelling in spellings] + [spelling.upper() for spelling in spellings]
    spellings += [words[0] + "_" + "-".join(words[1:]), "-".join(words[:-1]) + "." + words[-1]]

    for spelling in spellings:
        rig.fetch(APP, "/", (spelling, "evil"))

    assert len(app.reached) == len(spellings)
    for seen in app.reached:
        assert not any("evil" in value for _, value in seen.headers)
    for reached in app.reached:
        assert len({as_cgi(name) for name, _ in reached.headers}) == len(reached.headers)


def test_every_token_character_between_remote_and_user_is_taken_away(rig: Rig, app: App) -> None:
    characters = TOKEN_CHARACTERS + "0123456789abcdefghijklmnopqrstuvwxyz"  # more than Caddy has room for one by one

    rig.fetch(APP, "/", *((f"Remote{character}User", "evil") for character in characters), ("RemoteUser", "evil"))

    (reached,) = app.reached
    assert [name for name, _ in reached.headers if name.lower().startswith("remote")] == [
        name for name, _ in reached.headers if name in IDENTITY and name.startswith("Remote")
    ]
    assert reached.one("Remote-User") == "ada"


def test_the_app_is_told_who_it_is(rig: Rig, app: App) -> None:
    rig.fetch(APP, "/", *((name, "evil") for name in IDENTITY))

    assert {name: app.reached[0].one(name) for name in IDENTITY} == IDENTITY


def test_where_nobody_is_logged_in_the_app_is_told_so(rig: Rig, decision: Decision, app: App) -> None:
    decision.headers = [(name, "") for name in IDENTITY]

    rig.fetch(APP, "/", *((name, "evil") for name in IDENTITY))

    assert {app.reached[0].one(name) for name in IDENTITY} == {""}


def test_a_name_that_looks_like_a_placeholder_stays_text(rig: Rig, decision: Decision, app: App) -> None:
    decision.headers = [("Remote-Name", "{env.PATH} {http.request.header.Evil}")]

    rig.fetch(APP, "/", ("Evil", "evil"))

    assert app.reached[0].one("Remote-Name") == "{env.PATH} {http.request.header.Evil}"


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        (["__Host-bastion=s"], []),
        (["__Host-bastion=s; a=1"], ["a=1"]),
        (["a=1; __Host-bastion=s"], ["a=1"]),
        (["a=1; __Host-bastion=s; b=2"], ["a=1; b=2"]),
        (["a=1;__Host-bastion=s;b=2"], ["a=1;b=2"]),
        (["a=1;\t __Host-bastion \t=s; b=2"], ["a=1; b=2"]),
        (["__Host-bastion=s; __Host-bastion-way=w; __Host-bastion-last=l"], []),
        (["__Host-bastion=s;; a=1"], ["; a=1"]),
        (['a="1; __Host-bastion=s"'], ['a="1']),
        (["__Host-bastion=s", "a=1"], ["", "a=1"]),
        (["__Host-bastion=s", "__Host-bastion-way=w"], []),
        (["__Host-other=1; bastion=2; x__Host-bastion=3"], ["__Host-other=1; bastion=2; x__Host-bastion=3"]),
        (["a=1"], ["a=1"]),
        ([], []),
    ],
)
def test_our_cookies_stay_with_us(rig: Rig, decision: Decision, app: App, sent: list[str], left: list[str]) -> None:
    rig.fetch(APP, "/", *(("Cookie", line) for line in sent))

    assert decision.asked[0].all("Cookie") == sent
    assert app.reached[0].all("Cookie") == left


@pytest.mark.parametrize(
    "lines",
    [
        ["close, Remote-User"],
        ["Cookie"],
        ["keep-alive", "X-Forwarded-For"],
        ["Authorization, keep-alive"],
        ["keep-alive,\tDPoP"],
        ["close;x"],
        ["upgrade x"],
    ],
)
def test_a_connection_header_that_names_others_is_refused(
    rig: Rig, decision: Decision, app: App, lines: list[str]
) -> None:
    got = rig.fetch(APP, "/", *(("Connection", line) for line in lines))

    assert got.status == 400
    assert decision.asked[0].one("X-Bastion-Connection") == ",".join(lines)
    assert not app.reached


@pytest.mark.parametrize("lines", [[], ["close"], ["Keep-Alive"], ["keep-alive, Upgrade"], [" , close,"], ["", ""]])
def test_an_ordinary_connection_header_is_fine(rig: Rig, app: App, lines: list[str]) -> None:
    got = rig.fetch(APP, "/", *(("Connection", line) for line in lines))

    assert got.status == 200
    assert app.reached[0].one("Remote-User") == "ada"


def test_a_body_goes_to_the_app_and_never_to_the_gateway(rig: Rig, decision: Decision, app: App) -> None:
    forged = b"GET /decide HTTP/1.1\r\nHost: app.localhost\r\nX-Forwarded-Uri: /forged\r\n\r\n"
    for target in ("/upload", "/upload?", "/decide?", "/decide"):
        for method in ("POST", "GET"):
            rig.fetch(APP, target, method=method, body=forged)
            chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(forged), forged)
            rig.fetch(APP, target, ("Transfer-Encoding", "chunked"), method=method, body=chunked)

    assert len(decision.asked) == len(app.reached) == 16
    for asked in decision.asked:
        assert asked.one("X-Forwarded-Uri") != "/forged"
        assert asked.body == b""
        assert not asked.all("Transfer-Encoding")
        assert asked.all("Content-Length") in ([], ["0"])
    assert {seen.body for seen in app.reached} == {forged}


def test_a_trailer_is_not_a_way_around(rig: Rig, decision: Decision, app: App) -> None:
    request = (
        f"POST / HTTP/1.1\r\nHost: {APP}:{rig.port}\r\nTransfer-Encoding: chunked\r\nTrailer: Remote-User\r\n"
        "Connection: close\r\n\r\n1\r\nx\r\n0\r\nRemote-User: evil\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"
    )

    rig.say(APP, request.encode())

    for seen in (*decision.asked, *app.reached):
        assert not any("evil" in value or "10.0.0.1" in value for _, value in seen.headers)
    assert app.reached[0].one("Remote-User") == "ada"


def test_two_requests_on_one_connection_are_both_asked_about(rig: Rig, decision: Decision, app: App) -> None:
    one = f"GET /%s HTTP/1.1\r\nHost: {APP}:{rig.port}\r\n\r\n"

    rig.say(APP, (one % "first" + one % "second").encode())

    assert [asked.one("X-Forwarded-Uri") for asked in decision.asked] == ["/first", "/second"]
    assert [seen.target for seen in app.reached] == ["/first", "/second"]


def test_an_absolute_target_is_told_as_it_was_sent(rig: Rig, decision: Decision) -> None:
    """The gateway refuses it, because it is not a path."""
    rig.say(APP, f"GET https://{APP}/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())

    (asked,) = decision.asked
    assert asked.one("X-Forwarded-Uri") == f"https://{APP}/x"
    assert asked.one("X-Forwarded-Host") == asked.one("Host") == APP
