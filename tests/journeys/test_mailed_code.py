"""Somebody without a second factor signs in on a strange device: a mailed code lets them through, without scripts."""

import os
import re
import subprocess
import sys

from redis import Redis as SyncRedis

from tests.faults.kills import until
from tests.journeys.test_recovery import FIRST, choose, letters, link_of, read, text_of
from tests.journeys.test_undoing import PASSWORD, add
from tests.staging import Stage


def mailed_code(stage: Stage, to: str) -> str:
    """Of the one message with a code that goes there."""
    found: list[str] = []

    def has_come() -> bool:
        letters_ = [read(file) for file in (stage.demo.directory / "mail").glob("*.eml")]
        texts = [text_of(one) for one in letters_ if one["To"] == to and "Your code to sign in" in one["Subject"]]
        found[:] = [code for text in texts for code in re.findall(r"\b[0-9]{8}\b", text)]
        return bool(found)

    until(has_come)
    (code,) = found
    return code


def test_a_strange_sign_in_goes_on_with_the_mailed_code(stage: Stage) -> None:
    config = ["--config", str(stage.demo.directory / "config.yaml")]
    invite = ["user", "invite", "dora", "--email", "dora@example.org", "--group", "staff"]
    subprocess.run(
        [sys.executable, "-m", "gateway", *invite, *config], check=True, env=stage.demo.environment or os.environ
    )
    home, strange = stage.visitor(), stage.visitor()
    before = len(letters(stage, "Your account", 1))
    choose(home, link_of(letters(stage, "Your account", before)[-1]), FIRST)
    assert home.log_in(home.visit(stage.app + "/"), "dora", FIRST).url == stage.app + "/"

    for _ in range(4):  # 30 points for the device, 3 for each of these
        strange.log_in(strange.visit(stage.app + "/"), "dora", "not " + FIRST)
    with SyncRedis.from_url(stage.valkey.url) as client:
        client.flushall()  # the limits of AUTH.LOGIN
    asked = strange.log_in(strange.visit(stage.app + "/"), "dora", FIRST)
    hidden = {name: asked.field(name) for name in ("csrf", "j", "for")}
    wrong = strange.submit(asked, "/login/verify", **hidden, code="00000000")
    code = mailed_code(stage, "dora@example.org")
    inside = strange.submit(wrong, "/login/verify", **hidden, code=code)

    assert asked.url.startswith(stage.auth + "/login/verify")
    assert "a code was sent to your e-mail address" in asked.text
    assert strange.visit(stage.app + "/vault/x").status == 403, "mail is no second factor"
    assert (wrong.status, inside.status, inside.url) == (403, 200, stage.app + "/")


def test_a_strange_device_sets_up_a_factor_once_a_mailed_code_confirmed_it(stage: Stage) -> None:
    """login-defence.md L10. Without scripts."""
    add(stage, "erna")
    home, strange = stage.visitor(), stage.visitor()
    for visitor in (home, strange):
        inside = visitor.log_in(visitor.visit(stage.auth + "/login"), "erna", PASSWORD)
        assert inside.url == stage.auth + "/account"

    begin = stage.auth + "/account/security"
    refused = strange.visit(begin)
    led = strange.submit(refused, "/account/security/app", csrf=refused.field("csrf"))
    hidden = {name: led.field(name) for name in ("csrf", "back")}
    waits = strange.submit(led, "/account/confirm/mail", **hidden)
    code = mailed_code(stage, "erna@example.org")
    wrong = strange.submit(waits, "/account/confirm", **hidden, code="00000000")
    confirmed = strange.submit(waits, "/account/confirm", **hidden, code=code)
    shown = strange.submit(confirmed, "/account/security/app", csrf=confirmed.field("csrf"))

    assert "Confirm with a code" in refused.text
    assert led.url == f"{stage.auth}/account/confirm?back=security"
    assert "A code was sent to your e-mail address" in waits.text
    assert (wrong.status, confirmed.url) == (403, begin)
    assert 'id="secret"' in shown.text
    assert "Confirm with a code" not in home.visit(begin).text, "the first login of a new account"
