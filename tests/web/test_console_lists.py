"""Lists of the console that name a command for each act: what they show, what they never show, and where they end."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from gateway.cli._policy import policy_of
from gateway.core.assurance.model import OTP, PWD
from gateway.core.compliance.controls import JudgedControl, Result, look_of
from gateway.core.policy.networks import NetworkSet
from gateway.core.privacy.documents import DocumentKind
from gateway.flows.compliance.access_reviews import AccessReviews
from gateway.flows.compliance.report import Compliance
from gateway.flows.documents import DocumentAdmin
from gateway.flows.oauth.client_admin import ClientAdmin
from gateway.flows.webhooks.endpoint_admin import EndpointAdmin, WantedEndpoint
from gateway.resources import Resources, open_resources, random_bytes
from gateway.stores.postgres.api_keys import NewApiKey
from gateway.stores.postgres.clients import ClientRows
from gateway.stores.postgres.users import NewUser
from tests.conftest import Pool
from tests.test_docs import COMMANDS
from tests.web.console import Console
from tests.web.worker import ADA, Worker, whole_worker

LISTS: Final = ("clients", "keys", "webhooks", "compliance", "reviews", "consents")
TEMPLATES: Final = Path("gateway/web/templates/console")
MARKUP: Final = '"><b onload=alert(1)>'
MANY: Final = 60
SERVICE: Final = {"name": MARKUP, "type": "service", "scopes": ["no.such.scope"]}
FIRST: Final = {
    "clients": "bastion client add ID",
    "keys": "bastion api-key create USER",
    "webhooks": "bastion webhook add URL",
    "compliance": "bastion compliance report",
    "reviews": "bastion review start",
    "consents": "bastion consent publish",
}


@dataclass
class Lists:
    """Ada is an auditor."""

    worker: Worker
    resources: Resources
    console: Console

    async def page(self, address: str) -> str:
        """What stands in the page, below its sections."""
        status, said = await self.console.ask("GET", f"/admin/{address}")
        assert status == 200, (address, said)
        return said.partition('id="main"')[2]

    async def all_pages(self, address: str, pattern: str) -> list[str]:
        """What the pattern finds on each page to the last one."""
        found, following = list[str](), address
        while following:
            page = await self.page(following)
            on_page = re.findall(pattern, page)
            assert len(on_page) <= 50
            found += on_page
            link = re.search(r'href="/admin/([^"]*[?&](?:after|before)=[^"]*)"', page)
            following = unescape(link[1]) if link else ""
        return found


@pytest.fixture
async def lists(pool: Pool, database_url: str, redis_url: str, short_directory: Path) -> AsyncIterator[Lists]:
    async with pool.acquire() as connection:
        await ClientRows(connection).add("left", json.dumps(SERVICE), b"s" * 32, 1)
    async with (
        whole_worker(pool, database_url, redis_url, short_directory / uuid4().hex[:8]) as worker,
        open_resources(worker.config) as resources,
    ):
        await pool.execute("UPDATE sessions SET mfa_at = authenticated_at, amr = $1", PWD | OTP)
        await pool.execute("INSERT INTO admin_roles VALUES ($1, 'auditor', NULL, 0)", ADA)
        console = Console(worker)
        await console.enter()
        yield Lists(worker, resources, console)


async def test_an_empty_list_says_so_with_the_first_command(lists: Lists) -> None:
    for name in LISTS:
        empty, _, commands = (await lists.page(name)).rpartition("<h2>Commands</h2>")
        if name not in ("clients", "compliance"):  # the demo declares clients, and the leader looks at controls
            assert FIRST[name] in empty, name
        assert f"<code>{FIRST[name]}" in commands, name


async def test_lists_show_states_and_no_secret(lists: Lists) -> None:
    acts, config = lists.resources.acts, lists.worker.config
    clients = ClientAdmin(acts, config.keys(), "cli:root", random_bytes)
    while not await lists.resources.pool.fetchval("SELECT max(run) FROM control_results"):
        await asyncio.sleep(0.05)  # the leader's own look
    async with acts.begin() as act:
        await act.clients.add("over", json.dumps(SERVICE), None, act.now)
        key = NewApiKey(b"k" * 16, ADA, MARKUP, b"h" * 32, ("files.read",), ("files.example",), ("192.0.2.0/24",), None)
        assert await act.api_keys.add(key, act.now)
        await act.api_keys.rest(ADA, act.now)
        failed = JudgedControl("mfa-coverage", b"d" * 32, Result.FAIL, look_of([str(ADA)], 3).evidence)
        run, every_s = (await act.controls.last())[0] + 1, 3600
        await act.controls.add(run, act.now, every_s, [failed])
        passed = JudgedControl("backup-age", b"d" * 32, Result.PASS, "{}")
        await act.controls.add(run, act.now - 2 * every_s - 60, every_s, [passed])
    await clients.disable("over")
    await Compliance(acts, "cli:root").grant("mfa-coverage", acts.clock() + 900_000, f"phones are late {MARKUP}")
    endpoints = EndpointAdmin(acts, "cli:root", random_bytes, NetworkSet.of([]), 3)
    wanted = WantedEndpoint("https://siem.example.org/hook/s3cret", ("login_failed",), ordered=True, personal=False)
    endpoint, secret = await endpoints.add(wanted)
    await endpoints.pause(endpoint)
    reviews = AccessReviews(acts, "cli:root")
    async with acts.begin() as act:
        await act.users.add(NewUser(UUID(int=2), "bob", "", "", ("staff",), "x"), act.now)
    review, _ = await reviews.start(policy_of(config), "staff", -1)
    documents = DocumentAdmin(acts, "cli:root")
    for version in ("1", "2"):
        await documents.publish(DocumentKind.TERMS, version, {"en": "text"}, acts.clock() + 1_000_000, 15_552_000)

    shown = {name: await lists.page(name) for name in (*LISTS, f"reviews/{review}")}

    parts = {
        "clients": ("left out", "disabled", "registered"),
        "keys": ("files.read", "rests", "192.0.2.0/24", "active", "wraps new keys", f"/admin/people/{ADA}"),
        "webhooks": ("siem.example.org", "login_failed", "in order", "an operator paused it"),
        "compliance": ("fails", f"1 of 3: {ADA}", "not observed", "in 10 days", "phones are late"),
        "reviews": ("overdue", "staff", "cli:root", f'href="/admin/reviews/{review}"'),
        f"reviews/{review}": ("bob", "not yet", f"bastion review keep {review} PERSON --as NAME"),
        "consents": ("in force", "replaced", "in 11 days", "180 days", "none yet"),
    }
    for name, texts in parts.items():
        for text in texts:
            assert text in unescape(shown[name]), (name, text)
    everything = "".join(shown.values())
    assert MARKUP not in everything
    assert everything.count("<bdi>&#34;&gt;&lt;b onload") >= 3
    for hidden in (secret, "s3cret", (b"s" * 32).hex(), (b"h" * 32).hex()):
        assert hidden not in everything


async def test_long_lists_are_read_page_by_page_and_each_row_once(lists: Lists) -> None:
    acts, policy = lists.resources.acts, policy_of(lists.worker.config)
    async with acts.begin() as act:
        for number in range(MANY):
            person = UUID(int=100 + number)
            await act.users.add(NewUser(person, f"p{number}", "", "", (), "x"), act.now)
            await act.clients.add(
                f"{('zz', 'ZZ', 'z-z')[number % 3]}{number}", '{"name": "N", "type": "web"}', None, act.now
            )
            key = NewApiKey(person.bytes, person, "k", b"h" * 32, ("s",), ("files.example",), (), None)
            assert await act.api_keys.add(key, act.now)
            await act.reviews.add("staff", "v", act.now, "cli:root", act.now)
    review, lines = await AccessReviews(acts, "cli:root").start(policy, "", 60)

    for address, pattern, count in (
        ("clients", r"<bdi>((?:zz|ZZ|z-z)\d+)</bdi>", MANY),
        ("keys", r'<td><a href="/admin/people/([^"]*)"', MANY),
        ("reviews", r'href="/admin/reviews/(\d+)"', MANY + 1),
        (f"reviews/{review}", r'href="/admin/people/([^"]*)"', lines),
    ):
        found = await lists.all_pages(address, pattern)
        assert count == len(found) == len(set(found)), address
    for after in ("%00", "%ff", "9" * 19, "1.!", "-1", "1.%00", "x" * 999):
        for name in ("clients", "keys", f"reviews/{review}"):
            await lists.page(f"{name}?after={after}")
        await lists.page(f"reviews?before={after}")
    for nobody in ("0", "999999", "-1", "x", "9" * 30):
        status, _ = await lists.console.ask("GET", f"/admin/reviews/{nobody}")
        assert status == 404, nobody


def test_each_command_of_a_page_exists() -> None:
    """With its options."""
    named = set(re.findall(r"bastion [a-z-]+ [^<\"]+", "".join(one.read_text() for one in TEMPLATES.glob("*.html"))))
    assert len(named) > 25

    for line in named:
        words, command = line.split()[1:], COMMANDS.get(" ".join(line.split()[:3]))
        assert command is not None, line
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
