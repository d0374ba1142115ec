"""/oauth2/logout through Caddy: an app sends its person to log out, and anybody else tries to (oauth.md O19)."""

import asyncio
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.journeys.apps import FORM, asked_of_all_workers, discovered, tokens_for
from tests.staging import NAVIGATION, Seen, Stage, Visitor


def asked(stage: Stage, id_token: str, **changed: str) -> dict[str, str]:
    """What the app sends; "" takes a parameter away."""
    sent = {
        "id_token_hint": id_token,
        "post_logout_redirect_uri": f"{stage.app}/public/goodbye",
        "state": "s t&te",
        **changed,
    }
    return {name: value for name, value in sent.items() if value}


def endpoint(stage: Stage) -> str:
    return str(discovered(stage)["end_session_endpoint"])


def leave(stage: Stage, visitor: Visitor, id_token: str, **changed: str) -> Seen:
    return visitor.visit(f"{endpoint(stage)}?{urlencode(asked(stage, id_token, **changed))}")


def is_signed_in(stage: Stage, visitor: Visitor) -> bool:
    return urlsplit(visitor.visit(f"{stage.auth}/account").url).path == "/account"


def went_back(stage: Stage, seen: Seen) -> bool:
    return seen.url == f"{stage.app}/public/goodbye?state=s+t%26te"


def test_an_app_logs_its_person_out_and_gets_them_back(stage: Stage) -> None:
    visitor = stage.visitor()
    tokens = tokens_for(stage, visitor)

    seen = leave(stage, visitor, tokens["id_token"])

    assert went_back(stage, seen)
    assert not is_signed_in(stage, visitor)
    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {401}
    assert went_back(stage, leave(stage, visitor, tokens["id_token"]))  # again: there is nothing to ask


def test_a_form_of_the_app_does_too(stage: Stage) -> None:
    """A POST from another site brings no cookie; the GET that follows does."""
    visitor = stage.visitor()
    tokens = tokens_for(stage, visitor)

    without_cookie = {**NAVIGATION, **FORM, "Origin": stage.app, "Sec-Fetch-Site": "cross-site", "Cookie": ""}
    first = visitor.send("POST", endpoint(stage), without_cookie, urlencode(asked(stage, tokens["id_token"])))
    assert first.status == 303
    assert tokens["id_token"] not in first.headers["Location"]
    assert is_signed_in(stage, visitor)
    seen = visitor.visit(stage.auth + first.headers["Location"])

    assert went_back(stage, seen)
    assert not is_signed_in(stage, visitor)


TAKEN: list[dict[str, str]] = [
    {"id_token_hint": ""},
    {"id_token_hint": "", "client_id": "spa"},
    {"id_token_hint": "x.y.z"},
    {"client_id": "cli"},
    {"post_logout_redirect_uri": ""},
    {"post_logout_redirect_uri": "https://evil.example/"},
]


@pytest.mark.parametrize("changed", TAKEN, ids=repr)
def test_without_one_leg_the_person_is_asked(stage: Stage, changed: dict[str, str]) -> None:
    visitor = stage.visitor()
    tokens = tokens_for(stage, visitor)

    seen = leave(stage, visitor, tokens["id_token"], **changed)

    assert (seen.status, urlsplit(seen.url).path) == (200, "/oauth2/logout")
    assert "Sign out?" in seen.text
    assert "evil.example" not in seen.headers["Content-Security-Policy"]
    assert is_signed_in(stage, visitor)
    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {200}


@pytest.mark.parametrize("changed", TAKEN, ids=repr)
def test_a_yes_leads_to_a_registered_address_or_nowhere(stage: Stage, changed: dict[str, str]) -> None:
    visitor = stage.visitor()
    page = leave(stage, visitor, tokens_for(stage, visitor)["id_token"], **changed)
    fields = {"i": page.field("i")} if 'name="i"' in page.text else {}

    seen = visitor.submit(page, "/logout", csrf=page.field("csrf"), j="", **fields)

    assert went_back(stage, seen) == (changed.get("client_id") == "spa")
    assert went_back(stage, seen) or "You are signed out" in seen.text
    assert not is_signed_in(stage, visitor)


def test_the_hint_of_another_login_asks(stage: Stage) -> None:
    """Also of another login of the same person."""
    other, visitor = stage.visitor(), stage.visitor()
    foreign: dict[str, Any] = tokens_for(stage, other)
    tokens_for(stage, visitor)

    seen = leave(stage, visitor, foreign["id_token"])

    assert "Sign out?" in seen.text
    assert is_signed_in(stage, visitor)
    assert is_signed_in(stage, other)


def test_an_access_token_is_no_hint(stage: Stage) -> None:
    visitor = stage.visitor()

    seen = leave(stage, visitor, tokens_for(stage, visitor)["access_token"])

    assert "Sign out?" in seen.text
    assert is_signed_in(stage, visitor)


def test_whoever_is_not_signed_in_is_led_nowhere_that_is_not_registered(stage: Stage) -> None:
    seen = leave(stage, stage.visitor(), "", client_id="spa", post_logout_redirect_uri="https://evil.example/")

    assert seen.url == f"{stage.auth}/signed-out"


@pytest.mark.parametrize(
    "query", ["i=x&i=y", "i=x", "id_token_hint=a&id_token_hint=b", "state=%00", "state=" + "x" * 9000]
)
def test_what_is_malformed_is_answered_with_the_question(stage: Stage, query: str) -> None:
    visitor = stage.visitor()
    tokens_for(stage, visitor)

    seen = visitor.visit(f"{endpoint(stage)}?{query}")

    assert (seen.status, "Sign out?" in seen.text) == (200, True)
    assert is_signed_in(stage, visitor)
