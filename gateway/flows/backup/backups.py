"""Makes backups whose dump and keys are of one moment, and tries whether one can be restored."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.evidence_events import BackupMade, BackupVerified
from gateway.core.audit.manifest import Manifest, sign_manifest
from gateway.core.errors import GatewayError
from gateway.flows.act import Acts
from gateway.flows.evidence.audit_log import Verification, verify
from gateway.flows.privacy.erasure import NodeFiles
from gateway.flows.transaction import transaction
from gateway.stores.files.backups import (
    BackupDirectory,
    BackupFiles,
    WrappedRow,
    check_digest,
    digest_of,
    key_line,
    open_manifest,
    read_keys,
    unfinished,
    write_manifest,
)
from gateway.stores.files.checkpoints import public_key_files, read_public_keys, signing_key
from gateway.stores.postgres.audit import Chain
from gateway.stores.postgres.backups import APART, KEY_TABLES, BackupReader, BackupWriter
from gateway.stores.postgres.database import connect, make_pool
from gateway.stores.postgres.pg_tools import PgTools

_CONNECT_S: Final = 10.0
_BATCH: Final = 1_000
_NAME_CHARS: Final = 12


class BackupFailed(GatewayError):
    """A backup is not what it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Backed:
    """A backup that is whole. removed: key files that were too old."""

    files: BackupFiles
    manifest: Manifest
    removed: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Backups:
    """url: of the role that reads all of the database, and owns it in a restore. scratch: of an empty database in which
    a backup is tried; "" makes one. node: whose key signs. key_files: public keys that may have signed a backup, beside
    those that lie with the node's checkpoints. keep_s: how long key files stay. operator: who acts.
    """

    acts: Acts
    url: str
    scratch: str
    tools: PgTools
    node: NodeFiles
    key_files: tuple[Path, ...]
    keep_s: int
    operator: str

    async def make(self, directory: Path) -> Backed:
        """Raises BackupUnusable, ToolFailed, CheckpointsUnusable, OSError and RecordUnavailable."""
        place = BackupDirectory(directory)
        with place.held():
            files = place.begin(self.acts.clock())
            key = await asyncio.to_thread(signing_key, self.node.directory, self.node.data_dir)
            manifest = await self._write(files)
            write_manifest(files, sign_manifest(key, manifest), asdict(manifest))
            removed = place.prune(self.acts.clock(), self.keep_s)
        async with self.acts.begin(operator=self.operator) as act:
            act.record(BackupMade(None, files.name, manifest.position, len(removed)))
        return Backed(files, manifest, tuple(removed))

    async def verify(self, place: Path) -> Verification:
        """Into a database of its own, which goes away again. Raises BackupFailed, and what make() raises."""
        files = BackupFiles.of(place)
        manifest = self.opened(files)
        check_digest(files.dump, manifest.dump)
        if files.keys.exists():
            check_digest(files.keys, manifest.keys)
        async with self._empty(files.name) as url:
            found = await self._followed(url, files, manifest)
        async with self.acts.begin(operator=self.operator) as act:
            act.record(BackupVerified(None, files.name, manifest.position))
        return found

    def opened(self, files: BackupFiles) -> Manifest:
        """Signed with a key that is known. Raises BackupUnusable."""
        return open_manifest(files, self.public_keys())

    def public_keys(self) -> dict[str, Ed25519PublicKey]:
        """By key_id. Raises CheckpointsUnusable."""
        return read_public_keys([*public_key_files(self.node.directory), *self.key_files])

    async def _write(self, files: BackupFiles) -> Manifest:
        async with transaction(self.acts.pool, snapshot=True) as connection:
            manifest = await self._described(files.name, connection)
            tools = await self.tools.for_server(manifest.postgres)
            snapshot = await BackupReader(connection).export_snapshot()
            with unfinished(files.dump) as part:
                await tools.write_dump(self.url, snapshot, APART, part)
            with unfinished(files.keys) as part:
                await _write_keys(connection, part)
        dump = await asyncio.to_thread(digest_of, files.dump)
        return replace(manifest, dump=dump, keys=await asyncio.to_thread(digest_of, files.keys))

    async def _described(self, name: str, connection: "PoolConnectionProxy[asyncpg.Record]") -> Manifest:
        """Without digests yet."""
        reader, head = BackupReader(connection), await Chain(connection).head()
        return Manifest(
            name=name,
            made_at=self.acts.clock(),
            position=head.position,
            head=head.hash.hex(),
            erasures=await reader.count_erasures(),
            migrations=await reader.migrations(),
            key_checks=await reader.key_checks(),
            postgres=connection.get_server_version().major,
            dump="",
            keys="",
        )

    @asynccontextmanager
    async def _empty(self, name: str) -> AsyncIterator[str]:
        """Of a database that is empty, and will be again. Raises BackupFailed where the one that is named is not."""
        if self.scratch:
            await _clear(self.scratch)
            try:
                yield self.scratch
            finally:
                await _clear(self.scratch)
            return
        scratch = f"bastion_check_{hashlib.sha256(name.encode()).hexdigest()[:_NAME_CHARS]}"
        admin = await connect(self.url, _CONNECT_S, "bastion backup verify")
        try:
            await admin.execute(f'DROP DATABASE IF EXISTS "{scratch}"')  # of a run that was killed
            await admin.execute(f'CREATE DATABASE "{scratch}" TEMPLATE template0')
            yield database_url(self.url, scratch)
        except asyncpg.InsufficientPrivilegeError as error:
            raise BackupFailed(f"{error}: set backup.scratch_url to an empty database") from error
        finally:
            with suppress(asyncpg.PostgresError):
                await admin.execute(f'DROP DATABASE IF EXISTS "{scratch}" WITH (FORCE)')
            await admin.close()

    async def _followed(self, url: str, files: BackupFiles, manifest: Manifest) -> Verification:
        """The chain of the scratch database ends where the backup says. Raises BackupFailed."""
        tools = await self.tools.for_server(manifest.postgres)
        await tools.read_dump(url, files.dump)
        async with make_pool(url, 2) as pool:
            if files.keys.exists():
                async with transaction(pool) as connection:
                    await fill_keys(BackupWriter(connection), files.keys)
            found = await verify(pool, 0)
        if found.fault is not None:
            raise BackupFailed(f"{files.dump}: {found.fault}")
        if (found.position, found.head.hex()) != (manifest.position, manifest.head):
            raise BackupFailed(f"{files.dump}: its log ends at position {found.position}, not {manifest.position}")
        return found


async def fill_keys(writer: BackupWriter, file: Path) -> None:
    """Raises BackupUnusable, also for a table that is none of keys."""
    rows: list[str] = []
    table = ""
    for row in read_keys(file):
        if row.table not in KEY_TABLES:
            raise BackupFailed(f"{file}: {row.table} is no table of keys")
        if rows and (row.table != table or len(rows) >= _BATCH):
            await writer.add_rows(table, rows)
            rows = []
        table = row.table
        rows.append(row.row)
    if rows:
        await writer.add_rows(table, rows)


async def _clear(url: str) -> None:
    """Raises BackupFailed where there is more than what a try has left."""
    connection = await connect(url, _CONNECT_S, "bastion backup verify")
    try:
        async with connection.transaction():
            writer = BackupWriter(connection)
            if not await writer.is_empty():
                raise BackupFailed("the database of backup.scratch_url is not empty")
            await writer.clear()
    finally:
        await connection.close()


def database_url(url: str, name: str) -> str:
    """Of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))


async def _write_keys(connection: "PoolConnectionProxy[asyncpg.Record]", part: Path) -> None:
    reader = BackupReader(connection)
    with part.open("w") as lines:
        for table in KEY_TABLES:
            async for row in reader.rows(table):
                lines.write(key_line(WrappedRow(table, row)))
