"""Owns API keys: `bst_<tag><id><secret><mac>`, 101 characters, and what one may do, sealed for the live copy.

The layout can't change without another prefix: keys are in scripts and in password stores. All parts are base64url of
a fixed length. Without a right MAC a key is nobody's, and no store is asked.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.addresses import Address
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.policy.key_places import KEY_PREFIX
from gateway.core.policy.networks import Network, NetworkSet
from gateway.core.principal.ask import Presented
from gateway.core.remembered import Remembered
from gateway.core.session.tokens import CREDENTIAL_BYTES

KEY_CHARS: Final = 101
KEY_ID_BYTES: Final = 16
SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 12
NEVER: Final = 0xFFFF_FFFF  # as late as a live record can say: the key has no end of its own
_MAC_BYTES: Final = 12
_PREFIX: Final = KEY_PREFIX.decode()
_SHAPE: Final = re.compile(rf"({_PREFIX}([\w-]{{16}})([\w-]{{22}})[\w-]{{43}})([\w-]{{16}})", re.ASCII)
_MOST_KNOWN: Final = 8192


class ForgedTerms(GatewayError):
    """What a key may do was not sealed by us for this key: unknown, so nobody passes."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyTerms:
    """What a key may do at most. hosts: canonical. networks None: from any address."""

    scopes: frozenset[str]
    hosts: frozenset[str]
    networks: NetworkSet | None

    def lets_from(self, address: Address | None) -> bool:
        """address None: not known, so in no network."""
        return self.networks is None or (address is not None and address in self.networks)


class ApiKeys:
    """Two bounded memories of pure functions. Whether a key lives, Redis says."""

    def __init__(self, mac_key: bytes, seal_key: bytes) -> None:
        self._mac_key = mac_key
        self._seal_key = seal_key
        self._known: Final = Remembered[str, Presented](_MOST_KNOWN)
        self._terms: Final = Remembered[tuple[str, str, bytes], KeyTerms](_MOST_KNOWN)

    def mint(self, tag: str, key_id: bytes, secret: bytes) -> str:
        """As mint_key()."""
        return mint_key(self._mac_key, tag, key_id, secret)

    def presented(self, text: str) -> Presented | None:
        """None: not a key of ours. Made-up keys are not remembered, so they push out nobody's."""
        known = self._known.get(text)
        if known is not None:
            return known
        found = read_key(self._mac_key, text)
        if found is None:
            return None
        tag, record = found
        return self._known.keep(text, Presented(tag, record, key_credential(key_hash(text)), "key"))

    def terms(self, presented: Presented, sealed: bytes) -> KeyTerms:
        """Raises ForgedTerms, which is not remembered."""
        asked = (presented.tag, presented.login, sealed)
        found = self._terms.get(asked)
        return self._terms.keep(asked, self._open(*asked)) if found is None else found

    def _open(self, tag: str, record: str, sealed: bytes) -> KeyTerms:
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            text = AESGCM(self._seal_key).decrypt(nonce, body, _place(tag, record))
        except (InvalidTag, ValueError) as error:  # ValueError: too short for a nonce
            raise ForgedTerms("what a key may do was not sealed with this node's key") from error
        said = json.loads(text)
        return terms_of(said["s"], said["h"], said["n"])


def mint_key(mac_key: bytes, tag: str, key_id: bytes, secret: bytes) -> str:
    """secret: SECRET_BYTES random bytes. Also of tokens for the console's API, which have a MAC key of their own."""
    assert len(key_id) == KEY_ID_BYTES
    assert len(secret) == SECRET_BYTES
    body = f"{_PREFIX}{tag}{b64(key_id)}{b64(secret)}"
    return body + _mac(mac_key, body)


def read_key(mac_key: bytes, text: str) -> tuple[str, str] | None:
    """Its tag and its id, as text; None: not one that was made with this MAC key."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    body, tag, record, mac = found.groups()
    return (tag, record) if hmac.compare_digest(_mac(mac_key, body), mac) else None


def seal_terms(seal_key: bytes, presented: Presented, terms: KeyTerms, nonce: bytes) -> bytes:
    """nonce | AES-256-GCM, AAD = the key that it is of: the terms of another one are worth nothing."""
    assert len(nonce) == NONCE_BYTES
    networks = [] if terms.networks is None else [str(one) for one in terms.networks.networks]
    said = {"s": sorted(terms.scopes), "h": sorted(terms.hosts), "n": networks}
    text = json.dumps(said, separators=(",", ":")).encode()
    return nonce + AESGCM(seal_key).encrypt(nonce, text, _place(presented.tag, presented.login))


def terms_of(scopes: Sequence[str], hosts: Sequence[str], networks: Sequence[str]) -> KeyTerms:
    """networks: as str() writes them; none: from any address."""
    where: tuple[Network, ...] = tuple(ip_network(one) for one in networks)
    return KeyTerms(frozenset(scopes), frozenset(hosts), NetworkSet.of(where) if where else None)


def key_hash(text: str) -> bytes:
    """What Postgres keeps of a key, 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def key_credential(hashed: bytes) -> bytes:
    """What the live copy knows a key by."""
    return hashed[:CREDENTIAL_BYTES]


def _mac(mac_key: bytes, body: str) -> str:
    return b64(hmac.digest(mac_key, body.encode(), "sha256")[:_MAC_BYTES])


def _place(tag: str, record: str) -> bytes:
    return b"key\0" + tag.encode() + b"\0" + record.encode()
