"""Proofs at our own endpoints where no nonce is asked for: each passes once all the same."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from gateway.core.oauth.errors import OAuthError
from gateway.flows.oauth.proofs import ProofCheck, ShownProof
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.proofs import Proofs
from tests.core.forward.tokens import ISSUER, PROVER, prove
from tests.running import running

PATH = "/oauth2/token"


@pytest.fixture
async def check(redis: Redis, redis_url: str) -> AsyncIterator[ProofCheck]:
    await redis.ping()
    async with running(Pipeline(redis_url, 10)) as pipeline:
        yield ProofCheck(Proofs(FunctionCalls(pipeline, library())), None, ISSUER)


async def test_without_nonces_a_proof_passes_once_and_no_nonce_is_told(check: ProofCheck, redis: Redis) -> None:
    now = int((await redis.time())[0])
    proof, other = (prove(jti=jti, htm="POST", htu=ISSUER + PATH, iat=now, ath=None, nonce=None) for jti in "ab")

    shown = await check.check([proof], "POST", PATH, "")
    with pytest.raises(OAuthError) as replayed:
        await check.check([proof], "POST", PATH, "")
    with pytest.raises(OAuthError) as old:
        await check.check(
            [prove(htm="POST", htu=ISSUER + PATH, iat=now - 3_600, ath=None, nonce=None)], "POST", PATH, ""
        )

    assert shown == ShownProof(PROVER.verification.thumbprint, "")
    assert [(one.value.error, one.value.nonce) for one in (replayed, old)] == [("invalid_dpop_proof", "")] * 2
    assert await check.check([other], "POST", PATH, "") == shown
