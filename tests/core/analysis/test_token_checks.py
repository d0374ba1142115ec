"""`bastion token explain` names the check by which the gateway refuses a token: both are asked, side by side."""

import pytest

from gateway.core.analysis.token_checks import ShownToken, TokenCheck, check_expiry, check_proof_use, check_token
from gateway.core.base64url import b64
from gateway.core.forward.credentials import Brought, CredentialFault, TokenReader
from gateway.core.forward.request import read_request
from gateway.core.jose.keys import SigningKey
from gateway.core.principal.ask import Presented
from gateway.core.token.access import AccessTokens
from gateway.core.token.proof import EARLY_S, TIMELY_S, Proof
from gateway.stores.redis.functions.library import library
from tests.core.forward.setting import ACCESS, CONTEXT, KEY, KEYS, NOW, PUBLISHED
from tests.core.forward.tokens import BOUND, HOST, INCARNATION, NONCES, STRANGER, bound, issue, prove

ORIGIN = f"https://{HOST}"
ELSEWHERE = AccessTokens("https://other.example.org", KEYS.token)


def shown(token: str, *proofs: str, scheme: str = "", method: str = "GET") -> ShownToken:
    return ShownToken(scheme or ("dpop" if proofs else "bearer"), token, proofs, method, ORIGIN, "/x")


def first_refusal(checks: tuple[TokenCheck, ...]) -> TokenCheck | None:
    return next((check for check in checks if check.said == "refuses"), None)


def by_gateway(asked: ShownToken) -> Brought | CredentialFault | None:
    lines = {
        "host": HOST,
        "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
        "x-forwarded-method": asked.method,
        "x-forwarded-uri": asked.target,
        "x-forwarded-host": HOST,
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.51.100.7",
        "x-bastion-snippet": "2;Remote-User,Remote-Groups,Remote-Name,Remote-Email;",
        "authorization": f"{asked.scheme} {asked.token}",
    }
    each = [*lines.items(), *(("dpop", proof) for proof in asked.proofs)]
    request = read_request((name.encode(), value.encode()) for name, value in each)
    reader = TokenReader(ACCESS, lambda: PUBLISHED, NONCES, CONTEXT.origin_of)
    return reader.read(request, frozenset({"bearer", "dpop"}))


def _other_signature(text: str) -> str:
    head, _, signature = text.rpartition(".")
    return f"{head}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}"


REFUSED = [
    (shown("x"), "token malformed"),
    (shown("x" * 4090), "length"),
    (shown(issue(STRANGER)), "token kid"),
    (shown(KEY.sign("JWT", {"iss": "https://auth.example.org"})), "token typ"),
    (shown(KEY.sign("at+jwt", {"jti": "x"})), "token jti"),
    (
        shown(
            ELSEWHERE.issue(
                KEY,
                Presented("A" * 16, b64(b"l" * 16), b"c" * 16),
                client="spa",
                subject="u",
                scopes=(),
                audience=ORIGIN,
                now=NOW,
                ttl_s=900,
            )
        ),
        "token iss",
    ),
    (shown(issue(audience="https://other.example.org")), "token aud"),
    (shown(_other_signature(issue(audience="https://other.example.org"))), "token aud"),
    (shown(_other_signature(issue())), "token signature"),
    (shown(issue(), prove(), scheme="bearer"), "proof beside"),
    (shown(BOUND), "binding"),
    (shown(issue(), prove(), scheme="dpop"), "binding"),
    (shown(BOUND, scheme="dpop"), "proof not exactly one"),
    (shown(BOUND, prove(), prove()), "proof not exactly one"),
    (shown(BOUND, "x"), "proof form"),
    (shown(BOUND, "x" * 5000), "proof form"),
    (shown(BOUND, prove(typ="JWT")), "proof typ"),
    (shown(BOUND, prove(signer=SigningKey.generate("ES256"))), "proof another key"),
    (shown(BOUND, prove(), method="POST"), "proof htm"),
    (shown(BOUND, prove(htu=f"{ORIGIN}/y")), "proof htu"),
    (shown(BOUND, prove(issue())), "proof ath"),
    (shown(BOUND, _other_signature(prove())), "proof signature"),
]


@pytest.mark.parametrize(("asked", "name"), REFUSED, ids=[name for _asked, name in REFUSED])
def test_the_check_that_refuses_is_the_gateways(asked: ShownToken, name: str) -> None:
    refusal = first_refusal(check_token(asked, ACCESS, PUBLISHED).checks)
    fault = by_gateway(asked)

    assert refusal is not None
    assert refusal.name == name
    assert refusal.why
    assert isinstance(fault, CredentialFault)
    what, _, reason = name.partition(" ")
    said = fault.why.partition(": ")[2]
    if said and reason != "form":
        assert fault.why == f"the {what} is not good: {reason}"


@pytest.mark.parametrize("asked", [shown(issue()), shown(BOUND, prove())], ids=["bearer", "dpop"])
def test_what_the_gateway_takes_passes_each_check(asked: ShownToken) -> None:
    judged = check_token(asked, ACCESS, PUBLISHED)

    assert isinstance(by_gateway(asked), Brought)
    assert {check.said for check in judged.checks} == {"passes"}
    assert (judged.proof is not None) == bool(asked.proofs)


def test_nothing_after_the_refusal_is_said_to_pass() -> None:
    checks = check_token(shown(issue(STRANGER)), ACCESS, PUBLISHED).checks

    assert [check.said for check in checks if check.name.startswith("token ")] == [
        "passes",
        "refuses",
        *["not reached"] * 6,
    ]


def test_neither_token_nor_proof_is_repeated() -> None:
    for asked, _name in REFUSED:
        text = repr((asked, check_token(asked, ACCESS, PUBLISHED).checks))
        assert not any(len(secret) > 1 and secret in text for secret in (asked.token, *asked.proofs))


def test_a_proof_without_a_url_is_not_judged() -> None:
    judged = check_token(ShownToken("dpop", BOUND, (prove(),)), ACCESS, PUBLISHED)

    assert (judged.checks[-1].name, judged.checks[-1].said) == ("proof", "not known")
    assert first_refusal(judged.checks) is None


def test_without_keys_nothing_is_said_of_the_token() -> None:
    judged = check_token(shown(bound()), ACCESS, {})

    assert (judged.checks[-1].name, judged.checks[-1].said, judged.token) == ("signing keys", "not known", None)


@pytest.mark.parametrize(
    ("age", "said"),
    [(TIMELY_S, "passes"), (TIMELY_S + 1, "refuses"), (-EARLY_S, "passes"), (-EARLY_S - 1, "refuses")],
)
def test_the_age_of_a_proof_is_judged_to_the_second(age: int, said: str) -> None:
    proof = Proof("", b"", NOW, NONCES.make(INCARNATION, NOW), "")

    nonce, aged, _replay = check_proof_use(proof, NONCES, NOW + age)

    assert (nonce.said, aged.said) == ("passes", said)


def test_a_proof_without_a_nonce_of_ours_is_refused() -> None:
    for nonce in ("", "x" * 30, NONCES.make(INCARNATION, NOW - 200)):
        assert next(check_proof_use(Proof("", b"", NOW, nonce, ""), NONCES, NOW)).said == "refuses"


def test_the_times_of_a_proof_are_those_of_the_function_library() -> None:
    assert f"local PROOF_S, EARLY_S = {TIMELY_S}, {EARLY_S}\n" in library().source


def test_a_token_expires_on_the_second() -> None:
    token = check_token(shown(issue()), ACCESS, PUBLISHED).token

    assert token is not None
    assert check_expiry(token, token.expires_at - 1).said == "passes"
    assert check_expiry(token, token.expires_at).said == "refuses"


def test_a_token_for_another_host_is_read_on_unless_its_signature_is_wrong() -> None:
    elsewhere = issue(audience="https://other.example.org")

    assert check_token(shown(elsewhere), ACCESS, PUBLISHED).token is not None
    assert check_token(shown(_other_signature(elsewhere)), ACCESS, PUBLISHED).token is None
