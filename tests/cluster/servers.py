"""A real cluster of three primaries whose slots a test may move, by hand or at once, and whose servers it may lose."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from gateway.embedded import Binaries, Children, EmbeddedValkey, free_port
from gateway.stores.redis.cluster import Cluster
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.slots import SLOTS

PRIMARIES = 3
_NODE_TIMEOUT_MS = 1500


@dataclass(slots=True)
class Node:
    """One server of it. name: as the cluster calls it."""

    server: EmbeddedValkey
    bus_port: int
    name: str = ""

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def do(self, *words: str | int | bytes) -> Any:
        """Over its socket, so as whoever it is that may do everything."""
        with Redis.from_url(f"unix://root:root@{self.server.socket}", socket_timeout=10) as client:
            return client.execute_command(*words)

    def says(self, what: str, *words: str) -> bool:
        reply = self.do(*words)
        return what in (reply.decode() if isinstance(reply, bytes) else str(reply))

    def refused(self, code: str) -> int:
        """How often it said so."""
        count = self.do("INFO", "errorstats").get(f"errorstat_{code}", {"count": 0})["count"]
        return int(count)


@dataclass(slots=True)
class Servers:
    """At first the primaries share the slots evenly."""

    directory: Path
    children: Children
    binaries: Binaries
    nodes: list[Node] = field(default_factory=list)

    def start(self) -> None:
        for _ in range(PRIMARIES):
            self.add()
        for number, node in enumerate(self.nodes):
            first, after = (SLOTS * n // PRIMARIES for n in (number, number + 1))
            node.do("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
            node.do("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            self._meet(node)
        until(lambda: all(node.says("cluster_state:ok", "CLUSTER", "INFO") for node in self.nodes))
        until(lambda: all(len(node.do("CLUSTER", "SLOTS")) == PRIMARIES for node in self.nodes))

    def add(self) -> Node:
        """A server that nobody has met yet."""
        home = self.directory / f"node{len(self.nodes)}"
        home.mkdir(mode=0o711, parents=True)
        bus_port = free_port()
        extra = ["--cluster-enabled", "yes", "--cluster-port", str(bus_port), "--repl-diskless-sync-delay", "0"]
        extra += ["--user", "root", "on", ">root", "~*", "&*", "+@all"]
        extra += ["--cluster-node-timeout", str(_NODE_TIMEOUT_MS), "--cluster-allow-replica-migration", "no"]
        node = Node(EmbeddedValkey(home, self.children, self.binaries, port=free_port(), extra=extra), bus_port)
        node.server.start()
        node.name = node.do("CLUSTER", "MYID").decode()
        self.nodes.append(node)
        return node

    def add_replica(self, primary: Node) -> Node:
        """Returns when it has all of what its primary has."""
        node = self.add()
        self._meet(node)
        until(lambda: all(one.says(node.name, "CLUSTER", "NODES") for one in self.nodes))
        until(lambda: node.says(primary.name, "CLUSTER", "NODES"))
        node.do("CLUSTER", "REPLICATE", primary.name)
        until(lambda: node.do("INFO", "replication").get("master_link_status") == "up")
        until(lambda: all(one.says(f"slave {primary.name}", "CLUSTER", "NODES") for one in self.nodes))
        return node

    def stop(self) -> None:
        for node in self.nodes:
            node.server.stop()

    def connect(self, timeout_s: float = 5) -> Cluster:
        return Cluster(f"redis://{self.nodes[0].address}", [], timeout_s, library())

    def owner(self, slot: int, by: Node | None = None) -> Node:
        """As one of them says, the first that lives if none is named."""
        for first, last, primary, *_ in (by or self.living()[0]).do("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.name == primary[2].decode())
        raise AssertionError(slot)

    def living(self) -> list[Node]:
        return [node for node in self.nodes if node.server.process is not None]

    def other(self, node: Node) -> Node:
        """Another primary."""
        return next(one for one in self.nodes[:PRIMARIES] if one is not node)

    def _meet(self, node: Node) -> None:
        self.nodes[0].do("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)


@dataclass(slots=True)
class Move:
    """Of one slot, the old way: step by step, so that a test may look in between."""

    servers: Servers
    slot: int
    source: Node
    target: Node

    def begin(self) -> None:
        self.target.do("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.name)
        self.source.do("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.name)

    def keys(self) -> list[bytes]:
        """Those that have not moved yet."""
        return list(self.source.do("CLUSTER", "GETKEYSINSLOT", self.slot, 10_000))

    def carry(self, keys: Iterable[bytes | str]) -> None:
        for key in keys:
            self.source.do("MIGRATE", "127.0.0.1", self.target.port, key, 0, 5000)

    def settle(self) -> None:
        """All have moved, and the two know it."""
        while keys := self.keys():
            self.carry(keys)
        for node in (self.target, self.source):
            node.do("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.name)

    def finish(self) -> None:
        """All have moved, and everybody knows it."""
        self.settle()
        until(lambda: all(self.servers.owner(self.slot, node) is self.target for node in self.servers.living()))


def move_at_once(servers: Servers, slots: Sequence[tuple[int, int]], source: Node, target: Node) -> None:
    """The way of Valkey 9: atomic. Returns when everybody knows it."""
    words = [str(slot) for first, last in slots for slot in (first, last)]
    source.do("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *words, "NODE", target.name)
    slot = slots[0][0]
    until(lambda: all(servers.owner(slot, node) is target for node in servers.living()))


def until(holds: Callable[[], bool]) -> None:
    """Blocks: for what happens between servers, while no decisions are taken."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
