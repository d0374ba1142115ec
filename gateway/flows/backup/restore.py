"""Brings a backup into an empty database, without anything that was taken away since."""

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from gateway.core.audit.admin_events import RoleGranted
from gateway.core.audit.chain import Head
from gateway.core.audit.evidence_events import RestoreFinished
from gateway.core.audit.manifest import Manifest
from gateway.core.audit.restore import Restore
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.act import Act, Acts, RedisBehind
from gateway.flows.backup.backups import Backups, fill_keys
from gateway.flows.backup.closing import Again, Closing, remembered, sweep_redis
from gateway.flows.transaction import transaction
from gateway.stores.files.backups import BackupFiles, check_digest, read_keys
from gateway.stores.files.ledger import Erased, LedgerLine, read_ledger
from gateway.stores.postgres.backups import BackupWriter
from gateway.stores.postgres.migrate import migrations
from gateway.stores.redis.decisions import Functions

_WHY: Final = "restored"
_NEEDED: Final = ("root", "index")


class RestoreRefused(GatewayError):
    """Nothing was restored; the message says why."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """key_file: in place of the backup's own. ledger: None for none."""

    place: Path
    key_file: Path | None
    ledger: Path | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that fits this node. ledger: its lines."""

    files: BackupFiles
    key_file: Path
    manifest: Manifest
    ledger: Sequence[LedgerLine]


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """restore: the record. swept: keys of Redis; None: we can't list them. is_short: the ledger may lack something of
    what was taken away soon after the backup, because it forgets.
    """

    restore: Restore
    again: Again
    swept: int | None
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class Restoring:
    """backups: whose acts are those of the owner of the tables. grants: SQL that gives the serving role what it needs.
    checks: marks of this node's secrets, by name.
    """

    backups: Backups
    grants: str
    checks: Mapping[str, str]
    tag_key: bytes
    functions: Functions

    def check(self, chosen: Chosen) -> Checked:
        """Before anything is written. Raises RestoreRefused, BackupUnusable and LedgerUnusable."""
        files = BackupFiles.of(chosen.place)
        manifest = self.backups.opened(files)
        self._refuse_foreign(manifest)
        check_digest(files.dump, manifest.dump)
        key_file = self._check_keys(chosen.key_file, files, manifest)
        return Checked(files, key_file, manifest, self._ledger(chosen.ledger, manifest))

    async def restore(self, checked: Checked) -> RestoreReport:
        """Raises RestoreRefused where the database is not empty, and what Backups.make raises.

        Until the last transaction commits, the database lacks its migrations: nobody is served from it, and the same
        command begins again.
        """
        acts, manifest = self.backups.acts, checked.manifest
        async with transaction(acts.pool) as connection:
            tools = await self.backups.tools.for_server(connection.get_server_version().major)
            writer = BackupWriter(connection)
            if not await writer.is_empty():
                raise RestoreRefused("the database is not empty: create a new one for the restore")
            await writer.clear()
        await tools.read_dump(self.backups.url, checked.files.dump)
        async with transaction(acts.pool) as connection:
            await connection.execute(self.grants)
        restore = await asyncio.to_thread(self._remember, manifest)
        again = await self._fill(checked, restore)
        is_short = bool(checked.ledger) and manifest.made_at < acts.clock() - self.backups.keep_s
        return RestoreReport(restore, again, await sweep_redis(self.functions), is_short)

    async def _fill(self, checked: Checked, restore: Restore) -> Again:
        """The transaction from which on the database is served."""
        again = Again(0, 0)
        with suppress(RedisBehind):  # what Redis has is removed afterwards, or confirmed within a minute
            async with self.backups.acts.begin(operator=self.backups.operator) as act:
                await fill_keys(act.backup_writer, checked.key_file)
                await act.backup_writer.add_migrations(checked.manifest.migrations)
                again = await Closing(act, self.tag_key, self.backups.operator).close(
                    restore, checked.ledger, checked.manifest.made_at
                )
        return again

    def _refuse_foreign(self, manifest: Manifest) -> None:
        """Raises RestoreRefused."""
        foreign = [
            name
            for name, mark in self.checks.items()
            if name in manifest.key_checks and not hmac.compare_digest(mark, manifest.key_checks[name])
        ]
        foreign += [name for name in manifest.key_checks if name in _NEEDED and name not in self.checks]
        if foreign:
            raise RestoreRefused(f"the backup was made with other secrets: {', '.join(foreign)}")
        known = {one.number: one.name for one in migrations()}
        given = {one.number: one.name for one in manifest.migrations}
        if given != known:
            odd = sorted({*given.values()} ^ {*known.values()})
            raise RestoreRefused(
                f"the backup is of another version, which differs in {', '.join(odd)}: restore it with that version,"
                " then upgrade"
            )

    def _check_keys(self, given: Path | None, files: BackupFiles, manifest: Manifest) -> Path:
        """A later backup's key file is described by that backup. Raises BackupUnusable and RestoreRefused."""
        key_file = given or files.keys
        described = manifest if given is None else self.backups.opened(BackupFiles.of(given))
        check_digest(key_file, described.keys)
        if described.made_at < manifest.made_at:
            raise RestoreRefused(f"{key_file}: is older than the backup, so it has not the keys of all people in it")
        vault = self.backups.acts.vault
        for one in read_keys(key_file):
            if one.table == "user_keys":
                row = json.loads(one.row)
                try:
                    vault.open(UUID(row["user_id"]), bytes.fromhex(row["wrapped"].removeprefix("\\x")))
                except BrokenSeal as error:
                    raise RestoreRefused(f"{key_file}: {error}; configure the master key of that time too") from error
        return key_file

    def _ledger(self, file: Path | None, manifest: Manifest) -> Sequence[LedgerLine]:
        """Raises LedgerUnusable and RestoreRefused."""
        if file is None:
            return ()
        lines = read_ledger(file, self.backups.public_keys())
        erased = sum(isinstance(one, Erased) for one in lines)
        if erased < manifest.erasures:
            raise RestoreRefused(
                f"{file}: has {erased} erasures, and the backup knows of {manifest.erasures}: it is older than the"
                " backup, or of another installation"
            )
        return lines

    def _remember(self, manifest: Manifest) -> Restore:
        """The record is on the disk before the database can be served. Raises OSError and CheckpointsUnusable."""
        kept = Head(manifest.position, bytes.fromhex(manifest.head))
        return remembered(self.backups.node, self.backups.public_keys(), kept, self.backups.acts.clock(), manifest.name)


@dataclass(frozen=True, slots=True)
class Resting:
    """What rests since the last restore: ids of API keys, and roles in the console with the names of who had them."""

    keys: tuple[str, ...]
    roles: tuple[tuple[str, str], ...]


async def list_resting(acts: Acts) -> Resting:
    """Raises RestoreRefused where there was no restore."""
    async with acts.begin() as act:
        keys = tuple(b64(one) for one in await act.restores.resting(await _last(act)))
        roles = [(await act.users.find(one.user_id), one.role) for one in await act.restores.resting_roles()]
    return Resting(keys, tuple((user.username, role) for user, role in roles if user is not None))


async def finish(acts: Acts, operator: str) -> Resting:
    """Wakes them, and says which. Raises RestoreRefused."""
    resting = await list_resting(acts)
    async with acts.begin(operator=operator) as act:
        woken = await act.restores.wake(await _last(act))
        for one in await act.restores.wake_roles():
            act.record(RoleGranted(one.user_id, None, one.role, one.until, _WHY))
        if woken:
            act.record(RestoreFinished(None, tuple(map(b64, woken))))
    return resting


async def _last(act: Act) -> int:
    at = await act.restores.last()
    if at is None:
        raise RestoreRefused("this database was never restored")
    return at
