"""`bastion signing-key`: the keys that sign tokens."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._ids import TAKES_ID
from gateway.cli._options import with_config
from gateway.cli._times import utc
from gateway.cli._waiting import until_done
from gateway.config import Config
from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.jose.compact import MalformedJose
from gateway.core.jose.keys import SigningKey
from gateway.core.token.signing_keys import KeyRecord
from gateway.flows.keys.key_acts import ALWAYS, KeyActs
from gateway.flows.keys.key_fleet import KeyFleet
from gateway.flows.policy.policy_fleet import Progress
from gateway.resources import Resources, clock
from gateway.stores.files.revoked_keys import remember_revoked

T = TypeVar("T")
_WITHIN_S: Final = 30


@click.group(name="signing-key")
def signing_key() -> None:
    """Show, rotate and retire the keys that sign tokens.

    Bastion makes keys by itself and replaces each one every `jwt.rotate_every`. A new key is published first, signs 11
    minutes later, and stays published for a day after its successor has taken its place.
    """


@signing_key.command("list")
@with_config
def list_(config: Config) -> None:
    """Show all keys, the oldest first: name, algorithm, state, and the times of its life."""
    records = _act(config, lambda acts: acts.records())
    now = clock()
    for record in records:
        click.echo(_line(record, now))
    if not records:
        click.echo("There are no signing keys yet: the first node that starts makes them.")


@signing_key.command()
@click.option("--alg", type=click.Choice(SIGNING_ALGORITHMS), help="Only the key of this algorithm; otherwise of each.")
@with_config
def rotate(config: Config, *, alg: str | None) -> None:
    """Replace keys that nothing is wrong with.

    Tokens of the old key stay good. For a key that somebody may have copied use `retire --compromised`.
    """
    made = _act(config, lambda acts: acts.rotate(alg or ""))
    for event in made:
        click.echo(f"{event.kid}   {event.alg}   signs from {utc(event.active_from)}")
    if not made:
        raise click.ClickException("no key signs with that now; see `bastion signing-key list`")


@signing_key.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--alg", type=click.Choice(SIGNING_ALGORITHMS), help="What an RSA key signs with: RS256 or PS256.")
@with_config
def import_(config: Config, *, file: Path, alg: str | None) -> None:
    """Take a key of your own, or a copy of one that the database has lost.

    FILE is PKCS#8 in PEM: without a passphrase, or encrypted as this node's copies in `jwt.keys_dir` are. The key is
    published at once, signs 11 minutes later, and the key of its algorithm before it retires.
    """
    from gateway.app.keys import key_files_of, revoked_keys_of

    try:
        key = SigningKey.of_pem(file.read_bytes(), key_files_of(config).passphrase, alg or "")
    except MalformedJose as error:
        raise click.ClickException(f"{file}: {error}") from error
    made = _act(config, lambda acts: replace(acts, revoked=revoked_keys_of(config)).adopt(key))
    click.echo(f"{made.kid}   {made.alg}   signs from {utc(made.active_from)}")


@signing_key.command(context_settings=TAKES_ID)
@click.argument("kid")
@click.argument("file", type=click.Path(path_type=Path))
@with_config
def export(config: Config, *, kid: str, file: Path) -> None:
    """Write a copy of a private key into a new FILE. KID is what `bastion signing-key list` shows.

    The copy is PKCS#8 in PEM, encrypted as this node's copies in `jwt.keys_dir` are: under `jwt.keys_passphrase`, or a
    passphrase of the first master key. `bastion signing-key import` takes it on a node with the same. The audit log
    keeps that it was made.
    """
    from gateway.app.keys import key_files_of

    passphrase = key_files_of(config).passphrase
    try:
        file.touch(0o600, exist_ok=False)
    except FileExistsError as error:
        raise click.ClickException(f"{file} exists; name another") from error
    except OSError as error:
        raise click.ClickException(f"{file} can't be written: {error.strerror}") from error
    try:
        file.write_bytes(_act(config, lambda acts: acts.export(kid)).pem(passphrase))
    except BaseException:
        file.unlink()
        raise
    click.echo(f"{file} is {kid}, encrypted.")


@signing_key.command(context_settings=TAKES_ID)
@click.argument("kid")
@click.option("--compromised", is_flag=True, help="Somebody may have the key: accept nothing more that it signed.")
@click.option(
    "--within", "within_s", type=click.IntRange(1, 3600), default=_WITHIN_S, show_default=True, metavar="SECONDS"
)
@with_config
def retire(config: Config, *, kid: str, compromised: bool, within_s: int) -> None:
    """Let a key sign nothing more. KID is what `bastion signing-key list` shows.

    Tokens that it signed stay good for a day. With --compromised they are refused at once: the command ends when all
    workers of the fleet refuse them, or after --within (30 s) with exit status 1 and the names of those that may not.
    It may be repeated.
    """
    if not compromised:
        _act(config, lambda acts: acts.retire(kid))
        click.echo(f"{kid} signs nothing more. It is published for another day.")
        return
    _act(config, lambda acts: acts.compromise(kid))
    directory = config.audit.checkpoint_dir or config.data_dir
    try:
        file = remember_revoked(directory, kid, clock())
    except OSError as error:
        click.echo(
            f"{directory} can't be written ({error.strerror}): a restored database would bring the key back", err=True
        )
    else:
        click.echo(f"{file} remembers it. Copy that file to the same directory of the other nodes.")
    progress = acting(config, lambda resources: _refused_everywhere(resources, kid, within_s))
    if progress.behind:
        lines = "\n  ".join(progress.behind)
        raise click.ClickException(f"{kid} may still be accepted after {within_s} s:\n  {lines}")
    click.echo(f"{kid} is refused by {progress.workers} workers. Another key signs in its place.")


def _act(config: Config, work: Callable[[KeyActs], Awaitable[T]]) -> T:
    def with_keys(resources: Resources) -> Awaitable[T]:
        wanted = ALWAYS | {config.jwt.algorithm}
        return work(KeyActs(resources.acts, lambda: wanted, config.jwt.rotate_every, operator()))

    return acting(config, with_keys)


async def _refused_everywhere(resources: Resources, kid: str, within_s: int) -> Progress:
    """A fleet of no workers accepts nothing, so it is not waited for."""
    fleet = KeyFleet(resources.pool)
    if not (await fleet.progress(kid)).workers:
        return Progress(0, ())
    return await until_done(lambda: fleet.progress(kid), within_s)


def _line(record: KeyRecord, now: int) -> str:
    times = record.times
    parts = [record.kid, record.alg, times.state(now).value, f"made {utc(times.created_at)}"]
    if now < times.active_from:
        parts.append(f"signs from {utc(times.active_from)}")
    if times.compromised_at is not None:
        parts.append(f"compromised {utc(times.compromised_at)}")
    elif times.retire_at is not None and times.gone_after is not None:
        parts.append(f"signs until {utc(times.retire_at)}, published until {utc(times.gone_after)}")
    return "   ".join(parts)
