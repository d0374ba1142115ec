"""Owns what the demo reads from the environment: servers that exist already, and binaries to embed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.embedded import Binaries

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class DemoServers:
    """Empty URLs: embed the server."""

    binaries: Binaries
    database_url: str
    owner_url: str
    redis_url: str
    environment: Mapping[str, str]


def demo_servers(environ: Mapping[str, str] = os.environ) -> DemoServers:
    return DemoServers(
        embedded_binaries(environ),
        environ.get("BASTION_DATABASE_URL", ""),
        environ.get("BASTION_DATABASE_OWNER_URL", ""),
        environ.get("BASTION_REDIS_URL", ""),
        dict(environ),
    )


def embedded_binaries(environ: Mapping[str, str] = os.environ, *, caddy: Path | None = None) -> Binaries:
    """BASTION_PG_BIN names a directory, BASTION_VALKEY_BIN and BASTION_CADDY_BIN name files. caddy: instead of it."""

    def named(name: str) -> Path | None:
        return Path(environ[name]) if environ.get(name) else None

    return Binaries(named("BASTION_PG_BIN"), named("BASTION_VALKEY_BIN"), caddy or named("BASTION_CADDY_BIN"))


def postgres_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What Postgres' own programs get: none of our secrets."""
    return {name: value for name, value in environ.items() if name.startswith(("PG", "LC_")) or name in _PASSED_ON}
