"""`bastion user`: people, their groups and their logins."""

import json
from dataclasses import replace
from typing import Final

import click

from gateway.cli._options import with_config
from gateway.cli._password import asked, from_stdin
from gateway.cli._people import act
from gateway.cli._times import utc
from gateway.cli._user_erasure import erase, export
from gateway.cli._user_import import import_
from gateway.cli._user_mfa import code, mfa
from gateway.config import Config
from gateway.core.assurance.model import UNKNOWN_RISK, acr_of, amr_values
from gateway.core.assurance.words import proof_words, score_words
from gateway.core.base64url import b64
from gateway.flows.people.account import login_id_of
from gateway.flows.people.users import Newcomer, UserAdmin, check_newcomer
from gateway.stores.postgres.lockouts import Lock
from gateway.stores.postgres.logins import LiveLoginRow
from gateway.stores.postgres.users import UserRow

_PASSWORD: Final = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking twice."
)

_REUSE: Final = click.option(
    "--reuse-name",
    is_flag=True,
    help="Take a user name that was somebody else's in the last three years. Apps may take the one for the other.",
)
_PLACES: Final = {"strange": "devices that are new to them", "known": "a device that they use"}


@click.group()
def user() -> None:
    """Add people, end their access, change their groups and passwords.

    NAME is a user name; all commands but `add` also take an e-mail address. The audit log records each change under
    the name of your account on this machine. The change holds on all nodes when the command returns.
    """


user.add_command(mfa)
user.add_command(code)
user.add_command(erase)
user.add_command(export)
user.add_command(import_)


@user.command()
@click.argument("username", metavar="NAME")
@click.option("--name", default="", help="The display name on pages and in apps.")
@click.option("--email", default="", help="An address that also works as a login name.")
@click.option("--group", "groups", multiple=True, help="Repeat it for more.")
@click.option("--if-absent", is_flag=True, help="Change nothing, and succeed, if NAME exists.")
@_PASSWORD
@_REUSE
@with_config
def add(
    config: Config,
    *,
    username: str,
    name: str,
    email: str,
    groups: tuple[str, ...],
    if_absent: bool,
    password_stdin: bool,
    reuse_name: bool,
) -> None:
    """Add a person.

    \b
    bastion user add ada --name "Ada Lovelace" --email ada@example.org --group staff --group ops
    """  # noqa: D301 - click wants the backspace
    newcomer = Newcomer(username, name, email, groups)
    check_newcomer(newcomer)
    typed = from_stdin() if password_stdin else None
    if if_absent and act(config, lambda admin: admin.has(username)):
        click.echo(f"{username} exists; nothing was changed.")
        return
    password = asked() if typed is None else typed
    if if_absent:
        added = act(config, lambda admin: _reusing(admin, reuse=reuse_name).add_if_absent(newcomer, password))
    else:
        added = bool(act(config, lambda admin: _reusing(admin, reuse=reuse_name).add(newcomer, password)))
    click.echo(f"{username} is added." if added else f"{username} exists; nothing was changed.")


@user.command()
@click.argument("username", metavar="NAME")
@click.option("--email", required=True, help="Where the invitation goes; it also works as a login name.")
@click.option("--name", default="", help="The display name on pages and in apps.")
@click.option("--group", "groups", multiple=True, help="Repeat it for more.")
@_REUSE
@with_config
def invite(config: Config, *, username: str, email: str, name: str, groups: tuple[str, ...], reuse_name: bool) -> None:
    """Add a person who chooses their password by a mailed link.

    The link works once, for links.invitation_s. Run the command again to send another.

    \b
    bastion user invite ada --email ada@example.org --group staff
    """  # noqa: D301 - click wants the backspace
    newcomer = Newcomer(username, name, email, groups)
    added = act(config, lambda admin: _reusing(admin, reuse=reuse_name).invite(newcomer))
    click.echo(f"{username} is added, and invited." if added else f"{username} is invited again.")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def list_(config: Config, *, as_json: bool) -> None:
    """List everybody, the oldest account first."""
    users = act(config, lambda admin: admin.list())
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in users], indent=2))
        return
    for one in users:
        state = "" if one.state == "active" else f"  [{one.state}]"
        click.echo(f"{one.username:<24} {one.email:<32} {','.join(one.groups)}{state}")


@user.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def show(config: Config, *, name: str, as_json: bool) -> None:
    """Show a person, the browsers in which they are logged in, and where they are locked out."""
    shown = act(config, lambda admin: admin.show(name))
    fields = {
        **_as_json(shown.user),
        "logins": [_login_as_json(one) for one in shown.logins],
        "locks": [_lock_as_json(one) for one in shown.locks],
    }
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    one = shown.user
    rows = {"id": str(one.id), "user name": one.username, "name": one.name, "e-mail": one.email,
            "groups": ", ".join(one.groups), "state": one.state}  # fmt: skip
    for key, value in rows.items():
        click.echo(f"{key:<10} {value}")
    for login in shown.logins:
        click.echo(f"{'login':<10} {_seen(login)}")
    for lock in shown.locks:
        place = _PLACES[lock.door.place]
        click.echo(f"{'locked':<10} {lock.door.proving.value} on {place}, until {utc(lock.lockout.until)}")


@user.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def sessions(config: Config, *, name: str, as_json: bool) -> None:
    """Show the logins of a person, one a line, with its id."""
    logins = act(config, lambda admin: admin.show(name)).logins
    if as_json:
        click.echo(json.dumps([_login_as_json(one) for one in logins], indent=2))
        return
    for one in logins:
        click.echo(f"{b64(one.id)}  since {utc(one.created_at)}, {_seen(one)}  {','.join(one.hosts)}")


@user.command("end-sessions")
@click.argument("name")
@click.option("--login", metavar="ID", help="Only this one, as `bastion user sessions` shows it.")
@click.option("--reason", required=True, metavar="TEXT", help="The reason, for the audit log.")
@with_config
def end_sessions(config: Config, *, name: str, login: str | None, reason: str) -> None:
    """End the logins of a person on all hosts. The person may log in again.

    \b
    bastion user end-sessions ada --reason "laptop stolen"
    """  # noqa: D301 - click wants the backspace
    login_id = None if login is None else login_id_of(login)
    if login is not None and login_id is None:
        raise click.UsageError(f"--login {login!r} is not an id; `bastion user sessions` shows the ids")
    ended = act(config, lambda admin: admin.end_sessions(name, login_id, reason))
    click.echo(f"{name}: {ended} {'login' if ended == 1 else 'logins'} ended.")


@user.command()
@click.argument("name")
@click.argument("username", metavar="NEW")
@_REUSE
@with_config
def rename(config: Config, *, name: str, username: str, reuse_name: bool) -> None:
    """Give a person another user name. Their logins go on.

    Policy that names the old user name no longer matches the person. For three years nobody else gets the old one.
    """
    changed = act(config, lambda admin: _reusing(admin, reuse=reuse_name).rename(name, username))
    click.echo(f"{name} is {username} now." if changed else f"{name} was {username} already.")


@user.command()
@click.argument("name")
@click.argument("address")
@with_config
def email(config: Config, *, name: str, address: str) -> None:
    """Give a person another e-mail address; "" for none."""
    changed = act(config, lambda admin: admin.set_email(name, address))
    click.echo(_told(name, "the e-mail address", address, changed=changed))


@user.command("name")
@click.argument("name")
@click.argument("display_name", metavar="TEXT")
@with_config
def name_(config: Config, *, name: str, display_name: str) -> None:
    """Give a person another display name, as pages and apps show it; "" for none."""
    changed = act(config, lambda admin: admin.set_name(name, display_name))
    click.echo(_told(name, "the display name", display_name, changed=changed))


@user.command()
@click.argument("name")
@with_config
def disable(config: Config, *, name: str) -> None:
    """End all logins of a person on all nodes, and refuse new ones."""
    changed = act(config, lambda admin: admin.disable(name))
    click.echo(
        f"{name} is disabled, and logged out everywhere."
        if changed
        else f"{name} was disabled already, and is logged out everywhere."
    )


@user.command()
@click.argument("name")
@with_config
def enable(config: Config, *, name: str) -> None:
    """Let a disabled person log in again."""
    changed = act(config, lambda admin: admin.enable(name))
    click.echo(f"{name} can log in again." if changed else f"{name} was active already.")


@user.command()
@click.argument("name")
@with_config
def unlock(config: Config, *, name: str) -> None:
    """Let a person try again who is locked out after wrong passwords, on all devices."""
    ended = act(config, lambda admin: admin.unlock(name))
    click.echo(
        f"{name}: {ended} {'lock' if ended == 1 else 'locks'} ended." if ended else f"{name} was not locked out."
    )


@user.command("set-password")
@click.argument("name")
@_PASSWORD
@with_config
def set_password(config: Config, *, name: str, password_stdin: bool) -> None:
    """Give a person a new password, and end all their logins."""
    password = from_stdin() if password_stdin else asked()
    act(config, lambda admin: admin.set_password(name, password))
    click.echo(f"{name} has a new password, and is logged out everywhere.")


@user.command()
@click.argument("name", required=False)
@click.option("--set", "replacing", metavar="A,B", help='These and no others; "" for none.')
@click.option("--add", "added", multiple=True, metavar="GROUP", help="Repeat it for more.")
@click.option("--remove", "removed", multiple=True, metavar="GROUP", help="Repeat it for more.")
@with_config
def groups(
    config: Config, *, name: str | None, replacing: str | None, added: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """Change the groups of a person; without options, show them. Without NAME, show all groups.

    \b
    bastion user groups ada --add ops --remove interns
    bastion user groups ada --set staff,ops
    bastion user groups
    """  # noqa: D301 - click wants the backspace
    if name is None:
        if replacing is not None or added or removed:
            raise click.UsageError("--set, --add and --remove need a NAME")
        _show_groups(act(config, lambda admin: admin.list()))
        return
    if replacing is not None and (added or removed):
        raise click.UsageError("--set replaces all groups, so it can't go with --add or --remove")
    if replacing is not None:
        wanted = tuple(one for one in replacing.split(",") if one)
        now = act(config, lambda admin: admin.set_groups(name, wanted))
    elif added or removed:
        now = act(config, lambda admin: admin.change_groups(name, added, removed))
    else:
        now = act(config, lambda admin: admin.show(name)).user.groups
    click.echo(f"{name}: {', '.join(now) or 'no groups'}")


def _reusing(admin: UserAdmin, *, reuse: bool) -> UserAdmin:
    return replace(admin, reuses_names=reuse)


def _show_groups(users: list[UserRow]) -> None:
    """One group a line, with its people."""
    for group in sorted({group for one in users for group in one.groups}):
        members = sorted(one.username for one in users if group in one.groups)
        click.echo(f"{group:<24} {len(members):>5}  {', '.join(members)}")


def _seen(one: LiveLoginRow) -> str:
    """A browser says what it likes of itself: repr, so that it doesn't speak to the terminal."""
    address = one.address or "an unknown address"
    proven, score = proof_words(one.assurance), score_words(one.assurance)
    return (
        f"last seen {utc(one.last_seen_at)} from {address} with {one.user_agent!r}, proven by {proven}, "
        f"risk score {score}"
    )


def _told(name: str, what: str, value: str, *, changed: bool) -> str:
    if not changed:
        return f"{name} had {what} {value} already." if value else f"{name} had no {what.removeprefix('the ')} before."
    return f"{name} has {what} {value} now." if value else f"{name} has no {what.removeprefix('the ')} now."


def _login_as_json(one: LiveLoginRow) -> dict[str, object]:
    return {
        "id": b64(one.id),
        "address": one.address,
        "user_agent": one.user_agent,
        "created_at": one.created_at,
        "last_seen_at": one.last_seen_at,
        "hosts": list(one.hosts),
        "authenticated_at": one.assurance.authenticated_at,
        "mfa_at": one.assurance.mfa_at or None,
        "acr": acr_of(one.assurance),
        "amr": list(amr_values(one.assurance)),
        "risk": None if one.assurance.risk == UNKNOWN_RISK else one.assurance.risk,
    }


def _lock_as_json(one: Lock) -> dict[str, object]:
    return {"proving": one.door.proving.value, "device": one.door.place, "until": one.lockout.until}


def _as_json(one: UserRow) -> dict[str, object]:
    return {
        "id": str(one.id),
        "username": one.username,
        "name": one.name,
        "email": one.email,
        "groups": list(one.groups),
        "state": one.state,
    }
