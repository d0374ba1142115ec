"""Runs pg_dump and pg_restore, without a password on a command line that others can read."""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from gateway.core.errors import GatewayError

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_TOLD_BYTES: Final = 2_000


class ToolFailed(GatewayError):
    """pg_dump or pg_restore is too old, or ended with an error; the message has its words."""


@dataclass(frozen=True, slots=True)
class PgTools:
    """directories: where the programs may be, the preferred first. environment: theirs, beside what the URL says."""

    directories: Sequence[Path]
    environment: Mapping[str, str]

    async def for_server(self, major: int) -> "FittingTools":
        """The first that are not older than a server of this version. Raises ToolFailed, with what there is."""
        older = []
        for directory in self.directories:
            found = FittingTools(directory, self.environment)
            version = await found.version()
            if version >= major:
                return found
            older.append(f"{directory / 'pg_dump'} is of version {version or 'unknown'}")
        raise ToolFailed(
            f"{'; '.join(older) or 'there is no pg_dump'}; the server is Postgres {major}. Install a pg_dump that is"
            " not older, or name its directory in BASTION_PG_BIN"
        )


@dataclass(frozen=True, slots=True)
class FittingTools:
    """pg_dump and pg_restore of one directory."""

    directory: Path
    environment: Mapping[str, str]

    async def version(self) -> int:
        """The smaller major version of the two. Raises ToolFailed."""
        told = [await self._run([self.directory / name, "--version"]) for name in ("pg_dump", "pg_restore")]
        found = [_VERSION.search(one.decode(errors="replace")) for one in told]
        return min(0 if one is None else int(one[1]) for one in found)

    async def write_dump(self, url: str, snapshot: str, without: Iterable[str], file: Path) -> None:
        """without: tables whose rows are left out. Raises ToolFailed."""
        left_out = [f"--exclude-table-data=public.{table}" for table in without]
        fixed = ["-Fc", "--schema=public", f"--snapshot={snapshot}", "--no-unlogged-table-data", f"--file={file}"]
        await self._run([self.directory / "pg_dump", f"--dbname={_without_password(url)}", *fixed, *left_out], url)

    async def read_dump(self, url: str, file: Path) -> None:
        """All or nothing. The tables belong to whoever connects, and nobody is granted anything. Raises ToolFailed."""
        fixed = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-acl", "--schema=public"]
        await self._run([self.directory / "pg_restore", f"--dbname={_without_password(url)}", *fixed, file], url)

    async def _run(self, argv: list[str | Path], url: str = "") -> bytes:
        """It ends with us: a dump that nobody waits for would hold its snapshot. Raises ToolFailed."""
        environment = {**self.environment, "PGTARGETSESSIONATTRS": "read-write", **_password(url)}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment
            )
        except OSError as error:
            raise ToolFailed(f"{argv[0]}: {error.strerror}") from error
        try:
            out, told = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise ToolFailed(f"{Path(argv[0]).name} failed: {told[-_TOLD_BYTES:].decode(errors='replace').strip()}")
        return out


def _password(url: str) -> dict[str, str]:
    password = urlsplit(url).password
    return {} if password is None else {"PGPASSWORD": unquote(password)}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))
