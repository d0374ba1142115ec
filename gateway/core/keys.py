"""Every symmetric key of the product, separate by purpose, derived from the configured secrets."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.base64url import b64

_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """32 bytes each. repr is left out so that no key reaches a log by accident.

    All but blind_index come from the root key, which may be changed (everybody logs in again);
    blind_index has a key of its own, because changing it makes every stored index useless.
    """

    tag: bytes  # user id -> Redis hash tag
    mac: bytes  # tokens
    code: bytes  # hand-off codes: one in a cookie is nobody's token
    child: bytes  # per-host session secrets
    journey: bytes  # the sealed return address of a login
    person: bytes  # person records in Redis
    csrf: bytes  # synchroniser tokens
    challenge: bytes  # WebAuthn challenges
    recovery: bytes  # one-time codes that stand in for a second factor, at rest
    mail_code: bytes  # mailed codes that confirm a login, at rest
    device: bytes  # known-device and last-subject cookies
    lockout: bytes  # where wrong passwords for names that nobody has are counted
    bucket: bytes  # callers whose requests are counted in Redis
    token: bytes  # the record that an access token names secretly
    refresh: bytes  # refresh tokens and their successors
    api_key: bytes  # API keys
    admin_token: bytes  # tokens for the console's API
    nonce: bytes  # DPoP nonces
    interaction: bytes  # the sealed request of an app for sign-in or logout
    pushed: bytes  # the parameters of pushed requests, at rest
    blind_index: bytes  # equality search over sealed columns

    @classmethod
    def derive(cls, root_key: bytes, index_key: bytes) -> "Keys":
        """RFC 5869 HKDF-SHA256 with one label for each purpose; the labels are frozen."""
        return cls(
            tag=_derived(root_key, "tag"),
            mac=_derived(root_key, "mac"),
            code=_derived(root_key, "code"),
            child=_derived(root_key, "child"),
            journey=_derived(root_key, "journey"),
            person=_derived(root_key, "person"),
            csrf=_derived(root_key, "csrf"),
            challenge=_derived(root_key, "challenge"),
            recovery=_derived(root_key, "recovery"),
            mail_code=_derived(root_key, "mail-code"),
            device=_derived(root_key, "device"),
            lockout=_derived(root_key, "lockout"),
            bucket=_derived(root_key, "bucket"),
            token=_derived(root_key, "token"),
            refresh=_derived(root_key, "refresh"),
            api_key=_derived(root_key, "api-key"),
            admin_token=_derived(root_key, "admin-token"),
            nonce=_derived(root_key, "nonce"),
            interaction=_derived(root_key, "interaction"),
            pushed=_derived(root_key, "pushed"),
            blind_index=blind_index_key(index_key),
        )


def blind_index_key(index_key: bytes) -> bytes:
    """As Keys.blind_index. index_key: as configured."""
    return _derived(index_key, "blind-index")


def pem_passphrase(master_key: bytes) -> bytes:
    """Encrypts the copies of signing keys on disk, where no passphrase is configured. master_key: the first one."""
    return b64(_derived(master_key, "pem")).encode()


def _derived(key: bytes, purpose: str) -> bytes:
    info = b"bastion/v1/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)
