"""A decision: all legs together open the door, and each of them carries weight."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.forward.check import conclude
from gateway.core.forward.decide import Ask
from gateway.core.forward.login_start import Way
from gateway.core.principal.ask import Spent, Standing
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.session.journey import unseal_journey
from gateway.core.session.tokens import mint
from tests.core.forward.setting import KEYS, NOW, TAG, TOKEN, Case, headers_of

HTML = "text/html; charset=utf-8"
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"}
OWN_POST = {"origin": "https://wiki.example.org", "sec-fetch-site": "same-origin"}

ALLOWED: dict[str, Case] = {
    "a page": Case(),
    "a navigation": Case(headers=NAVIGATION),
    "a fresh page": Case(path="/fresh/x"),
    "a post": Case(method="POST", headers=OWN_POST),
    "a WebSocket": Case(headers={"x-bastion-upgrade": "websocket", **OWN_POST}),
    "a limited page": Case(path="/strictly/x"),
}
LEGS: dict[str, Callable[[Case], Case]] = {
    "cookie": lambda case: replace(case, token=None),
    "mac": lambda case: replace(case, token=mint(b"x" * 32, TAG, b"l" * 16, b"s" * 32)),
    "tag": lambda case: replace(case, token=replace(TOKEN, text=TOKEN.text.replace(TAG, "x" * 16))),
    "known host": lambda case: replace(case, host="evil.example.org"),
    "not the auth host": lambda case: replace(case, host="auth.example.org"),
    "reply": lambda case: replace(case, answered=False),
    "own number": lambda case: replace(case, off_by=1),
    "own login": lambda case: replace(case, login="x" * 22),
    "not ended": lambda case: replace(case, outcome=Standing.ENDED),
    "known credential": lambda case: replace(case, outcome=Standing.UNKNOWN),
    "present": lambda case: replace(case, outcome=Standing.MISS),
    "sealed by us": lambda case: replace(case, person_key=b"x" * 32),
    "group": lambda case: replace(case, groups=("guests",)),
    "within the limit": lambda case: replace(case, allowed=False),
    "not in early data": lambda case: replace(case, headers={**case.headers, "early-data": "1"}),
    "one reading": lambda case: replace(case, path=case.path + "/..%2fopen"),
    "guarded case": lambda case: replace(case, path="/FRESH/x"),
    "method": lambda case: replace(case, method="TRACE"),
}


@pytest.mark.parametrize("case", ALLOWED.values(), ids=ALLOWED)
def test_all_legs_together_open_the_door(case: Case) -> None:
    answer = case.answer()

    assert (answer.status, answer.body) == (200, b"")
    assert headers_of(answer)["Remote-User"] == "ada"


@pytest.mark.parametrize("take_away", LEGS.values(), ids=LEGS)
@pytest.mark.parametrize("case", ALLOWED.values(), ids=ALLOWED)
def test_each_leg_carries_weight(case: Case, take_away: Callable[[Case], Case]) -> None:
    answer = take_away(case).answer()

    assert answer.status >= 300
    assert "Remote-User" not in headers_of(answer)


def test_a_fresh_page_wants_a_fresh_login_on_the_second() -> None:
    assert Case(path="/fresh/x", authenticated_at=NOW - 600).answer().status == 200
    assert Case(path="/fresh/x", authenticated_at=NOW - 601).answer().status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://other.example.org", "sec-fetch-site": "same-site"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(headers: dict[str, str]) -> None:
    assert Case(method="POST", headers=headers).answer().status == 403
    assert Case(headers={**headers, "x-bastion-upgrade": "websocket"}).answer().status == 403
    assert Case(headers=headers).answer().status == 200


def test_a_websocket_says_where_it_comes_from() -> None:
    assert Case(headers={"x-bastion-upgrade": "websocket"}).answer().status == 403


def test_a_stranger_is_let_in_as_nobody_where_anyone_may() -> None:
    for case in (
        Case(path="/open/x", token=None),
        Case(path="/open/x"),
        Case(path="/open/x", outcome=Standing.ENDED),
    ):
        answer = case.answer()
        assert answer.status == 200
        assert headers_of(answer)["Remote-User"] == ""
        assert set(headers_of(answer)) >= {"Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"}


def test_an_address_that_is_not_known_is_in_no_network() -> None:
    assert Case(path="/office/x", token=None, address="203.0.113.9").answer().status == 200
    assert Case(path="/office/x", token=None, address="203.0.114.9").answer().status >= 400
    assert Case(path="/office/x", token=None, address="unknown").answer().status >= 400


def test_without_redis_the_public_goes_on_and_nobody_comes_in_unasked() -> None:
    assert Case(path="/open/x", token=None, answered=False).answer().status == 200
    assert Case(answered=False).answer().status == 503
    assert Case(path="/strictly/x", token=None, answered=False, headers=NAVIGATION).answer().status in (302, 503)


def test_nothing_is_set_on_an_allowed_response() -> None:
    assert "Set-Cookie" not in headers_of(Case().answer())


def test_the_routes_headers_travel_with_an_allow() -> None:
    headers = headers_of(Case().answer())

    assert "default-src 'self'" in headers["X-Bastion-Set-Content-Security-Policy"]
    assert "form-action 'self' https://auth.example.org" in headers["X-Bastion-Set-Content-Security-Policy"]
    assert headers["X-Bastion-Private"] == "1"
    assert headers["X-Bastion-Cors"] == "1"
    assert headers["X-Bastion-RateLimit"] == '"GENERAL.SESSION";r=5;t=1'


def test_a_navigation_is_sent_to_log_in_with_its_way_back_sealed() -> None:
    answer = Case(token=None, path="/x?secret=1", headers=NAVIGATION).answer()
    headers = headers_of(answer)

    journey = unseal_journey(KEYS.journey, headers["Location"].partition("?j=")[2])

    assert answer.status == 302
    assert headers["Location"].startswith("https://auth.example.org/login?j=v1.")
    assert "secret" not in headers["Location"]
    assert (journey.host, journey.return_to, journey.iat) == ("wiki.example.org", "/x?secret=1", NOW)
    assert headers["Set-Cookie"].startswith("__Host-bastion-way=")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_an_unsafe_navigation_comes_back_to_the_page_with_the_form() -> None:
    headers = {**NAVIGATION, "referer": "https://wiki.example.org/form?x=1"}
    answer = Case(token=None, method="POST", path="/save", headers=headers).answer()

    journey = unseal_journey(KEYS.journey, headers_of(answer)["Location"].partition("?j=")[2])

    assert answer.status == 303
    assert (journey.return_to, journey.notice) == ("/form?x=1", "again")


@pytest.mark.parametrize(
    "referer", ["https://evil.example/x", "https://wiki.example.org.evil/x", "", "https://wiki.example.org"]
)
def test_a_strange_referer_leads_to_the_start(referer: str) -> None:
    answer = Case(token=None, method="POST", path="/save", headers={**NAVIGATION, "referer": referer}).answer()

    assert unseal_journey(KEYS.journey, headers_of(answer)["Location"].partition("?j=")[2]).return_to == "/"


def test_a_stale_login_goes_on_as_the_session_that_it_replaces() -> None:
    answer = Case(path="/fresh/x", authenticated_at=NOW - 601, headers=NAVIGATION).answer()
    journey = unseal_journey(KEYS.journey, headers_of(answer)["Location"].partition("?j=")[2])

    assert journey.need == "authenticated:600"
    assert journey.old


def test_who_lacks_a_second_factor_is_led_to_where_it_is_asked_for() -> None:
    answer = Case(path="/mfa/x?y=1", headers=NAVIGATION).answer()
    journey = unseal_journey(KEYS.journey, headers_of(answer)["Location"].partition("?j=")[2])

    assert (answer.status, answer.outcome) == (302, "step_up")
    assert (journey.need, journey.return_to) == ("mfa", "/mfa/x?y=1")
    assert journey.old


def test_a_script_is_told_what_is_missing() -> None:
    """RFC 9470 section 3."""
    mfa, fresh = Case(path="/mfa/x").answer(), Case(path="/fresh/x", authenticated_at=NOW - 601).answer()

    asked = 'Bastion realm="wiki.example.org", error="insufficient_user_authentication"'
    assert headers_of(mfa)["WWW-Authenticate"] == f'{asked}, acr_values="2"'
    assert headers_of(fresh)["WWW-Authenticate"] == f"{asked}, max_age=600"


def test_a_dead_session_is_forgotten_with_the_first_refusal() -> None:
    answer = Case(outcome=Standing.ENDED, headers=NAVIGATION).answer()
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]

    assert any(cookie.startswith("__Host-bastion=;") for cookie in cookies)
    assert headers_of(answer)["Clear-Site-Data"] == '"cache"'


REFUSALS: dict[str, tuple[Case, int, str]] = {
    "a script": (Case(token=None), 401, "application/json"),
    "a WebSocket": (Case(token=None, headers={"x-bastion-upgrade": "websocket"}), 401, "application/json"),
    "a frame": (
        Case(token=None, headers={"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}), 401, HTML
    ),
    "a prefetch": (Case(token=None, headers={**NAVIGATION, "sec-purpose": "prefetch"}), 403, HTML),
    "a denied person": (Case(groups=(), headers=NAVIGATION), 403, HTML),
    "a denied script": (Case(groups=()), 403, "application/json"),
    "a hidden page, to a stranger": (Case(path="/hidden/x", token=None, headers=NAVIGATION), 404, HTML),
    "a hidden page, to the wrong one": (Case(path="/hidden/x", groups=()), 404, "application/json"),
    "no redirect": (Case(path="/strict401/x", token=None, headers=NAVIGATION), 401, HTML),
    "no second factor": (Case(path="/mfa/x"), 401, "application/json"),
    "another method": (Case(path="/get", method="POST"), 405, "application/json"),
    "an unknown host": (Case(host="x.example.org"), 421, "application/json"),
    "a limit": (Case(allowed=False), 429, "application/json"),
    "no Redis": (Case(answered=False, headers=NAVIGATION), 503, HTML),
}  # fmt: skip


@pytest.mark.parametrize(("case", "status", "content_type"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_fits_the_client(case: Case, status: int, content_type: str) -> None:
    answer = case.answer()
    headers = headers_of(answer)

    assert answer.status == status
    assert headers["Content-Type"] == content_type
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Request-Id"]
    assert answer.body


LEADING_BACK: dict[str, tuple[Case, str]] = {
    "a denied person": (Case(groups=(), path="/x?y=1", headers=NAVIGATION), "logout"),
    "a denied frame": (
        Case(groups=(), path="/x?y=1", headers={**NAVIGATION, "sec-fetch-dest": "iframe"}), "logout"
    ),
    "no redirect": (Case(path="/strict401/x", token=None, headers=NAVIGATION), "login"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "page"), LEADING_BACK.values(), ids=LEADING_BACK)
def test_whoever_signs_in_from_a_page_of_ours_comes_back(case: Case, page: str) -> None:
    answer = case.answer()
    address = re.search(rf"https://auth\.example\.org/{page}\?j=([\w.-]+)", answer.body.decode())
    assert address is not None
    journey = unseal_journey(KEYS.journey, address[1])
    way = next(value for name, value in answer.headers if name == "Set-Cookie" and "-way=" in value)

    assert (journey.host, journey.return_to, journey.iat) == (case.host, case.path, NOW)
    secret = Way.read(way.partition("=")[2].partition(";")[0])
    assert secret is not None
    assert journey.way == b64(secret.hash)


def test_a_denied_script_begins_no_journey() -> None:
    assert "Set-Cookie" not in headers_of(Case(groups=()).answer())


def test_a_refused_limit_says_when_to_come_back() -> None:
    headers = headers_of(Case(allowed=False).answer())

    assert headers["Retry-After"] == "2"
    assert headers["RateLimit-Policy"] == '"GENERAL.SESSION";q=600;w=60'


def test_a_person_pays_by_their_tag_and_an_address_by_a_name_that_only_the_key_makes() -> None:
    asked = Case(path="/door/x").ask()
    assert isinstance(asked, Ask)

    address = BucketNames(KEYS.bucket).of_address(ip_address(Case.address))
    assert [(spend.slot, spend.who) for spend in asked.question.spends] == [(address, ""), (TAG, TOKEN.login)]


FORGED = mint(b"x" * 32, TAG, b"l" * 16, b"s" * 32)
BUDGETS: dict[str, tuple[Case, str]] = {
    "a session": (Case(), "GENERAL.SESSION"),
    "a session that is over": (Case(outcome=Standing.ENDED), "GENERAL.SESSION"),
    "nobody": (Case(token=None), "GENERAL.STRANGER"),
    "a cookie that is no token": (Case(token=None, headers={"cookie": "__Host-bastion=x"}), "GENERAL.STRANGER"),
    "a token that was not made here": (Case(token=FORGED), "GENERAL.STRANGER"),
    "a session where nobody is asked who they are": (Case(path="/open/x"), "GENERAL.STRANGER"),
}


@pytest.mark.parametrize(("case", "limit"), BUDGETS.values(), ids=BUDGETS)
def test_exactly_one_of_the_default_budgets_is_spent(case: Case, limit: str) -> None:
    asked = case.ask()
    assert isinstance(asked, Ask)

    (spend,) = asked.question.spends
    assert spend.limit.name == limit
    assert (spend.slot, spend.who) == (
        (TAG, TOKEN.login)
        if limit == "GENERAL.SESSION"
        else (BucketNames(KEYS.bucket).of_address(ip_address(Case.address)), "")
    )


STATES = st.builds(Spent, st.booleans(), st.integers(1, 9).map(lambda s: s * 1_000_000), st.integers(0, 2), st.just(1))


@given(st.tuples(STATES, STATES))
def test_the_client_hears_of_the_limit_that_holds_it_up_longest_or_else_has_least_left(
    spent: tuple[Spent, ...],
) -> None:
    case = Case(path="/door/x")
    asked = case.ask()
    assert isinstance(asked, Ask)
    reply = case.reply(asked)
    assert reply is not None
    limits = [spend.limit for spend in asked.question.spends]
    waits = [state.retry_after_us if not state.allowed else 0 for state in spent]
    left = [state.remaining / limit.burst for limit, state in zip(limits, spent, strict=True)]
    told = waits.index(max(waits)) if any(waits) else left.index(min(left))

    headers = headers_of(conclude(asked, reply.with_spent(spent), NOW * 1_000_000))

    prefix = "RateLimit" if any(waits) else "X-Bastion-RateLimit"
    assert headers[f"{prefix}-Policy"].startswith(f'"{limits[told].name}";')
    assert headers[prefix].startswith(f'"{limits[told].name}";r={spent[told].remaining};')
    assert headers.get("Retry-After") == (str(max(waits) // 1_000_000) if any(waits) else None)


def test_a_405_says_what_is_allowed() -> None:
    assert headers_of(Case(path="/get", method="POST").answer())["Allow"] == "GET, HEAD"


def test_a_partner_may_read_our_refusals_and_others_may_not() -> None:
    partner = headers_of(Case(path="/api/x", token=None, headers={"origin": "https://partner.example"}).answer())
    evil = headers_of(Case(path="/api/x", token=None, headers={"origin": "https://evil.example"}).answer())

    assert partner["Access-Control-Allow-Origin"] == "https://partner.example"
    assert partner["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in evil


ASKED = {"origin": "https://partner.example", "access-control-request-method": "POST"}


def test_a_preflight_is_settled_by_cors_alone() -> None:
    granted = Case(path="/api/x", method="OPTIONS", token=None, headers=ASKED).answer()
    by_the_app = Case(path="/spa/x", method="OPTIONS", headers=ASKED).answer()
    elsewhere = Case(path="/x", method="OPTIONS", headers=ASKED).answer()
    no_preflight = Case(path="/spa/x", method="OPTIONS", token=None).answer()

    assert (granted.status, headers_of(granted)["X-Bastion-Answer"]) == (204, "1")
    assert headers_of(granted)["Access-Control-Allow-Origin"] == "https://partner.example"
    assert (by_the_app.status, headers_of(by_the_app)["Remote-User"]) == (200, "")
    assert "X-Bastion-Cors" not in headers_of(by_the_app)
    assert (elsewhere.status, no_preflight.status) == (403, 401)


@pytest.mark.parametrize(
    "headers",
    [
        {**ASKED, "origin": "https://evil.example"},
        {**ASKED, "origin": "null"},
        {**ASKED, "access-control-request-method": "DELETE"},
        {**ASKED, "access-control-request-headers": "x-secret"},
    ],
)
def test_each_part_of_a_preflight_carries_weight(headers: dict[str, str]) -> None:
    assert Case(path="/api/x", method="OPTIONS", token=None, headers=headers).answer().status == 403


_METHODS_KEPT = """
import tracemalloc
from tests.core.forward.setting import Case
tracemalloc.start()
for number in range(1000):
    method = "%d-" % number + "X" * 20_000
    asked = {"origin": "https://evil.example", "access-control-request-method": method}
    Case(path="/api/x", method="OPTIONS", token=None, headers=asked).ask()
print(tracemalloc.get_traced_memory()[0])
"""


def test_no_long_method_that_a_preflight_asks_for_is_remembered() -> None:
    """Thousands of them would be held as long as the policy is in force."""
    done = subprocess.run([sys.executable, "-c", _METHODS_KEPT], capture_output=True, text=True, check=True, timeout=60)

    assert int(done.stdout) < 1_000_000


@given(st.text(max_size=30), st.sampled_from(["GET", "POST", "OPTIONS", "get", "", "X" * 40]), st.booleans())
def test_any_request_has_an_answer_and_strangers_stay_outside(path: str, method: str, cookie: bool) -> None:
    target = "/" + "".join(character for character in path if "!" <= character <= "~" and character != "#")

    answer = Case(
        path=target, method=method, token=None, headers={"cookie": path} if cookie and path.isascii() else {}
    ).answer()

    assert answer.status >= 300 or target.lower().startswith("/open")
