"""Clients of a real Caddy that ask without a pause, and what each of them got at which time."""

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.staging import NAVIGATION, Stage

WELL = 200  # as it should be
BROKEN = 0  # no answer at all, or half of one
PASSED = -1  # who should not
_AS_SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}


class Kind(Enum):
    """Who asks: anybody on a route for anyone, somebody signed in, a stranger there, and somebody about to sign in."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    STRANGER = "stranger"
    LOGIN_PAGE = "login page"


@dataclass(frozen=True, slots=True)
class Heard:
    """sent, answered: of time.monotonic(). status: WELL, or what was got instead."""

    kind: Kind
    sent: float
    answered: float
    status: int


@dataclass
class Crowd:
    """each: how many clients of each kind; each has one question under way at a time."""

    stage: Stage
    cookie: str
    each: int
    heard: list[Heard] = field(default_factory=list)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    def counts(self, kind: Kind, since: float = 0, until: float = float("inf")) -> Counter[int]:
        """By status, of what was sent after since and answered before until."""
        return Counter(
            one.status for one in self.heard if one.kind is kind and one.sent > since and one.answered < until
        )

    def all_counts(self, since: float = 0, until: float = float("inf")) -> Counter[int]:
        return sum((self.counts(kind, since, until) for kind in Kind), Counter())

    async def hears(self, more: int) -> None:
        """Until so many answers of each kind have come to questions that were sent from now on."""
        begun = time.monotonic()
        await self.until(lambda: all(self.counts(kind, begun).total() >= more for kind in Kind))

    async def settles(self, more: int) -> None:
        """Until so many questions in a row of each kind, sent from now on, were answered well."""
        begun = time.monotonic()

        def settled(kind: Kind) -> bool:
            later = [one.status for one in self.heard if one.kind is kind and one.sent > begun]
            return later[-more:] == [WELL] * more

        await self.until(lambda: all(settled(kind) for kind in Kind))

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(1_200):
            if holds():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within a minute; heard {self.all_counts()}")

    async def ask(self, session: aiohttp.ClientSession, kind: Kind) -> None:
        url, headers = self._question(kind)
        while not self._leaving.is_set():
            sent = time.monotonic()
            status = await _status(session, url, headers)
            if kind is Kind.STRANGER:
                status = {401: WELL, 200: PASSED}.get(status, status)
            self.heard.append(Heard(kind, sent, time.monotonic(), status))
            await asyncio.sleep(0.005 if status == WELL else 0.05)

    def leave(self) -> None:
        self._leaving.set()

    def _question(self, kind: Kind) -> tuple[str, dict[str, str]]:
        match kind:
            case Kind.PUBLIC:
                return f"{self.stage.app}/open/x", _AS_SCRIPT
            case Kind.SIGNED_IN:
                return f"{self.stage.app}/race/x", {**_AS_SCRIPT, "Cookie": f"__Host-bastion={self.cookie}"}
            case Kind.STRANGER:
                return f"{self.stage.app}/race/x", _AS_SCRIPT
            case Kind.LOGIN_PAGE:
                return f"{self.stage.auth}/login", NAVIGATION


async def _status(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    try:
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, OSError):
        return BROKEN


@asynccontextmanager
async def crowd(stage: Stage, cookie: str, each: int = 4) -> AsyncIterator[Crowd]:
    """Everybody has got good answers when the block begins."""
    trust = ssl.create_default_context(cafile=stage.summary["ca_file"])
    connector = aiohttp.TCPConnector(ssl=trust, resolver=_ThisMachine(), limit=0)
    found = Crowd(stage, cookie, each)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session,
        asyncio.TaskGroup() as asking,
    ):
        for kind in Kind:
            for _ in range(each):
                asking.create_task(found.ask(session, kind))
        try:
            await found.settles(20)
            yield found
        finally:
            found.leave()


class _ThisMachine(AbstractResolver):
    """Not every resolver knows *.localhost."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert family in (socket.AF_INET, socket.AF_UNSPEC)
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass
