"""Mail goes to the mail server over TLS or not at all, and nobody hears from us whom it was for."""

import asyncio
import ssl
from pathlib import Path
from typing import Literal

import pytest

from gateway.core.mail.kinds import MailKind
from gateway.core.mail.letter import Letterhead, Mail
from gateway.outbound.smtp import MailServer
from gateway.outbound.undelivered import Undeliverable, Undelivered
from tests.mail_server import PASSWORD, USER, certificate, post_office

MAIL = Mail("m1", "ada@example.org", MailKind.TEST, 1_790_000_000)
MESSAGE = Letterhead("Bastion", "auth@example.com", "https://auth.example.com").message(MAIL)


def server(
    port: int,
    security: Literal["starttls", "tls", "none"] = "starttls",
    trust: ssl.SSLContext | None = None,
    password: str = "",
    timeout_s: float = 10,
) -> MailServer:
    user = USER if password else ""
    return MailServer("127.0.0.1", port, security, user, password, timeout_s, "auth.example.com", trust)


async def test_a_server_with_starttls_gets_the_message_encrypted_and_after_the_login(tmp_path: Path) -> None:
    serves, trust, _ = certificate(tmp_path)
    async with post_office(serves, with_login=True) as office:
        await server(office.port, trust=trust, password=PASSWORD).send(MESSAGE)

    assert office.encrypted == [True]
    assert office.envelopes == [("auth@example.com", ["ada@example.org"])]
    assert office.letters[0]["Message-ID"] == "<m1@example.com>"


async def test_a_server_with_tls_from_the_first_byte_gets_the_message(tmp_path: Path) -> None:
    serves, trust, _ = certificate(tmp_path)
    async with post_office(serves, starttls=False) as office:
        await server(office.port, "tls", trust).send(MESSAGE)

    assert len(office.letters) == 1


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with post_office(None) as office:
        with pytest.raises(Undelivered) as refused:
            await server(office.port).send(MESSAGE)
        await server(office.port, "none").send(MESSAGE)

    assert f"127.0.0.1:{office.port} can't be used with mail.security starttls" in str(refused.value)
    assert len(office.letters) == 1, "the one in clear text to this machine"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(
    tmp_path: Path, security: Literal["starttls", "tls"]
) -> None:
    serves, _, _ = certificate(tmp_path)
    async with post_office(serves, starttls=security == "starttls") as office:
        with pytest.raises(Undelivered) as refused:
            await server(office.port, security, ssl.create_default_context()).send(MESSAGE)

    assert "no certificate that is trusted" in str(refused.value)
    assert office.letters == []


async def test_a_wrong_password_is_the_operators_to_mend_so_the_message_is_not_dead(tmp_path: Path) -> None:
    serves, trust, _ = certificate(tmp_path)
    async with post_office(serves, with_login=True) as office:
        with pytest.raises(Undelivered) as refused:
            await server(office.port, trust=trust, password="wrong").send(MESSAGE)

    assert not isinstance(refused.value, Undeliverable)
    assert "refused mail.user and mail.password: 535 5.7.8" in str(refused.value)
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    ("recipient", "data", "dead", "why"),
    [
        ("550 5.1.1 <ada@example.org> is nobody", "", True, "the mail server refused the recipient: 550 5.1.1"),
        ("450 4.2.1 <ada@example.org> try later", "", False, "the mail server refused the recipient: 450 4.2.1"),
        ("", "554 ada@example.org wants none", True, "the mail server refused the message: 554"),
        ("", "451 4.7.1 greylisted ada@example.org", False, "the mail server refused the message: 451 4.7.1"),
    ],
)
async def test_a_refusal_for_good_is_told_from_one_for_now_and_neither_names_the_recipient(
    recipient: str, data: str, *, dead: bool, why: str
) -> None:
    async with post_office() as office:
        office.recipient, office.data = recipient, data
        with pytest.raises(Undelivered) as refused:
            await server(office.port, "none").send(MESSAGE)

    assert isinstance(refused.value, Undeliverable) is dead
    assert str(refused.value) == why


async def test_a_server_that_hangs_or_is_not_there_is_given_up() -> None:
    async with post_office() as office:
        office.hang = True
        with pytest.raises(Undelivered) as hung:
            await server(office.port, "none", timeout_s=0.3).send(MESSAGE)
    with pytest.raises(Undelivered) as gone:
        await server(office.port, "none").send(MESSAGE)

    assert "did not answer within 0.3 s" in str(hung.value)
    assert "can't be reached" in str(gone.value)


async def test_what_is_no_mail_server_is_given_up() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as babbler:
        with pytest.raises(Undelivered):
            await server(babbler.sockets[0].getsockname()[1], "none").send(MESSAGE)
