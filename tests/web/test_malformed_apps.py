"""Whatever an app sends: an error of the RFCs as JSON, our page, or a redirect to an address that is registered."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from gateway.core.oauth.errors import ERRORS
from gateway.core.oauth.request import PARAMETERS
from tests.conftest import Pool
from tests.exhaustive import EXHAUSTIVE
from tests.journeys.apps import CHALLENGE
from tests.web.worker import HOST, PORT, Worker, whole_worker

FORM = {**HOST, "Content-Type": "application/x-www-form-urlencoded"}
CALLBACK = f"https://app.localhost:{PORT}/public/callback"
FINE = {
    "response_type": "code",
    "client_id": "spa",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
ENDPOINTS = ("/oauth2/token", "/oauth2/par", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo")
NAMES = (*PARAMETERS, "grant_type", "code", "code_verifier", "refresh_token", "token", "client_secret",
    "client_assertion", "client_assertion_type", "i")  # fmt: skip
VALUES = (
    *FINE.values(), "", "\0", "\ud800", "\u202e", "é" * 40, "a b", "[]", "{}", "null", "-1", "1e9", "none login", "%",
    "../..", "https://evil.example/cb", "javascript:alert(1)", "x" * 2_000, "form_post", '{"id_token":{"acr":[]}}',
    "urn:ietf:params:oauth:request_uri:" + "A" * 43, "authorization_code", "refresh_token", "client_credentials",
    "v1.AAAA", "e30.e30.AA", "e30.e30.", "\r\nSet-Cookie: a=b",
)  # fmt: skip
TRIES = 3_000 if EXHAUSTIVE else 150


@pytest.fixture
async def worker(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Worker]:
    async with whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8]) as worker:
        yield worker


def made_up(random: Random) -> str:
    """Mostly fine, with some parameters changed, doubled, or of another kind."""
    more = [(random.choice(NAMES), random.choice(VALUES)) for _ in range(random.randint(1, 4))]
    pairs = [*FINE.items(), *more]
    changed = {name for name, _ in pairs[len(FINE) :] if random.random() < 0.7}
    kept = [pair for number, pair in enumerate(pairs) if number >= len(FINE) or pair[0] not in changed]
    random.shuffle(kept)
    return urlencode(kept, errors="surrogatepass")


async def test_the_authorization_endpoint_sends_nobody_elsewhere(worker: Worker) -> None:
    random, seen = Random(7), Counter[str]()
    for number in range(TRIES):
        sent = made_up(random)
        headers = {**FORM, **({"Cookie": worker.login} if number % 2 else {})}
        for answer in (
            await worker.client.get(f"/oauth2/authorize?{sent}", headers=headers, allow_redirects=False),
            await worker.client.post("/oauth2/authorize", data=sent, headers=headers, allow_redirects=False),
        ):
            assert answer.status in (200, 303, 400), sent
            where = answer.headers.get("Location", "")
            assert bool(where) is (answer.status == 303), sent
            assert not where or where.startswith(("/oauth2/authorize?i=v1.", "/login?i=v1.", f"{CALLBACK}?")), sent
            assert 'action="https://evil' not in await answer.text()
            assert "Set-Cookie: a=b" not in str(answer.headers)
            seen[where.partition("?")[0] or str(answer.status)] += 1

    assert {"/oauth2/authorize", CALLBACK, "400"} <= {*seen}
    told = [worker.metrics.level(0, "bastion_oauth_refusals", f"authorize {error}") for error in ERRORS]
    assert sum(told) == seen[CALLBACK] + seen["200"], "by a redirect, or by a form"


async def test_endpoints_answer_in_words_of_the_rfcs(worker: Worker) -> None:
    random, seen, refusals = Random(11), Counter[str](), Counter[str]()
    for number in range(TRIES):
        sent = made_up(random)
        headers = {**FORM, "X-Forwarded-For": f"203.0.{number // 250}.{number % 250}"}
        for path in ENDPOINTS:
            answer = await worker.client.post(path, data=sent, headers=headers)
            text = await answer.text()
            assert answer.status in (200, 201, 400, 401, 403), (path, sent, text)
            body = json.loads(text) if text else {}
            refusals[path] += answer.status >= 400
            if answer.status >= 400 and path != "/oauth2/userinfo":
                assert body["error"].replace("_", "").isalpha(), (path, sent)
            description = body.get("error_description", "")
            assert all(" " <= character <= "~" and character not in '"\\' for character in description), (path, sent)
            seen[body.get("error", "")] += 1

    assert {"", "invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"} <= {*seen}
    for path in ENDPOINTS:
        endpoint = path.rpartition("/")[2]
        told = [worker.metrics.level(0, "bastion_oauth_refusals", f"{endpoint} {error}") for error in ERRORS]
        assert sum(told) == refusals[path]


LAST = {**HOST, "Connection": "close"}  # what can't be read to its end leaves no connection to go on with
BODIES: tuple[tuple[dict[str, str], bytes], ...] = (
    ({"Content-Type": "application/json"}, b'{"client_id": "spa"}'),
    ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n--x--"),
    ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}, b"a=b"),
    ({"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}, b"a=b"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff\xfe=%ff%fe"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"a" * 20_000),
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=" * 5_000),
    ({}, b""),
)


async def test_a_body_that_is_none_is_the_clients_mistake(worker: Worker) -> None:
    for path in (*ENDPOINTS, "/oauth2/authorize", "/oauth2/account", "/oauth2/consent", "/login"):
        for headers, body in BODIES:
            answer = await worker.client.post(path, data=body, headers={**LAST, **headers}, allow_redirects=False)
            assert 400 <= answer.status < 500, (path, body[:20], await answer.text())
            assert "Location" not in answer.headers
