"""Tokens that were read are served before strangers, whatever looks like one (oauth.md O15)."""

from dataclasses import replace

from tests.core.forward.tokens import (
    BEARER,
    PROVER,
    STRANGER,
    TOKENS,
    Call,
    bound,
    by,
    issue,
    prove,
)


def question(authorization: str) -> bytes:
    return f"GET /decide HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nAccept: */*\r\n\r\n".encode()


def test_a_token_that_was_read_goes_first_and_nothing_that_looks_like_one() -> None:
    token = issue(ttl_s=901)
    reader = TOKENS.reader
    before = reader.are_in(question(f"Bearer {token}"))

    by(token)(BEARER).answer()

    assert not before
    assert reader.are_in(question(f"Bearer {token}"))
    assert reader.are_in(question(f"bearer  {token}"))
    for other in (issue(STRANGER), token[:-1], f"{token}x", token.partition(".")[0], "", "x" * 5_000):
        assert not reader.are_in(question(f"Bearer {other}"))
    assert not reader.are_in(question(f"Basic {token}"))
    assert not reader.are_in(b"GET /decide HTTP/1.1\r\n\r\n")


def test_a_token_whose_proof_was_forged_waits_with_the_strangers_until_one_is_right() -> None:
    token = bound(ttl_s=902)
    reader, asked = TOKENS.reader, question(f"DPoP {token}")
    good = Call(f"DPoP {token}", (prove(token),))
    forged = replace(good, proofs=(prove(token, signer=STRANGER, header={"jwk": dict(PROVER.verification.jwk)}),))

    def first_after(call: Call) -> bool:
        call.answer()
        return reader.are_in(asked)

    assert first_after(good)
    assert first_after(replace(good, proofs=("x",))), "cheap to refuse"
    assert not first_after(forged)
    assert first_after(good)
