"""The hand-off on a protected host: each part of it carries weight, and whatever fails begins again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.callback import Callback
from gateway.core.forward.login_start import Way
from gateway.core.principal.ask import Standing
from gateway.core.session.journey import Journey, seal_journey, unseal_logout
from gateway.core.session.tokens import mint
from tests.core.forward.setting import KEYS, NOW, TAG, TOKEN, Case, headers_of

NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "cross-site"}
WAY = Way("w" * 43, 1, NOW)
CODE = mint(KEYS.code, TAG, b"l" * 16, b"c" * 32)
JOURNEY = Journey("wiki.example.org", "/notes?x=1", b64(WAY.hash), NOW - 60)


@dataclass(frozen=True)
class HandOff:
    """A browser that comes back from the login, with everything right."""

    journey: Journey = field(default_factory=lambda: JOURNEY)
    journey_key: bytes = KEYS.journey
    code: str = CODE.text
    way: str | None = WAY.text
    session: str | None = None
    last: str | None = None
    more: str = ""
    case: Case = field(default_factory=lambda: Case(token=None, headers=NAVIGATION, login=CODE.login))

    def answer(self) -> Answer:
        pairs = {"__Host-bastion-way": self.way, "__Host-bastion": self.session, "__Host-bastion-last": self.last}
        cookies = "; ".join(f"{name}={value}" for name, value in pairs.items() if value is not None)
        j = seal_journey(self.journey_key, self.journey, b"n" * 12)
        path = f"/.bastion/callback?code={self.code}&j={j}{self.more}"
        return replace(
            self.case, path=path, headers={**self.case.headers, "cookie": cookies + "; PHPSESSID=1"}
        ).answer()


def opens_a_session(answer: Answer) -> bool:
    return any(name == "Set-Cookie" and value.startswith("__Host-bastion=v1") for name, value in answer.headers)


def test_everything_right_opens_the_session_and_goes_back() -> None:
    answer = HandOff().answer()

    assert answer.status == 302
    assert headers_of(answer)["Location"] == "https://wiki.example.org/notes?x=1"
    assert opens_a_session(answer)
    assert not [value for _, value in answer.headers if "Max-Age=1000" in value]
    assert CODE.secret not in str(answer.headers)


def test_a_kept_login_keeps_its_session() -> None:
    answer = HandOff(more="&keep=1").answer()

    assert [value for _, value in answer.headers if value.startswith("__Host-bastion=v1") and "Max-Age=1000" in value]


LEGS: dict[str, Callable[[HandOff], HandOff]] = {
    "way cookie": lambda one: replace(one, way=None),
    "own way cookie": lambda one: replace(one, way=Way("x" * 43, 1, NOW).text),
    "code": lambda one: replace(one, code="x"),
    "code under our key": lambda one: replace(one, code=mint(b"x" * 32, TAG, b"l" * 16, b"c" * 32).text),
    "code, not a session": lambda one: replace(one, code=mint(KEYS.mac, TAG, b"l" * 16, b"c" * 32).text),
    "journey under our key": lambda one: replace(one, journey_key=b"x" * 32),
    "journey of this host": lambda one: replace(one, journey=replace(JOURNEY, host="other.example.org")),
    "journey in time": lambda one: replace(one, journey=replace(JOURNEY, iat=NOW - 3601)),
    "claim": lambda one: replace(one, case=replace(one.case, outcome=Standing.CLAIM_REFUSED)),
    "live login": lambda one: replace(one, case=replace(one.case, outcome=Standing.ENDED)),
    "known child": lambda one: replace(one, case=replace(one.case, outcome=Standing.UNKNOWN)),
    "present": lambda one: replace(one, case=replace(one.case, outcome=Standing.MISS)),
    "reply": lambda one: replace(one, case=replace(one.case, answered=False)),
    "own number": lambda one: replace(one, case=replace(one.case, off_by=1)),
    "own login": lambda one: replace(one, case=replace(one.case, login="x" * 22)),
    "sealed person": lambda one: replace(one, case=replace(one.case, person_key=b"x" * 32)),
    "GET": lambda one: replace(one, case=replace(one.case, method="POST")),
    "not HEAD": lambda one: replace(one, case=replace(one.case, method="HEAD")),
    "no prefetch": lambda one: replace(one, case=replace(one.case, headers={**NAVIGATION, "sec-purpose": "prefetch"})),
    "no frame": lambda one: replace(one, case=replace(one.case, headers={**NAVIGATION, "sec-fetch-dest": "iframe"})),
    "no script": lambda one: replace(one, case=replace(one.case, headers={"sec-fetch-mode": "cors"})),
    "one code": lambda one: replace(one, more=f"&code={CODE.text}"),
    "one journey": lambda one: replace(one, more="&j=x"),
    "nothing else": lambda one: replace(one, more="&next=x"),
    "own host": lambda one: replace(one, case=replace(one.case, host="other.example.org")),
}


@pytest.mark.parametrize("take_away", LEGS.values(), ids=LEGS)
def test_each_leg_carries_weight(take_away: Callable[[HandOff], HandOff]) -> None:
    assert not opens_a_session(take_away(HandOff()).answer())


def test_what_is_lost_begins_again_and_who_has_no_cookies_is_told() -> None:
    refused = replace(HandOff().case, outcome=Standing.CLAIM_REFUSED)

    again = HandOff(case=refused).answer()
    other_tab = HandOff(way=None, session=TOKEN.text).answer()
    stranger = HandOff(way=None).answer()

    assert (again.status, headers_of(again)["Location"]) == (302, "https://wiki.example.org/notes?x=1")
    assert other_tab.status == 302
    assert stranger.status == 400


def test_a_journey_that_is_over_leads_to_its_page() -> None:
    over = HandOff(journey=replace(JOURNEY, iat=NOW - 3601))

    assert (over.answer().status, headers_of(over.answer())["Location"]) == (302, "https://wiki.example.org/notes?x=1")
    assert replace(over, way=None).answer().status == 400


NOT_HERE = replace(JOURNEY, host="other.example.org")
WAYS_ON: dict[str, tuple[HandOff, int, str]] = {
    "another browser": (HandOff(way=None), 400, "https://wiki.example.org/notes?x=1"),
    "another browser, too late": (
        HandOff(way=None, journey=replace(JOURNEY, iat=NOW - 3601)), 400, "https://wiki.example.org/notes?x=1"
    ),
    "another host": (HandOff(journey=NOT_HERE), 400, "https://other.example.org/notes?x=1"),
    "another host, too late": (
        HandOff(journey=replace(NOT_HERE, iat=NOW - 3601)), 400, "https://other.example.org/notes?x=1"
    ),
    "something missing": (HandOff(more="&next=x"), 400, "https://wiki.example.org/notes?x=1"),
    "another method": (
        HandOff(case=replace(HandOff().case, method="POST", headers={**NAVIGATION})),
        405,
        "https://wiki.example.org/notes?x=1",
    ),
    "a frame": (
        HandOff(case=replace(HandOff().case, headers={**NAVIGATION, "sec-fetch-dest": "iframe"})),
        403,
        "https://wiki.example.org/notes?x=1",
    ),
    "not of ours": (HandOff(journey_key=b"x" * 32), 400, "/"),
    "a host that is gone": (HandOff(journey=replace(JOURNEY, host="gone.example.net")), 400, "/"),
}  # fmt: skip


@pytest.mark.parametrize(("hand_off", "status", "href"), WAYS_ON.values(), ids=WAYS_ON)
def test_every_refusal_knows_where_the_person_wanted_to_go(hand_off: HandOff, status: int, href: str) -> None:
    answer = hand_off.answer()

    assert answer.status == status
    assert answer.body.decode().endswith(f"['{href}']")


def test_the_code_is_asked_for_in_one_call_with_the_child() -> None:
    cookie = {"cookie": f"__Host-bastion-way={WAY.text}"}
    j = seal_journey(KEYS.journey, JOURNEY, b"n" * 12)
    path = f"/.bastion/callback?code={CODE.text}&j={j}"

    asked = Case(token=None, path=path, headers={**NAVIGATION, **cookie}).ask()

    assert isinstance(asked, Callback)
    assert asked.question.claim is not None
    assert asked.question.claim.host == "wiki.example.org"
    assert asked.question.presented is not None
    assert (asked.question.presented.tag, asked.question.presented.login) == (CODE.tag, CODE.login)


def test_the_next_person_does_not_meet_the_apps_session_of_the_one_before() -> None:
    first = HandOff().answer()
    mine = next(value for _, value in first.headers if value.startswith("__Host-bastion-last="))
    same = HandOff(last=mine.partition(";")[0].partition("=")[2]).answer()
    other = HandOff(last="x" * 22).answer()

    assert "Clear-Site-Data" not in headers_of(first)
    assert "Clear-Site-Data" not in headers_of(same)
    assert headers_of(other)["Clear-Site-Data"] == '"cache", "storage"'
    assert [value for _, value in other.headers if value.startswith("PHPSESSID=;")] == [
        "PHPSESSID=; Path=/; Secure; HttpOnly; Max-Age=0",
        "PHPSESSID=; Path=/; Domain=wiki.example.org; Secure; HttpOnly; Max-Age=0",
        "PHPSESSID=; Path=/; Domain=example.org; Secure; HttpOnly; Max-Age=0",
    ]


@pytest.mark.parametrize(
    "path", ["/.bastion", "/.bastion/", "/.bastion/x", "/.BASTION/callback", "/.bastion%2fcallback"]
)
def test_whatever_looks_like_ours_never_reaches_an_app(path: str) -> None:
    assert Case(path=path).answer().status in (400, 404)


def test_a_logout_of_our_own_page_carries_a_ticket() -> None:
    own = {"sec-fetch-site": "same-origin"}
    answer = Case(path="/.bastion/logout", method="POST", headers=own).answer()
    location = headers_of(answer)["Location"]

    ticket = unseal_logout(KEYS.journey, location.partition("?t=")[2])

    assert answer.status == 303
    assert (ticket.tag, ticket.login, ticket.iat, ticket.host) == (TAG, TOKEN.login, NOW, "wiki.example.org")
    assert next(value for name, value in answer.headers if name == "Set-Cookie").startswith("__Host-bastion=;")
    assert headers_of(answer)["Clear-Site-Data"] == '"cache", "storage"'


def test_after_a_logout_a_cookie_changes_and_nothing_else() -> None:
    answer = Case(path="/.bastion/gone", headers=NAVIGATION).answer()

    assert (answer.status, headers_of(answer)["Location"]) == (302, "https://auth.example.org/signed-out")
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == [
        "__Host-bastion-gone=7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"
    ]
    assert headers_of(answer)["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "case",
    [
        Case(path="/.bastion/gone", method="POST", headers=NAVIGATION),
        Case(path="/.bastion/gone", headers={"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
        Case(path="/.bastion/gone", headers={**NAVIGATION, "sec-fetch-dest": "iframe"}),
        Case(path="/.bastion/gone/", headers=NAVIGATION),
    ],
)
def test_only_a_browser_that_goes_there_changes_it(case: Case) -> None:
    assert case.answer().status == 404
    assert "Set-Cookie" not in headers_of(case.answer())


@pytest.mark.parametrize(
    "case",
    [
        Case(path="/.bastion/logout"),
        Case(path="/.bastion/logout", method="POST"),
        Case(path="/.bastion/logout", method="POST", headers={"sec-fetch-site": "cross-site"}),
        Case(path="/.bastion/logout", method="POST", headers={"sec-fetch-site": "same-site"}),
        Case(path="/.bastion/logout", method="POST", headers={"origin": "https://evil.example"}),
        Case(path="/.bastion/logout", method="POST", headers={"sec-fetch-site": "same-origin"}, token=None),
        Case(path="/.bastion/logout", method="POST", headers={"sec-fetch-site": "same-origin"}, token=CODE),
    ],
)
def test_any_other_logout_is_asked_about_first(case: Case) -> None:
    answer = case.answer()

    assert headers_of(answer)["Location"] == "https://auth.example.org/logout"
    assert "Set-Cookie" not in headers_of(answer)
