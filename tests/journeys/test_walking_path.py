"""The way of an app through Caddy: discovery, sign-in, consent, code, token, API, and the logout that ends it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest

from gateway.core.forward.proxy import said_by
from tests.journeys.apps import VERIFIER, address, answered, decide, sign_in
from tests.staging import Seen, Stage, Visitor

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONNECTIONS = 16


def discovered(stage: Stage) -> dict[str, Any]:
    seen = stage.visitor().send("GET", f"{stage.summary['issuer']}/.well-known/openid-configuration")
    assert (seen.status, seen.headers["Access-Control-Allow-Origin"]) == (200, "*")
    told: dict[str, Any] = seen.json()
    return told


def post(stage: Stage, url: str, fields: Mapping[str, str]) -> Seen:
    """As the app does: without a browser's cookies."""
    return stage.visitor().send("POST", url, FORM, urlencode(fields))


def code_for(stage: Stage, visitor: Visitor, **changed: str) -> str:
    page = sign_in(stage, visitor, visitor.visit(address(stage, prompt="consent", **changed)))
    return answered(stage, decide(visitor, page, "allow"))["code"]


def exchanged(stage: Stage, code: str, **changed: str) -> Seen:
    fields = {
        "grant_type": "authorization_code",
        "client_id": str(stage.summary["client_id"]),
        "redirect_uri": str(stage.summary["redirect_uri"]),
        "code": code,
        "code_verifier": VERIFIER,
        **changed,
    }
    return post(stage, discovered(stage)["token_endpoint"], fields)


def tokens_for(stage: Stage, visitor: Visitor, **changed: str) -> dict[str, Any]:
    seen = exchanged(stage, code_for(stage, visitor, **changed))
    assert seen.status == 200, seen.text
    tokens: dict[str, Any] = seen.json()
    return tokens


def call(stage: Stage, token: str, path: str = "/api/notes") -> Seen:
    return stage.visitor().send("GET", f"{stage.summary['api_url']}{path}", {"Authorization": f"Bearer {token}"})


def log_out(stage: Stage, visitor: Visitor) -> None:
    page = visitor.visit(stage.auth + "/logout")
    assert "signed out" in visitor.submit(page, "/logout", csrf=page.field("csrf"), j="").text.lower()


def verified(stage: Stage, token: str, audience: str) -> dict[str, Any]:
    """By the keys that the server publishes, as an API that trusts it would."""
    seen = stage.visitor().send("GET", discovered(stage)["jwks_uri"])
    keys = {one["kid"]: jwt.PyJWK(one) for one in seen.json()["keys"]}
    header = jwt.get_unverified_header(token)
    claims: dict[str, Any] = jwt.decode(
        token, keys[header["kid"]], algorithms=[header["alg"]], audience=audience, issuer=stage.summary["issuer"]
    )
    return {**claims, "header": header}


async def asked_of_all_workers(stage: Stage, token: str) -> set[int]:
    """The decision on the API call, over so many connections that each worker has some."""
    host = urlsplit(str(stage.summary["api_url"])).netloc

    async def ask(number: int) -> int:
        reader, writer = await asyncio.open_unix_connection(stage.decision_socket)
        lines = (
            "GET /decide?x HTTP/1.1",
            f"Host: {host}",
            f"X-Request-Id: 7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e{number:04x}",
            "X-Forwarded-Method: GET",
            "X-Forwarded-Uri: /api/notes",
            f"X-Forwarded-Host: {host}",
            "X-Forwarded-Proto: https",
            "X-Forwarded-For: 127.0.0.1",
            f"X-Bastion-Snippet: {said_by(('Remote-User',), ())}",
            f"Authorization: Bearer {token}",
        )
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return int(head[9:12])

    return {*await asyncio.gather(*(ask(number) for number in range(CONNECTIONS)))}


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
