"""Terms are published, a person accepts them on the way to an app, a receiver hears of it, and evidence is left."""

import json
import time
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from gateway.core.units import DAY_S
from tests.inbox import Inbox, inbox
from tests.journeys.documents import TEXT, answer, bastion, published
from tests.staging import Stage


def events(box: Inbox, secret: str) -> dict[str, dict[str, Any]]:
    """By kind. Each signature is verified."""
    verified = [Webhook(secret).verify(body, headers) for headers, body in box.messages]
    return {event["type"]: event["data"] for event in verified}


def report(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bastion(stage, "compliance", "report", "--format", "json"))
    return found


def test_from_a_published_document_to_a_report(stage: Stage, tmp_path: Path) -> None:
    before = report(stage)
    with inbox() as box, published(stage, tmp_path) as version:
        added = bastion(stage, "webhook", "add", box.url, "--events", "login,document_accepted")
        endpoint, secret = added.split()
        visitor = stage.visitor()

        asked = stage.log_in(visitor)
        opened = answer(visitor, asked, "accept")
        try:
            box.wait_until(lambda: len(box.messages) >= 2)
        finally:
            bastion(stage, "webhook", "remove", endpoint)
        heard = events(box, secret)

    taken = {one["rule"]: one for one in json.loads(bastion(stage, "retention", "run", "--dry-run", "--json"))}
    after = report(stage)
    assert asked.url.startswith(f"{stage.auth}/documents?j=")
    assert (opened.status, opened.url) == (200, stage.app + "/")
    assert heard.keys() == {"login", "document_accepted"}
    assert heard["document_accepted"]["version"] == version
    assert heard["document_accepted"]["subject"] == heard["login"]["subject"]
    assert TEXT not in str(box.messages)
    assert taken["ended_logins"]["count"] == 0
    assert abs(time.time() - 90 * DAY_S - taken["ended_logins"]["until"]) < 60
    assert "consent-current" in {row["control"] for row in after["controls"]}
    for population in ("logins", "consents"):
        assert after["populations"][population] == before["populations"][population] + 1
