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
