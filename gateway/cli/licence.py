"""`bastion licence`: who is supported until when. Bastion does the same with any licence and with none."""

import json
from pathlib import Path
from typing import Final

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import moment, utc
from gateway.config import Config
from gateway.core.base64url import b64
from gateway.core.licence import BadLicence, Licence, LicenceState, issue, public_keys_of, read
from gateway.flows.operate.licensing import Licensed
from gateway.resources import clock
from gateway.stores.files.licences import issuing_key, read_licence_file, vendor_keys

_FILE: Final = click.argument("file", type=click.Path(path_type=Path))
_SAID: Final = {
    LicenceState.COMMUNITY: "No licence is installed. All of Bastion works without one.",
    LicenceState.VALID: "The licence is valid.",
    LicenceState.GRACE: "The licence is over, for less than 30 days.",
    LicenceState.EXPIRED: "The licence is over.",
    LicenceState.NOT_YET: "The licence has not begun.",
    LicenceState.BROKEN: "The licence can't be read.",
    LicenceState.CLOCK_BEHIND: "The clock of this machine is a day behind the audit log, so nobody can say.",
}


@click.group("licence")
def licence() -> None:
    """Show who is supported until when.

    A licence is a signed statement that is checked without a network. It turns nothing on or off: all of Bastion works
    without one.
    """


@licence.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def show(config: Config, *, as_json: bool) -> None:
    """Show the licence, its state, and how many people logged in within 30 days."""
    from gateway.app.licence import licensing_of

    found = acting(config, lambda resources: licensing_of(config, resources.acts).show())
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(told(found)))


@licence.command()
@_FILE
@with_config
def verify(config: Config, *, file: Path) -> None:
    """Say what a licence file says, and whose key signed it, without installing it. It needs no database."""
    text, own = read_licence_file(file), public_keys_of(config.licence.public_keys)
    try:
        click.echo(_line(read(text, vendor_keys()), "vendor"))
    except BadLicence:
        click.echo(_line(read(text, own), "licence.public_keys"))


@licence.command()
@_FILE
@with_config
def install(config: Config, *, file: Path) -> None:
    """Install a licence for the whole fleet, in the place of the one before."""
    text = read_licence_file(file)
    from gateway.app.licence import licensing_of

    installed = acting(config, lambda resources: licensing_of(config, resources.acts).install(text, operator()))
    click.echo(f"The licence for {installed.holder} is installed.")


@licence.command("issue")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="A private Ed25519 key in PEM.")
@click.option("--holder", required=True, help="Who is supported.")
@click.option("--people", required=True, type=click.IntRange(0, 1_000_000_000), help="For how many people.")
@click.option("--from", "begin", default="", metavar="TIME", help="When it begins; now if left out.")
@click.option("--until", required=True, metavar="TIME", help="When it is over, such as 2027-12-31.")
def issue_(*, key: Path, holder: str, people: int, begin: str, until: str) -> None:
    """For who gives support: sign a licence and print it. It needs no configuration.

    `openssl genpkey -algorithm ed25519` makes a key. The command prints the public key for `licence.public_keys` on
    standard error.
    """
    signing, now = issuing_key(key), clock()
    begins_at, ends_at = moment(begin, now, "--from") if begin else now, moment(until, now, "--until")
    if ends_at <= begins_at:
        raise click.UsageError("--until is not after the beginning")
    text = issue(signing, Licence(holder, people, begins_at, ends_at))
    public = b64(signing.public_key().public_bytes_raw())
    read(text, public_keys_of([public]))
    click.echo(text)
    click.echo(f"public key: {public}", err=True)


def told(found: Licensed) -> list[str]:
    """In sentences, one a line."""
    line = [] if found.licence is None else [_line(found.licence, found.key)]
    state = _SAID[found.state] + (f" {found.why}" if found.why else "")
    return [state, *line, f"{found.seats} people logged in within 30 days."]


def _line(found: Licence, key: str) -> str:
    signer = "the vendor of this build" if key == "vendor" else "a key of licence.public_keys, which an operator chose"
    period = f"from {utc(found.begins_at)} to {utc(found.ends_at)}"
    return f"{found.holder}, {found.people} people, {period}; signed by {signer}"


def _as_json(found: Licensed) -> dict[str, object]:
    one = found.licence
    return {
        "state": found.state.value,
        "why": found.why,
        "holder": None if one is None else one.holder,
        "people": None if one is None else one.people,
        "begins_at": None if one is None else one.begins_at,
        "ends_at": None if one is None else one.ends_at,
        "signed_by": found.key,
        "seats": found.seats,
    }
