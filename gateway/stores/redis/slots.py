"""Which server of a Redis Cluster holds which key, as the cluster itself tells it; pure, and strict about its form.

The arithmetic is frozen by the cluster's specification: CRC16 (XMODEM) of the hash tag, modulo 16,384.
"""

from binascii import crc_hqx
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.errors import StoreUnavailable

SLOTS: Final = 16_384
_PORTS: Final = range(1, 65_536)
_REDIRECTION_WORDS: Final = 3
_RANGE_FIELDS: Final = 3
_NOT_NOW: Final = ("TRYAGAIN", "CLUSTERDOWN")
_UNKNOWN_HOST: Final = "?"


class Garbled(StoreUnavailable):
    """What a server said of its cluster has no such form."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Of one server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Moved:
    """The slot belongs to another server, for good."""

    slot: int
    address: NodeAddress


@dataclass(frozen=True, slots=True)
class AskThere:
    """The slot is on its way to another server, and what this call names is there already, or nowhere."""

    slot: int
    address: NodeAddress


@dataclass(frozen=True, slots=True)
class NotNow:
    """The slot is half here and half there, or nobody's."""


Refusal: TypeAlias = Moved | AskThere | NotNow


def slot_of(tag: str) -> int:
    """Of all keys that begin with {tag}. tag: without braces, and not empty."""
    return crc_hqx(tag.encode(), 0) % SLOTS


def slot_of_key(key: str) -> int:
    """Of any key: by what is in its first braces, or by all of it."""
    _, opened, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    return slot_of(tag if opened and closed and tag else key)


def read_refusal(error: str, asked: NodeAddress) -> Refusal | None:
    """Why the server that was asked did not do a call; None for any other error. Raises Garbled."""
    kind, *rest = error.split(" ")
    if kind in _NOT_NOW:
        return NotNow()
    if kind not in ("MOVED", "ASK"):
        return None
    if len(rest) + 1 != _REDIRECTION_WORDS:
        raise Garbled(f"{kind} names no slot and server")
    host, _, port = rest[1].rpartition(":")
    made = Moved if kind == "MOVED" else AskThere
    return made(_slot(_number(rest[0])), _address(host, _number(port), asked))


def read_slots(reply: object, asked: NodeAddress) -> tuple[NodeAddress | None, ...]:
    """For each slot its primary, None where it has none: the reply to CLUSTER SLOTS. Raises Garbled."""
    if not isinstance(reply, list) or not reply:
        raise Garbled("CLUSTER SLOTS names no server")
    table: list[NodeAddress | None] = [None] * SLOTS
    for row in reply:
        if not isinstance(row, list) or len(row) < _RANGE_FIELDS:
            raise Garbled("CLUSTER SLOTS has a row without a server")
        first, last, primary = _slot(row[0]), _slot(row[1]), row[2]
        if first > last or not isinstance(primary, list) or len(primary) < 2:  # noqa: PLR2004 - host and port
            raise Garbled("CLUSTER SLOTS has a row without a range or a server")
        table[first : last + 1] = [_address(_text(primary[0]), primary[1], asked)] * (last + 1 - first)
    return tuple(table)


def _address(host: str, port: object, asked: NodeAddress) -> NodeAddress:
    """No host: the one that was asked (redis.io, cluster specification)."""
    if type(port) is not int or port not in _PORTS or host == _UNKNOWN_HOST or not host.isprintable() or " " in host:
        raise Garbled("a server of the cluster has no address")
    return NodeAddress(host or asked.host, port)


def _text(value: object) -> str:
    """Redis says null where it doesn't know its own host."""
    if value is None:
        return ""
    if not isinstance(value, bytes):
        raise Garbled("a server of the cluster has no address")
    return value.decode("utf-8", "replace")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5:  # noqa: PLR2004 - digits of 65535
        raise Garbled("a redirection without numbers")
    return int(text)


def _slot(value: object) -> int:
    if type(value) is not int or not 0 <= value < SLOTS:
        raise Garbled("a slot that doesn't exist")
    return value
