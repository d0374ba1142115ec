"""What is done with one input, and how an input is broken: for fuzzing guided by coverage, and for tests without it."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from gateway.core.forward.credentials import CredentialFault
from gateway.core.forward.request import MalformedRequest, read_request
from tests.core.forward.tokens import TOKENS
from tests.fuzz.mutate import mutated, questions
from tests.fuzz.reading import judge

_MOST_CUTS: Final = 6
_ACCEPTED: Final = frozenset({"session", "bearer", "dpop"})


def one_input(raw: bytes) -> None:
    """The whole protocol, and the reader of headers without a parser before it. Raises AssertionError."""
    draw = random.Random(raw)
    cuts = [draw.randrange(len(raw) + 1) for _ in range(draw.randrange(_MOST_CUTS))]
    asyncio.run(judge(raw, cuts))
    pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in raw.split(b"\r\n"))]
    try:
        request = read_request(pairs)
    except MalformedRequest:
        return
    assert request.path.startswith("/")
    assert request.host == request.host.lower()
    ours = [line for name, line in request.credential_lines if _is_ours(name, line)]
    read = TOKENS.reader.read(request, _ACCEPTED)
    assert isinstance(read, CredentialFault) if ours else read is None, "nobody signed a token here"


def _is_ours(name: bytes, line: bytes) -> bool:
    return name == b"authorization" and line.split(b" ")[0].lower() in (b"bearer", b"dpop")


def broken(raw: bytes, most: int, seed: int, otherwise: Callable[[bytes, int], bytes]) -> bytes:
    """Half by us, as questions are, and half otherwise. most: bytes."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        return otherwise(raw, most)
    return mutated(raw if raw.strip(b"\n") else questions(draw), draw)[:most]
