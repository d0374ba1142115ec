"""`bastion audit verify`: whether the log is whole, in the database or in exported files."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gateway.cli._acting import acting, operator
from gateway.cli._audit_evidence import Evidence, Named
from gateway.cli._options import CONFIG_FILE, DEV, loaded
from gateway.cli._progress import Progress
from gateway.cli._times import utc
from gateway.cli.migrate import require_schema
from gateway.config import Config
from gateway.core.audit.evidence_events import AuditVerified
from gateway.core.audit.restore import Restore
from gateway.flows.evidence.audit_log import Verification
from gateway.flows.evidence.audit_log import verify as verify_chain
from gateway.flows.evidence.cross_check import cross_check
from gateway.flows.evidence.exports import verify_links
from gateway.resources import Resources, clock
from gateway.stores.files.audit_exports import read_exports
from gateway.stores.postgres.database import make_pool

_RESTORED: Final = 3
_OUTCOMES: Final = {0: "whole", 1: "fault", _RESTORED: "restored"}  # of the chain, by exit status


@dataclass(frozen=True, slots=True)
class _Asked:
    """exported: files in place of the database. part: the log goes on outside of them."""

    exported: tuple[Path, ...]
    part: bool


@click.command()
@click.option(
    "--checkpoints",
    "file",
    type=click.Path(path_type=Path),
    help="Your copy of checkpoints.jsonl, from another host, or a directory with those of several nodes."
    " Default: the one in audit.checkpoint_dir.",
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
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Verify files of `bastion audit export` instead of the database. Repeat it for the files of one log.",
)
@click.option("--part", is_flag=True, help="With --export: entries before and after those in the files are elsewhere.")
@click.option(
    "--cross-check",
    "crossed",
    is_flag=True,
    help="Also compare people, factors, keys and clients in the database with what the log tells of them.",
)
@click.option(
    "--accept-restore",
    "accepted",
    metavar="ID",
    multiple=True,
    help="You know of this restore. Repeat it for several.",
)
@click.option("--record", "records", is_flag=True, help="Write the outcome into the audit log, as evidence.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@CONFIG_FILE
@DEV
def verify(
    config_path: Path | None,
    *,
    dev: bool,
    file: Path | None,
    key_files: tuple[Path, ...],
    seen: Path | None,
    exported: tuple[Path, ...],
    part: bool,
    crossed: bool,
    accepted: tuple[str, ...],
    records: bool,
    as_json: bool,
) -> None:
    """Verify the chain from its first entry to its last.

    Exit status 0: nobody has changed, moved or removed an entry, and the chain still has everything that the
    checkpoints cover. Exit status 1: a fault, with its kind and position. Exit status 3: it is whole but for what a
    restore has lost, which --accept-restore accepts. It changes only the file of --seen, and writes what --record asks.

    With --export, the command needs no database, no secret and no configuration.

    An administrator of this machine can sign checkpoints again, so keep copies of them and of the public key on
    another host.
    """
    _refuse_contradiction(exported, part=part, crossed=crossed, records=records)
    config = None if exported else loaded(config_path, dev=dev)
    directory = None if config is None else config.audit.checkpoint_dir
    evidence = Evidence.of(directory, Named(file, key_files, seen))
    verdict = _verdict(config, evidence, _Asked(exported, part))
    differing = asyncio.run(_cross_checked(config)) if crossed and config is not None else []
    if as_json:
        click.echo(json.dumps(_as_json(verdict, evidence, differing), indent=2))
    else:
        for line in _lines(verdict, evidence, differing, pinned=bool(key_files)):
            click.echo(line)
    chain = _status(verdict, accepted)
    status = 1 if differing else chain
    if records and config is not None:
        tables = ("differ" if differing else "same") if crossed else "not_compared"
        _record(config, verdict, _OUTCOMES[chain], tables)
    if status:
        raise SystemExit(status)
    if seen is not None:
        evidence.remember_in(seen, verdict.lost)


def _status(verdict: Verification, accepted: tuple[str, ...]) -> int:
    """What the chain alone gives."""
    if verdict.fault is not None:
        return 1
    return _RESTORED if any(one.id not in accepted for one in verdict.restored) else 0


def _record(config: Config, verdict: Verification, outcome: str, tables: str) -> None:
    event = AuditVerified(None, outcome, tables, verdict.position, verdict.head.hex(), verdict.checkpoints)

    async def work(resources: Resources) -> None:
        async with resources.acts.begin(operator=operator()) as act:
            act.record(event)

    acting(config, work)


def _refuse_contradiction(exported: tuple[Path, ...], *, part: bool, crossed: bool, records: bool) -> None:
    if part and not exported:
        raise click.UsageError("--part goes with --export only")
    if crossed and exported:
        raise click.UsageError("--cross-check needs the database, so it can't go with --export")
    if records and exported:
        raise click.UsageError("--record writes to the database, so it can't go with --export")


def _verdict(config: Config | None, evidence: Evidence, asked: _Asked) -> Verification:
    progress = Progress("entries")
    try:
        if config is None:
            batches = read_exports(list(asked.exported))
            return verify_links(batches, evidence.checkpoints, evidence.restores, part=asked.part)
        return asyncio.run(_in_database(config, evidence, progress))
    finally:
        progress.end()


async def _in_database(config: Config, evidence: Evidence, progress: Progress) -> Verification:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        return await verify_chain(pool, clock(), evidence.checkpoints, progress, evidence.restores)


async def _cross_checked(config: Config) -> list[str]:
    async with make_pool(config.database.url, 1) as pool:
        await require_schema(pool)
        return await cross_check(pool)


def _lines(verdict: Verification, evidence: Evidence, differing: list[str], *, pinned: bool) -> Iterator[str]:
    if verdict.fault is not None:
        yield f"FAULT: {verdict.fault}."
    else:
        yield _whole(verdict)
        yield from map(_about_restore, verdict.restored)
        yield _about_checkpoints(verdict, pinned=pinned)
        for key, position in _unseen(verdict, evidence).items():
            yield f"The log announces a checkpoint key that you do not have: {key}, at position {position}."
    for one in differing:
        yield f"DIFFERS: {one}."


def _about_restore(restore: Restore) -> str:
    first, last = restore.kept.position + 1, restore.lost.position
    lost = f"positions {first} to {last}" if last >= first else f"whatever came from position {first} on"
    return f"But for {lost}, lost by the restore {restore.id} of {utc(restore.time)} from {restore.backup}."


def _unseen(verdict: Verification, evidence: Evidence) -> dict[str, int]:
    """Keys of nodes that are new to whoever verifies."""
    return {key: position for key, position in verdict.announced.items() if key not in evidence.keys}


def _whole(verdict: Verification) -> str:
    if verdict.begun:
        span = f"positions {verdict.begun + 1} to {verdict.position}"
        return f"This part of the audit log is whole: {span}, head {verdict.head.hex()}."
    return f"The audit log is whole: {verdict.position} entries, head {verdict.head.hex()}."


def _about_checkpoints(verdict: Verification, *, pinned: bool) -> str:
    newest = verdict.newest
    if newest is None:
        return "No checkpoint was compared: entries cut off at the end would not show."
    key = "" if pinned else " Their key was not pinned: --public-key takes the one that you kept."
    return (
        f"Checkpoints that agree: {verdict.checkpoints}, up to position {newest.position} of {utc(newest.time)}.{key}"
    )


def _as_json(verdict: Verification, evidence: Evidence, differing: list[str]) -> dict[str, object]:
    newest = verdict.newest
    return {
        "whole": verdict.fault is None,
        "fault": verdict.fault,
        "position": verdict.position,
        "head": verdict.head.hex(),
        "late": verdict.late,
        "checkpoints": verdict.checkpoints,
        "restores": [
            {"id": one.id, "time": one.time, "position": one.kept.position, "lost_to": one.lost.position}
            for one in verdict.restored
        ],
        "unseen_keys": _unseen(verdict, evidence),
        "differing": differing,
        "newest_checkpoint": None if newest is None else {"position": newest.position, "time": newest.time},
    }
