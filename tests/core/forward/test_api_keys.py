"""API keys at the gateway: a request that is allowed, each leg taken away, what the app hears, what asks no store."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.decide import Ask
from gateway.core.forward.key_credentials import bring_key
from gateway.core.forward.refused_keys import RefusedKeys
from gateway.core.principal.ask import Standing
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.token.api_key import ApiKeys, terms_of
from tests.core.forward.keys import (
    API_KEYS,
    BASIC_KEY,
    BEARER_KEY,
    FILES,
    HOOK,
    KEY_ID,
    KEY_TEXT,
    MADE_UP,
    TAKING,
    TERMS,
    X_API_KEY,
    KeyCall,
    basic,
)
from tests.core.forward.setting import ADA, KEYS, NOW, TAG, TOKEN, headers_of
from tests.core.forward.tokens import challenges_of, error_of

EVIL: Final = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
CALLS: Final = {"bearer": BEARER_KEY, "basic": BASIC_KEY, "x-api-key": X_API_KEY, "a header of the route": HOOK}
ALLOWED: Final[dict[str, KeyCall]] = {
    **CALLS,
    "a scheme in another case": replace(BEARER_KEY, authorization=f"bEARER {KEY_TEXT}"),
    "basic in another case": replace(BASIC_KEY, authorization=basic(KEY_TEXT).replace("Basic", "basic")),
    "basic of another user name": replace(BASIC_KEY, authorization=basic(KEY_TEXT, "whoever")),
    "beside a session": replace(BEARER_KEY, session=TOKEN),
    "a post": replace(BEARER_KEY, method="POST"),
    "a post of another site's page": replace(BEARER_KEY, method="POST", headers=EVIL),
    "a post by basic, without an origin": replace(BASIC_KEY, method="POST"),
    "an app's own Authorization beside it": replace(X_API_KEY, authorization="token x"),
    "from its network": replace(BEARER_KEY, terms=terms_of(("files.read",), (FILES,), ("198.51.100.0/24",))),
    "all scopes of the route": replace(BEARER_KEY, path="/write/x"),
}
ELSEWHERE: Final = terms_of(("files.read",), ("other.example.org",), ())
Change = Callable[[KeyCall], KeyCall]
REFUSED: Final[dict[str, tuple[Change, int]]] = {
    "it has ended": (lambda call: replace(call, outcome=Standing.ENDED), 401),
    "another secret": (lambda call: replace(call, outcome=Standing.UNKNOWN), 401),
    "another host": (lambda call: replace(call, terms=ELSEWHERE), 401),
    "another network": (
        lambda call: replace(call, terms=terms_of(("files.read",), (call.host,), ("192.0.2.0/24",))),
        403,
    ),
    "no scope": (lambda call: replace(call, terms=terms_of(("groups",), (call.host,), ())), 403),
    "a scope that policy gives to no key": (
        lambda call: replace(call, terms=terms_of(("admin",), (call.host,), ())),
        403,
    ),
    "its person is out of the group that gives the scope": (lambda call: replace(call, groups=("others",)), 403),
    "the terms of another key": (lambda call: replace(call, sealed=b"x" * 60), 503),
    "no terms": (lambda call: replace(call, sealed=b""), 503),
    "another record answered": (lambda call: replace(call, login="x" * 22), 503),
    "no Redis": (lambda call: replace(call, answered=False), 503),
    "not known": (lambda call: replace(call, outcome=Standing.MISS), 503),
    "too many": (lambda call: replace(call, allowed=False), 429),
}


def taken_of(call: KeyCall) -> set[str]:
    """Headers that Caddy is told to delete."""
    told = headers_of(call.answer()).items()
    return {value.lower() for name, value in told if name.startswith("X-Bastion-Taken-")} - {"x-bastion-none"}


@pytest.mark.parametrize("call", ALLOWED.values(), ids=ALLOWED)
def test_all_legs_together_open_the_door(call: KeyCall) -> None:
    answer = call.answer()

    assert (answer.status, answer.body, answer.subject) == (200, b"", ADA)
    assert headers_of(answer)["Remote-User"] == "ada"


@pytest.mark.parametrize(("take_away", "status"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    "call", [*CALLS.values(), replace(BEARER_KEY, session=TOKEN)], ids=[*CALLS, "beside a session"]
)
def test_each_leg_carries_weight(call: KeyCall, take_away: Change, status: int) -> None:
    answer = take_away(call).answer()

    assert answer.status == status
    assert headers_of(answer).get("Remote-User", "") == ""


@pytest.mark.parametrize("path", ["/fresh/x", "/mfa/x", "/passkey/x", "/password/x", "/usual/x"])
@pytest.mark.parametrize(
    "call", [BEARER_KEY, X_API_KEY, replace(BASIC_KEY, host=FILES)], ids=["bearer", "header", "basic"]
)
def test_a_key_proves_no_recent_login_and_no_second_factor_and_is_not_asked_to(call: KeyCall, path: str) -> None:
    answer = replace(call, path=path, authenticated_at=NOW).answer()

    assert answer.status == 403
    assert challenges_of(answer) == {}


@pytest.mark.parametrize(("path", "status"), [("/bound/x", 403), ("/spa/x", 403), ("/off/x", 403), ("/hidden/x", 200)])
def test_a_key_opens_no_leg_that_is_not_for_it(path: str, status: int) -> None:
    assert replace(BEARER_KEY, path=path).answer().status == status


def test_scopes_one_short_are_named() -> None:
    answer = replace(BEARER_KEY, path="/write/x", groups=("guests",)).answer()

    assert (answer.status, error_of(answer)) == (403, "insufficient_scope")
    assert 'scope="files.read files.write"' in challenges_of(answer)["Bearer"]
    assert challenges_of(replace(BASIC_KEY, groups=("others",)).answer()) == {}


@pytest.mark.parametrize(
    "key", [MADE_UP, "x", "", KEY_TEXT[:-1], KEY_TEXT + "x", f"bst_{'x' * 97}", TOKEN.text, "bst_\u00e9"]
)
def test_what_we_did_not_make_asks_no_store(key: str) -> None:
    bearer = replace(BEARER_KEY, authorization=f"Bearer {key}", host="keys.example.org")
    for call in (bearer, replace(BASIC_KEY, authorization=basic(key))):
        assert call.answer().status == 401
        assert call.asked == []


def test_a_header_that_holds_no_key_is_the_apps_own() -> None:
    call = replace(HOOK, headers={"x-gitlab-token": "of-the-app"})

    assert call.answer().status == 401
    assert len(call.asked) == 1
    assert (
        replace(X_API_KEY, headers={"x-api-key": "of-the-app"}, session=TOKEN, login=TOKEN.login).answer().status == 200
    )
    assert replace(HOOK, headers={"x-gitlab-token": MADE_UP}).answer().reason == "the key is not good"


@given(st.binary(max_size=200))
def test_any_authorization_is_answered(line: bytes) -> None:
    for scheme in ("Basic ", "Bearer ", "Basic"):
        call = replace(BASIC_KEY, authorization=scheme + line.decode("latin-1").replace("\n", " "))
        assert call.answer().status in (200, 401)


def test_the_key_decides_alone_and_no_cookie_is_a_second_chance() -> None:
    good = replace(BEARER_KEY, session=TOKEN).ask()

    assert isinstance(good, Ask)
    assert good.question.presented is not None
    assert good.question.presented.kind == "key"
    for call in (BEARER_KEY, BASIC_KEY, replace(X_API_KEY, headers={"x-api-key": MADE_UP})):
        assert replace(call, session=TOKEN, outcome=Standing.ENDED).answer().status == 401


@pytest.mark.parametrize("host", ["pages.example.org", "tokens.example.org"])
def test_where_keys_are_not_accepted_a_key_is_none(host: str) -> None:
    assert replace(BEARER_KEY, host=host).answer().status == 401
    assert replace(X_API_KEY, host=host).answer().status == 401
    assert replace(X_API_KEY, host=host, session=TOKEN, login=TOKEN.login).answer().status == 200


@pytest.mark.parametrize(
    "call",
    [
        replace(BEARER_KEY, headers={"x-api-key": KEY_TEXT}),
        replace(BEARER_KEY, lines=(("authorization", "Basic YTpi"),)),
        replace(BEARER_KEY, lines=(("authorization", f"Bearer {KEY_TEXT}"),)),
        replace(X_API_KEY, authorization="Bearer eyJ"),
        replace(X_API_KEY, lines=(("x-api-key", KEY_TEXT),)),
    ],
)
def test_two_credentials_are_refused(call: KeyCall) -> None:
    assert call.answer().status == 400
    assert call.asked == []


@pytest.mark.parametrize("scheme", ["session", "Session", "api_key", "token", "DPoP", "Negotiate", ""])
def test_beside_a_key_in_a_header_an_authorization_of_no_scheme_of_the_route_is_the_apps_own(scheme: str) -> None:
    call = replace(X_API_KEY, authorization=f"{scheme} x")

    assert call.answer().status == 200
    assert "authorization" not in headers_of(call.answer()).values()


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (BEARER_KEY, {"authorization"}),
        (BASIC_KEY, {"authorization"}),
        (X_API_KEY, {"x-api-key"}),
        (HOOK, {"x-gitlab-token"}),
        (replace(X_API_KEY, authorization="token of-the-app"), {"x-api-key"}),
        (replace(HOOK, lines=(("x-other", KEY_TEXT),)), {"x-gitlab-token", "x-other"}),
        (replace(HOOK, authorization=basic(KEY_TEXT)), {"x-gitlab-token", "authorization"}),
    ],
)
def test_the_app_never_sees_the_key(call: KeyCall, names: set[str]) -> None:
    assert taken_of(call) == names
    assert KEY_TEXT not in str(headers_of(call.answer()))


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (BEARER_KEY, {"authorization"}),
        (replace(BASIC_KEY, host=FILES), {"authorization"}),
        (X_API_KEY, {"x-api-key"}),
        (replace(X_API_KEY, authorization=basic(KEY_TEXT)), {"authorization", "x-api-key"}),
        (replace(BEARER_KEY, authorization=KEY_TEXT), {"authorization"}),
        (replace(BEARER_KEY, authorization=f"token {KEY_TEXT}"), {"authorization"}),
        (replace(HOOK, host=FILES), {"x-gitlab-token"}),
    ],
)
def test_nor_does_it_where_the_key_let_nobody_in(call: KeyCall, names: set[str]) -> None:
    """Programs send it to every path, and people to the wrong host: whoever runs the app could open others by it."""
    public = replace(call, path="/open/x")
    in_session = replace(call, host="pages.example.org", session=TOKEN, login=TOKEN.login)

    for one in (public, in_session):
        assert one.answer().status == 200
        assert taken_of(one) == names
        assert taken_of(replace(one, authorization=basic(MADE_UP), headers={"x-api-key": MADE_UP})) == set()


# O23
def test_the_app_hears_of_groups_name_and_address_only_by_a_scope_for_it() -> None:
    alone = headers_of(BEARER_KEY.answer())
    assert (alone["Remote-User"], alone["Remote-Groups"], alone["Remote-Name"], alone["Remote-Email"]) == (
        "ada",
        "",
        "",
        "",
    )

    scopes = {"groups": "Remote-Groups", "profile": "Remote-Name", "email": "Remote-Email"}
    for scope, header in scopes.items():
        told = headers_of(replace(BEARER_KEY, terms=terms_of(("files.read", scope), (FILES,), ())).answer())
        assert {name for name in scopes.values() if told[name]} == {header}


# X6: Chromium sends Basic with a cross-site POST by itself.
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_basic_is_judged_as_a_session_where_another_site_may_have_sent_it(method: str) -> None:
    assert replace(BASIC_KEY, method=method, headers=EVIL).answer().status == 403
    assert replace(BASIC_KEY, method=method, headers={"origin": "null"}).answer().status == 403
    assert replace(BASIC_KEY, method=method, headers={"sec-fetch-site": "cross-site"}).answer().status == 403
    assert replace(BASIC_KEY, method=method, headers={"origin": "https://dav.example.org"}).answer().status == 200
    assert replace(BEARER_KEY, method=method, headers=EVIL).answer().status == 200


def test_basic_that_another_site_sent_gets_a_page_that_offers_no_other_account() -> None:
    """A key has no login that could be another, and the way to one would set a cookie."""
    page = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", **EVIL}
    for call in (
        replace(BASIC_KEY, method="POST", headers=page),
        replace(BASIC_KEY, groups=("others",), headers=page),
    ):
        answer = call.answer()

        assert (answer.status, b"<h1>" in answer.body) == (403, True)
        assert b"ada" not in answer.body
        assert b"/logout" not in answer.body
        assert "Set-Cookie" not in headers_of(answer)


BROWSERS: Final[list[dict[str, str]]] = [
    {"sec-fetch-mode": "cors"},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-dest": "empty"},
    {"origin": "https://dav.example.org"},
]


@pytest.mark.parametrize("authorization", ["", basic(MADE_UP), basic(KEY_TEXT)], ids=["nothing", "made up", "dead"])
def test_basic_is_offered_to_who_shows_no_browser_alone(authorization: str) -> None:
    call = replace(BASIC_KEY, authorization=authorization, method="PROPFIND", outcome=Standing.ENDED)

    answer = call.answer()

    assert answer.status == 401
    assert challenges_of(answer)["Basic"] == 'realm="dav.example.org", charset="UTF-8"'
    for browser in BROWSERS:
        assert "Basic" not in challenges_of(replace(call, headers=browser).answer())
        assert challenges_of(replace(call, headers=browser).answer())


def test_basic_is_offered_nowhere_else() -> None:
    for host in ("hook.example.org", "pages.example.org", "tokens.example.org"):
        answer = KeyCall("", host=host).answer()
        assert answer.status == 401
        assert "Basic" not in challenges_of(answer)
    assert challenges_of(KeyCall("", path="/hidden/x").answer()) == {}
    assert challenges_of(KeyCall("", path="/x").answer()).keys() >= {"Bearer", "Basic"}


def test_a_key_has_a_budget_of_its_own() -> None:
    call = replace(BEARER_KEY)
    asked = call.ask()

    assert isinstance(asked, Ask)
    assert [(one.slot, one.who, one.limit.name) for one in asked.question.spends] == [
        (TAG, call.login, "GENERAL.EXECUTE")
    ]


# X6: fifty dead keys, a live one, one address.
def test_refused_keys_are_counted_by_address_and_a_live_one_passes_all_the_same() -> None:
    context = replace(TAKING, refused_keys=RefusedKeys(Limit("AUTH.KEY", 10, 60_000_000, 10, Per.IP)))
    dead = replace(BASIC_KEY, context=context, outcome=Standing.ENDED)
    made_up = replace(BASIC_KEY, context=context, authorization=basic(MADE_UP))

    statuses = [(dead if turn % 2 else made_up).answer().status for turn in range(50)]

    assert statuses == [401] * 10 + [429] * 40
    assert replace(BASIC_KEY, context=context).answer().status == 200
    assert replace(BASIC_KEY, context=context, terms=ELSEWHERE).answer().status == 429
    assert "Retry-After" in headers_of(dead.answer())
    assert replace(dead, headers={"x-forwarded-for": "203.0.113.9"}).answer().status == 401


def test_who_is_served_first_depends_on_the_mac_alone() -> None:
    def question(authorization: str) -> bytes:
        return f"GET /check HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n".encode()

    keys = ApiKeys(KEYS.api_key, KEYS.person)
    assert bring_key(question(f"Bearer {KEY_TEXT}"), keys)
    assert bring_key(question(basic(KEY_TEXT)), keys)
    assert bring_key(f"GET / HTTP/1.1\r\nX-Api-Key: {KEY_TEXT}\r\n\r\n".encode(), keys)
    for stranger in (f"Bearer {MADE_UP}", basic(MADE_UP), "Basic", "Basic !", "Bearer bst_"):
        assert not bring_key(question(stranger), keys)


def test_a_key_is_of_101_characters_and_every_one_counts() -> None:
    assert len(KEY_TEXT) == 101
    presented = API_KEYS.presented(KEY_TEXT)
    assert presented is not None
    assert (presented.tag, presented.login_id, presented.kind) == (TAG, KEY_ID, "key")
    for at, letter in enumerate(KEY_TEXT):
        changed = KEY_TEXT[:at] + ("A" if letter != "A" else "B") + KEY_TEXT[at + 1 :]
        assert API_KEYS.presented(changed) is None


def test_terms_say_networks_by_address() -> None:
    assert TERMS.lets_from(None)
    assert not terms_of(("a",), ("h",), ("192.0.2.0/24",)).lets_from(None)
