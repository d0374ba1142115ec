"""Keys that clients publish: fetched over TLS from a real server, once for the fleet, and kept while it fails (O8)."""

import asyncio
import gzip
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.authentication import JWT_BEARER, Assertion, NotProved, claimed, read_credentials
from gateway.core.oauth.client_keys import KEPT_S, LONGEST
from gateway.core.oauth.clients import Client
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.networks import NetworkSet
from gateway.flows.oauth.client_keys import ClientKeys
from gateway.flows.transaction import RecordUnavailable
from gateway.outbound.guarded import GuardedClient
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.oauth_clients import ED25519, ES256, ISSUER, PS256, RS256, Asserted, jwks_text, policy_of
from tests.receiver import Answer, Receiver, own_certificate, receiving, with_status

THIS_MACHINE = NetworkSet.of([ip_network("127.0.0.0/8")])


def saying(body: str | bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=named)

    return answer


def publishing(*keys: SigningKey) -> Answer:
    return saying(jwks_text(*keys))


@dataclass
class Node:
    """One worker: its memory is its own."""

    keys: ClientKeys
    client: Client
    clock: Clock
    counted: Counter[str]

    async def takes(self, key: SigningKey, **header: object) -> Assertion:
        """Raises NotProved."""
        text = Asserted(key, self.clock.now, header).text(self.client.id)
        form = {"client_assertion": text, "client_assertion_type": JWT_BEARER}
        credentials = read_credentials([], Parameters.of(form.items()))
        claim = claimed(self.client, credentials, (ISSUER,), self.clock.now)
        assert claim is not None
        return claim.proved(await self.keys.of(self.client, claim))

    async def refuses(self, key: SigningKey, why: str = "no key of the client", **header: object) -> None:
        with pytest.raises(NotProved, match=why):
            await self.takes(key, **header)


@dataclass
class Fleet:
    pool: Pool
    clock: Clock
    url: Receiver
    trust: ssl.SSLContext
    counted: Counter[str] = field(default_factory=Counter)

    def node(self, *, path: str = "/jwks", profile: str = "fapi2", allowed: NetworkSet = THIS_MACHINE) -> Node:
        count, guarded = self.counted, GuardedClient(allowed, self.trust)
        keys = ClientKeys(acts_of(self.pool, self.clock), guarded.document, lambda outcome: count.update([outcome]))
        text = f"""
clients:
  bank: {{name: Payments, type: web, profile: {profile}, redirect_uris: https://pay.example.org/cb, scopes: openid,
    jwks_uri: "https://127.0.0.1:{self.url.port}{path}"}}
"""
        return Node(keys, policy_of(text).clients["bank"], self.clock, count)

    @property
    def fetched(self) -> int:
        return len(self.url.heard)


@pytest.fixture
async def fleet(pool: Pool, clock: Clock, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with receiving(own_certificate(tmp_path)) as receiver:
        receiver.answer = publishing(ES256)
        yield Fleet(pool, clock, receiver, ssl.create_default_context(cafile=tmp_path / "own.pem"))


async def test_keys_are_fetched_once_and_kept_for_all_nodes(fleet: Fleet) -> None:
    one, other = fleet.node(), fleet.node()

    await one.takes(ES256)
    await one.takes(ES256)
    await one.takes(ES256, kid="")
    await other.takes(ES256)

    ((path, headers, _body),) = fleet.url.heard
    assert path == "/jwks"
    assert headers["Accept-Encoding"] == "identity"
    assert fleet.counted == {"fetched": 1}


async def test_a_wrong_signature_is_none_and_asks_nobody_again(fleet: Fleet) -> None:
    node = fleet.node()
    await node.takes(ES256)
    fleet.clock.now += 120
    other = SigningKey.generate("ES256")

    await node.refuses(other, kid=ES256.kid)

    assert fleet.fetched == 1


async def test_a_new_key_counts_at_once_and_the_old_one_no_more(fleet: Fleet) -> None:
    node, other = fleet.node(), fleet.node()
    await node.takes(ES256)
    await other.takes(ES256)
    fleet.url.answer = publishing(ED25519)
    fleet.clock.now += 60

    await node.takes(ED25519)

    await node.refuses(ES256)
    await other.takes(ED25519)
    await other.refuses(ES256)
    assert fleet.fetched == 2


async def test_a_new_key_without_kid_is_asked_for_too(fleet: Fleet) -> None:
    node = fleet.node()
    await node.takes(ES256, kid="")
    fleet.url.answer = publishing(ED25519)
    fleet.clock.now += 60

    await node.takes(ED25519, kid="")

    assert fleet.fetched == 2


async def test_a_key_that_was_taken_away_counts_for_a_quarter_of_an_hour(fleet: Fleet) -> None:
    node = fleet.node()
    await node.takes(ES256)
    fleet.url.answer = publishing(ED25519)

    fleet.clock.now += 899
    await node.takes(ES256)
    assert fleet.fetched == 1
    fleet.clock.now += 1
    await node.refuses(ES256)

    assert fleet.fetched == 2


async def test_a_flood_of_unknown_keys_fetches_once_a_minute(fleet: Fleet) -> None:
    nodes = [fleet.node(), fleet.node()]
    await nodes[0].takes(ES256)
    fleet.clock.now += 59

    flood = [node.refuses(ED25519, kid=f"made-up-{number}") for number in range(100) for node in nodes]
    await asyncio.gather(*flood)
    assert fleet.fetched == 1
    fleet.clock.now += 1
    await asyncio.gather(
        *(node.refuses(ED25519, kid=f"made-up-{number}") for number in range(100) for node in nodes),
        *(node.takes(ES256) for node in nodes),
    )

    assert fleet.fetched == 2


async def test_a_flood_asks_postgres_once_too(fleet: Fleet) -> None:
    node = fleet.node()
    await node.takes(ES256)
    await node.refuses(ED25519)
    await fleet.pool.close()

    for number in range(10):
        await node.refuses(ED25519, kid=f"made-up-{number}")
        await node.takes(ES256)

    fleet.clock.now += 60
    with pytest.raises(RecordUnavailable):
        await node.takes(ED25519)


@pytest.mark.parametrize("nodes", [1, 2])
async def test_requests_at_once_fetch_once_and_all_pass(fleet: Fleet, nodes: int) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        begun.set()
        await go_on.wait()
        return await publishing(ES256)(request)

    fleet.url.answer = slowly
    each = [fleet.node() for _ in range(nodes)]
    asked = [asyncio.create_task(node.takes(ES256)) for node in each for _ in range(5)]
    await asyncio.wait_for(begun.wait(), 20)
    await asyncio.sleep(0.05)
    go_on.set()

    assert len(await asyncio.gather(*asked)) == 5 * nodes
    assert fleet.fetched == 1


BAD: list[tuple[str, Answer, str]] = [
    ("500", with_status(500), "unreachable"),
    ("404 with keys", saying(jwks_text(ED25519), 404), "unreachable"),
    ("204", with_status(204), "unreachable"),
    ("redirect", with_status(302, Location="/elsewhere"), "unreachable"),
    ("redirect with keys", saying(jwks_text(ED25519), 301, Location="/elsewhere"), "unreachable"),
    ("huge", saying(jwks_text(ED25519) + " " * LONGEST), "unreachable"),
    ("HTML", saying("<html>"), "malformed"),
    ("no keys", saying('{"keys": []}'), "malformed"),
    ("only RS256", saying(json.dumps({"keys": [dict(RS256.verification.jwk) | {"alg": "RS256"}]})), "malformed"),
    ("too many", saying(json.dumps({"keys": [{**ED25519.verification.jwk, "kid": f"{n}"} for n in range(21)]})),
     "malformed"),
    ("compressed", saying(gzip.compress(jwks_text(ED25519).encode()), Content_Encoding="gzip"), "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "outcome"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
async def test_old_keys_stay_while_the_url_fails(fleet: Fleet, answer: Answer, outcome: str) -> None:
    node, newer = fleet.node(), fleet.node()
    await node.takes(ES256)
    fleet.url.answer = answer
    fleet.clock.now += 60

    await node.refuses(ED25519)

    await node.takes(ES256)
    await newer.takes(ES256)
    assert fleet.fetched == 2
    assert fleet.counted == {"fetched": 1, outcome: 1}
    fleet.clock.now += KEPT_S - 61
    await node.takes(ES256)
    fleet.clock.now += 1
    await node.refuses(ES256, "keys cannot be fetched from its jwks_uri")
    fleet.url.answer = publishing(ED25519)
    fleet.clock.now += 60
    await node.takes(ED25519)


async def test_a_document_of_the_greatest_length_is_taken(fleet: Fleet) -> None:
    text = jwks_text(ES256)
    fleet.url.answer = saying(text + " " * (LONGEST - len(text)))

    await fleet.node().takes(ES256)


async def test_a_url_that_hangs_is_given_up_after_3_s(fleet: Fleet) -> None:
    """Takes those 3 s."""

    async def hangs(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    fleet.url.answer = hangs

    await asyncio.wait_for(fleet.node().refuses(ES256, "cannot be fetched"), 20)

    assert fleet.counted == {"unreachable": 1}


async def test_nothing_is_fetched_before_the_rest_of_the_assertion_is_right(fleet: Fleet) -> None:
    node = fleet.node()

    await node.refuses(RS256, "alg")
    fleet.clock.now -= 120
    stale = Asserted(ES256, fleet.clock.now).text("bank")
    fleet.clock.now += 120
    form = {"client_assertion": stale, "client_assertion_type": JWT_BEARER}
    with pytest.raises(NotProved, match="exp"):
        claimed(node.client, read_credentials([], Parameters.of(form.items())), (ISSUER,), fleet.clock.now)

    assert fleet.fetched == 0


@pytest.mark.parametrize("why", ["inside", "certificate", "nobody"])
async def test_only_an_allowed_address_with_a_good_certificate_is_asked(fleet: Fleet, why: str) -> None:
    node = fleet.node(allowed=NetworkSet.of(())) if why == "inside" else fleet.node()
    if why == "certificate":
        fleet.trust = ssl.create_default_context()
        node = fleet.node()
    if why == "nobody":
        await fleet.url.stop()

    await node.refuses(ES256, "cannot be fetched")

    assert fleet.fetched == 0
    assert fleet.counted == {"unreachable": 1}


async def test_a_new_url_is_asked_at_once_and_keys_of_the_old_one_do_not_count(fleet: Fleet) -> None:
    await fleet.node().takes(ES256)
    fleet.url.answer = publishing(ED25519)

    moved = fleet.node(path="/new")

    await moved.takes(ED25519)
    await moved.refuses(ES256)
    await fleet.node().takes(ES256)


async def test_a_stricter_profile_reads_the_same_document_anew(fleet: Fleet) -> None:
    fleet.url.answer = saying(json.dumps({"keys": [{**PS256.verification.jwk, "kid": "rsa", "alg": "RS256"}]}))
    await fleet.node(profile="oauth21").takes(RS256, kid="rsa")

    await fleet.node().refuses(PS256, "cannot be fetched", kid="rsa")

    assert fleet.fetched == 1


async def test_the_fetch_of_a_node_that_died_counts_as_one_that_failed(fleet: Fleet) -> None:
    await fleet.node().takes(ES256)
    fleet.clock.now += 60
    async with fleet.pool.acquire() as connection:
        await connection.execute("UPDATE client_jwks SET tried_at = $1, settled = false", fleet.clock.now)
    fleet.clock.now += 5
    fleet.url.answer = publishing(ED25519)
    node = fleet.node()

    await node.refuses(ED25519)
    await node.takes(ES256)
    assert fleet.fetched == 1
    fleet.clock.now += 55
    await node.takes(ED25519)


async def test_what_nobody_asks_for_any_more_is_deleted(fleet: Fleet) -> None:
    await fleet.node().takes(ES256)
    left: list[Sequence[object]] = []

    for before in (fleet.clock.now, fleet.clock.now + 1):
        async with acts_of(fleet.pool, fleet.clock).begin() as act:
            await act.client_jwks.purge(before)
        async with fleet.pool.acquire() as connection:
            left.append(await connection.fetch("SELECT client FROM client_jwks"))

    assert [len(rows) for rows in left] == [1, 0]
