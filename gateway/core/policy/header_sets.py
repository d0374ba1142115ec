"""Owns the constant part of an allow by a name, so that one word asks the proxy for all of it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from gateway.core.header_lines import header_line

_DIGEST_CHARACTERS: Final = 8
_NOT_PLAIN: Final = re.compile("[^A-Za-z0-9-]")


@dataclass(frozen=True, slots=True)
class HeaderSet:
    """name: changes with the content. block: the X-Bastion-* headers that say the same one by one.

    rated: the answer tells how much of a rate limit is left. line: asks the proxy for it.
    """

    name: str
    block: tuple[tuple[str, str], ...]
    rated: bool
    line: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", header_line("X-Bastion-Allow", self.name))


def header_set(profile: str, block: tuple[tuple[str, str], ...], *, rated: bool) -> HeaderSet:
    """profile: how operators call it; part of the name."""
    digest = sha256(repr((block, rated)).encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return HeaderSet(f"{_NOT_PLAIN.sub('', profile)}-{digest}", block, rated)


def most_used(sets: Iterable[HeaderSet]) -> tuple[HeaderSet, ...]:
    """Each once: that of the most routes first, those of as many in the order of their names."""
    counted = Counter(sets)
    return tuple(sorted(counted, key=lambda one: (-counted[one], one.name)))
