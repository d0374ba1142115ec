"""From an app to sign in, to consent, and back with a code: through Caddy, as a browser goes."""

import re
import time
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.journeys.apps import address, answered, asked, decide, sign_in, tokens_for
from tests.journeys.test_token_endings import bastion
from tests.staging import NAVIGATION, Seen, Stage, Visitor

EVIL = "https://evil.example"


def consent_page(stage: Stage, visitor: Visitor, **changed: str) -> Seen:
    """Of somebody who signs in on the way."""
    page = sign_in(stage, visitor, visitor.visit(address(stage, prompt="consent", **changed)))
    assert page.status == 200
    assert 'id="consent-allow"' in page.text
    return page


def form_action(seen: Seen) -> str:
    found = re.search(r"form-action ([^;]*)", seen.headers["Content-Security-Policy"])
    assert found is not None
    return found[1]


def origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def test_an_app_gets_a_code_after_login_and_consent(stage: Stage) -> None:
    visitor = stage.visitor()

    login = visitor.visit(address(stage, prompt="consent"))
    consent = sign_in(stage, visitor, login)
    back = decide(visitor, consent, "allow")

    assert login.url.startswith(stage.auth + "/login?i=")
    assert '<span class="host">Notes</span>' in login.text
    assert 'id="sign-in"' in login.text
    for said in ("Allow Notes?", "app.localhost", "Read your notes", "Know that it is you"):
        assert said in consent.text
    answer = answered(stage, back)
    assert sorted(answer) == ["code", "iss", "state"]
    assert (answer["iss"], answer["state"], len(answer["code"])) == (stage.auth, "s t&te", 43)
    assert back.status == 200


def test_forms_of_these_pages_may_lead_to_the_app_and_nowhere_else(stage: Stage) -> None:
    visitor = stage.visitor()
    login = visitor.visit(address(stage, prompt="consent"))
    consent = sign_in(stage, visitor, login)

    for page in (login, consent):
        assert form_action(page) == f"'self' {origin(str(stage.summary['redirect_uri']))}"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"


def test_a_no_is_told_to_the_app(stage: Stage) -> None:
    visitor = stage.visitor()

    answer = answered(stage, decide(visitor, consent_page(stage, visitor), "deny"))

    assert (answer["error"], answer["iss"], answer["state"]) == ("access_denied", stage.auth, "s t&te")


def test_what_was_let_be_done_is_not_asked_again(stage: Stage) -> None:
    visitor = stage.visitor()
    decide(visitor, consent_page(stage, visitor), "allow")

    assert "code" in answered(stage, visitor.visit(address(stage)))
    assert "code" in answered(stage, visitor.visit(address(stage, prompt="none")))
    more = visitor.visit(address(stage, scope="openid notes.read offline_access"))
    assert "Go on when you have signed out" in more.text


def test_without_a_login_prompt_none_is_answered_at_once(stage: Stage) -> None:
    assert answered(stage, stage.visitor().visit(address(stage, prompt="none")))["error"] == "login_required"


def test_a_fresh_login_is_asked_for_once(stage: Stage) -> None:
    visitor = stage.signed_in()
    time.sleep(1.1)  # a login of the second in which the app asks is fresh

    page = visitor.visit(address(stage, prompt="login consent"))
    assert "asks for a recent sign-in" in page.text
    assert 'value="ada"' in page.text
    consent = sign_in(stage, visitor, page)

    assert "code" in answered(stage, decide(visitor, consent, "allow"))


def choose(visitor: Visitor, page: Seen, decision: str) -> Seen:
    """The account page's answer, and what follows it."""
    return visitor.submit(page, "/oauth2/account", csrf=page.field("csrf"), i=page.field("i"), decision=decision)


def test_an_account_is_chosen_where_the_app_wishes_it(stage: Stage) -> None:
    visitor = stage.signed_in()
    time.sleep(1.1)  # a login of the second in which the app asks is a choice

    page = visitor.visit(address(stage, prompt="select_account consent"))
    for said in ("Choose an account", '<span class="host">Notes</span>', "Continue as ada", "Sign in as somebody else"):
        assert said in page.text
    assert form_action(page) == f"'self' {origin(str(stage.summary['redirect_uri']))}"
    assert page.headers["Cache-Control"] == "no-store"
    consent = choose(visitor, page, "continue")

    assert "code" in answered(stage, decide(visitor, consent, "allow"))


def test_another_account_is_asked_for_by_the_login_page(stage: Stage) -> None:
    visitor = stage.signed_in()
    time.sleep(1.1)

    page = choose(visitor, visitor.visit(address(stage, prompt="select_account consent")), "another")
    assert page.url.startswith(stage.auth + "/login?i=")
    assert "asks for a recent sign-in" not in page.text
    assert 'value="ada"' not in page.text
    wrong = visitor.log_in(page, "ada", "wrong")
    assert wrong.status == 403
    consent = sign_in(stage, visitor, wrong)

    assert "code" in answered(stage, decide(visitor, consent, "allow"))


def test_an_id_token_says_whom_the_app_expects(stage: Stage) -> None:
    visitor, grace = stage.visitor(), stage.visitor()
    hint = tokens_for(stage, visitor)["id_token"]
    bastion(stage, "user", "add", "grace", "--password-stdin", stdin="hopper's own battery")
    grace.log_in(grace.visit(f"{stage.auth}/login"), "grace", "hopper's own battery")

    assert "code" in answered(stage, visitor.visit(address(stage, prompt="none", id_token_hint=hint)))
    refused = answered(stage, grace.visit(address(stage, prompt="none", id_token_hint=hint)))
    assert refused["error"] == "login_required"
    page = grace.visit(address(stage, id_token_hint=hint))
    assert "Notes asks for another account" in page.text
    assert "Continue as" not in page.text
    assert answered(stage, choose(grace, page, "back"))["error"] == "login_required"
    back = sign_in(stage, grace, choose(grace, page, "another"))
    assert "code" in answered(stage, back)


def test_a_hint_fills_the_field_and_tells_nothing(stage: Stage) -> None:
    known, unknown = (stage.visitor().visit(address(stage, login_hint=name)) for name in ("ada", "nobody"))

    assert 'value="ada"' in known.text
    assert 'value="nobody"' in unknown.text
    assert known.status == unknown.status == 200


def test_a_wrong_password_leads_on_to_the_app_all_the_same(stage: Stage) -> None:
    visitor = stage.visitor()
    wrong = visitor.log_in(visitor.visit(address(stage, prompt="consent")), "ada", "wrong")

    assert wrong.status == 403
    assert 'id="consent-allow"' in sign_in(stage, visitor, wrong).text


def test_a_post_from_another_site_becomes_a_get_and_shows_no_login_form_to_who_is_signed_in(stage: Stage) -> None:
    """Such a POST brings no Lax cookie (O11)."""
    visitor = stage.signed_in()
    body = urlencode(asked(stage, prompt="consent"))
    headers = {**NAVIGATION, "Sec-Fetch-Site": "cross-site", "Origin": EVIL}
    headers["Content-Type"] = "application/x-www-form-urlencoded"

    posted = Visitor(visitor.ca_file).send("POST", f"{stage.auth}/oauth2/authorize", headers, body)

    assert posted.status == 303
    assert "Set-Cookie" not in posted.headers
    page = visitor.visit(stage.auth + posted.headers["Location"])
    assert 'id="consent-allow"' in page.text


def test_an_answer_may_be_a_form(stage: Stage) -> None:
    visitor = stage.visitor()
    page = decide(visitor, consent_page(stage, visitor, response_mode="form_post"), "allow")

    assert page.status == 200
    assert form_action(page) == f"'self' {origin(str(stage.summary['redirect_uri']))}"
    assert f'action="{stage.summary["redirect_uri"]}"' in page.text
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    assert sorted(fields) == ["code", "iss", "state"]
    assert fields["state"] == "s t&te"
    assert 'id="to-app"' in page.text


def test_an_error_may_be_a_form(stage: Stage) -> None:
    page = stage.visitor().visit(address(stage, response_mode="form_post", scope="admin", state='"><script>'))

    assert 'name="error" value="invalid_scope"' in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": f"{EVIL}/cb"},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43},
    ],
)
def test_without_a_known_address_there_is_our_page(stage: Stage, changed: dict[str, str]) -> None:
    page = stage.visitor().send("GET", address(stage, **changed), NAVIGATION)

    assert page.status == 400
    assert "can&#39;t be answered" in page.text
    assert EVIL not in page.text
    assert "Location" not in page.headers


@pytest.mark.parametrize("sealed", ["", "x", "v1.", "v1." + "A" * 200, "v1.é", "%00", "x" * 7_000])
def test_a_request_that_we_did_not_seal_is_our_page(stage: Stage, sealed: str) -> None:
    visitor = stage.signed_in()
    for path in ("/oauth2/authorize", "/login"):
        page = visitor.send("GET", f"{stage.auth}{path}?{urlencode({'i': sealed})}", NAVIGATION)
        assert page.status == 400
        assert "out of date" in page.text


def test_errors_go_back_to_the_app(stage: Stage) -> None:
    visitor = stage.visitor()
    for changed, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": f"{EVIL}/r"}, "request_not_supported"),
        ({"acr_values": "phrh"}, "unmet_authentication_requirements"),
        ({"state": "x" * 7_000}, "invalid_request"),
    ):
        answer = answered(stage, visitor.visit(address(stage, **changed)))
        assert (answer["error"], answer["iss"]) == (error, stage.auth)


def test_the_pages_are_for_no_script_and_no_frame_of_another_site(stage: Stage) -> None:
    visitor = stage.signed_in()
    for headers in (
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Origin": EVIL},
        {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Purpose": "prefetch"},
    ):
        seen = visitor.send("GET", address(stage), headers)
        assert seen.status == 403
        assert "Location" not in seen.headers
        assert not [name for name in seen.headers if name.lower().startswith("access-control")]


def test_consent_is_taken_from_our_own_page_alone(stage: Stage) -> None:
    visitor = stage.visitor()
    page = consent_page(stage, visitor)
    fields = {"csrf": page.field("csrf"), "i": page.field("i"), "decision": "allow"}
    headers = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{stage.auth}/oauth2/consent"

    foreign = visitor.send("POST", url, {**headers, "Sec-Fetch-Site": "cross-site", "Origin": EVIL}, urlencode(fields))
    own = {**headers, "Sec-Fetch-Site": "same-origin", "Origin": stage.auth}
    without = visitor.send("POST", url, own, urlencode({**fields, "csrf": "x" * 43}))

    assert foreign.status == 403
    assert (without.status, without.headers["Location"]) == (303, f"/oauth2/authorize?i={fields['i']}")


def test_who_has_signed_out_meanwhile_has_to_sign_in(stage: Stage) -> None:
    visitor = stage.visitor()
    page = consent_page(stage, visitor)
    del visitor.jar["auth.localhost"]["__Host-bastion-login"]

    assert decide(visitor, page, "allow").url.startswith(stage.auth + "/login?i=")
