"""Owns the secrets that the dev profile uses where none are given. They are public, so production refuses them."""

import hashlib
from typing import Final


def _known(name: str) -> bytes:
    return hashlib.sha256(f"bastion development {name}".encode()).digest()


DEVELOPMENT_SECRETS: Final = {name: _known(name) for name in ("master_keys", "root_key", "index_key", "peppers")}
DEVELOPMENT_PEPPER: Final = "dev"
