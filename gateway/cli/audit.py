"""`bastion audit`: read the audit log, and show whether it is whole."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.cli._audit_entries import line, whole
from gateway.cli._options import with_config
from gateway.cli._progress import Progress
from gateway.cli._times import utc
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.config.values import parse_duration
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.entries import Kind
from gateway.core.audit.reference import reference
from gateway.flows.evidence.audit_entries import Listed, Tail, find_entry, list_entries
from gateway.flows.evidence.audit_log import Verification
from gateway.flows.evidence.audit_log import verify as verify_chain
from gateway.flows.transaction import transaction
from gateway.resources import clock, make_vault
from gateway.stores.files.checkpoints import (
    FILE_NAME,
    CheckpointsUnusable,
    public_key_files,
    read_checkpoints,
    read_public_keys,
    remember,
)
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault

_LOOK_S: Final = 0.5


@click.group()
def audit() -> None:
    """Read the audit log, and verify that nobody changed it."""


@audit.command()
@click.option(
    "--checkpoints",
    "file",
    type=click.Path(path_type=Path),
    help="Your copy of checkpoints.jsonl, from another host. Default: the one in audit.checkpoint_dir.",
)
@click.option(
    "--public-key",
    "key_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Your copy of the key that must have signed the checkpoints. Repeat it for several nodes."
    " Default: the keys beside the checkpoints.",
)
@click.option(
    "--seen",
    type=click.Path(path_type=Path),
    help="Your own file with the newest checkpoint that you have seen. The first run creates it. The log must still"
    " have that checkpoint. After success, the file holds the newest of --checkpoints.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def verify(config: Config, *, file: Path | None, key_files: tuple[Path, ...], seen: Path | None, as_json: bool) -> None:
    """Verify the chain from its first entry to its last.

    Exit status 0: nobody has changed, moved or removed an entry, and the chain still has everything that the
    checkpoints cover. Exit status 1: a fault, with its kind and position. It changes only the file of --seen.

    An administrator of this machine can sign checkpoints again, so keep copies of them and of the public key on
    another host.
    """
    evidence = _evidence(config, file, key_files, seen)
    verdict = asyncio.run(_verdict(config, evidence.checkpoints))
    if as_json:
        click.echo(json.dumps(_as_json(verdict), indent=2))
    elif verdict.fault is None:
        click.echo(f"The audit log is whole: {verdict.position} entries, head {verdict.head.hex()}.")
        click.echo(_about_checkpoints(verdict, pinned=bool(key_files)))
    else:
        click.echo(f"FAULT: {verdict.fault}.")
    if verdict.fault is not None:
        raise SystemExit(1)
    if seen is not None:
        evidence.remember_in(seen)


_USER: Final = click.option("--user", "name", help="Only of this person: a user name, an e-mail address, or an id.")
_KIND: Final = click.option(
    "--kind", type=click.Choice([kind.value for kind in Kind]), help="Only of this kind, see `bastion audit kinds`."
)


@audit.command("list")
@_USER
@_KIND
@click.option(
    "--since", metavar="WHEN", help="Only since then: `2h` or `7d` ago, or a time in UTC such as 2026-01-31T08:00."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, name: str | None, kind: str | None, since: str | None, limit: int, as_json: bool) -> None:
    """Show entries, one a line, the newest last. Personal details are readable until the person is erased.

    `bastion audit show ID` shows details that are too long for a line.
    """
    begin = 0 if since is None else _since(since, clock())
    entries = asyncio.run(_entries(config, name, kind, limit, begin))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in entries], indent=2))
        return
    for one in entries:
        click.echo(line(one))


@audit.command()
@click.argument("entry_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def show(config: Config, *, entry_id: int, as_json: bool) -> None:
    """Show a whole entry, with the details that `list` leaves out."""
    entry = asyncio.run(_entry(config, entry_id))
    click.echo(json.dumps(asdict(entry), indent=2) if as_json else whole(entry))


@audit.command()
@_USER
@_KIND
@click.option("--limit", type=click.IntRange(0, 100_000), default=10, show_default=True, help="How many to show first.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object a line.")
@with_config
def tail(config: Config, *, name: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """Show the newest entries, then each new one within a second, until you interrupt it."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(config, name, kind, limit, lambda one: json.dumps(asdict(one)) if as_json else line(one)))


@audit.command()
def kinds() -> None:
    """Explain every kind of entry: who acts, its meaning, its fields, which of them are personal."""
    click.echo(reference(), nl=False)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Checkpoints of the source, those seen before, and the keys that signed them. source None: there are none."""

    source: Path | None
    keys: dict[str, Ed25519PublicKey]
    found: list[Checkpoint]
    seen: list[Checkpoint]

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return list(dict.fromkeys([*self.seen, *self.found]))

    def remember_in(self, file: Path) -> None:
        """Raises CheckpointsUnusable."""
        assert self.source is not None
        newest = max(self.checkpoints, key=lambda one: one.position)
        if newest in self.seen:
            return
        try:
            remember(file, self.source, newest, self.keys)
        except OSError as error:
            raise CheckpointsUnusable(f"{file}: {error.strerror}") from error


def _evidence(config: Config, file: Path | None, key_files: tuple[Path, ...], seen: Path | None) -> _Evidence:
    """None where the configuration names no place, or nothing has been written there yet."""
    directory = config.audit.checkpoint_dir
    usual = None if directory is None else directory / FILE_NAME
    source = file or usual
    if source is None or (file is None and not source.exists()):
        if key_files or seen:
            raise CheckpointsUnusable(
                "there are no checkpoints for --public-key or --seen; name a file with --checkpoints"
            )
        return _Evidence(None, {}, [], [])
    keys = read_public_keys(list(key_files) or public_key_files(source.parent))
    found = read_checkpoints(source, keys)
    if not found:
        raise CheckpointsUnusable(f"{source}: holds no checkpoint")
    return _Evidence(source, keys, found, _seen_before(seen, keys))


def _seen_before(file: Path | None, keys: dict[str, Ed25519PublicKey]) -> list[Checkpoint]:
    if file is None or not file.exists():
        return []
    seen = read_checkpoints(file, keys)
    if not seen:
        raise CheckpointsUnusable(f"{file}: holds no checkpoint")
    return seen


async def _verdict(config: Config, checkpoints: list[Checkpoint]) -> Verification:
    progress = Progress("entries")
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        try:
            return await verify_chain(pool, clock(), checkpoints, progress)
        finally:
            progress.end()


def _since(text: str, now: int) -> int:
    """In Unix seconds."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise click.UsageError(f"--since {text!r}: write 30m, 2h or 7d, or a time such as 2026-01-31T08:00") from None


async def _entries(config: Config, name: str | None, kind: str | None, limit: int, since: int) -> list[Listed]:
    vault = make_vault(config)
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        subject = None if name is None else await _user_id(pool, vault, name)
        return await list_entries(pool, vault, subject, kind, limit, since=since)


async def _entry(config: Config, entry_id: int) -> Listed:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        return await find_entry(pool, make_vault(config), entry_id)


async def _follow(
    config: Config, name: str | None, kind: str | None, limit: int, shown: Callable[[Listed], str]
) -> None:
    vault = make_vault(config)
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        subject = None if name is None else await _user_id(pool, vault, name)
        followed = Tail(pool, vault, subject, kind, clock)
        entries = await followed.begin(limit)
        while True:
            for one in entries:
                click.echo(shown(one))
            await asyncio.sleep(_LOOK_S)
            entries = await followed.next()


async def _user_id(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, name: str) -> UUID:
    """An id is taken as it is: an erased person has no name any more. Raises UnknownUser."""
    try:
        return UUID(name)
    except ValueError:
        async with transaction(pool) as connection:
            return (await Users(connection, vault).named(name)).id


def _about_checkpoints(verdict: Verification, *, pinned: bool) -> str:
    newest = verdict.newest
    if newest is None:
        return "No checkpoint was compared: entries cut off at the end would not show."
    key = "" if pinned else " Their key was not pinned: --public-key takes the one that you kept."
    return (
        f"Checkpoints that agree: {verdict.checkpoints}, up to position {newest.position} of {utc(newest.time)}.{key}"
    )


def _as_json(verdict: Verification) -> dict[str, object]:
    newest = verdict.newest
    return {
        "whole": verdict.fault is None,
        "fault": verdict.fault,
        "position": verdict.position,
        "head": verdict.head.hex(),
        "late": verdict.late,
        "checkpoints": verdict.checkpoints,
        "newest_checkpoint": None if newest is None else {"position": newest.position, "time": newest.time},
    }
