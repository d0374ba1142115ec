"""An app of the demo, as its person's browser meets it."""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from gateway.core.base64url import b64
from gateway.core.forward.proxy import said_by
from tests.staging import Seen, Stage, Visitor

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONNECTIONS = 16  # so many that each worker has some
VERIFIER = "v" * 43
CHALLENGE = b64(sha256(VERIFIER.encode()).digest())


def asked(stage: Stage, **changed: str) -> dict[str, str]:
    """What the app asks for; "" takes a parameter away."""
    sent = {
        "response_type": "code",
        "client_id": str(stage.summary["client_id"]),
        "redirect_uri": str(stage.summary["redirect_uri"]),
        "scope": "openid notes.read",
        "state": "s t&te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in sent.items() if value}


def address(stage: Stage, **changed: str) -> str:
    return f"{stage.summary['issuer']}/oauth2/authorize?{urlencode(asked(stage, **changed))}"


def sign_in(stage: Stage, visitor: Visitor, page: Seen) -> Seen:
    return visitor.log_in(page, str(stage.summary["user"]), str(stage.summary["password"]))


def decide(visitor: Visitor, page: Seen, decision: str) -> Seen:
    """The consent page's answer, and what follows it."""
    return visitor.submit(page, "/oauth2/consent", csrf=page.field("csrf"), i=page.field("i"), decision=decision)


def answered(stage: Stage, seen: Seen) -> dict[str, str]:
    """What the app gets; it has to be the app that gets it."""
    assert seen.url.startswith(str(stage.summary["redirect_uri"]) + "?"), seen.url
    return dict(parse_qsl(urlsplit(seen.url).query))


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


def question(stage: Stage, token: str, number: int = 0) -> bytes:
    """What Caddy asks about the API call. number: of the request."""
    host = urlsplit(str(stage.summary["api_url"])).netloc
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
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def asked_of_all_workers(stage: Stage, token: str, socket: str = "", connections: int = CONNECTIONS) -> set[int]:
    """The decision on the API call, over so many connections that each worker has some. socket: of another node."""

    async def ask(number: int) -> int:
        reader, writer = await asyncio.open_unix_connection(socket or stage.decision_socket)
        writer.write(question(stage, token, number))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return int(head[9:12])

    return {*await asyncio.gather(*(ask(number) for number in range(connections)))}
