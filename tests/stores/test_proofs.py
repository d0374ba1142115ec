"""A DPoP proof passes once, in its time, with a nonce of this Redis; and only beside a credential that lives."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.principal.ask import Presented, ProofClaim, Reply, Spend, Standing
from gateway.core.session.login_record import Session
from gateway.stores.redis.proofs import Proofs
from tests.stores.live import CREDENTIAL, LIMIT, LOGIN, NOW, PRESENTED, TAG, Server

JTI = "j" * 22
GRANT = replace(PRESENTED, kind="grant", counted_as=b64(CREDENTIAL))


async def stamp_of(server: Server) -> int:
    """What a refusal tells a nonce to name."""
    told = (await server.decide(proof=ProofClaim(JTI, server.now, 0))).incarnation
    assert told > 0
    return told


async def prove(
    server: Server, iat: int, stamp: int | None, request_id: str = "request-1", presented: Presented = PRESENTED
) -> Reply:
    return await server.decide(presented, proof=ProofClaim(JTI, iat, stamp), request_id=request_id)


async def test_a_proof_passes_once_and_its_request_hears_the_same(server: Server) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)

    first = await prove(server, NOW, stamp)
    again = await prove(server, NOW, stamp)
    replayed = await prove(server, NOW, stamp, "request-2")
    await server.set_time(NOW + 11)
    late = await prove(server, NOW, stamp)

    assert [one.outcome for one in (first, again)] == [Standing.LIVE, Standing.LIVE]
    assert (first.person, first.facts is None) == (b"sealed person", False)
    assert [one.outcome for one in (replayed, late)] == [Standing.REPLAYED, Standing.REPLAYED]
    assert (replayed.person, replayed.facts) == (b"", None)


async def test_a_proof_without_the_id_of_its_request_never_repeats(server: Server) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)
    assert (await prove(server, NOW, stamp, "")).outcome is Standing.LIVE

    assert (await prove(server, NOW, stamp, "")).outcome is Standing.REPLAYED


@pytest.mark.parametrize(
    ("iat", "outcome"),
    [
        (NOW - 61, Standing.UNTIMELY),
        (NOW - 60, Standing.LIVE),
        (NOW - 10, Standing.LIVE),
        (NOW + 8, Standing.LIVE),
        (NOW + 15, Standing.LIVE),
        (NOW + 16, Standing.UNTIMELY),
        (NOW - 3_600, Standing.UNTIMELY),
        (NOW + 3_600, Standing.UNTIMELY),
        (-NOW, Standing.UNTIMELY),
        (2**62, Standing.UNTIMELY),
    ],
    ids=range(10),
)
async def test_a_proof_has_its_time_by_the_clock_of_redis(server: Server, iat: int, outcome: Standing) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)

    assert (await prove(server, iat, stamp)).outcome is outcome


@pytest.mark.parametrize("iat", [NOW - 60, NOW, NOW + 15], ids=["old", "now", "early"])
async def test_what_was_used_is_known_as_long_as_it_is_timely(server: Server, iat: int) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)
    await prove(server, iat, stamp)

    kept_ms = await server.redis.pttl(f"{{{TAG}}}j:{JTI}")

    assert iat + 60 - NOW < kept_ms / 1_000 <= iat + 61 - NOW


@pytest.mark.parametrize("nonce", [0, 1, "another"])
async def test_a_nonce_of_another_history_claims_nothing(server: Server, nonce: int | str) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)

    refused = await prove(server, NOW, stamp + 1 if isinstance(nonce, str) else nonce)

    assert (refused.outcome, refused.incarnation) == (Standing.STALE_NONCE, stamp)
    assert (await prove(server, NOW, stamp, "request-2")).outcome is Standing.LIVE


async def test_where_no_nonce_is_asked_for_any_history_takes_a_proof_once(server: Server) -> None:
    await server.bring_to_life()

    assert (await prove(server, NOW, None)).outcome is Standing.LIVE
    assert (await prove(server, NOW, None, "request-2")).outcome is Standing.REPLAYED


async def test_after_a_promotion_the_proof_before_it_has_an_old_nonce(server: Server) -> None:
    """The claim may be lost with the primary; the nonce tells (threats.md R3)."""
    await server.bring_to_life()
    stamp = await stamp_of(server)
    await prove(server, NOW, stamp)
    await server.redis.delete(f"{{{TAG}}}j:{JTI}")
    await server.redis.replicaof("127.0.0.1", "1")
    await server.redis.replicaof("NO", "ONE")
    await server.set_time(NOW + 1)
    await server.bring_to_life()

    assert (await prove(server, NOW, stamp, "request-2")).outcome is Standing.STALE_NONCE


REFUSED: dict[str, tuple[Presented, Standing]] = {
    "another tag": (replace(PRESENTED, tag="x" * 16), Standing.MISS),
    "another record": (replace(PRESENTED, login="x" * 22), Standing.MISS),
    "a record of another kind": (replace(PRESENTED, kind="grant"), Standing.MISS),
    "another credential": (replace(PRESENTED, credential=b"x" * 16), Standing.UNKNOWN),
}


@pytest.mark.parametrize(("presented", "outcome"), REFUSED.values(), ids=REFUSED)
async def test_a_credential_that_does_not_live_uses_up_no_proof(
    server: Server, presented: Presented, outcome: Standing
) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)

    assert (await prove(server, NOW, stamp, "request-1", presented)).outcome is outcome
    assert (await prove(server, NOW, stamp, "request-2")).outcome is Standing.LIVE


async def test_an_unknown_credential_gives_no_used_proof_back(server: Server) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)
    await prove(server, NOW, stamp)

    await prove(server, NOW, stamp, "request-2", replace(PRESENTED, credential=b"x" * 16))

    assert (await prove(server, NOW, stamp, "request-3")).outcome is Standing.REPLAYED


async def test_a_spent_limit_uses_up_no_proof(server: Server) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)
    spend = Spend(TAG, LOGIN, replace(LIMIT, burst=1))
    await server.decide(PRESENTED, spend, request_id="one")

    limited = await server.decide(PRESENTED, spend, proof=ProofClaim(JTI, NOW, stamp), request_id="two")

    assert (limited.outcome, limited.spent[0].allowed) == (Standing.LIVE, False)
    assert (await prove(server, NOW, stamp, "three")).outcome is Standing.LIVE


async def test_fifty_uses_at_once_have_one_winner(server: Server) -> None:
    await server.bring_to_life()
    stamp = await stamp_of(server)

    replies = await asyncio.gather(*(prove(server, NOW, stamp, f"request-{number}") for number in range(50)))

    assert sum(one.outcome is Standing.LIVE for one in replies) == 1


async def test_a_grant_has_a_record_and_buckets_of_its_own(server: Server) -> None:
    """In the layout of a login, with one credential (oauth.md section 1)."""
    spend = Spend(TAG, GRANT.who, replace(LIMIT, burst=1))
    missed = await server.decide(GRANT, spend)
    assert missed.outcome is Standing.MISS
    assert await server.fill(missed.leases, kind="grant") == (True, True)

    replies = [await server.decide(GRANT, spend, request_id=one) for one in ("one", "two")]
    stranger = await server.decide(PRESENTED)
    await server.revocations.end("grant", TAG, LOGIN)

    assert [(one.outcome, one.spent[0].allowed) for one in replies] == [(Standing.LIVE, True), (Standing.LIVE, False)]
    assert stranger.outcome is Standing.MISS
    assert (await server.decide(GRANT)).outcome is Standing.ENDED


async def test_a_proof_is_used_up_also_where_no_record_is_asked(server: Server) -> None:
    proofs = Proofs(server.functions)
    asked = await proofs.use("pkey", ProofClaim(JTI, NOW, 0), "request-1")
    claim = ProofClaim(JTI, NOW, asked.incarnation)

    said = [await proofs.use("pkey", claim, one) for one in ("request-1", "request-1", "request-2")]
    elsewhere = await proofs.use("pother", claim, "request-3")
    untimely = await proofs.use("pkey", ProofClaim("k" * 22, NOW - 61, asked.incarnation), "request-4")

    assert (asked.refused, asked.now) == (Standing.STALE_NONCE, NOW)
    assert [one.refused for one in said] == [None, None, Standing.REPLAYED]
    assert (elsewhere.refused, untimely.refused) == (None, Standing.UNTIMELY)


async def test_a_session_and_a_grant_of_one_id_are_two_records(server: Server) -> None:
    await server.bring_to_life(sessions=(Session(CREDENTIAL, by_password(NOW), 0),))

    assert (await server.decide(GRANT)).outcome is Standing.MISS
