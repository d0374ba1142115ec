"""`bastion mail`: whether mail arrives."""

import asyncio

import click

from gateway.app.mail import letterhead_of, transport_of
from gateway.cli._options import with_config
from gateway.config import Config
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.letter import MAIL_ID_BYTES, Mail
from gateway.core.privacy.names import check_email
from gateway.resources import clock, random_bytes


class MailOff(GatewayError):
    """The configuration names no way for mail."""


@click.group()
def mail() -> None:
    """Try the mail server."""


@mail.command()
@click.argument("address")
@with_config
def test(config: Config, *, address: str) -> None:
    """Send a test message to ADDRESS now, past the outbox.

    \b
    bastion mail test ada@example.org

    Exit status 0: the mail server took the message. Exit status 1: it did not, and the reason is printed.
    """  # noqa: D301 - click wants the backspace
    check_email(address)
    if not config.mail.is_on:
        raise MailOff("mail is off: the configuration has neither mail.smtp nor mail.directory")
    message = letterhead_of(config).message(Mail(b64(random_bytes(MAIL_ID_BYTES)), address, MailKind.TEST, clock()))
    asyncio.run(transport_of(config)(message))
    click.echo(f"{config.mail.smtp or config.mail.directory} took the message.")
