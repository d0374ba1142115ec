"""An app's own credential at the gateway: a request that it lets in, each leg taken away, what only looks like it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.context import Context
from gateway.core.forward.decide import Ask
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.principal.ask import Standing
from gateway.core.ratelimit.gcra import Per
from tests.core.forward.keys import API_KEYS, KEY_ID, KEY_TEXT, basic
from tests.core.forward.keys import MADE_UP as FORGED
from tests.core.forward.setting import CONTEXT, TAG, TOKEN, headers_of
from tests.core.forward.tokens import Call, challenges_of, error_of, issue

SONARR: Final = "sonarr.example.org"
GIT: Final = "git.example.org"
POLICY: Final = compile_policy(
    {
        "apps.yaml": f"""
define:
  scopes: {{read: Read}}
  app_tokens:
    arr: [{{header: X-Api-Key}}, {{query: apikey}}]
    basic: {{header: Authorization, starts: "Basic "}}
    token: {{header: Authorization, starts: "token "}}
    any: {{header: Authorization}}
    taken: {{header: X-Auth-User}}
clients:
  spa: {{name: Notes, type: spa, redirect_uris: https://n.example.org/cb, scopes: read, allow: {{groups: staff}}}}
apps:
  sonarr:
    hosts: {SONARR}
    allow: [{{groups: staff}}, {{app_token: arr}}]
    routes:
      config: {{paths: /config/**, allow: {{groups: staff}}}}
      hook: {{paths: /hook/**, methods: POST, allow: {{networks: 198.51.100.0/24, app_token: arr}}}}
      both: {{paths: /both/**, allow: {{groups: staff, app_token: arr}}}}
      needed: {{paths: /needed/**, allow: {{groups: staff}}, deny: {{not: {{app_token: arr}}}}}}
      strict: {{paths: /strict/**, limits: {{rate: 1/min, per: ip, on_store_failure: deny}}}}
      open: {{paths: /open/**, allow: anyone, limits: none}}
      free: {{paths: /free/**, allow: {{app_token: arr}}, limits: none}}
  git:
    hosts: {GIT}
    allow: [{{groups: staff}}, {{app_token: basic}}, {{app_token: token}}]
    routes:
      admin: {{paths: /admin/**, allow: {{groups: staff}}}}
      trusting: {{paths: /trusting/**, cross_origin: allow}}
  api:
    hosts: api.example.org
    credentials: [session, bearer]
    allow: [{{groups: staff}}, {{scopes: read}}, {{app_token: arr}}, {{app_token: basic}}]
    routes:
      drop: {{paths: /drop/**, credentials: session, allow: [{{groups: staff}}, {{app_token: any}}]}}
      both: {{paths: /both/**, allow: {{scopes: read, app_token: arr}}}}
  taken: {{hosts: taken.example.org, allow: [{{groups: staff}}, {{app_token: taken}}]}}
  any: {{hosts: any.example.org, allow: [{{groups: staff}}, {{app_token: any}}]}}
"""
    },
    Site("auth.example.org"),
)
TAKING: Final[Context] = replace(CONTEXT, policy=POLICY)
HEADER: Final = Call(host=SONARR, context=TAKING, headers={"x-api-key": "k"})
QUERY: Final = Call(host=SONARR, context=TAKING, path="/x?a=b&apikey=k")
BASIC: Final = Call("Basic YTpi", host=GIT, context=TAKING)
SCHEME: Final = Call("token x", host=GIT, context=TAKING)
CALLS: Final = {"header": HEADER, "query": QUERY, "basic": BASIC, "scheme": SCHEME}
MADE_UP: Final = API_KEYS.mint(TAG, KEY_ID, b"x" * 32)
EVIL: Final = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
Change = Callable[[Call], Call]


def at(call: Call, path: str) -> Call:
    return replace(call, path=path + call.path.removeprefix("/x"))


def without(call: Call) -> Call:
    return replace(call, authorization="", headers={}, path="/x")


def is_nobody(call: Call) -> bool:
    answer = call.answer()
    told = headers_of(answer)
    return answer.status == 200 and not any(told[name] for name in told if name.startswith("Remote-"))


ALLOWED: Final[dict[str, Call]] = {
    **CALLS,
    "another case": replace(BASIC, authorization="bASIC YTpi"),
    "a header in another case": replace(HEADER, headers={"X-API-KEY": "k"}),
    "twice": replace(HEADER, lines=(("x-api-key", "l"),)),
    "empty and again": replace(HEADER, headers={}, lines=(("x-api-key", ""), ("X-Api-Key", "k"))),
    "two places": replace(HEADER, path="/x?apikey=k"),
    "beside another Authorization": replace(HEADER, authorization="Bearer x"),
    "a post": replace(HEADER, method="POST"),
    "a post of a client that shows no browser": replace(BASIC, method="POST"),
    "a post of another site's page, which had to know the token": replace(
        HEADER, method="POST", headers={"x-api-key": "k", **EVIL}
    ),
    "without Redis": replace(HEADER, answered=False),
    "with a session that is over": replace(HEADER, session=TOKEN, outcome=Standing.ENDED),
    "with the session of somebody who is not allowed": replace(HEADER, session=TOKEN, groups=("others",)),
    "and from its network": replace(HEADER, method="POST", path="/hook/x"),
}
REFUSED: Final[dict[str, tuple[Call, int]]] = {
    **{f"{name}: nothing there": (without(call), 401) for name, call in CALLS.items()},
    **{
        f"{name}: nobody's session": (replace(without(call), session=TOKEN, groups=("others",)), 403)
        for name, call in CALLS.items()
    },
    "another route": (at(HEADER, "/config/x"), 401),
    "another route, by query": (at(QUERY, "/config/x"), 401),
    "another route of git": (at(BASIC, "/admin/x"), 401),
    "the token of another app": (replace(HEADER, host=GIT), 401),
    "the other way round": (replace(BASIC, host=SONARR), 401),
    "a leg on people that asks for it too": (at(HEADER, "/both/x"), 401),
    "deny where it is missing": (replace(HEADER, headers={}, path="/needed/x"), 403),
    "no Redis where the limit has to hold": (replace(at(HEADER, "/strict/x"), answered=False), 503),
    "no Redis beside a session": (replace(HEADER, session=TOKEN, answered=False), 503),
    "too many": (replace(HEADER, allowed=False), 429),
    "early data": (replace(HEADER, headers={"x-api-key": "k", "early-data": "1"}), 425),
    "early data without limits": (replace(at(HEADER, "/free/x"), headers={"x-api-key": "k", "early-data": "1"}), 425),
}


@pytest.mark.parametrize("call", ALLOWED.values(), ids=ALLOWED)
def test_it_lets_in_nobody_as_somebody(call: Call) -> None:
    assert is_nobody(call)


@pytest.mark.parametrize(("call", "status"), REFUSED.values(), ids=REFUSED)
def test_each_leg_carries_weight(call: Call, status: int) -> None:
    assert call.answer().status == status


def test_a_network_beside_it_carries_weight() -> None:
    call = replace(HEADER, method="POST", path="/hook/x")

    assert is_nobody(call)
    assert replace(call, headers={}).answer().status == 403
    assert replace(call, headers={"x-api-key": "k", "x-forwarded-for": "203.0.113.9"}).answer().status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": ""},
        {"x-api-key": "  "},
        {"x_api_key": "k"},
        {"x-api-key2": "k"},
        {"x-api": "k"},
        {"x-forwarded-x-api-key": "k"},
        {"apikey": "k"},
        {"cookie": "X-Api-Key=k; apikey=k"},
        {"referer": "https://sonarr.example.org/?apikey=k"},
        {"user-agent": "X-Api-Key: k"},
        {"x-api-key": KEY_TEXT},
        {"x-api-key": MADE_UP},
        {"x-api-key": "bst_"},
    ],
)
def test_a_header_that_only_looks_like_it_is_none(headers: dict[str, str]) -> None:
    assert replace(HEADER, headers=headers).answer().status == 401


@pytest.mark.parametrize(
    "target",
    [
        "/x?apikey=", "/x?apikey", "/x?apiKey=k", "/x?xapikey=k", "/x?apikey2=k", "/x?a=apikey=k", "/x?a=b;apikey=k",
        "/apikey=k", "/x/apikey=k?", "/x?api%6bey=k", "/x?=k", "/x?",
    ],
)  # fmt: skip
def test_a_query_that_only_looks_like_it_is_none(target: str) -> None:
    assert replace(QUERY, path=target).answer().status == 401


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Basic",
        "Basic ",
        "BasicYTpi",
        "Digest Basic x",
        "Bearer Basic YTpi",
        "Basic\tYTpi",
        "x Basic YTpi",
        "tokens x",
    ],
)
def test_an_authorization_that_only_looks_like_it_is_none(line: str) -> None:
    assert replace(BASIC, authorization=line).answer().status == 401


def test_a_key_of_our_own_is_none_of_the_apps() -> None:
    call = Call("x", host="any.example.org", context=TAKING)

    assert is_nobody(call)
    assert replace(call, authorization=KEY_TEXT).answer().status == 401


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_whatever_stands_there_makes_nobody_somebody(value: str) -> None:
    for call in (
        replace(HEADER, headers={"x-api-key": value}),
        replace(QUERY, path=f"/x?apikey={value.replace(' ', '+').replace('#', '')}"),
        replace(SCHEME, authorization=f"token {value}"),
    ):
        assert is_nobody(call) or call.answer().status == 401


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_session_that_is_good_makes_somebody_of_the_same_request(call: Call) -> None:
    """Somebody beats nobody: it is the session that counts, with what holds for sessions."""
    signed_in = replace(call, session=TOKEN)

    assert headers_of(signed_in.answer())["Remote-User"] == "ada"
    assert is_nobody(replace(signed_in, groups=("others",)))
    assert is_nobody(replace(signed_in, outcome=Standing.UNKNOWN))
    assert replace(signed_in, method="POST", headers={**call.headers, **EVIL}).answer().status == 403


def test_a_person_has_to_bring_it_where_the_leg_says_both() -> None:
    call = replace(at(HEADER, "/both/x"), session=TOKEN)

    assert headers_of(call.answer())["Remote-User"] == "ada"
    assert replace(call, headers={}).answer().status == 403
    assert replace(call, groups=("others",)).answer().status == 403
    assert replace(call, session=None).answer().status == 401


def test_deny_can_ask_for_it() -> None:
    call = replace(at(HEADER, "/needed/x"), session=TOKEN)

    assert headers_of(call.answer())["Remote-User"] == "ada"
    assert replace(call, headers={}).answer().status == 403


@pytest.mark.parametrize("call", [*CALLS.values(), replace(HEADER, authorization="Bearer x")])
def test_the_app_gets_it(call: Call) -> None:
    names = {name.lower() for name in (*call.headers, "authorization", "x-api-key")}

    told = headers_of(call.answer())

    assert not names & {value.lower() for name, value in told.items() if name.startswith("X-Bastion-Taken")}


def test_what_bastion_consumes_is_no_token_of_the_apps() -> None:
    """With a token of Bastion's the app sees no Authorization, so there is none that it could check."""
    token = issue(scopes=("read",))
    call = Call(f"Bearer {token}", host="api.example.org", context=TAKING)

    assert headers_of(call.answer())["Remote-User"] == "ada"
    assert replace(call, authorization=f"Bearer {issue(scopes=('openid',))}").answer().status == 403
    assert replace(call, authorization="Bearer x").answer().status == 401
    assert is_nobody(replace(call, authorization=f"Bearer {issue(scopes=('openid',))}", headers={"x-api-key": "k"}))
    assert is_nobody(replace(call, authorization="Basic YTpi"))


def test_nor_is_it_at_a_second_resource_of_the_request() -> None:
    token = f"Bearer {issue(scopes=('read',))}"
    destination = {"destination": "/drop/y"}
    move = Call(token, host="api.example.org", context=TAKING, method="MOVE", headers=destination)

    assert replace(move, headers={}).answer().status == 200
    assert is_nobody(Call("Bearer x", host="api.example.org", context=TAKING, path="/drop/y"))
    assert move.answer().status == 401


@pytest.mark.parametrize("ours", [KEY_TEXT, MADE_UP, "bst_"])
@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key"])
def test_nor_is_what_goes_with_a_header_that_held_a_key_of_bastions(name: str, ours: str) -> None:
    """Caddy deletes a header with all its lines, so the app sees neither of the two."""
    call = Call(f"Bearer {issue(scopes=('read',))}", host="api.example.org", context=TAKING, path="/both/x")
    both = replace(call, lines=((name, ours), ("x-api-key", "k")))

    assert replace(call, lines=(("x-api-key", "k"),)).answer().status == 200
    for one in (both, replace(both, lines=both.lines[::-1])):
        assert one.answer().status == 403
    assert is_nobody(replace(both, authorization="", path="/x")) is (ours == "bst_")


def test_nor_is_a_key_of_bastions_as_the_password_of_basic() -> None:
    """An app password of git, on a host whose app checks its own: it would learn what opens other hosts."""
    assert replace(BASIC, authorization=basic(KEY_TEXT)).answer().status == 401
    assert is_nobody(replace(BASIC, authorization=basic(FORGED)))


MOVES: Final = Call(
    host=SONARR,
    context=TAKING,
    method="MOVE",
    path="/config/x",
    session=TOKEN,
    groups=("staff",),
    headers={"x-api-key": "k", "destination": "/config/y"},
)


@pytest.mark.parametrize("method", ["MOVE", "COPY", "BIND", "REBIND"])
def test_the_app_hears_of_nobody_where_it_lets_in_at_a_second_resource(method: str) -> None:
    """Whoever may not write there would write there in their own name, with a token that nobody has looked at."""
    call = replace(MOVES, method=method)
    at_its_lock = replace(call, headers={**call.headers, "destination": "/free/y"})

    assert headers_of(call.answer())["Remote-User"] == "ada"
    assert is_nobody(at_its_lock)
    assert is_nobody(replace(at_its_lock, path="/free/x"))
    assert replace(at_its_lock, headers={"destination": "/free/y"}).answer().status == 403


def test_a_second_resource_that_it_opens_waits_for_the_end_of_early_data() -> None:
    call = replace(MOVES, path="/open/x", session=None, headers={"x-api-key": "k", "destination": "/free/y"})

    assert call.answer().status == 200
    assert replace(call, headers={**call.headers, "early-data": "1"}).answer().status == 425
    assert replace(call, headers={"early-data": "1"}).answer().status == 200


def test_a_token_has_to_come_with_it_where_the_leg_says_both() -> None:
    headers = {"x-api-key": "k"}
    call = Call(
        f"Bearer {issue(scopes=('read',))}", host="api.example.org", context=TAKING, path="/both/x", headers=headers
    )
    narrow = replace(call, authorization=f"Bearer {issue(scopes=('openid',))}")

    assert headers_of(call.answer())["Remote-User"] == "ada"
    assert replace(call, headers={}).answer().status == 403
    assert (narrow.answer().status, error_of(narrow.answer())) == (403, "insufficient_scope")
    assert error_of(replace(narrow, headers={}).answer()) == ""


def test_a_header_that_never_reaches_the_app_is_none() -> None:
    assert Call(host="taken.example.org", context=TAKING, headers={"x-auth-user": "k"}).answer().status == 401


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_address_has_a_budget_and_no_store_is_asked_for_more(call: Call) -> None:
    asked = call.ask()

    assert isinstance(asked, Ask)
    assert asked.question.presented is None
    assert [spend.limit.per for spend in asked.question.spends] == [Per.IP]
    elsewhere = replace(call, headers={**call.headers, "x-forwarded-for": "203.0.113.9"}).ask()
    assert isinstance(elsewhere, Ask)
    assert elsewhere.question.spends[0].slot != asked.question.spends[0].slot


# X6: Chromium sends Basic with a cross-site POST by itself, whoever's Basic it is.
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_basic_is_judged_as_a_session_where_another_site_may_have_sent_it(method: str) -> None:
    call = replace(BASIC, method=method)

    assert is_nobody(call)
    assert is_nobody(replace(call, headers={"origin": f"https://{GIT}"}))
    assert is_nobody(replace(call, headers=EVIL, path="/trusting/x"))
    for headers in (EVIL, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert replace(call, headers=headers).answer().status == 403
        assert is_nobody(replace(SCHEME, method=method, headers=headers))
        assert is_nobody(replace(HEADER, authorization="Basic YTpi", path="/open/x", method=method, headers=headers))


@pytest.mark.parametrize("method", ["GET", "PROPFIND", "POST"])
def test_basic_is_offered_to_who_shows_no_browser_alone(method: str) -> None:
    answer = replace(BASIC, authorization="", method=method).answer()

    assert answer.status == 401
    assert challenges_of(answer)["Basic"] == f'realm="{GIT}", charset="UTF-8"'
    for headers in ({"sec-fetch-mode": "cors"}, {"origin": f"https://{GIT}"}):
        assert "Basic" not in challenges_of(replace(BASIC, authorization="", method=method, headers=headers).answer())
    for other in (replace(HEADER, headers={}), replace(BASIC, authorization="", path="/admin/x")):
        assert "Basic" not in challenges_of(replace(other, method=method).answer())
