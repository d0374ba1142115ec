"""Sends cases to one host, some at a time, and tells what was wrong with the answers and with what the app was told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from tests.hostile.cases import MARK, Case
from tests.hostile.ground import Ground, lines_of
from tests.hostile.judge import CADDYS_OWN, Place, faults_of_record, faults_of_reply, mark_of, outcome
from tests.hostile.people import EVE, NOBODY, PEOPLE, Person
from tests.hostile.wire import Channel, Gone, Http2, Reply

AT_ONCE: Final = 12
_OTHERS: Final = 4
_SENDERS: Final = (NOBODY, EVE)


@dataclass
class Assault:
    """host: one of the backend's, its site host unless it is named. faults: what was found, in words."""

    ground: Ground
    backend: str
    host: str = ""
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = self.host or f"{self.backend}.localhost"
        self.place = Place(self.ground.auth, self.host, self.ground.port)
        self.context = ssl.create_default_context(cafile=self.ground.ca_file)
        self.h2 = ssl.create_default_context(cafile=self.ground.ca_file)
        self.h2.set_alpn_protocols(["h2"])
        self._honest = count()
        self._offset = self.ground.told(self.backend).stat().st_size
        self._free = asyncio.Semaphore(AT_ONCE)
        self._idle: list[Channel] = []
        self._idle_h2: list[Http2] = []

    async def run(self, cases: Iterable[Case], senders: tuple[Person, ...] = _SENDERS) -> None:
        """A connection serves case after case, and an honest request after each.

        Others stand beside them, which were there before and have to be of use afterwards.
        """
        async with AsyncExitStack() as stack:
            others = [await stack.enter_async_context(self.channel(self.context)) for _ in range(_OTHERS)]
            for channel in others:
                await self.honest(channel, senders[0])
            async with asyncio.TaskGroup() as group:
                for case in cases:
                    for sender in senders:
                        group.create_task(self._try(case, sender))
            for channel in others:
                await self.honest(channel, senders[0])
        for channel in (*self._idle, *(http2.channel for http2 in self._idle_h2)):
            await channel.close()
        self.judge_records()

    @asynccontextmanager
    async def channel(self, context: ssl.SSLContext) -> AsyncIterator[Channel]:
        channel = await self._opened(context)
        yield channel
        await channel.close()

    async def honest(self, channel: Channel, sender: Person) -> None:
        """A request as browsers send it, which has to be answered on whatever connection it comes. Raises Gone."""
        path, cookie = self._fresh_path(), self.ground.cookie(sender, self.host)
        head = [f"GET {path} HTTP/1.1", f"Host: {self.place.authority}", f"{MARK}: honest/{sender.name}"]
        head += [f"Cookie: {cookie}"] if cookie else []
        channel.send("\r\n".join([*head, "", ""]).encode())
        replies = await channel.replies(["GET"], silent=False)
        if not replies:
            raise Gone
        self._expect_honest(replies[0], path)

    async def _honest_over_h2(self, http2: Http2) -> None:
        path = self._fresh_path()
        fields = {":method": "GET", ":scheme": "https", ":path": path, ":authority": self.place.authority}
        self._expect_honest(await http2.ask([*fields.items(), (MARK.lower(), "honest/")]), path)

    def _expect_honest(self, reply: Reply | None, path: str) -> None:
        if reply is None or (reply.status, reply.body) != (200, f"answered by public: {path}\n".encode()):
            self.faults.append(f"an honest request for {path} got {reply}")

    def _fresh_path(self) -> str:
        return f"/public/honest/{next(self._honest)}"

    async def _opened(self, context: ssl.SSLContext) -> Channel:
        return await Channel.open(self.ground.port, self.host, context)

    async def _try(self, case: Case, sender: Person) -> None:
        async with self._free:
            try:
                replies = await (self._over_h2(case, sender) if "h2" in case.said else self._over_h1(case, sender))
            except Exception as error:
                error.add_note(f"in {case.group}: {case.name}, from {sender.name or 'nobody'}")
                raise
        self._judge(case, sender, replies)

    async def _over_h1(self, case: Case, sender: Person) -> list[Reply]:
        mark = f"{case.group}/{case.name}/{sender.name}"
        channel = self._idle.pop() if self._idle else await self._opened(self.context)
        channel.send(case.octets(self.host, self.ground.port, self.ground.cookie(sender, self.host), mark))
        replies = await channel.replies(case.methods, silent="nothing" in case.expect)
        if not replies or replies[-1].last or case.alone:
            await channel.close()
            return replies
        try:
            await self.honest(channel, sender)
            self._idle.append(channel)
        except Gone:
            self.faults.append(f"{mark}: no honest request was answered on its connection")
        return replies

    async def _over_h2(self, case: Case, sender: Person) -> list[Reply]:
        """A connection that Caddy ends is of no use; one that it doesn't end has to be."""
        mark = f"{case.group}/{case.name}/{sender.name}"
        http2 = self._idle_h2.pop() if self._idle_h2 else Http2(await self._opened(self.h2))
        reply = None
        try:
            reply = await http2.ask(
                *case.fields(self.host, self.ground.port, self.ground.cookie(sender, self.host), mark)
            )
            await self._honest_over_h2(http2)
            self._idle_h2.append(http2)
        except Gone:
            await http2.channel.close()
        return [reply] if reply else []

    def _judge(self, case: Case, sender: Person, replies: list[Reply]) -> None:
        where = f"{case.group}: {case.name}, from {sender.name or 'nobody'}"
        expected = case.expect[sender is EVE]
        found = outcome(replies[0] if replies else None)
        if found not in expected.split("|"):
            self.faults.append(f"{where}: {found} instead of {expected}")
        for place, reply in enumerate(replies):
            known = 0 if place else CADDYS_OWN.get(found, 0)
            self.faults += (f"{where}: {fault}" for fault in faults_of_reply(reply, sender, self.place, known=known))

    def judge_records(self) -> None:
        """Also of answers that nobody waited for."""
        secrets = tuple(
            self.ground.cookie(person, self.host).partition("=")[2]
            for person in PEOPLE
            if person.name in self.ground.visitors and self.host in self.ground.visitors[person.name].jar
        )
        senders = {person.name: person for person in (NOBODY, *PEOPLE)}
        lines, self._offset = lines_of(self.ground.told(self.backend), self._offset)
        for line in lines:
            mark = mark_of(line)
            sender = senders.get(mark.rpartition("/")[2], NOBODY)
            self.faults += (f"{mark}: {fault}" for fault in faults_of_record(line, sender, self.place, secrets))
