"""Mail is off unless a way for it is named, and never leaves this machine in clear text."""

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.config.describe import settings_lines
from tests.config.test_load import GOOD, problems, written

SMTP = {"smtp": "smtp.example.com:587", "from": "auth@example.com", "user": "bastion", "password": "s3cret"}


def test_mail_is_off_unless_it_has_a_way(tmp_path: Path) -> None:
    off = load_config(written(tmp_path, GOOD), environ={}).config.mail
    on = load_config(written(tmp_path, {**GOOD, "mail": SMTP}), environ={}).config.mail

    assert (off.is_on, on.is_on) == (False, True)
    assert (on.host, on.port, on.security, on.sender) == ("smtp.example.com", 587, "starttls", "auth@example.com")


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, {**GOOD, "mail": SMTP}), environ={}).config

    assert "s3cret" not in repr(config)
    assert "s3cret" not in "\n".join(settings_lines(config))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"from": ""}, "`mail.from` is missing; expected the address that mail comes from"),
        ({"directory": "mail"}, "`mail.directory` is set together with mail.smtp; expected one of them"),
        ({"user": ""}, "`mail.password` has no effect without mail.user; expected both"),
        ({"password": ""}, "`mail.user` has no effect without mail.password; expected both"),
        (
            {"security": "none"},
            "`mail.security` none sends links and passwords over the network in clear text; expected starttls or tls",
        ),
        ({"smtp": "smtp.example.com"}, "`mail.smtp` is `smtp.example.com`; expected host:port, or nothing"),
        ({"from": "Bastion <auth@example.com>"}, "`mail.from` is `Bastion <auth@example.com>`; expected an e-mail"),
    ],
)
def test_what_contradicts_itself_or_sends_in_clear_text_is_refused_in_every_profile(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    path = written(tmp_path, {**GOOD, "profile": "dev", "mail": {**SMTP, **changed}})

    assert any(message in problem for problem in problems(path)), problems(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_clear_text_is_for_this_machine(tmp_path: Path, host: str) -> None:
    mail = {**SMTP, "smtp": f"{host}:25", "security": "none"}

    assert load_config(written(tmp_path, {**GOOD, "mail": mail}), environ={}).config.mail.host == host.strip("[]")


def test_a_directory_is_for_development(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "mail": {"directory": "mail", "from": "auth@example.com"}})

    (problem,) = problems(path)
    loaded = load_config(path, environ={}, dev=True)

    assert "`mail.directory` keeps links and codes of people in files" in problem
    assert loaded.config.mail.directory == tmp_path / "mail"
