"""An operator tries the mail server before people need it."""

from pathlib import Path

from tests.cli.conftest import Bastion
from tests.conftest import Pool
from tests.mail_server import certificate, post_office


async def test_a_test_message_arrives_and_a_failure_gives_its_reason(bastion: Bastion, tmp_path: Path) -> None:
    serves, _, ca = certificate(tmp_path)
    async with post_office(serves) as office:
        to_office = {"BASTION_MAIL_SMTP": f"127.0.0.1:{office.port}", "BASTION_MAIL_FROM": "auth@example.com"}
        sent = await bastion("mail", "test", "ada@example.org", **to_office, SSL_CERT_FILE=str(ca))
        distrusted = await bastion("mail", "test", "ada@example.org", **to_office)
        nonsense = await bastion("mail", "test", "ada", **to_office)
    gone = await bastion("mail", "test", "ada@example.org", **to_office)

    assert (sent.status, sent.out) == (0, f"127.0.0.1:{office.port} took the message.\n")
    assert office.envelopes == [("auth@example.com", ["ada@example.org"])]
    assert (distrusted.status, gone.status, nonsense.status) == (1, 1, 1)
    assert "no certificate that is trusted" in distrusted.err
    assert "can't be reached" in gone.err
    assert "expected something like ada@example.org" in nonsense.err


async def test_without_a_way_for_mail_nothing_is_sent(bastion: Bastion) -> None:
    off = await bastion("mail", "test", "ada@example.org")

    assert (off.status, off.err) == (
        1,
        "Error: mail is off: the configuration has neither mail.smtp nor mail.directory\n",
    )


async def test_an_invited_person_gets_a_link_and_no_password(bastion: Bastion, pool: Pool) -> None:
    office = {"BASTION_MAIL_SMTP": "127.0.0.1:9", "BASTION_MAIL_FROM": "auth@example.com"}
    invite = ("user", "invite", "ada", "--email", "ada@example.org", "--group", "staff")

    off = await bastion(*invite)
    added = await bastion(*invite, **office)
    again = await bastion(*invite, **office)
    other = await bastion("user", "invite", "ada", "--email", "eve@example.org", **office)

    assert (off.status, "needs mail.smtp or mail.directory" in off.err) == (1, True)
    assert (added.out, again.out) == ("ada is added, and invited.\n", "ada is invited again.\n")
    assert (other.status, "belongs to somebody already" in other.err) == (1, True)
    assert await pool.fetchval("SELECT password FROM users") == ""
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE kind = 'mail'") == 2
    assert await pool.fetchval("SELECT count(*) FROM links WHERE kind = 'invitation'") == 2
    assert await pool.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'user_invited'") == 2
