"""A person without JavaScript is invited, forgets their password, and gets in again by the mail of a whole demo."""

import os
import re
import subprocess
import sys
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.staging import Seen, Stage, Visitor

CLEO = "cleo@example.org"
FIRST, SECOND = "plum violin cabin zephyr", "walnut kettle orbit fresco"


def letters(stage: Stage, subject: str, count: int, to: str = "") -> list[str]:
    """The texts of those that have arrived, the oldest first, once there are so many. to: an address, "" for any."""
    deadline = time.monotonic() + 30
    while True:
        files = sorted((stage.demo.directory / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        read_ = map(read, files)
        found = [letter for letter in read_ if subject in letter["Subject"] and to in letter["To"]]
        if len(found) >= count:
            return [text_of(letter) for letter in found]
        assert time.monotonic() < deadline, [file.read_text() for file in files]
        time.sleep(0.05)


def read(file: Path) -> EmailMessage:
    letter = message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(letter, EmailMessage)
    return letter


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_of(text: str) -> str:
    found = re.search(r"https://\S+", text)
    assert found is not None
    return found[0]


def choose(visitor: Visitor, link: str, password: str) -> Seen:
    page = visitor.visit(link)
    hidden = {name: page.field(name) for name in ("csrf", "t")}
    return visitor.submit(page, "/reset", **hidden, new=password, again=password)


def test_an_invited_person_chooses_a_password_forgets_it_and_gets_in_again(stage: Stage) -> None:
    config = ["--config", str(stage.demo.directory / "config.yaml")]
    invite = ["user", "invite", "cleo", "--email", CLEO, "--group", "staff"]
    subprocess.run(
        [sys.executable, "-m", "gateway", *invite, *config], check=True, env=stage.demo.environment or os.environ
    )
    visitor, other = stage.visitor(), stage.visitor()

    (invitation,) = letters(stage, "Your account", 1, CLEO)
    chosen = choose(visitor, link_of(invitation), FIRST)
    inside = visitor.log_in(visitor.visit(stage.app + "/"), "cleo", FIRST)
    forgot = other.visit(other.visit(stage.app + "/").url.partition("/login")[0] + "/forgot")
    asked = other.submit(forgot, "/forgot", csrf=forgot.field("csrf"), name=CLEO)
    (reset,) = letters(stage, "Choose a new password", 1, CLEO)
    again = choose(other, link_of(reset), SECOND)

    assert "Your password is set" in chosen.text
    assert (inside.status, inside.url) == (200, stage.app + "/")
    assert "Look into your mail" in asked.text
    assert "Your password is set" in again.text
    assert visitor.visit(stage.app + "/").url.startswith(stage.auth + "/login"), "the reset ended it"
    assert other.visit(stage.app + "/").url.startswith(stage.auth + "/login"), "the reset signs nobody in"
    assert other.log_in(other.visit(stage.app + "/"), "cleo", SECOND).status == 200
    assert "Device" not in invitation
    assert "This wasn't me" in letters(stage, "Your password was reset", 1, CLEO)[0]
