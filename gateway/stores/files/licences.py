"""Reads a licence and the keys that it may be signed with. A licence that can't be read changes nothing."""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.core.licence import BadLicence, public_keys_of

LONGEST: Final = 8_192
_KEYS_FILE: Final = Path(__file__).with_name("licence_keys.txt")


def read_licence_file(path: Path) -> str:
    """Raises BadLicence."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
        text = raw.decode("ascii")
    except OSError as error:
        raise BadLicence(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadLicence(f"{path}: is not ASCII text") from error
    if len(raw) > LONGEST:
        raise BadLicence(f"{path}: is longer than {LONGEST} bytes")
    return text


def vendor_keys() -> dict[str, Ed25519PublicKey]:
    """Those of the package, by key_id."""
    lines = _KEYS_FILE.read_text().splitlines()
    return public_keys_of(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def issuing_key(path: Path) -> Ed25519PrivateKey:
    """PEM without passphrase, as `openssl genpkey -algorithm ed25519` makes it. Raises BadLicence."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise BadLicence(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadLicence(f"{path}: is no private key in PEM without passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadLicence(f"{path}: is no Ed25519 key")
    return key
