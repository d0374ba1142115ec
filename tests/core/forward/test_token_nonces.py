"""Nonces, and what Redis says of proofs; what a proof has to be by itself: test_dpop_negative.py."""

from dataclasses import replace

import pytest

from gateway.core.forward.credentials import TokenReader
from gateway.core.principal.ask import Standing
from gateway.core.token.nonce import Nonces
from tests.core.forward.setting import ACCESS, NOW, PUBLISHED, headers_of
from tests.core.forward.tokens import (
    BEARER,
    DPOP,
    INCARNATION,
    NONCES,
    TOKENS,
    Call,
    bound,
    challenges_of,
    error_of,
    prove,
    proved,
)


def test_a_fresh_nonce_comes_only_when_the_one_used_is_not_of_this_minute() -> None:
    assert "X-Bastion-Nonce" not in headers_of(DPOP.answer())
    for minutes, status in ((1, 200), (2, 200)):
        token = bound()
        old = prove(token, nonce=NONCES.make(INCARNATION, NOW - 60 * minutes))
        answer = Call(f"DPoP {token}", (old,)).answer()
        assert answer.status == status
        assert headers_of(answer)["X-Bastion-Nonce"] == NONCES.make(INCARNATION, NOW)
        assert headers_of(answer)["X-Bastion-Allow"] == "one-by-one"


@pytest.mark.parametrize(
    "nonce",
    [None, "x", *(NONCES.make(INCARNATION, NOW + s) for s in (-180, 180)), Nonces(b"x" * 32).make(INCARNATION, NOW)],
)
def test_a_nonce_that_is_not_good_is_asked_about_as_none(nonce: str | None) -> None:
    """Redis then says which history a nonce has to name, and claims nothing."""
    call = proved(prove(nonce=nonce))(DPOP)
    call.answer()
    asked = call.asked[0].question.proof
    assert asked is not None
    assert (asked.stamp, asked.iat, len(asked.jti)) == (0, NOW, 22)


@pytest.mark.parametrize(
    ("outcome", "error", "proof", "nonce"),
    [
        (Standing.STALE_NONCE, "use_dpop_nonce", "stale_nonce", NONCES.make(INCARNATION, NOW)),
        (Standing.UNTIMELY, "invalid_dpop_proof", "untimely", None),
        (Standing.REPLAYED, "invalid_dpop_proof", "replayed", None),
    ],
)
def test_what_redis_says_against_a_proof(outcome: Standing, error: str, proof: str, nonce: str | None) -> None:
    answer = replace(DPOP, outcome=outcome).answer()

    assert (answer.status, error_of(answer), answer.proof) == (401, error, proof)
    assert headers_of(answer).get("DPoP-Nonce") == nonce
    assert "error" in challenges_of(answer)["DPoP"]
    assert "error" not in challenges_of(answer)["Bearer"]


def test_what_came_of_a_proof_is_told_to_the_figures() -> None:
    assert DPOP.answer().proof == "accepted"
    assert BEARER.answer().proof is None
    assert proved("x")(DPOP).answer().proof == "invalid"


def test_where_nonces_are_never_asked_for_a_proof_passes_without_and_none_is_told() -> None:
    reader = TokenReader(ACCESS, lambda: PUBLISHED, None, lambda host: f"https://{host}")
    context = replace(TOKENS, reader=reader)
    for nonce in (None, "x", NONCES.make(INCARNATION, NOW - 60)):
        call = replace(proved(prove(nonce=nonce))(DPOP), context=context)
        answer = call.answer()
        asked = call.asked[0].question.proof

        assert answer.status == 200
        assert "X-Bastion-Nonce" not in headers_of(answer)
        assert asked is not None
        assert (asked.stamp, asked.iat) == (None, NOW), "Redis compares no history, and still claims it"
    replayed = replace(DPOP, context=context, outcome=Standing.REPLAYED).answer()
    assert (replayed.status, error_of(replayed)) == (401, "invalid_dpop_proof")
