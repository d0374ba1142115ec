"""A person without JavaScript undoes what others did to their account, by the mail of a whole demo."""

import os
import re
import subprocess
import sys

import pyotp

from tests.faults.kills import until
from tests.journeys.test_recovery import letters, link_of
from tests.staging import Seen, Stage, Visitor, forget_limits

PASSWORD = "plum violin cabin zephyr"


def bastion(stage: Stage, *arguments: str, typed: str = "") -> str:
    argv = [sys.executable, "-m", "gateway", *arguments, "--config", str(stage.demo.directory / "config.yaml")]
    environment = stage.demo.environment or os.environ
    done = subprocess.run(argv, check=True, env=environment, capture_output=True, text=True, input=typed)
    return done.stdout


def add(stage: Stage, name: str, *groups: str) -> None:
    """Of the staff, and of these groups."""
    who = ["--email", f"{name}@example.org", *(f"--group={group}" for group in ("staff", *groups))]
    bastion(stage, "user", "add", name, *who, "--password-stdin", typed=PASSWORD)


def enrol(stage: Stage, visitor: Visitor) -> None:
    """An authenticator app."""
    security = stage.auth + "/account/security"
    begun = visitor.submit(page := visitor.visit(security), "/account/security/app", csrf=page.field("csrf"))
    secret = re.search(r'id="secret">([A-Z2-7-]+)<', begun.text)
    assert secret is not None
    code = pyotp.TOTP(secret[1].replace("-", "")).now()
    done = visitor.submit(begun, "/account/security/app/confirm", csrf=begun.field("csrf"), code=code)
    assert done.text.count("<li>") >= 10


def posted(visitor: Visitor, link: str, path: str, name: str) -> Seen:
    """The form behind a link that asks for the user name."""
    page = visitor.visit(link)
    hidden = {field: page.field(field) for field in ("csrf", "t")}
    return visitor.submit(page, path, **hidden, name=name)


def test_somebody_keeps_the_factors_that_an_operator_was_talked_into_removing(stage: Stage) -> None:
    add(stage, "edna")
    visitor, other = stage.visitor(), stage.visitor()
    visitor.log_in(visitor.visit(stage.auth + "/login"), "edna", PASSWORD)
    enrol(stage, visitor)

    bastion(stage, "user", "mfa", "edna", "reset", "--reason", "called from an unknown number")
    until(lambda: "a reset removes them at" in bastion(stage, "user", "mfa", "edna"))
    (letter,) = letters(stage, "Your second factors will be removed", 1, "edna@")
    kept = posted(other, link_of(letter), "/keep-factors", "edna")

    assert "Your second factors stay" in kept.text
    shown = bastion(stage, "user", "mfa", "edna")
    assert "totp" in shown
    assert "reset" not in shown
    assert "works no more" in other.visit(link_of(letter)).text


def test_somebody_who_is_locked_out_lets_their_new_browser_in_by_mail(stage: Stage) -> None:
    add(stage, "della")
    for number in range(10):
        guesser = stage.visitor()
        guesser.log_in(guesser.visit(stage.app + "/"), "della", f"guess {number}")
        forget_limits(stage)
    owner, other = stage.visitor(), stage.visitor()
    assert owner.log_in(owner.visit(stage.app + "/"), "della", PASSWORD).status == 403

    (letter,) = letters(stage, "Sign-ins are locked", 1, "della@")
    opened = posted(owner, link_of(letter), "/unlock", "della")
    forget_limits(stage)

    assert opened.url == stage.auth + "/login"
    assert owner.log_in(owner.visit(stage.app + "/"), "della", PASSWORD).url == stage.app + "/"
    assert other.log_in(other.visit(stage.app + "/"), "della", PASSWORD).status == 403
