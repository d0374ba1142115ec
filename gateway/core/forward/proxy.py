"""Reads what the snippet says of itself with each question: its version, and what it can do with an answer."""

from typing import Final

from gateway.core.remembered import Remembered

VERSION: Final = 2
ONE_BY_ONE: Final = "one-by-one"  # in place of a header set: each header by itself
_MOST: Final = 64  # proxies with different snippets
_PARTS: Final = 3
_MOST_BYTES: Final = 2_048


class AskingProxy:
    """version 0: one that is not known. identity: names of headers that it hands to apps. header_sets: those that it
    knows by name.
    """

    def __init__(self, version: int, identity: frozenset[str], header_sets: frozenset[str]) -> None:
        self.version = version
        self.identity = identity
        self.header_sets = header_sets


# The snippet before version 2 said nothing, and judged by itself. It is understood until the next release.
EARLIER: Final = AskingProxy(1, frozenset(), frozenset())
_KNOWN: Final = Remembered[bytes, AskingProxy](_MOST)


def said_by(identity: tuple[str, ...], header_sets: tuple[str, ...]) -> str:
    """The value of X-Bastion-Snippet."""
    return f"{VERSION};{','.join(identity)};{','.join(header_sets)}"


def proxy_of(said: bytes) -> AskingProxy:
    """said: the value of X-Bastion-Snippet. Total: what is not understood is of version 0."""
    found = _KNOWN.get(said)
    return _KNOWN.keep(said, _read(said)) if found is None else found


def _read(said: bytes) -> AskingProxy:
    parts = said.decode("latin-1").split(";")
    if len(said) > _MOST_BYTES or len(parts) != _PARTS or parts[0] != str(VERSION):
        return AskingProxy(0, frozenset(), frozenset())
    return AskingProxy(VERSION, _names(parts[1]), _names(parts[2]))


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split(",")) - {""}
