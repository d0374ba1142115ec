"""From a protected page to the login and back, on two hosts, and out of both at once."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.exhaustive import EXHAUSTIVE
from tests.staging import NAVIGATION, Seen, Stage, Visitor

TABS = 20 if EXHAUSTIVE else 8  # more than the rounds after which a circle is seen


def test_a_protected_page_leads_to_the_login_and_back(stage: Stage) -> None:
    visitor = stage.visitor()

    page = stage.log_in(visitor, stage.app + "/notes/7?tab=2")

    assert page.status == 200
    assert page.url == stage.app + "/notes/7?tab=2"
    assert "Hello Ada Lovelace" in page.text
    assert "GET /notes/7?tab=2" in page.text


def test_the_second_host_needs_no_second_login(stage: Stage) -> None:
    visitor = stage.signed_in()

    page = visitor.visit(stage.app2 + "/")

    assert page.status == 200
    assert page.url == stage.app2 + "/"
    assert "Hello Ada Lovelace" in page.text


def test_logout_on_one_host_ends_both_at_once(stage: Stage) -> None:
    visitor = stage.signed_in()
    visitor.visit(stage.app2 + "/")
    kept = {host: dict(cookies) for host, cookies in visitor.jar.items()}

    out = visitor.submit(visitor.visit(stage.app + "/"), "/.bastion/logout")
    thief = Visitor(visitor.ca_file, kept)

    assert "signed out" in out.text.lower()
    assert out.headers["Refresh"] == f"0; url={stage.app}/.bastion/gone"
    assert visitor.visit(stage.app + "/.bastion/gone").url == stage.auth + "/signed-out"
    assert "__Host-bastion" not in visitor.jar["app.localhost"]
    assert visitor.visit(stage.app + "/").url.startswith(stage.auth + "/login")
    for url in (stage.app, stage.app2, stage.auth + "/account"):
        assert thief.send("GET", url + "/", NAVIGATION).status in (302, 303, 404)
    assert thief.fetch(stage.app + "/").status == 401
    assert thief.fetch(stage.app2 + "/").status == 401


def test_a_wrong_password_says_nothing_about_the_account(stage: Stage) -> None:
    visitor = stage.visitor()
    known = visitor.log_in(visitor.visit(stage.app + "/"), "ada", "wrong")
    unknown = visitor.log_in(visitor.visit(stage.app + "/"), "nobody", "wrong")

    assert (known.status, unknown.status) == (403, 403)
    assert 'role="alert"' in known.text
    assert _words(known) == _words(unknown).replace("nobody", "ada")
    assert "__Host-bastion-login" not in visitor.jar["auth.localhost"]


def _words(page: Seen) -> str:
    """Without what differs from page to page."""
    for name in ("csrf", "j"):
        page = Seen(page.url, page.status, page.headers, page.text.replace(page.field(name), ""))
    return re.sub(r'(?<= data-options=)"[^"]*"', "", page.text)  # with the challenge for a passkey


def test_an_attackers_callback_does_not_sign_a_victim_in(stage: Stage) -> None:
    attacker, victim = stage.visitor(), stage.visitor()
    page = attacker.visit(stage.app + "/")
    fields = {"csrf": page.field("csrf"), "j": page.field("j"), "name": "ada", "password": stage.summary["password"]}
    callback = attacker._post(page, "/login", **fields).headers["Location"]

    seen = victim.send("GET", callback, NAVIGATION)

    assert urlsplit(callback).path == "/.bastion/callback"
    assert seen.status == 400
    assert "__Host-bastion" not in victim.jar["app.localhost"]
    assert attacker.visit(callback).status == 200, "the one who began may finish"


def test_a_code_is_used_once_even_with_the_way_cookie(stage: Stage) -> None:
    visitor = stage.visitor()
    page = visitor.visit(stage.app + "/")
    fields = {"csrf": page.field("csrf"), "j": page.field("j"), "name": "ada", "password": stage.summary["password"]}
    callback = visitor._post(page, "/login", **fields).headers["Location"]
    stolen = Visitor(visitor.ca_file, {"app.localhost": dict(visitor.jar["app.localhost"])})
    assert visitor.visit(callback).status == 200

    seen = stolen.send("GET", callback, NAVIGATION)

    assert seen.status == 302
    assert "__Host-bastion" not in stolen.jar["app.localhost"]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_only_get_claims_a_code(stage: Stage, method: str) -> None:
    assert stage.visitor().send(method, stage.app + "/.bastion/callback?code=x&j=y", NAVIGATION).status == 405


def test_a_journey_of_one_host_does_not_work_on_another(stage: Stage) -> None:
    visitor = stage.visitor()
    page = visitor.visit(stage.app + "/")
    fields = {"csrf": page.field("csrf"), "j": page.field("j"), "name": "ada", "password": stage.summary["password"]}
    callback = visitor._post(page, "/login", **fields).headers["Location"]

    seen = visitor.send("GET", callback.replace("//app.", "//app2."), NAVIGATION)

    assert seen.status == 400


def test_a_cookie_of_one_host_opens_no_other(stage: Stage) -> None:
    visitor = stage.signed_in()
    visitor.visit(stage.app2 + "/")
    cookies = {host: visitor.jar[host] for host in ("app.localhost", "app2.localhost", "auth.localhost")}

    crossed = Visitor(visitor.ca_file)
    crossed.jar = {
        "app.localhost": {"__Host-bastion": cookies["app2.localhost"]["__Host-bastion"]},
        "app2.localhost": {"__Host-bastion": cookies["auth.localhost"]["__Host-bastion-login"]},
        "auth.localhost": {"__Host-bastion-login": cookies["app.localhost"]["__Host-bastion"]},
    }

    assert crossed.fetch(stage.app + "/").status == 401
    assert crossed.fetch(stage.app2 + "/").status == 401
    assert crossed.send("GET", stage.auth + "/account", NAVIGATION).headers["Location"] == "/login"


def test_the_session_secret_is_in_no_log(stage: Stage) -> None:
    visitor = stage.signed_in()
    secrets = [visitor.jar["app.localhost"]["__Host-bastion"], visitor.jar["auth.localhost"]["__Host-bastion-login"]]

    logs = "".join(file.read_text() for file in stage.demo.directory.glob("*.log"))

    assert all(secret not in logs and secret.split(".")[3] not in logs for secret in secrets)
    assert stage.summary["password"] not in logs


def test_a_form_that_another_site_sends_is_refused(stage: Stage) -> None:
    visitor = stage.visitor()
    page = visitor.visit(stage.auth + "/login")
    fields = f"csrf={page.field('csrf')}&name=ada&password={stage.summary['password']}"
    form = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded"}
    own = {"Origin": stage.auth, "Sec-Fetch-Site": "same-origin"}

    for changed in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert visitor.send("POST", stage.auth + "/login", {**form, **own, **changed}, fields).status == 403
    assert visitor.send("POST", stage.auth + "/login", {**form, **own}, fields).status == 303


def test_tabs_one_after_another_end_on_their_own_pages(stage: Stage) -> None:
    """However many: only a page that is come to again and again is a circle."""
    visitor = stage.visitor()
    tabs = [visitor.visit(f"{stage.app}/tab/{number}") for number in range(TABS)]
    first = visitor.log_in(tabs[0], "ada", stage.summary["password"])

    others = [visitor.visit(tab.url) for tab in tabs[1:]]

    assert first.url == f"{stage.app}/tab/0"
    assert [page.url for page in others] == [f"{stage.app}/tab/{number}" for number in range(1, TABS)]


def test_without_cookies_there_is_a_page_and_no_endless_circle(stage: Stage) -> None:
    statuses = []
    for _ in range(3):
        visitor = stage.visitor()
        answer = visitor.send("GET", stage.app + "/.bastion/callback?code=x&j=y", NAVIGATION)
        statuses.append(answer.status)

    visitor = stage.visitor()
    answers = [visitor.send("GET", stage.app + "/", NAVIGATION) for _ in range(9)]

    assert statuses == [400, 400, 400]
    assert [answer.status for answer in answers] == [302] * 6 + [403] * 3
    assert "Cookies may be off" in answers[-1].text


def test_signing_in_as_another_person_clears_what_the_app_kept(stage: Stage) -> None:
    visitor = stage.signed_in()
    visitor.jar["app.localhost"]["__Host-bastion-last"] = "somebodyelse0000000000"
    visitor.jar["app.localhost"].pop("__Host-bastion")
    visitor.jar["app.localhost"]["PHPSESSID"] = "of-the-one-before"

    location = visitor.send("GET", stage.app + "/", NAVIGATION).headers["Location"]
    callback = visitor.send("GET", location, NAVIGATION).headers["Location"]
    seen = visitor.send("GET", callback, NAVIGATION)

    assert parse_qs(urlsplit(callback).query).keys() == {"code", "j"}
    assert seen.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "PHPSESSID" not in visitor.jar["app.localhost"]


def test_kept_sessions_outlive_the_browser_and_others_do_not(stage: Stage) -> None:
    for keep, attribute in (("yes", True), ("", False)):
        visitor = stage.visitor()
        page = visitor.visit(stage.app + "/")
        fields = {"csrf": page.field("csrf"), "j": page.field("j"), "name": "ada", "keep": keep}
        answer = visitor._post(page, "/login", **fields, password=stage.summary["password"])
        callback = visitor.send("GET", answer.headers["Location"], NAVIGATION)
        lines = [*(answer.headers.get_all("Set-Cookie") or []), *(callback.headers.get_all("Set-Cookie") or [])]
        sessions = [line for line in lines if line.startswith(("__Host-bastion=v1", "__Host-bastion-login=v1"))]

        assert len(sessions) == 2
        assert all(("Max-Age=" in line) is attribute for line in sessions)
        assert all("; Secure; HttpOnly; SameSite=Lax" in line and "Domain" not in line for line in sessions)
