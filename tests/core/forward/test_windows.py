"""Who looks at the answer gets one for people: by a service worker, and in a frame."""

import json

import pytest

from tests.core.forward.setting import Case, headers_of

HTML = "text/html; charset=utf-8"
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PASSED_ON = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "empty", "accept": ACCEPT}
FETCHED = {"sec-fetch-mode": "same-origin", "sec-fetch-dest": "empty", "accept": ACCEPT}


def test_a_navigation_that_a_service_worker_passes_on_is_sent_to_the_login() -> None:
    answer = Case(token=None, headers=PASSED_ON).answer()

    assert answer.status == 302
    assert headers_of(answer)["Location"].startswith("https://auth.example.org/login?j=v1.")


STATUSES = {
    "nobody": (Case(token=None), 401),
    "denied": (Case(groups=()), 403),
    "hidden": (Case(path="/hidden/x", groups=()), 404),
    "another method": (Case(path="/get", method="POST"), 405),
    "an unknown host": (Case(host="x.example.org"), 421),
    "a limit": (Case(allowed=False), 429),
    "no Redis": (Case(answered=False), 503),
}


@pytest.mark.parametrize("mode", ["cors", "same-origin"])
@pytest.mark.parametrize(("case", "status"), STATUSES.values(), ids=STATUSES)
def test_what_may_be_shown_to_a_person_is_a_page_with_the_status_of_a_script(
    case: Case, status: int, mode: str
) -> None:
    script = {"sec-fetch-mode": mode, "sec-fetch-dest": "empty"}
    asked = Case(**{**vars(case), "headers": {**script, "accept": ACCEPT}}).answer()
    plain = Case(**{**vars(case), "headers": {**script, "accept": "*/*"}}).answer()
    jquery = Case(**{**vars(case), "headers": {**script, "accept": ACCEPT, "x-requested-with": "x"}}).answer()

    assert (asked.status, plain.status, jquery.status) == (status, status, status)
    assert headers_of(asked)["Content-Type"] == HTML
    assert asked.body.startswith(b"<h1>")
    assert json.loads(plain.body)["error"] == json.loads(jquery.body)["error"]


def test_a_fetched_page_still_tells_a_script_the_way() -> None:
    headers = headers_of(Case(token=None, headers=FETCHED).answer())

    assert headers["Location"] == "https://auth.example.org/login"
    assert headers["WWW-Authenticate"] == 'Bastion realm="wiki.example.org"'


FRAMED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe", "sec-fetch-site": "same-origin"}
BY_ITSELF = "'self'"
FRAMES = {
    "as the profile says": (Case(token=None), BY_ITSELF),
    "as the route says": (Case(token=None, path="/framed/x"), "'self' https://portal.example"),
    "nobody": (Case(token=None, path="/unframed/x"), "'none'"),
    "where the app says it": (Case(token=None, host="other.example.org"), BY_ITSELF),
    "a denied page": (Case(groups=(), path="/framed/x"), "'self' https://portal.example"),
    "a hidden page": (Case(groups=(), path="/hidden/x"), BY_ITSELF),
    "a limit": (Case(allowed=False), BY_ITSELF),
    "no Redis": (Case(answered=False), BY_ITSELF),
    "early data": (Case(headers={"early-data": "1"}), BY_ITSELF),
    "no route": (Case(host="x.example.org"), "'none'"),
    "a callback": (Case(path="/.bastion/callback"), "'none'"),
}


@pytest.mark.parametrize(("case", "ancestors"), FRAMES.values(), ids=FRAMES)
def test_a_refusal_is_shown_in_the_frames_of_its_route(case: Case, ancestors: str) -> None:
    answer = Case(**{**vars(case), "headers": {**case.headers, **FRAMED}}).answer()

    policy = dict(part.split(" ", 1) for part in headers_of(answer)["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == ancestors
    assert policy["default-src"] == "'none'"
    assert answer.body.startswith(b"<h1>")
