"""The decision listener: a small HTTP/1.1 server that faces only the proxy, and makes no task for a request."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Final, cast

from gateway.web.forward_auth.admission import Admission, GoesFirst
from gateway.web.forward_auth.connection import Connection, Decide, Patience

_PATIENCE: Final = Patience()


class Listener:
    """Makes a protocol for each connection of the proxy, and ends them all.

    decide: Decisions.start. peers: who may connect over TCP. goes_first: whether bytes of a question are served at once
    or in the strangers' turn; nothing else depends on it. tell_waiting: hears how many strangers wait.
    """

    def __init__(
        self,
        decide: Decide,
        peers: Sequence[IPv4Network | IPv6Network],
        patience: Patience = _PATIENCE,
        *,
        goes_first: GoesFirst = lambda _question: True,
        tell_waiting: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.admission = Admission(peers, goes_first, tell_waiting)
        self.connections: set[Connection] = set()
        self._decide = decide
        self._patience = patience
        self._empty = asyncio.Event()

    def __call__(self) -> asyncio.Protocol:
        connection = Connection(self._decide, self._patience, self.admission, self.connections, self._closed)
        return cast(asyncio.Protocol, connection)

    async def drain(self, within_s: float) -> None:
        """Answers what is under way or about to come, each as the last of its connection; then closes.

        What takes longer is cut off. The listening socket has to be closed before.
        """
        self.admission.draining = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed(), min(self._patience.linger_s, within_s))
        for connection in list(self.connections):
            connection.close_when_idle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed(), within_s)
        for connection in list(self.connections):
            connection.abort()

    def _closed(self) -> None:
        if self.admission.draining and not self.connections:
            self._empty.set()

    async def _all_closed(self) -> None:
        if self.connections:
            await self._empty.wait()
