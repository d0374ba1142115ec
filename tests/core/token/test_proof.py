"""DPoP proofs: from one that is accepted, each check of RFC 9449 section 4.3 is taken away once.

Age, nonce and replay need a clock or a store, and are tested where these are.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.jose.compact import parse_compact
from gateway.core.token import proof as proofs
from gateway.core.token.proof import Proof, ProofRefused, normal_url, read_proof
from tests.core.jose.build import jwk, key, other_key, part, token

URL, NOW = "https://api.example.org/notes", 1_800_000_000
ATH = sha256(b"token").digest()
CLAIMS: Final[dict[str, object]] = {"jti": "once", "htm": "GET", "htu": URL, "iat": NOW, "ath": b64(ATH)}


def proof(alg: str = "ES256", /, typ: str = "dpop+jwt", header: Mapping[str, object] = {}, **claims: object) -> str:
    """A claim or header member of None is left out."""
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    members: dict[str, object] = {"jwk": dict(key(alg).verification.jwk), **header}
    return key(alg).sign(typ, payload, **members)


def read(*lines: str, ath: bytes | None = ATH, jkt: str = "") -> Proof:
    return read_proof(lines, method="GET", url=URL, ath=ath, jkt=jkt)


def refused(*lines: str, ath: bytes | None = ATH, jkt: str = "") -> str:
    with pytest.raises(ProofRefused) as refusal:
        read(*lines, ath=ath, jkt=jkt)
    return refusal.value.reason


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256"])
def test_a_proof_says_whose_it_is(alg: str) -> None:
    found = read(proof(alg, nonce="n"), jkt=key(alg).verification.thumbprint)

    assert found == Proof(key(alg).kid, sha256(b"once").digest()[:16], NOW, "n", b64(ATH))


def test_the_newer_name_of_eddsa_is_the_same_algorithm() -> None:
    assert read(proof("EdDSA", header={"alg": "Ed25519"})).jkt == key("EdDSA").kid


def test_without_an_access_token_no_ath_is_needed() -> None:
    assert read(proof(ath=None), ath=None).ath == ""
    assert read(proof(), ath=None).ath == b64(ATH)
    assert refused(proof(ath=None)) == "ath"


def _with_signature(change: Callable[[bytes], bytes]) -> str:
    good = parse_compact(proof(), embedded_key=True)
    return f"{good.signing_input.decode()}.{b64(change(good.signature))}"


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def _by_another_key() -> str:
    return other_key().sign("dpop+jwt", CLAIMS, jwk=dict(key().verification.jwk))


def _jwk(**members: object) -> str:
    return proof(header={"jwk": jwk(**members)})


WRONG: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    # 4.3-2
    "nothing": ("not three parts", lambda: ""),
    "three empty parts": ("not three parts", lambda: ".."),
    "two parts": ("not three parts", lambda: proof().rpartition(".")[0]),
    "JWE": ("not three parts", lambda: ".".join([part({"alg": "dir", "enc": "A128GCM"}), "", "a", "b", "c"])),
    "JSON serialisation": ("not three parts", lambda: '{"payload":"e30","signatures":[]}'),
    "two joined by a comma": ("not three parts", lambda: f"{proof()},{proof()}"),
    "two joined by a comma and a space": ("longer|not three", lambda: f"{proof()}, {proof()}"),
    "too long": ("longer than 4096", lambda: proof(more="x" * 4096)),
    "a megabyte": ("longer than 4096", lambda: "x" * 1_000_000),
    # 4.3-3
    "no jti": ("jti", lambda: proof(jti=None)),
    "no htm": ("htm", lambda: proof(htm=None)),
    "no htu": ("htu", lambda: proof(htu=None)),
    "no iat": ("iat", lambda: proof(iat=None)),
    "jti empty": ("jti", lambda: proof(jti="")),
    "jti as a number": ("jti", lambda: proof(jti=1)),
    "nonce as a number": ("nonce", lambda: proof(nonce=1)),
    "nonce empty": ("nonce", lambda: proof(nonce="")),
    "ath as a list": ("ath", lambda: proof(ath=[b64(ATH)])),
    # 4.3-4
    "typ JWT": ("typ", lambda: proof(typ="JWT")),
    "an access token": ("typ", lambda: proof(typ="at+jwt")),
    "typ empty": ("typ", lambda: proof(typ="")),
    "no typ": ("typ", lambda: token({"alg": "ES256", "jwk": jwk()}, CLAIMS)),
    # 4.3-5
    "alg none": ("alg", lambda: token({"alg": "none", "typ": "dpop+jwt", "jwk": jwk()}, CLAIMS)),
    "alg HS256": ("alg", lambda: proof(header={"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"k" * 32)}})),
    "alg RS256": ("alg", lambda: proof("RS256")),
    "alg RS1": ("alg", lambda: proof(header={"alg": "RS1"})),
    "alg ES384": ("alg", lambda: proof(header={"alg": "ES384"})),
    "alg of another key type": ("alg", lambda: proof(header={"alg": "PS256"})),
    "RSA of 1024 bits": ("bits", lambda: proof("PS256", header={"jwk": jwk("PS256", n=b64(b"\xff" * 128))})),
    # 4.3-6
    "a signature by another key": ("signature", _by_another_key),
    "a signature of zeros": ("signature", lambda: _with_signature(lambda _: bytes(64))),
    "r = n": ("signature", lambda: _with_signature(lambda old: b"\xff" * 32 + old[32:])),
    "DER": ("signature", lambda: _with_signature(_der)),
    "a short signature": ("signature", lambda: _with_signature(lambda old: old[:-1])),
    "a long signature": ("signature", lambda: _with_signature(lambda old: old + b"\0")),
    # 4.3-7
    "the private key": ("private", lambda: _jwk(d="AAAA")),
    "no jwk": ("no jwk", lambda: key().sign("dpop+jwt", CLAIMS)),
    "jwk as text": ("no jwk", lambda: proof(header={"jwk": "{}"})),
    "jwk as a list": ("no jwk", lambda: proof(header={"jwk": [jwk()]})),
    "a point off the curve": ("no point", lambda: _jwk(y=b64(b"\x01" * 32))),
    "another curve": ("no algorithm", lambda: _jwk(crv="P-384")),
    "kty that does not agree": ("e of the key", lambda: _jwk(kty="RSA")),
    "a huge e": ("longer than 4096|e of the key", lambda: proof("PS256", header={"jwk": jwk("PS256", e="A" * 2000)})),
    "x5u beside it": ("x5u", lambda: proof(header={"x5u": "http://127.0.0.1/"})),
    "jku beside it": ("jku", lambda: proof(header={"jku": "http://127.0.0.1/"})),
    "crit": ("crit", lambda: proof(header={"crit": ["exp"], "exp": 1})),
    # 4.3-8 and 4.3-9
    "another method": ("htm", lambda: proof(htm="POST")),
    "the method in lower case": ("htm", lambda: proof(htm="get")),
    "the method in a list": ("htm", lambda: proof(htm=["GET"])),
    "another host": ("htu", lambda: proof(htu="https://other.example.org/notes")),
    "another path": ("htu", lambda: proof(htu="https://api.example.org/")),
    "another scheme": ("htu", lambda: proof(htu="http://api.example.org/notes")),
    "another port": ("htu", lambda: proof(htu="https://api.example.org:8443/notes")),
    "a trailing slash": ("htu", lambda: proof(htu=URL + "/")),
    "a path in other case": ("htu", lambda: proof(htu="https://api.example.org/Notes")),
    "dot segments": ("htu", lambda: proof(htu="https://api.example.org/x/../notes")),
    "escaped dot segments": ("htu", lambda: proof(htu="https://api.example.org/x/%2e%2e/notes")),
    "an escaped slash": ("htu", lambda: proof(htu="https://api.example.org/%2Fnotes")),
    "a user in front": ("htu", lambda: proof(htu="https://api.example.org@evil.org/notes")),
    "a relative URL": ("htu", lambda: proof(htu="/notes")),
    "a tab inside": ("htu", lambda: proof(htu="https://api.example.org/no\ttes")),
    "a space before": ("htu", lambda: proof(htu=" " + URL)),
    "a line feed after": ("htu", lambda: proof(htu=URL + "\n")),
    "htu as a list": ("htu", lambda: proof(htu=[URL])),
    # 4.3-11, as far as no clock is needed
    "iat as text": ("iat", lambda: proof(iat=str(NOW))),
    "iat as a fraction": ("iat", lambda: proof(iat=NOW + 0.5)),
    "iat negative": ("iat", lambda: proof(iat=-NOW)),
    "iat huge": ("iat", lambda: proof(iat=10**30)),
    "iat infinite": ("number", lambda: token({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk()}, '{"iat":1e400}')),
    # 4.3-12
    "ath of another token": ("ath", lambda: proof(ath=b64(sha256(b"other").digest()))),
    "ath with padding": ("ath", lambda: proof(ath=b64(ATH) + "=")),
    "ath in hex": ("ath", lambda: proof(ath=ATH.hex())),
    "no ath": ("ath", lambda: proof(ath=None)),
}


@pytest.mark.parametrize(("reason", "make"), WRONG.values(), ids=WRONG)
def test_a_proof_that_fails_one_check_is_refused_by_its_name(reason: str, make: Callable[[], str]) -> None:
    assert re.search(reason, refused(make()))


@pytest.mark.parametrize("lines", [(), (proof(), proof())])
def test_no_proof_and_two_are_none(lines: tuple[str, ...]) -> None:
    """4.3-1."""
    assert refused(*lines) == "not exactly one"


def test_a_proof_by_a_key_that_the_token_is_not_bound_to_is_refused() -> None:
    assert refused(proof(), jkt=other_key().kid) == "another key"
    assert read(proof(), jkt=key().kid).jkt == key().kid


@pytest.mark.parametrize(
    "htu",
    [
        URL + "?a=b",
        URL + "#part",
        URL + "?a=b#part?c",
        "HTTPS://API.Example.ORG/notes",
        "https://api.example.org:443/notes",
        "https://api.example.org:/notes",
        "https://api.example.org/%6eotes",
        "https://api.example.org/%6Eotes",
    ],
)
def test_a_url_that_is_the_same_by_rfc_3986_is_accepted(htu: str) -> None:
    assert read(proof(htu=htu)).iat == NOW


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://Localhost:80", "http://localhost/"),
        ("http://localhost:443/", "http://localhost:443/"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        ("https://a/%2f%7e%c3%a4", "https://a/%2F~%C3%A4"),
        ("https://a/..;/b//c/", "https://a/..;/b//c/"),
        ("ftp://a/", None),
        ("https:///a", None),
        ("https://a b/", None),
        ("https://ä/", None),
        ("https://a:123456/", None),
        ("//a/", None),
        ("https:a", None),
        ("https://a\\b/", None),
    ],
)
def test_urls_are_normalised(url: str, normal: str | None) -> None:
    assert normal_url(url) == normal


def test_a_huge_jti_is_kept_short() -> None:
    assert len(read(proof(jti="j" * 2000)).jti) == 16


@given(st.text(max_size=200))
def test_any_text_is_refused_and_never_crashes(text: str) -> None:
    assert refused(text)


@given(st.text(max_size=80))
def test_any_url_is_normal_or_none_and_stays_as_it_is(url: str) -> None:
    normal = normal_url(f"https://a/{url}")

    assert normal is None or normal_url(normal) == normal


@given(st.integers(0, 2000), st.sampled_from("AZaz09-_."))
def test_no_changed_character_passes(at: int, character: str) -> None:
    text = PROOF
    at %= len(text)
    other = text[:at] + character + text[at + 1 :]

    assert other == text or refused(other)


PROOF: Final = proof("EdDSA")


def test_a_header_that_was_read_for_its_key_is_read_again_for_no_other() -> None:
    """What is remembered is the header alone: everything else of the next proof is judged anew."""
    jkt = key().verification.thumbprint
    assert read(proof(), jkt=jkt).jkt == jkt
    head = proof().partition(".")[0]

    assert read(proof(jti="another"), jkt=jkt) != read(proof(), jkt=jkt)
    assert refused(proof(), jkt=other_key().kid) == "another key"
    assert refused(proof(htm="POST"), jkt=jkt) == "htm"
    assert refused(f"{head}.{proof().split('.')[1]}.{b64(bytes(64))}", jkt=jkt) == "signature"
    assert refused(f"{head}..", jkt=jkt) == refused("..", jkt=jkt)
    assert refused(f"{head}.x", jkt=jkt) == refused("a.x", jkt=jkt)
    assert re.search("JSON", refused(f"{head}.{b64(b'{')}.AA", jkt=jkt))


@pytest.mark.parametrize(("padding", "kept"), [(900, True), (960, False)])
def test_only_short_headers_are_remembered(padding: int, kept: bool) -> None:
    """Whoever has one bound token could fill the memory with headers of 4 kB."""
    text = proof(header={"x": "x" * padding})

    read(text, jkt=key().verification.thumbprint)

    head = text.partition(".")[0]
    assert (1_450 < len(head) <= 1_536) is kept
    assert (proofs._HEADS.get(head) is not None) is kept
