"""What is done with one input, and how an input is broken: for fuzzing guided by coverage, and for tests without it."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from gateway.core.forward.credentials import CredentialFault
from gateway.core.forward.key_credentials import bring_key, read_key
from gateway.core.forward.request import ForwardedRequest, MalformedRequest, read_request
from gateway.core.policy.route import Routed
from tests.core.forward.keys import FILES, TAKING
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
    assert not bring_key(raw, TAKING.api_keys), "nobody made a key here"
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
    _judge_keys(request)


def _judge_keys(request: ForwardedRequest) -> None:
    """On a route that takes them as Bearer, in X-Api-Key and as Basic."""
    found = TAKING.find(FILES, "GET", "/x")
    assert isinstance(found, Routed)
    brings = any(_is_key(name, line) for name, line in request.credential_lines)
    read = read_key(request, found.route, TAKING.api_keys)
    assert isinstance(read, CredentialFault) if brings else read is None, "nobody made a key here"


def _is_ours(name: bytes, line: bytes) -> bool:
    return name == b"authorization" and line.split(b" ")[0].lower() in (b"bearer", b"dpop")


def _is_key(name: bytes, line: bytes) -> bool:
    if name != b"authorization":
        return name == b"x-api-key" and line.startswith(b"bst_")
    scheme, _, text = line.partition(b" ")
    return scheme.lower() == b"basic" or (scheme.lower() == b"bearer" and text.lstrip(b" ").startswith(b"bst_"))


def broken(raw: bytes, most: int, seed: int, otherwise: Callable[[bytes, int], bytes]) -> bytes:
    """Half by us, as questions are, and half otherwise. most: bytes."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        return otherwise(raw, most)
    return mutated(raw if raw.strip(b"\n") else questions(draw), draw)[:most]
