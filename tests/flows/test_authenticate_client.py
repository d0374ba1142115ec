"""Assertions count once in the fleet, and whoever fails to authenticate pays for it."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from gateway.core.errors import TooManyAttempts
from gateway.core.oauth.authentication import JWT_BEARER, NotProved
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.networks import NetworkSet
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.oauth.authenticate_client import ClientAuthentication, ClientLimits, Sent
from gateway.flows.oauth.client_keys import ClientKeys
from gateway.flows.transaction import RecordUnavailable
from gateway.outbound.guarded import GuardedClient
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.oauth_clients import ES256, ISSUER, SECRET, Asserted, client, policy_of

HERE, THERE = ip_address("203.0.113.7"), ip_address("203.0.113.8")
MINUTE_US = 60_000_000


@pytest.fixture
async def clients(pool: Pool, clock: Clock, pipeline: Pipeline) -> ClientAuthentication:
    limits = ClientLimits(
        BucketNames(b"b" * 32), Limit("OAUTH.TOKEN", 3, MINUTE_US, 3), Limit("OAUTH.CLIENT_FAILED", 2, MINUTE_US, 2)
    )
    policy = policy_of()
    buckets = Buckets(FunctionCalls(pipeline, library()))
    acts = acts_of(pool, clock)
    keys = ClientKeys(acts, GuardedClient(NetworkSet.of(())).document, lambda _outcome: None)
    return ClientAuthentication(acts, buckets, limits, lambda: policy, ISSUER, keys)


def sent(path: str = "/oauth2/token", authorization: Sequence[str] = (), address: object = HERE, **form: str) -> Sent:
    assert address in (HERE, THERE)
    where = HERE if address == HERE else THERE
    return Sent(path, Parameters.of(form.items()), authorization, (), where, "")


def signed(assertion: Asserted, client_id: str = "bank", path: str = "/oauth2/token") -> Sent:
    return sent(path, client_assertion=assertion.text(client_id), client_assertion_type=JWT_BEARER)


async def test_an_assertion_counts_once_however_many_bring_it(clients: ClientAuthentication, clock: Clock) -> None:
    once = signed(Asserted(ES256, clock.now))

    outcomes = await asyncio.gather(*(clients.authenticate(once) for _ in range(4)), return_exceptions=True)

    passed = [one for one in outcomes if not isinstance(one, BaseException)]
    assert [one.id for one in passed] == ["bank"]
    assert [type(one) for one in outcomes if isinstance(one, BaseException)].count(NotProved) >= 1


async def test_one_jti_of_two_clients_is_two(clients: ClientAuthentication, clock: Clock) -> None:
    said = Asserted(ES256, clock.now, claims={"jti": "the same"})

    assert (await clients.authenticate(signed(said, "bank"))).id == "bank"
    assert (await clients.authenticate(signed(said, "jwt"))).id == "jwt"
    with pytest.raises(NotProved, match="before"):
        await clients.authenticate(signed(said, "jwt", "/oauth2/revoke"))


async def test_an_assertion_may_name_the_endpoint_that_is_asked(clients: ClientAuthentication, clock: Clock) -> None:
    for path in ("/oauth2/token", "/oauth2/introspect"):
        said = Asserted(ES256, clock.now, claims={"aud": ISSUER + path})
        assert (await clients.authenticate(signed(said, "jwt", path))).id == "jwt"
    with pytest.raises(NotProved, match="aud"):
        await clients.authenticate(signed(Asserted(ES256, clock.now, claims={"aud": f"{ISSUER}/x"}), "jwt"))


async def test_what_postgres_keeps_of_an_assertion_is_a_hash(
    clients: ClientAuthentication, clock: Clock, pool: Pool
) -> None:
    await clients.authenticate(signed(Asserted(ES256, clock.now, claims={"jti": "find me"})))

    async with pool.acquire() as connection:
        (row,) = await connection.fetch("SELECT * FROM used_ids")
    assert (row["kind"], row["client"], row["until"]) == ("assertion", "bank", clock.now + 60)
    assert b"find me" not in row["hash"]


async def test_without_postgres_no_assertion_counts(clients: ClientAuthentication, clock: Clock, pool: Pool) -> None:
    await pool.close()

    with pytest.raises(RecordUnavailable):
        await clients.authenticate(signed(Asserted(ES256, clock.now)))


async def test_failures_are_counted_by_address_and_a_right_client_goes_on(clients: ClientAuthentication) -> None:
    right, wrong = sent(client_id="wiki", client_secret=SECRET), sent(client_id="wiki", client_secret="x" * 32)
    for attempt in (wrong, sent(client_id="nobody")):
        with pytest.raises(NotProved):
            await clients.authenticate(attempt)

    for attempt in (wrong, sent(authorization=["Basic !"])):
        with pytest.raises(TooManyAttempts) as refused:
            await clients.authenticate(attempt)
        assert 1 <= refused.value.retry_after_s <= 30

    assert (await clients.authenticate(right)).id == "wiki"
    with pytest.raises(NotProved):
        await clients.authenticate(sent(client_id="nobody", address=THERE))


async def test_a_client_has_one_budget_and_a_public_one_has_one_for_each_address(clients: ClientAuthentication) -> None:
    for name, address in (("wiki", HERE), ("spa", HERE), ("spa2", HERE), ("spa", THERE)):
        for _ in range(3):
            await clients.spend(client(name), address)

    for name, address in (("wiki", HERE), ("wiki", THERE), ("spa", HERE), ("spa", THERE), ("spa2", HERE)):
        with pytest.raises(TooManyAttempts):
            await clients.spend(client(name), address)
    await clients.spend(client("spa2"), THERE)
