"""A whole worker fetches the keys of a client where its configuration lets it, and counts how that went."""

import time
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from gateway.core.oauth.authentication import JWT_BEARER
from tests.conftest import Pool
from tests.oauth_clients import ES256, Asserted, jwks_text
from tests.receiver import own_certificate, receiving
from tests.web.worker import HOST, PORT, whole_worker

ISSUER = f"https://auth.localhost:{PORT}"


async def publish(_request: web.Request) -> web.StreamResponse:
    return web.Response(text=jwks_text(ES256))


@pytest.mark.parametrize(("networks", "outcome"), [("127.0.0.0/8", "fetched"), ("10.0.0.0/8", "unreachable")])
async def test_a_worker_reaches_what_its_configuration_allows(
    pool: Pool,
    database_url: str,
    redis_url: str,
    short_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    networks: str,
    outcome: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))  # OpenSSL's own way to name an authority
    async with receiving(own_certificate(tmp_path)) as receiver:
        receiver.answer = publish
        policy = f"""
clients:
  nightly: {{name: Nightly, type: service, jwks_uri: "https://127.0.0.1:{receiver.port}/jwks", scopes: notes.read,
    resources: "https://api.localhost:{PORT}"}}
"""
        directory, environ = short_directory / uuid4().hex[:8], {"BASTION_OAUTH_ALLOW_NETWORKS": networks}
        async with whole_worker(pool, database_url, redis_url, directory, policy, **environ) as worker:
            form = {
                "grant_type": "client_credentials",
                "client_assertion": Asserted(ES256, int(time.time()), claims={"aud": ISSUER}).text("nightly"),
                "client_assertion_type": JWT_BEARER,
            }
            answer = await worker.client.post("/oauth2/token", data=form, headers=HOST)
            body = await answer.json()

            assert worker.metrics.total("bastion_jwks_fetches", outcome) == 1
            if outcome == "fetched":
                assert (answer.status, body["token_type"]) == (200, "Bearer")
            else:
                assert (answer.status, body["error"]) == (401, "invalid_client")
                assert "cannot be fetched from its jwks_uri" in body["error_description"]
                assert receiver.heard == []
