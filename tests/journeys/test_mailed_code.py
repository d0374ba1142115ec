"""Somebody without a second factor signs in on a strange device: a mailed code lets them through, without scripts."""

import os
import re
import subprocess
import sys

from redis import Redis as SyncRedis

from tests.journeys.test_recovery import FIRST, choose, letters, link_of
from tests.staging import Stage


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
    (mail,) = letters(stage, "Your code to sign in", 1)
    code = re.search(r"\b[0-9]{8}\b", mail)
    assert code is not None
    inside = strange.submit(wrong, "/login/verify", **hidden, code=code[0])

    assert asked.url.startswith(stage.auth + "/login/verify")
    assert "a code was sent to your e-mail address" in asked.text
    assert strange.visit(stage.app + "/vault/x").status == 403, "mail is no second factor"
    assert (wrong.status, inside.status, inside.url) == (403, 200, stage.app + "/")
