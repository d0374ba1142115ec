"""A person who was erased is nobody in the next moment, and nothing of them is found anywhere: through Caddy."""

import json
import re
import time
from html import unescape
from pathlib import Path

import asyncpg
from redis import Redis as SyncRedis

from gateway.core.privacy.inventory_tables import TABLES
from tests.conftest import run_apart
from tests.journeys import every_table
from tests.journeys.apps import address, answered, decide, exchanged
from tests.journeys.every_table import ADDRESS, ELSEWHERE, NAME, PASSWORD
from tests.journeys.test_token_endings import bastion
from tests.staging import Stage
from tests.zygote import bastion as run

BROWSER = "rv:130.0"
# Shorter ones stand in ciphertext by chance.
WORDS = ("konrad.zuse", "zuse@", "hinterstein", "Konrad", "Z3 was first", ADDRESS, BROWSER)


def found(words: tuple[str, ...], where: str, content: bytes) -> list[str]:
    """Also as Postgres shows bytes in a dump."""
    text = content.lower()
    return [
        f"{word} in {where}" for word in words if word.lower().encode() in text or word.encode().hex().encode() in text
    ]


def leaks(stage: Stage, filled: set[str]) -> list[str]:
    """Where any of the words stands: in tables, Redis and files. Letters that were delivered are out of reach.

    filled: gets the names of the tables that have rows.
    """
    leaked = list[str]()

    async def look() -> None:
        connection = await asyncpg.connect(stage.postgres.url("journeys"))
        for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            for row in await connection.fetch(f'SELECT t::text FROM "{table[0]}" t'):
                filled.add(table[0])
                leaked.extend(found(WORDS, table[0], row[0].encode()))
        await connection.close()

    run_apart(look())
    with SyncRedis.from_url(stage.valkey.url) as client:
        for key in client.keys("*"):
            leaked.extend(found(WORDS, "Redis", key + (client.dump(key) or b"")))
    for file in files(stage):
        leaked.extend(found(WORDS, file.name, file.read_bytes()))
    return leaked


def files(stage: Stage) -> list[Path]:
    delivered = stage.demo.directory / "mail"
    every = stage.demo.directory.rglob("*")
    return [file for file in every if file.is_file() and delivered not in file.parents]


def wait_for_links(stage: Stage) -> None:
    """Until no entry waits for the linker."""
    for _ in range(600):
        listed = json.loads(bastion(stage, "audit", "list", "--json", "--limit", "5"))
        if all(one["position"] for one in listed):
            return
        time.sleep(0.1)
    raise AssertionError("the linker has not linked within a minute")


def differences(stage: Stage) -> list[str]:
    """What the cross-check finds. Tests before this one took factors away behind the log's back."""
    wait_for_links(stage)
    done = run("audit", "verify", "--cross-check", "--json", "--config", stage.demo.directory / "config.yaml")
    found: list[str] = json.loads(done.stdout)["differing"]
    return found


def test_the_walking_path_of_an_erasure(stage: Stage, tmp_path: Path) -> None:
    """And in no table does a word of theirs stand in clear, neither before it nor after."""
    filled = set[str]()
    every_table.add(stage)
    visitor = every_table.browser(stage)
    every_table.first_login(stage, visitor)
    assert leaks(stage, filled) == []
    app = every_table.enrol(stage, visitor)
    bastion(stage, "user", "mfa", NAME, "reset", "--reason", every_table.REASON)
    visitor = every_table.second_login(stage, app)
    every_table.browse(stage, visitor, tmp_path)
    page = visitor.visit(address(stage, prompt="consent"))
    code = answered(stage, decide(visitor, page, "allow"))["code"]
    assert exchanged(stage, code).status == 200
    assert ADDRESS in bastion(stage, "audit", "list", "--user", NAME)
    with every_table.handled(stage):
        assert leaks(stage, filled) == [], "of somebody who lives nothing is in clear either"
    differed = differences(stage)

    erased = bastion(stage, "user", "erase", NAME)

    assert "certificate: eyJ" in erased
    assert f"the app {stage.summary['client_id']} had tokens" in erased
    assert "the app at app.localhost got identity headers" in erased
    after = visitor.visit(stage.app + "/")
    assert after.url.startswith(f"{stage.auth}/login")
    assert leaks(stage, filled) == []
    wait_for_links(stage)
    assert "The audit log is whole" in bastion(stage, "audit", "verify")
    assert differences(stage) == differed, "an erasure is told whole"
    assert "user_erased" in bastion(stage, "audit", "list", "--kind", "user_erased")
    assert every_table.log_in(stage, every_table.browser(stage)).status == 403
    assert {table.name for table in TABLES} - filled - ELSEWHERE.keys() == set(), "nobody looked into these"


def test_each_login_shows_that_somebody_wants_to_erase_the_person(stage: Stage) -> None:
    """And leads on from there to where the person wanted to go (evidence.md E14)."""
    bastion(stage, "user", "add", "heinz", "--password-stdin", stdin=PASSWORD)
    bastion(stage, "user", "erase", "heinz", "--after", "14d")
    visitor = stage.visitor()

    shown = visitor.log_in(visitor.visit(stage.app + "/"), "heinz", PASSWORD)
    way = re.search(r'id="go-on" href="([^"]*)"', shown.text)

    assert shown.url.startswith(f"{stage.auth}/account/privacy?j=")
    assert "Your account will be deleted on" in shown.text
    assert way is not None
    assert visitor.visit(stage.auth + unescape(way[1])).url == stage.app + "/"
    bastion(stage, "user", "erase", "heinz", "--withdraw")
    other = stage.visitor()
    assert other.log_in(other.visit(stage.app + "/"), "heinz", PASSWORD).url == stage.app + "/"
