"""DPoP at a protected resource: of a request that is allowed one thing is wrong at a time, by the rows of a checklist.

The rows D01 to D30 are those of RFC 9449, RFC 7515 and FAPI 2.0; D21 to D26 are about the token endpoint. Age, replay
and the history of nonces are judged in Redis: tests/stores/test_proofs.py.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.core.base64url import b64
from gateway.core.jose.compact import parse_compact
from gateway.core.principal.ask import Standing
from tests.core.forward.setting import NOW
from tests.core.forward.tokens import (
    BEARER,
    BOUND,
    DPOP,
    HOST,
    PROVER,
    STRANGER,
    Call,
    Change,
    bound,
    by,
    challenges_of,
    error_of,
    issue,
    prove,
    proved,
)
from tests.core.jose.build import part, token

URL: Final = f"https://{HOST}/x"
CLAIMS: Final[dict[str, object]] = {"jti": "once", "htm": "GET", "htu": URL, "iat": NOW}


def jwk(**members: object) -> dict[str, object]:
    return {**PROVER.verification.jwk, **members}


def signed(change: Callable[[bytes], bytes]) -> str:
    good = parse_compact(prove(), embedded_key=True)
    return f"{good.signing_input.decode()}.{b64(change(good.signature))}"


def header(**members: object) -> Change:
    return proved(prove(header=members))


def claims(**members: object) -> Change:
    return proved(prove(**members))  # type: ignore[arg-type]  # claims, none of prove's own names


def sent(*proofs: str) -> Change:
    return lambda call: replace(call, proofs=proofs)


def of_key(**members: object) -> Change:
    return header(jwk=jwk(**members))


def as_der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


PROOF, TOKEN = "invalid_dpop_proof", "invalid_token"
WRONG: Final[list[tuple[str, str, Change]]] = [
    ("D01", PROOF, sent(prove(), prove())),
    ("D01", PROOF, sent(prove(), prove(jti="another"))),
    ("D01", PROOF, sent(prove(), "")),
    ("D01", PROOF, sent(f"{prove()}, {prove()}")),
    ("D02", PROOF, sent("")),
    ("D02", PROOF, sent("..")),
    ("D02", PROOF, sent(prove().rpartition(".")[0])),
    ("D02", PROOF, sent(".".join([part({"alg": "dir", "enc": "A128GCM"}), "", "a", "b", "c"]))),
    ("D02", PROOF, sent('{"payload":"e30","signatures":[]}')),
    *(("D03", PROOF, claims(**{name: None})) for name in ("jti", "htm", "htu", "iat", "ath")),
    *(("D04", PROOF, proved(prove(typ=typ))) for typ in ("JWT", "at+jwt", "", "jwt")),
    ("D04", PROOF, sent(token({"alg": "ES256", "jwk": jwk()}, CLAIMS))),
    ("D04", PROOF, sent(BOUND)),
    ("D04", TOKEN, by(prove(), prove())),
    ("D05", PROOF, sent(token({"alg": "none", "typ": "dpop+jwt", "jwk": jwk()}, CLAIMS))),
    ("D05", PROOF, header(alg="HS256", jwk={"kty": "oct", "k": b64(b"k" * 32)})),
    *(("D05", PROOF, header(alg=alg)) for alg in ("RS1", "RS256", "ES384", "none", "HS256")),
    ("D05", PROOF, header(alg="PS256", jwk={"kty": "RSA", "e": "AQAB", "n": b64(b"\xff" * 128)})),
    ("D06", PROOF, sent(signed(lambda old: bytes([old[0] ^ 1]) + old[1:]))),
    ("D06", PROOF, sent(signed(lambda _old: bytes(64)))),
    ("D06", PROOF, sent(signed(lambda old: b"\xff" * 32 + old[32:]))),
    ("D06", PROOF, sent(signed(lambda old: old[:32] + b"\xff" * 32))),
    ("D06", PROOF, sent(signed(as_der))),
    ("D06", PROOF, sent(signed(lambda old: old[:-1]))),
    ("D06", PROOF, sent(signed(lambda old: old + b"\0"))),
    ("D06", PROOF, proved(prove(signer=STRANGER, header={"jwk": jwk()}))),
    ("D07", PROOF, of_key(d="AAAA")),
    ("D08", PROOF, of_key(y=b64(b"\x01" * 32))),
    ("D08", PROOF, of_key(crv="P-384")),
    ("D08", PROOF, of_key(kty="RSA")),
    ("D08", PROOF, header(alg="PS256", jwk={"kty": "RSA", "e": "A" * 2_000, "n": b64(b"\xff" * 256)})),
    *(("D08", PROOF, header(**{name: "http://127.0.0.1/"})) for name in ("x5u", "jku")),
    *(("D09", PROOF, claims(htm=method)) for method in ("POST", "get", "", ["GET"])),
    *(
        ("D10", PROOF, claims(htu=url))
        for url in (
            "https://other.example.org/x", f"https://{HOST}/", f"http://{HOST}/x", f"{URL}/", f"https://{HOST}/y/../x",
            f"https://{HOST}/%2e%2e/x", f"https://{HOST}:8443/x", f"https://{HOST}/X", "/x", f" {URL}", [URL],
        )
    ),
    *(("D14", PROOF, claims(iat=iat)) for iat in (str(NOW), NOW + 0.5, -NOW, 10**30, True, None)),
    ("D17", PROOF, claims(ath=b64(sha256(bound().encode()).digest()))),
    ("D17", PROOF, claims(ath="x")),
    ("D18", PROOF, proved(prove(signer=STRANGER))),
    ("D19", TOKEN, lambda call: replace(call, authorization=f"Bearer {BOUND}", proofs=())),
    ("D19", TOKEN, lambda call: replace(call, authorization=f"Bearer {BOUND}")),
    ("D19", PROOF, sent()),
    ("D20", TOKEN, lambda _call: replace(BEARER, authorization=BEARER.authorization.replace("Bearer", "DPoP"))),
    ("D20", TOKEN, lambda _call: Call(f"DPoP {issue()}", (prove(),))),
    ("D29", PROOF, header(crit=["exp"], exp=1)),
    ("D29", PROOF, header(crit=[])),
    ("D30", PROOF, claims(more="x" * 4_096)),
    ("D30", PROOF, sent("x" * 1_000_000)),
]  # fmt: skip
ACCEPTED: Final[list[tuple[str, Change]]] = [
    ("D11", claims(htu=f"{URL}?a=1#b")),
    ("D11", lambda call: replace(call, path="/x?a=1")),
    ("D12", claims(htu=f"HTTPS://{HOST.upper()}:443/x")),
    ("D12", lambda call: replace(call, path="/%78")),
    ("D15", claims(iat=NOW - 10)),
    ("D15", claims(iat=NOW + 8)),
    ("D19", lambda call: replace(call, authorization=f"dpop {BOUND}")),
]


@pytest.mark.parametrize(("row", "error", "change"), WRONG, ids=[f"{one[0]}-{at}" for at, one in enumerate(WRONG)])
def test_what_is_wrong_is_refused_before_any_store_is_asked(row: str, error: str, change: Change) -> None:
    call = change(DPOP)

    answer = call.answer()

    assert (row, answer.status, error_of(answer), call.asked) == (row, 401, error, [])


@pytest.mark.parametrize(("row", "change"), ACCEPTED, ids=[f"{one[0]}-{at}" for at, one in enumerate(ACCEPTED)])
def test_what_only_looks_wrong_is_accepted(row: str, change: Change) -> None:
    assert (row, change(DPOP).answer().status) == (row, 200)


def test_without_credentials_the_algorithms_are_named_and_no_error() -> None:
    """D28."""
    answer = Call().answer()

    assert "algs=" in challenges_of(answer)["DPoP"]
    assert error_of(answer) == ""


@pytest.mark.parametrize("nonce", [None, "x"])
def test_a_client_that_drops_the_nonce_is_asked_for_it_again(nonce: str | None) -> None:
    """D13 and D27: Redis refuses it, and the answer brings the nonce."""
    answer = replace(claims(nonce=nonce)(DPOP), outcome=Standing.STALE_NONCE).answer()

    assert (answer.status, error_of(answer)) == (401, "use_dpop_nonce")
    assert dict(answer.headers)["DPoP-Nonce"]
