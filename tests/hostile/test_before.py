"""The snippet of before and the one of now, side by side: the same answers, and the same requests at the app."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from gateway.core.caddy.caddyfile import DemoSite, demo_caddyfile
from gateway.demo.setting import AUTH_HOST
from gateway.embedded import EmbeddedCaddy, free_port
from tests.hostile.assault import Assault
from tests.hostile.cases import Case, cases
from tests.hostile.ground import Ground, lines_of
from tests.hostile.judge import is_refusal, mark_of
from tests.hostile.people import EVE, Person
from tests.hostile.policy import lax
from tests.hostile.wire import Channel, Reply
from tests.staging import Seen, Visitor

pytestmark = pytest.mark.timeout(300)
BEFORE: Final = (Path(__file__).parents[2] / "bench" / "before.caddy").read_text()
BACKEND: Final = "aiohttp"
HOST: Final = f"{BACKEND}.localhost"
SECOND: Final = lax(BACKEND)
# Each is sent by nobody and by Eve. What Caddy answers now so and now so is not among them.
CASES: Final = [case for case in cases() if not any("|" in expected for expected in case.expect)]
REFUSED_BEFORE: Final = "ignored"  # the group of what version 1 refuses by itself
_OF_THE_MOMENT: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=[?&]j=)[\w.-]+|(?<=;r=)\d+;t=\d+"
)
_SECRET: Final = re.compile(
    r"v1\.[\w.-]+|(?<=[?&]code=)[\w-]+|(?<=value=\")[\w.-]{20,}|(?<==)[\w.-]{22,}(?=;)|(?<=data-options=\")[^\"]*"
)
_UNTOLD: Final = ("date", "set-cookie", "alt-svc")


@dataclass
class Beside(Assault):
    """Remembers what each case got, and what the app was told of it. port: of the Caddy that is asked."""

    port: int = 0
    got: dict[str, tuple[object, ...]] = field(default_factory=dict)
    told: dict[str, list[object]] = field(default_factory=dict)

    async def _opened(self, context: ssl.SSLContext) -> Channel:
        return await Channel.open(self.port, self.host, context)

    def _judge(self, case: Case, sender: Person, replies: list[Reply]) -> None:
        self.got[f"{case.group}/{case.name}/{sender.name}"] = tuple(map(_plain, replies))

    def begin_after(self, other: "Beside") -> None:
        """Both read what one app was told."""
        self._offset = other._offset

    def judge_records(self) -> None:
        lines, self._offset = lines_of(self.ground.told(self.backend), self._offset)
        for line in lines:
            self.told.setdefault(mark_of(line), []).append(_without_moment(line))


def _plain(reply: Reply) -> object:
    """What a refusal says is not compared: one of Caddy's own is empty, one of ours has a page."""
    if is_refusal(reply):
        return reply.status
    headers = sorted((name, _without_moment(value)) for name, value in reply.headers if name not in _UNTOLD)
    return reply.status, headers, _without_moment(reply.body)


def _without_moment(found: object) -> object:
    """Without ids of requests, what only Bastion can read, and what is left of a limit."""
    return _OF_THE_MOMENT.sub("...", repr(found))


@pytest.fixture
def port_before(ground: Ground) -> Iterator[tuple[int, str]]:
    """Of another Caddy in front of the same ground, with the snippet of before; and its CA."""
    port, directory = free_port(), ground.directory / "before"
    directory.mkdir(exist_ok=True)
    web, decision = (f"unix/{ground.path(name)}" for name in ("web", "decision"))
    text = BEFORE.replace("<decision>", decision).replace("<web>", web)
    site = DemoSite(AUTH_HOST, port, web, text, ground.sites)
    caddy = EmbeddedCaddy(directory, ground.children, ground.binaries)
    caddy.start(demo_caddyfile(site), hosts=[AUTH_HOST, HOST, SECOND], https_port=port)
    yield port, str(caddy.ca_file)
    caddy.stop()


async def test_what_clients_and_apps_get_is_what_they_got_before(ground: Ground, port_before: tuple[int, str]) -> None:
    """By the snippet of before, which the gateway understands until the next release."""
    port, ca_file = port_before
    before, now = Beside(ground, BACKEND, port=port), Beside(ground, BACKEND, port=ground.port)
    for context in (before.context, before.h2):
        context.load_verify_locations(ca_file)

    await before.run(CASES)
    now.begin_after(before)
    await now.run(CASES)

    assert len(now.got) >= 500
    differs = {which for which in now.got if now.got[which] != before.got[which]}
    assert {which for which in differs if not which.startswith(REFUSED_BEFORE)} == set()
    assert all(before.got[which][0] == 400 for which in differs)
    cases = {which for which in before.told.keys() | now.told.keys() if not which.startswith(REFUSED_BEFORE)}
    cases -= {"honest/", "honest/eve"}
    assert len(cases) >= 100
    assert {which for which in cases if now.told.get(which) != before.told.get(which)} == set()


@dataclass
class Journey(Visitor):
    """Remembers each answer on the way, without what is made anew each time."""

    steps: list[object] = field(default_factory=list)

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: str | None = None) -> Seen:
        seen = super().send(method, url, headers, body)
        untold = ("Date", "Alt-Svc", *(("Content-Length",) if url.endswith("/account") else ()))
        pairs = sorted((name.lower(), value) for name, value in seen.headers.items() if name not in untold)
        told = (method, url, seen.status, pairs, "" if url.endswith("/account") else seen.text)
        self.steps.append(_SECRET.sub("...", _OF_THE_MOMENT.sub("...", repr(told))))
        return seen


def travelled(ground: Ground, ca_file: str, port: int) -> list[object]:
    """A wrong and the right password, a page for others, a second host, the account, the logout, both hosts again."""
    journey = Journey(ca_file, through=port)
    app, second = f"{ground.url(HOST)}/staff/x", f"{ground.url(SECOND)}/staff/x"
    page = journey.log_in(journey.visit(app), EVE.name, "not the password")
    assert page.status == 403
    assert journey.log_in(page, EVE.name, ground.password).url == app
    assert journey.visit(f"{ground.url(HOST)}/admin/secret").status == 403
    journey.visit(second)
    journey.visit(f"{ground.auth}/account")
    page = journey.visit(f"{ground.auth}/logout")
    assert journey.submit(page, "/logout", csrf=page.field("csrf")).status == 200
    for url in (app, second):
        assert journey.visit(url).url.startswith(f"{ground.auth}/login")
    return journey.steps


def test_a_person_is_led_as_before(ground: Ground, port_before: tuple[int, str]) -> None:
    port, ca_file = port_before

    before, now = travelled(ground, ca_file, port), travelled(ground, ground.ca_file, ground.port)

    assert len(now) >= 15
    assert [pair for pair in zip(before, now, strict=True) if pair[0] != pair[1]] == []
