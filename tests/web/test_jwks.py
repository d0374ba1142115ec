"""The key set as apps fetch it: kept for five minutes, asked for by ETag, readable from everywhere."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.token.signing_keys import NO_KEYS, KeyRecord, KeySet, KeyTimes, key_set
from gateway.web.forms import AuthHost
from gateway.web.oauth.jwks import PATH, endpoint
from gateway.web.protocol import protocol_middleware, protocol_routes
from tests.core.jose.build import key

HOST = {"Host": "auth.example.com"}
KEYS = key_set([KeyRecord(key().kid, "ES256", KeyTimes(1, 1), key())], 2, NO_KEYS)
Client = TestClient[web.Request, web.Application]


async def serving(keys: KeySet) -> TestClient[web.Request, web.Application]:
    endpoints = [endpoint(lambda: keys)]
    site = AuthHost("https://auth.example.com", b"k" * 32)
    speak = protocol_middleware(
        site, endpoints, lambda size: b"r" * size, lambda _: False, lambda _: None, lambda *_told: None
    )
    app = web.Application(middlewares=[speak])
    app.add_routes(protocol_routes(endpoints))
    return TestClient(TestServer(app))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with await serving(KEYS) as client:
        yield client


async def test_the_keys_are_published_for_everybody(client: Client) -> None:
    answer = await client.get(PATH, headers={**HOST, "Origin": "https://spa.example.org"})

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    (published,) = json.loads(await answer.text())["keys"]
    assert published == {**key().verification.jwk, "kid": key().kid, "alg": "ES256", "use": "sig"}


@pytest.mark.parametrize(
    ("tag", "status"), [("{etag}", 304), ('W/{etag}, "x"', 304), ("*", 304), ('"other"', 200), ("", 200)]
)
async def test_who_has_the_keys_is_not_sent_them_again(client: Client, tag: str, status: int) -> None:
    answer = await client.get(PATH, headers={**HOST, "If-None-Match": tag.format(etag=KEYS.etag)})

    assert answer.status == status
    assert answer.headers["ETag"] == KEYS.etag
    assert bool(await answer.read()) is (status == 200)


async def test_before_a_key_is_known_nothing_is_said_that_apps_would_keep() -> None:
    async with await serving(NO_KEYS) as client:
        answer = await client.get(PATH, headers=HOST)

    assert answer.status == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"]


async def test_the_keys_are_only_read(client: Client) -> None:
    assert (await client.post(PATH, headers=HOST)).status == 405
    assert (await client.head(PATH, headers=HOST)).status == 200
    assert (await client.get(PATH, headers={"Host": "wiki.example.com"})).status == 421
