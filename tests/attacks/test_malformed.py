"""Input that no browser sends is refused with a page, and never with an error of ours."""

from urllib.parse import urlencode

import pytest

from tests.staging import NAVIGATION, Seen, Stage, Visitor

FORM = "application/x-www-form-urlencoded"
STRANGE_CHARSETS = ["unicode_escape", "raw_unicode_escape", "utf-7", "utf-16", "idna", "hex", "zlib", "undefined", '""']
STRANGE_TARGETS = [
    "/login?j=%ff",
    "/login?j=%ED%A0%80",
    "/login?j=v1.",
    "/login?j=v1." + "A" * 5000,
    "/logout?t=%00",
    "/logout?t=v1.A",
    "/account/%00",
    "/static/%2e%2e/app.py",
    "/static/..%2f..%2fapp.py",
    "/static/%ff.css",
    "//evil.example/",
    "/.bastion/callback?code=1&j=1",
]


def unhandled(stage: Stage) -> int:
    return sum(line["event"] == "unhandled" for line in stage.logged())


def post(stage: Stage, visitor: Visitor, path: str, body: str, **headers: str) -> Seen:
    """From our own page, as far as its headers say."""
    own = {**NAVIGATION, "Sec-Fetch-Site": "same-origin", "Origin": stage.auth, "Content-Type": FORM}
    return visitor.send("POST", stage.auth + path, {**own, **headers}, body)


@pytest.mark.parametrize("charset", STRANGE_CHARSETS)
def test_a_form_in_another_charset_is_refused_before_it_is_read(stage: Stage, charset: str) -> None:
    visitor, before = stage.visitor(), unhandled(stage)
    page = visitor.visit(stage.auth + "/login")
    body = urlencode({"csrf": page.field("csrf"), "name": ""}) + "\\ud800&password=\\ud800"

    seen = post(stage, visitor, "/login", body, **{"Content-Type": f"{FORM}; charset={charset}"})

    assert seen.status == (403 if charset == '""' else 400)
    assert unhandled(stage) == before


def test_a_form_in_utf_8_by_name_is_read(stage: Stage) -> None:
    visitor = stage.visitor()
    page = visitor.visit(stage.auth + "/login")
    fields = {"csrf": page.field("csrf"), "name": stage.summary["user"], "password": stage.summary["password"]}

    seen = post(stage, visitor, "/login", urlencode(fields), **{"Content-Type": f"{FORM}; charset=UTF-8"})

    assert (seen.status, seen.headers["Location"]) == (303, "/account")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity", "x"])
def test_a_compressed_form_is_refused_before_it_is_read(stage: Stage, coding: str) -> None:
    visitor, before = stage.visitor(), unhandled(stage)
    page = visitor.visit(stage.auth + "/login")
    body = urlencode({"csrf": page.field("csrf"), "name": "ada", "password": "x"})

    seen = post(stage, visitor, "/login", body, **{"Content-Encoding": coding})

    assert seen.status == 400
    assert unhandled(stage) == before


@pytest.mark.parametrize("typed", ["%ED%A0%80", "%00", "%ff", "a%0d%0aSet-Cookie:%20x=1", "%3Cscript%3E", "x" * 3000])
def test_no_name_and_no_password_is_an_error_of_ours(stage: Stage, typed: str) -> None:
    visitor, before = stage.visitor(), unhandled(stage)
    page = visitor.visit(stage.auth + "/login")
    body = urlencode({"csrf": page.field("csrf")}) + f"&name={typed}&password={typed}&j={typed}"

    seen = post(stage, visitor, "/login", body)

    assert seen.status == 403
    assert "<script>" not in seen.text
    assert seen.headers.get_all("Set-Cookie") is None
    assert unhandled(stage) == before


@pytest.mark.parametrize("target", STRANGE_TARGETS)
def test_no_address_of_the_auth_host_is_an_error_of_ours(stage: Stage, target: str) -> None:
    before = unhandled(stage)

    seen = stage.visitor().send("GET", stage.auth + target, NAVIGATION)

    assert seen.status in (200, 303, 404)
    assert not seen.headers.get("Location", "/").startswith(("//", "http"))
    assert unhandled(stage) == before


@pytest.mark.parametrize("path", ["/login", "/logout", "/account/sessions/end-all", "/account/sessions/x/end"])
@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "null"},
        {"Origin": "https://app.localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty"},
    ],
)
def test_no_form_is_taken_from_elsewhere_even_with_its_token(stage: Stage, path: str, change: dict[str, str]) -> None:
    visitor = stage.signed_in()
    page = visitor.visit(stage.auth + "/logout")

    seen = post(stage, visitor, path, urlencode({"csrf": page.field("csrf")}), **change)

    assert seen.status == 403
    assert visitor.fetch(stage.app + "/api/x").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "&" * 11,
        "a=1&" * 5000,
        "code=%ff&j=%ff",
        "code=1&j=1&keep=1&keep=1",
        "j=v1." + "A" * 8000,
        "=" * 3000,
        "%00",
        "",
    ],
)
def test_no_query_of_the_callback_is_left_without_an_answer(stage: Stage, query: str) -> None:
    """Eleven fields once raised in the listener, and the visitor was left to Caddy's timeout."""
    seen = stage.visitor().send("GET", f"{stage.app}/.bastion/callback?{query}", NAVIGATION)

    assert seen.status == 400
    assert "That link doesn&#39;t work here" in seen.text
