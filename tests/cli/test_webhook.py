"""An operator adds an endpoint, and a gateway that serves sends it what happens."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

from gateway.outbound.probe import probe
from tests.cli.conftest import Bastion
from tests.cli.test_audit_webhook import serving
from tests.conftest import Pool
from tests.receiver import receiving, until
from tests.webhooks.house import Verifier

ALLOWED = {"BASTION_WEBHOOKS_ALLOW_NETWORKS": "127.0.0.0/8"}


async def shows(ops: str, line: str) -> None:
    """The metrics come to say that."""
    async with asyncio.timeout(60):
        while line not in (await asyncio.to_thread(probe, ops, "/metrics"))[1]:
            await asyncio.sleep(0.1)


async def test_what_happens_arrives_signed_and_in_order(bastion: Bastion, pool: Pool, short_directory: Path) -> None:
    directory = short_directory / uuid4().hex[:8]
    directory.mkdir()
    async with receiving() as receiver, receiving() as checkpoints:
        added = await bastion(
            "webhook", "add", receiver.url, "--events", "family:people,login_failed", "--ordered", **ALLOWED
        )
        endpoint, secret = added.out.splitlines()
        taking = Verifier(receiver, secret)
        tried = await bastion("webhook", "test", endpoint, **ALLOWED)
        async with serving(bastion, directory, checkpoints, **ALLOWED) as ops:
            await bastion(
                "user", "add", "ada", "--email", "ada@example.org", "--password-stdin", stdin="correct horse battery"
            )
            await bastion("user", "groups", "ada", "--set", "staff")
            await until(lambda: len(taking.bodies) == 3)
            await shows(ops, f'bastion_webhook_behind{{endpoint="{endpoint}"}} 0.0\n')
        listed = await bastion("webhook", "list")
        shown = await bastion("webhook", "show", endpoint)
        deliveries = await bastion("webhook", "deliveries", endpoint)

    assert [body["type"] for body in taking.bodies] == ["test", "user_added", "groups_changed"]
    assert tried.out == f"{endpoint} took it.\n"
    assert listed.out.startswith(f"{endpoint}  active ")
    assert "s3cret" not in listed.out
    assert secret not in listed.out + shown.out + deliveries.out
    assert json.loads(shown.out) | {"position": 0, "behind": 0} == {
        "id": endpoint, "url": receiver.url, "events": ["family:people", "login_failed"], "ordered": True,
        "personal": False, "state": "active", "why": "", "position": 0, "behind": 0, "failures": 0, "failing_s": 0,
        "next_attempt_in_s": 0,
    }  # fmt: skip
    assert [line.split("   ")[3] for line in deliveries.out.splitlines()] == ["done", "done"]
    async with pool.acquire() as connection:
        stored = await connection.fetchval("SELECT string_agg(detail, '') FROM audit_entries")
    assert "s3cret" not in stored


async def test_an_endpoint_is_paused_resumed_rotated_replayed_and_removed(bastion: Bastion) -> None:
    added = await bastion("webhook", "add", "https://siem.example.org/s3cret", "--events", "login", "--personal")
    endpoint, secret = added.out.splitlines()

    said = [
        (await bastion("webhook", *words)).out
        for words in (
            ("pause", endpoint),
            ("pause", endpoint),
            ("show", endpoint),
            ("resume", endpoint),
            ("resume", endpoint),
            ("rotate", endpoint, "--overlap", "1h"),
            ("replay", endpoint, "--from", "1"),
            ("replay", endpoint, "--from", "2h"),
            ("remove", endpoint),
            ("list",),
        )
    ]

    assert said[:2] == [f"{endpoint} is paused.\n", f"{endpoint} was paused already.\n"]
    assert json.loads(said[2])["why"] == "an operator paused it"
    assert said[3:5] == [f"{endpoint} goes on.\n", f"{endpoint} is active and does not fail.\n"]
    assert said[5].startswith("whsec_")
    assert said[5].strip() != secret
    assert said[6:] == [f"{endpoint} begins again at position 1.\n"] * 2 + [
        f"{endpoint} is removed.\n",
        "There are no endpoints.\n",
    ]


async def test_what_can_not_be_is_refused_with_a_reason(bastion: Bastion) -> None:
    events = await bastion("webhook", "add", "https://siem.example.org/", "--events", "logins")
    clear = await bastion("webhook", "add", "http://siem.example.org/s3cret", "--events", "login")
    nothing = await bastion("webhook", "add", "https://siem.example.org/")
    unknown = await bastion("webhook", "show", "ep_aaaaaaaa")
    full = await bastion(
        "webhook", "add", "https://siem.example.org/", "--events", "login", BASTION_WEBHOOKS_ENDPOINTS="1"
    )
    more = await bastion(
        "webhook", "add", "https://siem.example.org/", "--events", "login", BASTION_WEBHOOKS_ENDPOINTS="1"
    )
    endpoint = full.out.split()[0]
    overlap = await bastion("webhook", "rotate", endpoint, "--overlap", "soon")
    moment = await bastion("webhook", "replay", endpoint, "--from", "yesterday")
    ahead = await bastion("webhook", "replay", endpoint, "--from", "99")

    assert [one.status for one in (events, clear, nothing, unknown, full, more)] == [1, 1, 2, 1, 0, 1]
    assert [one.status for one in (overlap, moment, ahead)] == [2, 2, 1]
    assert "there are no events 'logins'" in events.err
    assert "webhooks.allow_networks" in clear.err
    assert "s3cret" not in clear.err
    assert "there is no endpoint 'ep_aaaaaaaa'" in unknown.err
    assert "as many as webhooks.endpoints allows" in more.err
    assert "position 99 is not in the log" in ahead.err


async def test_a_try_that_is_not_taken_says_so(bastion: Bastion) -> None:
    async with receiving() as receiver:
        added = await bastion("webhook", "add", receiver.url, "--events", "login", **ALLOWED)
        endpoint = added.out.split()[0]
        refused = await bastion("webhook", "test", endpoint)

    assert refused.status == 1
    assert f"{endpoint} did not take it: " in refused.err
    assert "allow_networks" in refused.err
    assert receiver.heard == []
