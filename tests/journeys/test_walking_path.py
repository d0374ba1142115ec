"""The way of an app through Caddy: discovery, sign-in, consent, code, token, API, and the logout that ends it."""

import asyncio
import json
from typing import Any

import jwt
import pytest

from tests.journeys.apps import (
    address,
    asked_of_all_workers,
    call,
    code_for,
    discovered,
    exchanged,
    log_out,
    post,
    tokens_for,
)
from tests.staging import Stage


def verified(stage: Stage, token: str, audience: str) -> dict[str, Any]:
    """By the keys that the server publishes, as an API that trusts it would."""
    seen = stage.visitor().send("GET", discovered(stage)["jwks_uri"])
    keys = {one["kid"]: jwt.PyJWK(one) for one in seen.json()["keys"]}
    header = jwt.get_unverified_header(token)
    claims: dict[str, Any] = jwt.decode(
        token, keys[header["kid"]], algorithms=[header["alg"]], audience=audience, issuer=stage.summary["issuer"]
    )
    return {**claims, "header": header}


def test_the_walking_path(stage: Stage) -> None:
    visitor = stage.visitor()
    told = discovered(stage)
    assert told["issuer"] == stage.summary["issuer"] == stage.auth
    assert told["authorization_endpoint"] == address(stage).partition("?")[0]

    tokens = tokens_for(stage, visitor)
    access = tokens["access_token"]

    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert tokens["refresh_token"]
    claims = verified(stage, access, stage.summary["api_url"])
    assert (claims["header"]["typ"], claims["header"]["alg"]) == ("at+jwt", "ES256")
    assert claims["client_id"] == stage.summary["client_id"]
    assert {*claims["scope"].split()} == {"openid", "notes.read"}
    identity = verified(stage, tokens["id_token"], str(stage.summary["client_id"]))
    assert identity["sub"] == claims["sub"]
    assert identity["sub"].startswith("u_")

    seen = call(stage, access)
    assert seen.status == 200, seen.text
    headers = seen.json()["headers"]
    assert headers["remote-user"] == ["ada"]
    assert "authorization" not in headers
    assert asyncio.run(asked_of_all_workers(stage, access)) == {200}

    log_out(stage, visitor)

    assert call(stage, access).status == 401
    assert asyncio.run(asked_of_all_workers(stage, access)) == {401}
    refreshed = post(
        stage,
        told["token_endpoint"],
        {
            "grant_type": "refresh_token",
            "client_id": str(stage.summary["client_id"]),
            "refresh_token": tokens["refresh_token"],
        },
    )
    assert (refreshed.status, refreshed.json()["error"]) == (400, "invalid_grant")


def test_groups_name_and_address_reach_the_app_with_their_scopes_alone(stage: Stage) -> None:
    """O23."""
    bare = call(stage, tokens_for(stage, stage.visitor())["access_token"]).json()["headers"]
    every = "openid profile email groups notes.read"
    full = call(stage, tokens_for(stage, stage.visitor(), scope=every)["access_token"]).json()["headers"]

    for name, value in (
        ("remote-groups", "staff"),
        ("remote-name", "Ada Lovelace"),
        ("remote-email", "ada@example.org"),
    ):
        assert bare.get(name, [""]) == [""]
        assert full[name] == [value]


def test_a_token_opens_only_what_it_is_for(stage: Stage) -> None:
    visitor = stage.visitor()
    without_scope = tokens_for(stage, visitor, scope="openid")["access_token"]
    for_userinfo = tokens_for(stage, stage.visitor(), resource=stage.auth)["access_token"]

    scope_missing = call(stage, without_scope)
    assert scope_missing.status == 403
    assert 'error="insufficient_scope"' in scope_missing.headers["WWW-Authenticate"]
    assert call(stage, for_userinfo).status == 401
    bearer = {"Authorization": f"Bearer {for_userinfo}"}
    told = stage.visitor().send("GET", discovered(stage)["userinfo_endpoint"], bearer)
    assert told.status == 200
    assert told.json()["sub"].startswith("u_")
    elsewhere = stage.visitor().send("GET", f"{stage.app}/api/notes", {"Authorization": f"Bearer {without_scope}"})
    assert elsewhere.status == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://app.localhost/other"},
        {"client_id": "cli"},
        {"code": "x" * 43},
    ],
)
def test_a_code_is_exchanged_by_its_app_alone(stage: Stage, changed: dict[str, str]) -> None:
    """What is wrong burns nothing of an unused code."""
    code = code_for(stage, stage.visitor())

    wrong = exchanged(stage, **{"code": code, **changed})

    assert (wrong.status, wrong.json()["error"]) in ((400, "invalid_grant"), (400, "invalid_request"))
    assert exchanged(stage, code).status == 200


def test_a_code_is_used_once(stage: Stage) -> None:
    code = code_for(stage, stage.visitor())

    first, second = exchanged(stage, code), exchanged(stage, code)

    assert first.status == 200
    assert (second.status, second.json()["error"]) == (400, "invalid_grant")


def test_nothing_secret_is_in_the_log(stage: Stage) -> None:
    code = code_for(stage, stage.visitor())
    tokens = exchanged(stage, code).json()
    call(stage, tokens["access_token"])

    logged = json.dumps(stage.logged()) + (stage.demo.directory / "bastion.log").read_text()
    for secret in (code, tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
        assert secret not in logged
