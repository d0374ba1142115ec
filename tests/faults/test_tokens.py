"""Tokens and proofs where much comes at once: two workers, a proxy that asks again, a failover, a flood (O15, R3)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from gateway.web.forward_auth.listener import Listener
from tests.conftest import Pool
from tests.core.forward.setting import headers_of
from tests.core.forward.tokens import HOST, PROVER, STRANGER, TOKENS, error_of, issue, prove
from tests.deciding import Deciding, counting, deciding
from tests.flows.test_token_decisions import App, call
from tests.web.served import question

ROUNDS: Final = 20
FORGED: Final = 10_000
SENDERS: Final = 50


@pytest.fixture
async def workers(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[tuple[Deciding, Deciding]]:
    now = int((await redis.time())[0])
    async with deciding(pool, redis_url, now, context=TOKENS) as one:
        await one.add_person()
        async with deciding(pool, redis_url, now, context=TOKENS) as other:
            yield one, other


class Prover:
    """An app with a bound token, and a nonce that it was told."""

    def __init__(self, app: App, now: int) -> None:
        self.authorization = f"DPoP {app.token(PROVER.verification.thumbprint)}"
        self.now = now
        self.nonce: str | None = None

    def proof(self, jti: str) -> str:
        token = self.authorization.partition(" ")[2]
        return prove(token, jti=jti, iat=self.now, nonce=self.nonce)

    async def learn_nonce(self, here: Deciding) -> None:
        self.nonce = headers_of(await call(here, self.authorization, self.proof("none")))["DPoP-Nonce"]


async def test_one_proof_at_two_workers_at_once_passes_once(workers: tuple[Deciding, Deciding]) -> None:
    prover = Prover(await App.of(workers[0]), workers[0].now)
    await prover.learn_nonce(workers[0])
    for number in range(ROUNDS):
        proof = prover.proof(f"at once {number}")

        answers = await asyncio.gather(*(call(one, prover.authorization, proof) for one in workers))

        assert sorted((one.status, error_of(one)) for one in answers) == [(200, ""), (401, "invalid_dpop_proof")]


async def test_a_proof_that_the_proxy_sends_to_another_node_again_is_no_replay(
    workers: tuple[Deciding, Deciding],
) -> None:
    """Its answer was lost; the id of the request is the proxy's own."""
    prover = Prover(await App.of(workers[0]), workers[0].now)
    await prover.learn_nonce(workers[0])
    for number in range(ROUNDS):
        proof = prover.proof(f"again {number}")

        first, again = [
            (await call(one, prover.authorization, proof, request_id=f"request-{number}")).status for one in workers
        ]
        replayed = await call(workers[1], prover.authorization, proof)

        assert (first, again, replayed.status) == (200, 200, 401)


async def test_after_a_failover_that_lost_the_claim_a_replay_is_told_to_use_another_nonce(
    workers: tuple[Deciding, Deciding], redis: Redis
) -> None:
    here = workers[0]
    prover = Prover(await App.of(here), here.now)
    await prover.learn_nonce(here)
    proof = prover.proof("lost")
    assert (await call(here, prover.authorization, proof)).status == 200

    await redis.flushall()
    await redis.replicaof("127.0.0.1", "1")
    await redis.replicaof("NO", "ONE")
    await asyncio.sleep(1.1)  # the functions look at the history of their server once a second
    replayed = await call(here, prover.authorization, proof)
    prover.nonce = headers_of(replayed)["DPoP-Nonce"]
    honest = await call(here, prover.authorization, prover.proof("another"))

    assert (replayed.status, error_of(replayed)) == (401, "use_dpop_nonce")
    assert honest.status == 200


async def test_a_flood_of_forged_tokens_asks_no_store_and_a_live_one_passes_amid_it(
    workers: tuple[Deciding, Deciding], redis: Redis, short_directory: Path
) -> None:
    """Over the listener's socket; half of them copy a live token's parts."""
    here, path = workers[0], short_directory / "tokens.sock"
    app = await App.of(here)
    live, forged = app.token(), [issue(STRANGER, ttl_s=900 + number) for number in range(20)]
    assert (await call(here, f"Bearer {live}")).status == 200
    forged += [f"{live.rpartition('.')[0]}.{one.rpartition('.')[2]}" for one in forged]
    waiting, strangers, lives, over = list[int](), Counter[int](), Counter[int](), asyncio.Event()
    listener = Listener(here.decisions.start, (), goes_first=here.decisions.goes_first, tell_waiting=waiting.append)
    server = await asyncio.get_running_loop().create_unix_server(listener, path)

    async def send(tokens: list[str], seen: Counter[int], times: int) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        for number in range(times):
            if over.is_set():
                break
            token = tokens[number % len(tokens)]
            more = f"X-Bastion-Snippet: 2;;\r\nAuthorization: Bearer {token}\r\n"
            writer.write(question("/x", host=HOST, more=more))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
            await reader.readexactly(length)
            seen[int(head[9:12])] += 1
        writer.close()

    fills = len(here.fills)
    async with counting(here, redis) as asked:
        living = asyncio.create_task(send([live], lives, 1_000_000))
        await asyncio.gather(*(send(forged, strangers, FORGED // SENDERS) for _ in range(SENDERS)))
        over.set()
        await living
        calls = await asked()
    server.close()
    await listener.drain(1)

    assert strangers == {401: FORGED}
    # The limit of its grant may be spent by now; it is Redis that says so.
    assert set(lives) <= {200, 429}
    assert lives[200] >= 100
    assert calls == sum(lives.values()), "the live one alone asks"
    assert len(here.fills) == fills
    assert max(waiting) > 4, "they had to wait for their turn"
