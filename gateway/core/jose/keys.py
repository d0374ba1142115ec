"""Owns keys that sign and verify tokens: what a key may be used for is fixed when it is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from gateway.core.base64url import b64
from gateway.core.jose.algorithms import ALGORITHMS, OF_KEY, same_algorithm
from gateway.core.jose.compact import MalformedJose
from gateway.core.jose.public_keys import RSA_BITS, PublicKey, read_public_key, required_members
from gateway.core.jose.thumbprint import thumbprint

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_LONGEST_KID: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """A public key. kid: the JWK's, else the thumbprint. jwk: only the members that RFC 7638 hashes."""

    kid: str
    algorithms: frozenset[str]
    jwk: Mapping[str, str]
    thumbprint: str
    _key: PublicKey

    @classmethod
    def of_jwk(cls, jwk: Mapping[str, object], use: frozenset[str]) -> "VerificationKey":
        """use: one of the sets of core/jose/algorithms. Raises MalformedJose."""
        members = required_members(jwk)
        algorithms = _algorithms(jwk, members) & use
        if not algorithms:
            raise MalformedJose("the key fits no algorithm that is allowed here")
        if jwk.get("use", "sig") != "sig":
            raise MalformedJose("use of the key is not sig")
        operations = jwk.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            raise MalformedJose("key_ops of the key has no verify")
        name = thumbprint(members)
        kid = jwk.get("kid", name)
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
            raise MalformedJose(f"kid of the key is not a string of 1 to {_LONGEST_KID} characters")
        return cls(kid, algorithms, members, name, read_public_key(members))

    def verify(self, alg: str, signing_input: bytes, signature: bytes) -> bool:
        """False too for an algorithm that is not this key's."""
        return alg in self.algorithms and ALGORITHMS[alg].verify(signing_input, self._key, signature)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SigningKey:
    """A private key for one algorithm. kid: the thumbprint. repr is left out so that no key reaches a log."""

    kid: str
    alg: str
    verification: VerificationKey
    _key: PrivateKey

    @classmethod
    def generate(cls, alg: str) -> "SigningKey":
        """Draws from the system's randomness, which no caller can hand over: core's only function that does."""
        key: PrivateKey
        match alg:
            case "ES256":
                key = ec.generate_private_key(ec.SECP256R1())
            case "EdDSA":
                key = ed25519.Ed25519PrivateKey.generate()
            case _:
                assert alg in ("PS256", "RS256")
                key = rsa.generate_private_key(65537, RSA_BITS.start)
        return cls._of(key, alg)

    @classmethod
    def of_pkcs8(cls, der: bytes, alg: str) -> "SigningKey":
        """der: as pkcs8() made it, and sealed since; whether RSA's factors are primes, which takes 40 ms, is not tried
        again. Raises MalformedJose, also where the key is not of alg's kind.
        """
        try:
            key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise MalformedJose("not a PKCS#8 private key") from error
        if not isinstance(key, PrivateKey):
            raise MalformedJose("not a private key of EC, Ed25519 or RSA")
        return cls._of(key, alg)

    @classmethod
    def of_pem(cls, pem: bytes, passphrase: bytes, alg: str = "") -> "SigningKey":
        """PKCS#8, encrypted under the passphrase or not at all. alg "": what the key's kind signs with, RS256 for RSA.

        Raises MalformedJose.
        """
        try:
            key = _loaded(pem, passphrase)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedJose("not a private key in PEM, or under another passphrase") from error
        match key:
            case ec.EllipticCurvePrivateKey():
                return cls._of(key, alg or "ES256")
            case ed25519.Ed25519PrivateKey():
                return cls._of(key, alg or "EdDSA")
            case rsa.RSAPrivateKey():
                return cls._of(key, alg or "RS256")
            case _:
                raise MalformedJose("not a private key of EC, Ed25519 or RSA")

    def pkcs8(self) -> bytes:
        """DER, not encrypted."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def pem(self, passphrase: bytes) -> bytes:
        """PKCS#8 in PEM, encrypted."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))

    def sign(self, typ: str, payload: Mapping[str, object], **header: object) -> str:
        """A JWS in compact serialisation; header: members beside alg, typ and kid, or in their place."""
        head = {"alg": self.alg, "typ": typ, "kid": self.kid} | header
        signing_input = f"{_part(head)}.{_part(payload)}"
        signature = ALGORITHMS[self.alg].sign(signing_input.encode(), self._key)
        return f"{signing_input}.{b64(signature)}"

    @classmethod
    def _of(cls, key: PrivateKey, alg: str) -> "SigningKey":
        verification = VerificationKey.of_jwk(_jwk(key.public_key()), same_algorithm(alg))
        return cls(verification.kid, alg, verification, key)


def _loaded(pem: bytes, passphrase: bytes) -> PrivateKeyTypes:
    """Raises ValueError."""
    try:
        return load_pem_private_key(pem, passphrase)
    except TypeError:  # it is not encrypted
        return load_pem_private_key(pem, None)


def _algorithms(jwk: Mapping[str, object], members: Mapping[str, str]) -> frozenset[str]:
    fitting = OF_KEY.get((members["kty"], members.get("crv", "")), frozenset[str]())
    if "alg" not in jwk:
        return fitting
    alg = jwk["alg"]
    return fitting & (same_algorithm(alg) if isinstance(alg, str) else frozenset())


def _jwk(key: PublicKey) -> dict[str, object]:
    match key:
        case ec.EllipticCurvePublicKey():
            numbers = key.public_numbers()
            size = (key.curve.key_size + 7) // 8
            curve = "P-256" if isinstance(key.curve, ec.SECP256R1) else key.curve.name
            return {"kty": "EC", "crv": curve, "x": b64(numbers.x.to_bytes(size)), "y": b64(numbers.y.to_bytes(size))}
        case ed25519.Ed25519PublicKey():
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}
        case _:
            modulus = key.public_numbers()
            return {"kty": "RSA", "n": b64(_whole(modulus.n)), "e": b64(_whole(modulus.e))}


def _whole(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _part(members: Mapping[str, object]) -> str:
    return b64(json.dumps(dict(members), ensure_ascii=False, separators=(",", ":")).encode())
