"""An access token says what it was issued for, and nobody but us can make, change or read its record."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.jose.compact import parse_compact
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.principal.ask import Presented, RecordKind
from gateway.core.token.access import MOST_KNOWN, AccessToken, AccessTokens, TokenRefused, grant_credential
from tests.core.jose.build import jwk, key, other_key

ISSUER, API = "https://auth.example.org", "https://api.example.org"
NOW: Final = 1_800_000_000
TOKENS = AccessTokens(ISSUER, b"t" * 32)
TAG, RECORD, CREDENTIAL = b64(b"t" * 12), b"r" * 16, grant_credential(b"g" * 16)


def keys_of(*signers: SigningKey) -> dict[str, VerificationKey]:
    return {one.kid: one.verification for one in signers}


KEYS = keys_of(key(), key("EdDSA"), key("RS256"), key("PS256"))


def issue(
    tokens: AccessTokens = TOKENS,
    signer: SigningKey | None = None,
    *,
    kind: RecordKind = "login",
    client: str = "spa",
    audience: str = API,
    now: int = NOW,
    jkt: str = "",
    claims: Mapping[str, object] = {},
) -> str:
    return tokens.issue(
        signer or key(),
        Presented(TAG, b64(RECORD), CREDENTIAL, kind),
        client=client,
        subject="u_1",
        scopes=("notes.read", "profile"),
        audience=audience,
        now=now,
        ttl_s=900,
        jkt=jkt,
        claims=claims,
    )


def refused(text: str, keys: Mapping[str, VerificationKey] = KEYS, audience: str | None = API) -> str:
    with pytest.raises(TokenRefused) as refusal:
        TOKENS.read(text, keys, audience)
    return refusal.value.reason


def changed(text: str, signer: SigningKey | None = None, /, **claims: object) -> str:
    """Signed rightly again: what somebody with a stolen signing key can make of a token. A claim None is left out."""
    payload = {**parse_compact(text).payload, **claims}
    return (signer or key()).sign("at+jwt", {name: value for name, value in payload.items() if value is not None})


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256", "PS256"])
@pytest.mark.parametrize("kind", ["login", "grant"])
@pytest.mark.parametrize("jkt", ["", "thumbprint"])
def test_a_token_says_what_it_was_issued_for(alg: str, kind: RecordKind, jkt: str) -> None:
    read = TOKENS.read(issue(signer=key(alg), kind=kind, jkt=jkt), KEYS, API)

    assert (read.presented.tag, read.presented.login_id, read.presented.credential) == (TAG, RECORD, CREDENTIAL)
    assert (read.client, read.subject, read.audience, read.jkt) == ("spa", "u_1", API, jkt)
    assert (read.presented.kind, read.presented.who) == (kind, b64(CREDENTIAL))  # limits count each grant by itself
    assert read.scopes == {"notes.read", "profile"}
    assert (read.issued_at, read.expires_at) == (NOW, NOW + 900)


def test_a_token_is_an_rfc_9068_one() -> None:
    text = issue(jkt="k", claims={"auth_time": NOW - 5, "sub": "not this one"})
    read = parse_compact(text)

    assert read.header == {"alg": "ES256", "typ": "at+jwt", "kid": key().kid}
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= read.payload.keys()
    assert (read.payload["cnf"], read.payload["auth_time"], read.payload["sub"]) == ({"jkt": "k"}, NOW - 5, "u_1")
    assert len(str(read.payload["jti"])) == 98
    assert len(text) < 900


def test_one_persons_tokens_for_two_clients_share_nothing_but_issuer_subject_and_header() -> None:
    """O5."""
    one = parse_compact(issue(client="wiki", audience="https://wiki.example.org", now=NOW))
    two = parse_compact(issue(client="bank", audience=API, now=NOW + 1))

    shared = {name for name in one.payload if one.payload[name] == two.payload[name]}
    assert one.header == two.header
    assert shared == {"iss", "sub", "scope"}
    text = json.dumps(dict(one.payload))
    assert not any(b64(raw) in text for raw in (RECORD, CREDENTIAL, RECORD + CREDENTIAL))
    assert TAG not in text


# Each check carries weight.

WRONG: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "an unknown key": ("kid", lambda: issue(signer=other_key())),
    "no kid": ("kid", lambda: key().sign("at+jwt", parse_compact(issue()).payload, kid="")),
    "kid of another key": ("alg", lambda: key().sign("at+jwt", {}, kid=key("RS256").kid)),
    "kid that is a path": ("kid", lambda: key().sign("at+jwt", {}, kid="../../etc/passwd")),
    "kid that is SQL": ("kid", lambda: key().sign("at+jwt", {}, kid="' OR 1=1 --")),
    "alg none": ("alg", lambda: key().sign("at+jwt", parse_compact(issue()).payload, alg="none")),
    "alg NONE": ("alg", lambda: key().sign("at+jwt", parse_compact(issue()).payload, alg="NONE")),
    "alg HS256": ("alg", lambda: key().sign("at+jwt", parse_compact(issue()).payload, alg="HS256")),
    "an ID token": ("typ", lambda: key().sign("JWT", parse_compact(issue()).payload)),
    "a logout token": ("typ", lambda: key().sign("logout+jwt", parse_compact(issue()).payload)),
    "a proof": ("typ", lambda: key().sign("dpop+jwt", parse_compact(issue()).payload)),
    "typ empty": ("typ", lambda: key().sign("", parse_compact(issue()).payload)),
    "a signature of another key": ("signature", lambda: other_key().sign("at+jwt", _claims(), kid=key().kid)),
    "a signature of zeros": ("signature", lambda: f"{issue().rpartition('.')[0]}.{b64(bytes(64))}"),
    "an embedded key": (
        "malformed",
        lambda: other_key().sign("at+jwt", _claims(), jwk=jwk()),
    ),
    "no jti": ("malformed", lambda: changed(issue(), jti=None)),
    "a jti of nothing": ("jti", lambda: changed(issue(), jti=b64(bytes(73)))),
    "a short jti": ("jti", lambda: changed(issue(), jti="a")),
    "a long jti": ("jti", lambda: changed(issue(), jti="a" * 1000)),
    "a jti of other characters": ("jti", lambda: changed(issue(), jti="." * 98)),
    "the jti of another token": ("jti", lambda: changed(issue(), jti=parse_compact(issue(client="x")).payload["jti"])),
    "another root key": ("jti", lambda: issue(AccessTokens(ISSUER, b"x" * 32))),
    "another client": ("jti", lambda: changed(issue(), client_id="other")),
    "another subject": ("jti", lambda: changed(issue(), sub="u_2")),
    "more scopes": ("jti", lambda: changed(issue(), scope="notes.read profile admin")),
    "a later end": ("jti", lambda: changed(issue(), exp=NOW + 901)),
    "another audience": ("jti", lambda: changed(issue(audience="https://x"), aud=API)),
    "no binding": ("jti", lambda: changed(issue(jkt="k"), cnf=None)),
    "another binding": ("jti", lambda: changed(issue(jkt="k"), cnf={"jkt": "mine"})),
    "a binding where there was none": ("jti", lambda: changed(issue(), cnf={"jkt": "mine"})),
    "a binding without a thumbprint": ("malformed", lambda: changed(issue(), cnf={})),
    "a binding that is no object": ("malformed", lambda: changed(issue(), cnf="k")),
    "an issuer that begins like ours": ("iss", lambda: changed(issue(), iss=ISSUER + ".evil.org")),
    "a part of our issuer": ("iss", lambda: changed(issue(), iss="https://auth.example")),
    "an issuer in a list": ("iss", lambda: changed(issue(), iss=[ISSUER])),
    "another gateway's": ("jti", lambda: issue(AccessTokens("https://other", b"o" * 32))),
    "for another host": ("aud", lambda: issue(audience="https://wiki.example.org")),
    "for a host that begins alike": ("aud", lambda: issue(audience=API + ".evil.org")),
    "for several": ("jti", lambda: changed(issue(), aud=[API, "https://x"])),
    "iat as text": ("malformed", lambda: changed(issue(), iat="1")),
    "no iat": ("malformed", lambda: changed(issue(), iat=None)),
    "exp as text": ("malformed", lambda: changed(issue(), exp=str(NOW + 900))),
    "exp as a fraction": ("jti", lambda: changed(issue(), exp=NOW + 900.5)),
    "two parts": ("malformed", lambda: issue().rpartition(".")[0]),
    "nothing": ("malformed", lambda: ""),
    "no text at all": ("malformed", lambda: "\udcff"),
    "too long": ("malformed", lambda: issue(claims={"long": "x" * 4096})),
}


def _claims() -> Mapping[str, object]:
    return parse_compact(issue()).payload


@pytest.mark.parametrize(("reason", "make"), WRONG.values(), ids=WRONG)
def test_a_token_that_fails_one_check_is_refused_by_its_name(reason: str, make: Callable[[], str]) -> None:
    assert refused(make()) == reason


def test_what_a_token_carries_may_be_read_for_any_audience() -> None:
    text = issue(audience=ISSUER)

    assert TOKENS.read(text, KEYS, None).audience == ISSUER
    assert refused(text) == "aud"  # now that it is remembered
    assert TOKENS.read(text, KEYS, ISSUER).audience == ISSUER


@given(st.integers(0, 2000), st.sampled_from("AZaz09-_."))
def test_no_changed_character_passes(at: int, character: str) -> None:
    text = issue(signer=key("EdDSA"))  # one signature for one message
    at %= len(text)
    other = text[:at] + character + text[at + 1 :]

    assert other == text or refused(other)


@given(st.text(max_size=300))
def test_any_text_is_refused_and_never_crashes(text: str) -> None:
    assert refused(text) == "malformed"


# What is remembered.


def test_a_token_is_read_once_while_the_keys_stay() -> None:
    tokens, text = AccessTokens(ISSUER, b"t" * 32), issue()

    read = tokens.read(text, KEYS, API)

    assert tokens.read(text, KEYS, API) is read
    assert tokens.read(text, dict(KEYS), API) is not read


def test_when_its_key_goes_a_remembered_token_is_refused() -> None:
    tokens, text = AccessTokens(ISSUER, b"t" * 32), issue()
    tokens.read(text, KEYS, API)

    with pytest.raises(TokenRefused, match="kid"):
        tokens.read(text, without_key(key().kid), API)


def without_key(kid: str) -> dict[str, VerificationKey]:
    return {name: one for name, one in KEYS.items() if name != kid}


def test_a_refused_token_is_not_remembered() -> None:
    tokens, kept = AccessTokens(ISSUER, b"t" * 32), issue()
    first: AccessToken = tokens.read(kept, KEYS, API)
    bad = issue().rpartition(".")[0]

    for number in range(MOST_KNOWN + 1):
        with pytest.raises(TokenRefused):
            tokens.read(f"{bad}.{number}", KEYS, API)

    assert tokens.read(kept, KEYS, API) is first


def test_the_digest_is_what_a_proof_names_the_token_by() -> None:
    """RFC 9449 section 4.2, `ath`."""
    text = issue()
    assert TOKENS.read(text, KEYS, API).digest == sha256(text.encode()).digest()


def test_grants_have_credentials_of_their_own() -> None:
    assert grant_credential(b"a" * 16) != grant_credential(b"b" * 16)
    assert len(grant_credential(b"a" * 16)) == 16
