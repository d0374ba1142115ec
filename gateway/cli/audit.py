"""`bastion audit`: read the audit log, and show whether it is whole."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.cli._options import with_config
from gateway.cli._progress import Progress
from gateway.cli.migrate import require_schema
from gateway.cli.user import utc
from gateway.config import Config
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.entries import Kind
from gateway.core.audit.reference import reference
from gateway.flows.evidence.audit_log import Listed, Verification, list_entries
from gateway.flows.evidence.audit_log import verify as verify_chain
from gateway.flows.people.users import UnknownUser
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


@click.group()
def audit() -> None:
    """Read the audit log, and show whether it is whole."""


@audit.command()
@click.option(
    "--checkpoints",
    "file",
    type=click.Path(path_type=Path),
    help="Your copy of checkpoints.jsonl, from another host; else the one in audit.checkpoint_dir.",
)
@click.option(
    "--public-key",
    "key_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The key that checkpoints must be signed with, as you kept it; repeat it for several nodes."
    " Else the keys beside the checkpoints.",
)
@click.option(
    "--seen",
    type=click.Path(path_type=Path),
    help="Your own file with the newest checkpoint that you saw, made at first use. The log must still have it;"
    " where all is whole, the file then holds the newest of --checkpoints.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def verify(config: Config, *, file: Path | None, key_files: tuple[Path, ...], seen: Path | None, as_json: bool) -> None:
    """Follow the chain from its first entry to its last.

    Exit status 0: nobody has changed, moved or taken out an entry, and the chain still has everything that the
    checkpoints saw. Exit status 1: a fault, with what and where. It changes nothing but the file of --seen.

    Who owns this machine can sign checkpoints anew, so keep copies of them and of the public key on another host.
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


@audit.command("list")
@click.option("--user", "name", help="Of this person: a user name, an e-mail address, or an id.")
@click.option(
    "--kind", type=click.Choice([kind.value for kind in Kind]), help="Of this kind; see `bastion audit kinds`."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, name: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """Show entries, the newest at the end. Personal detail is readable until its person is erased."""
    entries = asyncio.run(_entries(config, name, kind, limit))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in entries], indent=2))
        return
    for one in entries:
        click.echo(_line(one))


@audit.command()
def kinds() -> None:
    """Explain every kind of entry: who acts, what it means, which of its fields are personal."""
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


async def _entries(config: Config, name: str | None, kind: str | None, limit: int) -> list[Listed]:
    vault = make_vault(config)
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        subject = None if name is None else await _user_id(pool, vault, name)
        return await list_entries(pool, vault, subject, kind, limit)


async def _user_id(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, name: str) -> UUID:
    """An id is taken as it is: an erased person has no name any more. Raises UnknownUser."""
    try:
        return UUID(name)
    except ValueError:
        async with transaction(pool) as connection:
            found = await Users(connection, vault).find_by_name(name)
    if found is None:
        raise UnknownUser(f"nobody has the user name or e-mail {name!r}")
    return found.id


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


def _line(one: Listed) -> str:
    who = one.actor or "somebody"
    whom = f" -> {one.subject}" if one.subject and one.subject != one.actor else ""
    words = _words(one.detail) + _words(one.personal)
    unreadable = f"  ({one.unreadable})" if one.unreadable else ""
    return f"{utc(one.at)}  {one.kind:<16}  {_printable(who + whom)}{words}{unreadable}"


def _words(values: Mapping[str, object]) -> str:
    return "".join(f"  {key}={_printable(_text(value))}" for key, value in values.items() if value not in ("", []))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """A stranger chooses their browser's name: nothing in it may speak to the terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
