"""Which keys may verify, and that each verifies what it signed and nothing else."""

import hmac
import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64, unb64
from gateway.core.jose.algorithms import ALGORITHMS, ASSERTIONS, FAPI2, OURS, PROOFS
from gateway.core.jose.compact import MalformedJose, parse_compact
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.jose.thumbprint import thumbprint
from tests.core.jose.build import jwk, key, other_key, without

NAMES = ["ES256", "EdDSA", "PS256", "RS256"]
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDER_ED25519 = 2**252 + 27742317777372353535851937790883648493
RSA_OF_RFC_7638 = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst"
    "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
    "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


@pytest.mark.parametrize("alg", NAMES)
def test_a_key_verifies_what_it_signed_and_nothing_else(alg: str) -> None:
    read = parse_compact(key(alg).sign("at+jwt", {"sub": "ada"}))
    public = key(alg).verification

    assert (read.alg, read.kid, read.typ) == (alg, public.thumbprint, "at+jwt")
    assert public.verify(alg, read.signing_input, read.signature)
    assert not public.verify(alg, read.signing_input + b"x", read.signature)
    assert not public.verify(alg, read.signing_input, read.signature[:-1] + bytes([read.signature[-1] ^ 1]))
    assert not other_key(alg).verification.verify(alg, read.signing_input, read.signature)
    assert all(not public.verify(other, read.signing_input, read.signature) for other in {*NAMES, "none", ""} - {alg})


@pytest.mark.parametrize("alg", NAMES)
@given(signature=st.binary(max_size=300))
def test_no_bytes_that_were_not_made_with_the_key_are_a_signature(alg: str, signature: bytes) -> None:
    assert not key(alg).verification.verify(alg, b"a.b", signature)


@pytest.mark.parametrize("alg", NAMES)
def test_a_key_that_was_written_is_read_again(alg: str) -> None:
    again = SigningKey.of_pkcs8(key(alg).pkcs8(), alg)

    assert (again.kid, again.verification.jwk) == (key(alg).kid, key(alg).verification.jwk)


@pytest.mark.parametrize(("of", "alg"), [("ES256", "RS256"), ("RS256", "ES256"), ("EdDSA", "ES256"), ("ES256", "none")])
def test_a_private_key_is_not_read_for_an_algorithm_of_another_kind(of: str, alg: str) -> None:
    with pytest.raises(MalformedJose):
        SigningKey.of_pkcs8(key(of).pkcs8(), alg)


def test_a_private_key_of_another_curve_or_length_is_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)
    for private, alg in ((ec.generate_private_key(ec.SECP256K1()), "ES256"), (short, "RS256")):
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(MalformedJose):
            SigningKey.of_pkcs8(der, alg)
    with pytest.raises(MalformedJose):
        SigningKey.of_pkcs8(b"no key", "ES256")


@pytest.mark.parametrize("alg", NAMES)
@pytest.mark.parametrize("passphrase", [b"p" * 16, None], ids=["encrypted", "plain"])
def test_a_key_in_pem_is_read_with_its_passphrase_only(alg: str, passphrase: bytes | None) -> None:
    pem = key(alg).pem(passphrase) if passphrase else plain_pem(key(alg))

    again = SigningKey.of_pem(pem, b"p" * 16, "PS256" if alg == "PS256" else "")

    assert (again.kid, again.alg) == (key(alg).kid, alg)
    if passphrase:
        with pytest.raises(MalformedJose):
            SigningKey.of_pem(pem, b"x" * 16)


@pytest.mark.parametrize("pem", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_in_pem_is_refused(pem: bytes) -> None:
    with pytest.raises(MalformedJose):
        SigningKey.of_pem(pem, b"p" * 16)


def test_a_key_in_pem_of_another_kind_is_refused() -> None:
    curve = ec.generate_private_key(ec.SECP384R1())
    for private in (curve, ed448.Ed448PrivateKey.generate(), rsa.generate_private_key(65537, 1024)):
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(MalformedJose):
            SigningKey.of_pem(pem, b"p" * 16)
    with pytest.raises(MalformedJose):
        SigningKey.of_pem(plain_pem(key()), b"p" * 16, "RS256")


def plain_pem(made: SigningKey) -> bytes:
    return made._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_ed25519_and_eddsa_are_one_algorithm() -> None:
    """RFC 9864: oauth4webapi 3 writes the new name."""
    read = parse_compact(key("EdDSA").sign("dpop+jwt", {}, alg="Ed25519"))
    public = VerificationKey.of_jwk(jwk("EdDSA", alg="Ed25519"), PROOFS)

    assert public.algorithms == {"EdDSA", "Ed25519"}
    assert public.verify(read.alg, read.signing_input, read.signature)
    assert public.verify("EdDSA", read.signing_input, read.signature)


# The examples of the RFCs.


def test_thumbprints_are_those_of_rfc_7638_and_8037() -> None:
    published = {"kty": "RSA", "n": RSA_OF_RFC_7638, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    edwards = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}

    assert VerificationKey.of_jwk(published, OURS).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert VerificationKey.of_jwk(published, OURS).kid == "2011-04-29"
    assert thumbprint({**edwards}) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_signature_of_rfc_7515_appendix_a_3_verifies() -> None:
    published = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    read = parse_compact(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
        "nVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )

    assert VerificationKey.of_jwk(published, OURS).verify("ES256", read.signing_input, read.signature)


def test_the_signature_of_rfc_8037_appendix_a_4_verifies() -> None:
    published = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = unb64("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")

    assert VerificationKey.of_jwk(published, OURS).verify("EdDSA", signed, signature)


# Which JWK is a key.


def _off_curve() -> dict[str, object]:
    return jwk(y=b64(b"\x01" * 32))


def _coordinate_zero() -> dict[str, object]:
    return jwk(x=b64(bytes(32)), y=b64(bytes(32)))


def _modulus(number: int) -> dict[str, object]:
    return jwk("RS256", n=b64(number.to_bytes((number.bit_length() + 7) // 8)))


def _roca(bits: int) -> int:
    """A modulus of the shape of CVE-2017-15361: a power of 65537 modulo the product of the first primes."""
    product = 1
    for prime in [2, *(one for one in range(3, 168, 2) if all(one % less for less in range(3, one, 2)))]:
        product *= prime
    return (1 << (bits - 1)) // product * product + product + pow(65537, 12345, product)


def _other_curve() -> dict[str, object]:
    numbers = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    return jwk(x=b64(numbers.x.to_bytes(32)), y=b64(numbers.y.to_bytes(32)))


REFUSED: dict[str, Mapping[str, object]] = {
    "no kty": without(jwk(), "kty"),
    "kty of another kind": jwk(kty="RSA"),
    "kty oct": {"kty": "oct", "k": b64(b"k" * 32)},
    "kty oct without k": {"kty": "oct"},
    "kty as a list": jwk(kty=["EC"]),
    "kty in lower case": jwk(kty="ec"),
    "kty AKP": {"kty": "AKP", "kid": "new"},
    "no x": without(jwk(), "x"),
    "no y": without(jwk(), "y"),
    "x as a number": jwk(x=1),
    "x too short": jwk(x=b64(b"x" * 31)),
    "x with a zero before": jwk(x=b64(b"\0" + unb64(str(jwk()["x"])))),
    "x with padding": jwk(x=str(jwk()["x"]) + "="),
    "a point off the curve": _off_curve(),
    "a point of another curve": _other_curve(),
    "the point 0, 0": _coordinate_zero(),
    "P-384": jwk(crv="P-384"),
    "P-521": jwk(crv="P-521"),
    "secp256k1": jwk(crv="secp256k1"),
    "no crv": without(jwk(), "crv"),
    "Ed448": jwk("EdDSA", crv="Ed448", x=b64(b"x" * 57)),
    "X25519": jwk("EdDSA", crv="X25519"),
    "Ed25519 as EC": jwk("EdDSA", kty="EC"),
    "RSA of 1024 bits": _modulus((1 << 1023) + 1),
    "RSA of 2047 bits": _modulus((1 << 2046) + 1),
    "RSA of 4097 bits": _modulus((1 << 4096) + 1),
    "RSA of a million bits": _modulus((1 << 1_000_000) + 1),
    "an even modulus": _modulus(1 << 2047),
    "ROCA": _modulus(_roca(2048)),
    "a modulus with a zero before": jwk("RS256", n=b64(b"\0" + unb64(str(jwk("RS256")["n"])))),
    "e of 1": jwk("RS256", e="AQ"),
    "e of 3": jwk("RS256", e="Aw"),
    "e with a zero before": jwk("RS256", e="AAEAAQ"),
    "a huge e": jwk("RS256", e=b64(b"\x01" * 4096)),
    "use enc": jwk(use="enc"),
    "use as a list": jwk(use=["sig"]),
    "key_ops without verify": jwk(key_ops=["sign"]),
    "key_ops empty": jwk(key_ops=[]),
    "key_ops as a string": jwk(key_ops="verify"),
    "alg of another kind": jwk(alg="RS256"),
    "alg of another curve": jwk(alg="ES384"),
    "alg none": jwk(alg="none"),
    "alg as a number": jwk(alg=256),
    "kid empty": jwk(kid=""),
    "kid as a number": jwk(kid=1),
    "kid too long": jwk(kid="k" * 257),
    **{f"private member {name}": jwk(**{name: "AQ"}) for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")},
}


@pytest.mark.parametrize("members", REFUSED.values(), ids=REFUSED)
def test_a_key_that_breaks_a_rule_is_refused(members: Mapping[str, object]) -> None:
    with pytest.raises(MalformedJose):
        VerificationKey.of_jwk(members, OURS)


ACCEPTED = [
    *(jwk(alg) for alg in NAMES),
    jwk(use="sig", key_ops=["verify"], alg="ES256", kid="k", x5t="unused", ext=True),
    _modulus((1 << 2047) + 1),
    _modulus((1 << 4095) + 1),
]


@pytest.mark.parametrize("members", ACCEPTED)
def test_a_key_that_keeps_the_rules_is_read(members: Mapping[str, object]) -> None:
    read = VerificationKey.of_jwk(members, OURS)

    assert read.kid == members.get("kid", read.thumbprint)
    assert set(read.jwk) <= {"kty", "crv", "x", "y", "n", "e"}


@given(st.dictionaries(st.sampled_from([*jwk(), *jwk("RS256"), "use", "alg", "kid", "key_ops"]), st.text() | st.none()))
def test_any_members_are_refused_or_read_and_never_crash(members: dict[str, object]) -> None:
    for base in (jwk(), jwk("EdDSA"), jwk("RS256")):
        with suppress(MalformedJose):
            VerificationKey.of_jwk(base | members, OURS)


SMALL_ORDER = [  # y, little endian, with and without the sign bit; also p and p + 1, which are 0 and 1 again
    0,
    1,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
]


@pytest.mark.parametrize("y", SMALL_ORDER)
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_a_point_of_small_order_is_no_key(y: int, sign: int) -> None:
    with pytest.raises(MalformedJose):
        VerificationKey.of_jwk(jwk("EdDSA", x=b64((y | sign).to_bytes(32, "little"))), OURS)


def test_with_a_key_of_small_order_one_signature_would_fit_every_message() -> None:
    """That the rule is needed: the library beneath takes such a key."""
    neutral = (1).to_bytes(32, "little")
    anyones = ed25519.Ed25519PublicKey.from_public_bytes(neutral)

    for message in (b"one", b"another"):
        anyones.verify(neutral + bytes(32), message)


def test_rs256_is_for_clients_that_do_not_claim_fapi_only() -> None:
    assert VerificationKey.of_jwk(jwk("RS256"), ASSERTIONS).algorithms == {"PS256", "RS256"}
    for use in (FAPI2, PROOFS):
        assert VerificationKey.of_jwk(jwk("RS256"), use).algorithms == {"PS256"}
        with pytest.raises(MalformedJose):
            VerificationKey.of_jwk(jwk("RS256", alg="RS256"), use)


def test_no_algorithm_without_a_key_is_in_the_table() -> None:
    assert {"none", "HS256", "RS1", "ES256K", "RSA1_5", "dir", "PBES2-HS256+A128KW"}.isdisjoint(ALGORITHMS)


# Signatures that once passed somewhere.


def _raw(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


PSYCHIC = [_raw(r, s) for r in (0, 1, ORDER_P256) for s in (0, 1, ORDER_P256)] + [b"\xff" * 64]


@pytest.mark.parametrize("signature", PSYCHIC)
def test_a_psychic_signature_is_none(signature: bytes) -> None:
    """CVE-2022-21449."""
    assert not key().verification.verify("ES256", b"a.b", signature)


def test_an_es256_signature_has_one_form() -> None:
    """Neither DER nor a number beyond the order; s and n - s are both right, so a replay is known by its jti."""
    read = parse_compact(key().sign("JWT", {}))
    public = key().verification
    r, s = int.from_bytes(read.signature[:32]), int.from_bytes(read.signature[32:])
    der = encode_dss_signature(r, s)

    assert public.verify("ES256", read.signing_input, _raw(r, ORDER_P256 - s))
    for signature in (
        der,
        read.signature + b"\0",
        b"\0" + read.signature,
        read.signature[:63],
        read.signature * 2,
        b"",
    ):
        assert not public.verify("ES256", read.signing_input, signature)


def test_an_ed25519_signature_is_canonical() -> None:
    read = parse_compact(key("EdDSA").sign("JWT", {}))
    s = int.from_bytes(read.signature[32:], "little") + ORDER_ED25519

    assert not key("EdDSA").verification.verify(
        "EdDSA", read.signing_input, read.signature[:32] + s.to_bytes(32, "little")
    )


# A public key is never taken for a secret.


def _public_forms() -> list[bytes]:
    public = key("RS256")._key.public_key()
    forms = [
        public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo) for encoding in (Encoding.PEM, Encoding.DER)
    ]
    return [*forms, public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), json.dumps(jwk("RS256")).encode()]


@pytest.mark.parametrize("secret", _public_forms(), ids=["PEM", "DER", "OpenSSH", "JWK"])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(secret: bytes, alg: str) -> None:
    """CVE-2016-10555 and its kin."""
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]

    assert not key("RS256").verification.verify(alg, b"a.b", hmac.digest(secret, b"a.b", digest))
