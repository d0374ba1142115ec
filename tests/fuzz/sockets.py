"""The decision listener on a real socket: the same bytes as on the wire without one, and what came of them."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tests.fuzz.wire import Slips, Talk, answers
from tests.web.listening import Here, Proxy

_WITHIN_S: Final = 60  # for what is due; a slow machine is no failure


async def talk_over(here: Here, pieces: Sequence[bytes], due: Talk | None) -> Talk:
    """Waits for as much as is due, then shuts down, after which nothing may come; without `due` it shuts down at once.

    A connection on which nothing more comes looks like one on which something may: hence `due`.
    """
    before = len(here.slips.asked)
    proxy = await here.proxy()
    sending = asyncio.ensure_future(_send(proxy, pieces))
    answering = asyncio.ensure_future(_answer_late(here.slips))
    try:
        async with asyncio.timeout(_WITHIN_S):
            written = await _heard(proxy, _size(due))
            await sending
            closed = due is None or due.closed or _is_closed(proxy)
            with suppress(OSError):
                proxy.ends()
            written += await _heard(proxy, -1)
    finally:
        answering.cancel()
        sending.cancel()
    proxy.sock.close()
    here.opened.remove(proxy)
    asked = here.slips.asked[before:]
    return Talk(answers(written), asked, written, closed, aborted=False, after_close=b"")


def _size(due: Talk | None) -> int:
    if due is None:
        return 0
    return -1 if due.closed else len(due.written)


async def _send(proxy: Proxy, pieces: Sequence[bytes]) -> None:
    """The listener may read between two pieces, and has maybe closed before the last."""
    with suppress(ConnectionError):
        for piece in pieces:
            await proxy.send(piece)
            await asyncio.sleep(0)


async def _answer_late(slips: Slips) -> None:
    while True:
        while slips.waiting:
            slips.answer_newest()
        await asyncio.sleep(0.001)


async def _heard(proxy: Proxy, size: int) -> bytes:
    """At least so many bytes, or all until the end; -1: until the end."""
    received = b""
    with suppress(ConnectionError):
        while (size < 0 or len(received) < size) and (piece := await proxy.loop.sock_recv(proxy.sock, 65_536)):
            received += piece
    return received


def _is_closed(proxy: Proxy) -> bool:
    try:
        return not proxy.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
