"""Redis Cluster: a pipeline for each primary, and a call goes to the primary of its slot (threats.md R9).

What a server refuses with MOVED, ASK, TRYAGAIN or CLUSTERDOWN it has not done, so it is sent again, for PATIENCE_S at
most. Whatever else fails may have been done, a lost connection above all, and is never sent again. Neither is a miss.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final

from gateway.core.errors import StoreUnavailable
from gateway.stores.redis.decisions import FunctionCalls, packed_call
from gateway.stores.redis.functions.library import Library
from gateway.stores.redis.pipeline import Argument, Done, Pipeline, RedisRefused, Server, answer_to
from gateway.stores.redis.slots import (
    SLOTS,
    AskThere,
    Garbled,
    Moved,
    NodeAddress,
    NotNow,
    read_refusal,
    read_slots,
    slot_of,
    slot_of_key,
)
from gateway.waiting import Caller

PATIENCE_S: Final = 0.25
MAX_SERVERS: Final = 1000
_MAX_REDIRECTIONS: Final = 8  # without a pause in between
_PAUSE_S: Final = 0.02
_LOOK_S: Final = 0.1  # between two questions about the slots, at least
_LOOK_ANYWAY_S: Final = 30.0
_CLUSTER_SLOTS: Final = ("CLUSTER", "SLOTS")


@dataclass(slots=True, eq=False)
class _Node:
    """named_at: when the cluster last spoke of it; one that is not named any more goes."""

    address: NodeAddress
    pipeline: Pipeline
    functions: FunctionCalls
    named_at: float
    task: "asyncio.Task[None] | None" = None


class Cluster:
    """Functions in a cluster. run() learns who has which slot, and keeps a connection to each of them."""

    def __init__(
        self, url: str, seeds: Sequence[str], timeout_s: float, library: Library, *, forgotten_after_s: float = 60.0
    ) -> None:
        """url: of one server; its user, password and TLS hold for all. seeds: others, host:port.

        forgotten_after_s: a server that the cluster has not named for so long is no longer connected to.
        """
        self._forgotten_after_s = forgotten_after_s
        self._as = Server.of(url)
        self._timeout_s = timeout_s
        self._library = library
        named = [seed.rpartition(":") for seed in seeds]
        self._seeds = (
            NodeAddress(self._as.host, self._as.port),
            *(NodeAddress(host.strip("[]"), int(port)) for host, _, port in named),
        )
        self._nodes: dict[NodeAddress, _Node] = {}
        self._table: list[_Node | None] = [None] * SLOTS
        self._primaries: tuple[_Node, ...] = ()
        self._is_doubtful = True
        self._why = "no server of the cluster was reached"
        self._turn = 0
        self._group: asyncio.TaskGroup | None = None
        self._first_try = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Every slot has a primary, and each of them is connected."""
        return None not in self._table and all(node.pipeline.connected for node in self._primaries)

    @property
    def servers(self) -> Sequence[Pipeline]:
        return tuple([node.pipeline for node in self._connected_primaries()])

    @property
    def probes(self) -> Sequence[str]:
        self._connected_primaries()
        tags, missing = [], set(self._table)
        for tag in map(str, count()):  # every slot is among the first 110,000; a primary has thousands
            node = self._table[slot_of(tag)]
            if node in missing:
                missing.remove(node)
                tags.append(tag)
            if not missing:
                break
        return tags

    def name(self, function: str) -> str:
        return self._library.name(function)

    def call(self, tag: str, command: bytes, done: Done) -> None:
        _Errand(self, slot_of(tag), command, done).go()

    async def ask(self, function: str, keys: Sequence[str], *arguments: Argument) -> object:
        command = packed_call(self.name(function), keys, arguments)
        slot = slot_of_key(keys[0])
        return await answer_to(lambda done: _Errand(self, slot, command, done).go())

    def distrust(self) -> None:
        """Of which server it was is not known any more, so all are connected anew."""
        for node in list(self._nodes.values()):
            node.pipeline.distrust()

    async def ready(self) -> None:
        await self._first_try.wait()

    async def run(self) -> None:
        loop, look_at = asyncio.get_running_loop(), 0.0
        try:
            async with asyncio.TaskGroup() as self._group:
                await asyncio.gather(*(self.node(seed).pipeline.ready() for seed in self._seeds))
                while True:
                    if self._is_doubtful or not self.connected or loop.time() >= look_at:
                        self._is_doubtful, look_at = False, loop.time() + _LOOK_ANYWAY_S
                        await self._look()
                        await asyncio.gather(*(node.pipeline.ready() for node in self._primaries))
                    self._first_try.set()
                    await asyncio.sleep(_LOOK_S)
        finally:
            self._group = None
            self._nodes.clear()
            self._table = [None] * SLOTS
            self._why = "the gateway ends"
            self._first_try.set()

    def owner(self, slot: int) -> _Node:
        """Raises StoreUnavailable."""
        node = self._table[slot]
        if node is None:
            raise StoreUnavailable(f"no known server holds slot {slot}: {self._why}")
        return node

    def doubt(self) -> None:
        """The table is asked for anew, once for all who doubt it meanwhile."""
        self._is_doubtful = True

    def move(self, slot: int, address: NodeAddress) -> None:
        """As the server said that had it. Raises StoreUnavailable."""
        self._table[slot] = self.node(address)
        self.doubt()

    def node(self, address: NodeAddress) -> _Node:
        """It is connected soon, if not yet. Raises StoreUnavailable."""
        now = asyncio.get_running_loop().time()
        node = self._nodes.get(address)
        if node is None:
            if self._group is None:
                raise StoreUnavailable("the gateway ends")
            if len(self._nodes) >= MAX_SERVERS:
                raise StoreUnavailable(f"{address} is one server too many")
            pipeline = Pipeline(replace(self._as, host=address.host, port=address.port), self._timeout_s)
            node = self._nodes[address] = _Node(address, pipeline, FunctionCalls(pipeline, self._library), now)
            node.task = self._group.create_task(pipeline.run())
        node.named_at = now
        return node

    async def _look(self) -> None:
        """Whom to ask goes round: one that was cut off from the others tells what was."""
        self._turn += 1
        nodes = [node for node in self._nodes.values() if node.pipeline.connected]
        if not nodes:
            self._why = str(self.node(self._seeds[0]).pipeline.outage)
        first = self._turn % max(len(nodes), 1)
        for node in nodes[first:] + nodes[:first]:
            try:
                self._learn(read_slots(await node.pipeline.ask(_CLUSTER_SLOTS), node.address))
            except StoreUnavailable as error:
                self._why = str(error)
            else:
                return

    def _learn(self, table: Sequence[NodeAddress | None]) -> None:
        """Raises StoreUnavailable, and then all is as it was."""
        nodes = {address: self.node(address) for address in set(table) if address is not None}
        self._table = [None if address is None else nodes[address] for address in table]
        self._primaries = tuple(nodes.values())
        self._why = "the cluster says so"
        for seed in self._seeds:
            self.node(seed)
        too_old = asyncio.get_running_loop().time() - self._forgotten_after_s
        for node in [node for node in self._nodes.values() if node.named_at < too_old]:
            assert node.task is not None
            node.task.cancel()
            del self._nodes[node.address]

    def _connected_primaries(self) -> tuple[_Node, ...]:
        if None in self._table:
            self.owner(self._table.index(None))
        for node in self._primaries:
            if not node.pipeline.connected:
                raise StoreUnavailable(node.pipeline.outage)
        return self._primaries


class _Errand:
    """One call until it is answered, wherever that is."""

    __slots__ = ("_asked", "_cluster", "_command", "_done", "_late_at", "_redirections", "_slot")

    def __init__(self, cluster: Cluster, slot: int, command: bytes, done: Done) -> None:
        self._cluster = cluster
        self._slot = slot
        self._command = command
        self._done = done
        self._late_at = 0.0
        self._redirections = 0
        self._asked: _Node

    def go(self) -> None:
        try:
            self._asked = self._cluster.owner(self._slot)
        except StoreUnavailable as error:
            self._done.answered(error)
        else:
            self._asked.functions.call("", self._command, Caller(self._heard))

    def _heard(self, reply: object) -> None:
        if type(reply) is bytes or not isinstance(reply, RedisRefused):
            self._done.answered(reply)
            return
        try:
            self._follow(reply)
        except StoreUnavailable as error:
            self._done.answered(error)

    def _follow(self, refused: RedisRefused) -> None:
        """Raises StoreUnavailable."""
        refusal = read_refusal(str(refused), self._asked.address)
        if isinstance(refusal, Moved | AskThere) and refusal.slot != self._slot:
            self._asked.pipeline.distrust()
            raise Garbled("a redirection was not of its call")
        match refusal:
            case None:
                raise refused
            case NotNow():
                self._cluster.doubt()
                self._redirections = 0
                self._later(self.go, refused)
            case Moved():
                self._cluster.move(self._slot, refusal.address)
                self._redirect(self._cluster.owner(self._slot), self.go, refused)
            case AskThere():
                there = self._cluster.node(refusal.address)
                self._redirect(there, partial(self._ask_there, there), refused)

    def _redirect(self, there: _Node, go: Callable[[], None], refused: RedisRefused) -> None:
        self._redirections += 1
        if self._redirections > _MAX_REDIRECTIONS:
            raise StoreUnavailable(f"the cluster sends a call around in circles: {refused}")
        if there.pipeline.connected:
            go()
        else:
            self._later(partial(self._go_when_connected, there, go, refused), refused)

    def _go_when_connected(self, there: _Node, go: Callable[[], None], refused: RedisRefused) -> None:
        if there.pipeline.connected:
            go()
            return
        try:
            self._later(partial(self._go_when_connected, there, go, refused), refused)
        except StoreUnavailable as error:
            self._done.answered(error)

    def _ask_there(self, there: _Node) -> None:
        self._asked = there
        there.functions.call_asking(self._command, Caller(self._heard))

    def _later(self, go: Callable[[], None], refused: RedisRefused) -> None:
        """Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        if not self._late_at:
            self._late_at = loop.time() + PATIENCE_S
        elif loop.time() >= self._late_at:
            raise StoreUnavailable(f"the cluster did not settle within {PATIENCE_S} s: {refused}")
        loop.call_later(_PAUSE_S, go)
