"""Owns which public keys are fit to verify with: read from a JWK, or refused by the name of the rule."""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.core.base64url import unb64_strict
from gateway.core.jose.compact import MalformedJose

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
RSA_BITS: Final = range(2048, 4097)
_COORDINATE_BYTES: Final = 32
_EXPONENT: Final = "AQAB"  # 65537
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_REQUIRED: Final = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
# CVE-2017-15361 (ROCA): such a modulus is a power of 65537 modulo each of these; a sound one is with 1 in 2^27.
_ROCA_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA: Final = tuple((prime, frozenset(pow(65537, power, prime) for power in range(prime))) for prime in _ROCA_PRIMES)
_FIELD: Final = 2**255 - 19
_ORDER_8_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The y of all points of order 1, 2, 4 and 8: with such a key one signature fits every message.
_SMALL_ORDER_Y: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})


def required_members(jwk: Mapping[str, object]) -> dict[str, str]:
    """What the key consists of, in the order of RFC 7638. Raises MalformedJose, also if it brings a private part."""
    refuse_private(jwk)
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _REQUIRED:
        raise MalformedJose("kty is none of EC, OKP, RSA")
    members = {}
    for name in _REQUIRED[kty]:
        value = jwk.get(name)
        if not isinstance(value, str):
            raise MalformedJose(f"{name} of the key is not a string")
        members[name] = value
    return members


def refuse_private(jwk: Mapping[str, object]) -> None:
    """Raises MalformedJose: who publishes such a key has lost it."""
    if _PRIVATE & jwk.keys():
        raise MalformedJose("the key has a private member")


def read_public_key(members: Mapping[str, str]) -> PublicKey:
    """members: of required_members, with a kty and crv of the table of algorithms. Raises MalformedJose."""
    match members["kty"]:
        case "EC":
            return _p256(_coordinate(members, "x"), _coordinate(members, "y"))
        case "OKP":
            return _ed25519(_coordinate(members, "x"))
        case _:
            return _rsa(members)


def _p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
    try:
        return numbers.public_key()
    except ValueError as error:
        raise MalformedJose("the key is no point of its curve") from error


def _ed25519(x: bytes) -> ed25519.Ed25519PublicKey:
    y = int.from_bytes(x, "little") & (1 << 255) - 1
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise MalformedJose("the key is a point of small order, or not canonical")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    except ValueError as error:
        raise MalformedJose("the key is no point of its curve") from error


def _rsa(members: Mapping[str, str]) -> rsa.RSAPublicKey:
    if members["e"] != _EXPONENT:
        raise MalformedJose("e of the key is not 65537")
    if len(members["n"]) > RSA_BITS.stop:  # characters: several times what is allowed, and cheap to see
        raise MalformedJose("the RSA key is too long")
    raw = _bytes(members, "n")
    modulus = int.from_bytes(raw)
    if raw[:1] == b"\0" or modulus.bit_length() not in RSA_BITS:
        raise MalformedJose(f"the RSA key has not {RSA_BITS.start} to {RSA_BITS.stop - 1} bits")
    if modulus % 2 == 0 or all(modulus % prime in powers for prime, powers in _ROCA):
        raise MalformedJose("the RSA key is weak (even, or CVE-2017-15361)")
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def _coordinate(members: Mapping[str, str], name: str) -> bytes:
    raw = _bytes(members, name)
    if len(raw) != _COORDINATE_BYTES:
        raise MalformedJose(f"{name} of the key has not {_COORDINATE_BYTES} bytes")
    return raw


def _bytes(members: Mapping[str, str], name: str) -> bytes:
    try:
        return unb64_strict(members[name])
    except ValueError as error:
        raise MalformedJose(f"{name} of the key is not base64url") from error
