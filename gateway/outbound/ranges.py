"""Asks the range API of Have I Been Pwned, or a mirror of it: five hex digits of a digest go out, and nothing else."""

from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway.core.errors import GatewayError
from gateway.core.password.breached import in_range, packed_range, range_of
from gateway.core.policy.networks import NetworkSet
from gateway.outbound.guarded import guard

_HEADERS: Final = {"User-Agent": "bastion", "Add-Padding": "true"}
_TIMEOUT_S: Final = 1.0
_MOST_BYTES: Final = 512 * 1024  # an answer has about 40 KB
_REMEMBERED: Final = 512
_REMEMBERED_S: Final = 24 * 3600
_FAILURES: Final = 5
_OPEN_S: Final = 60


class NoRange(GatewayError):
    """The API does not answer, or answers something else."""


class Ranges:
    """One for the process. url: what the five digits are appended to. clock: seconds, monotonic.

    After five failures in a row, and after each one that follows, nothing is asked for a minute: so logins don't wait
    for an API that is down.
    """

    def __init__(self, url: str, allowed: NetworkSet, clock: Callable[[], float]) -> None:
        self._url = url
        self._allowed = allowed
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._failures = 0
        self._closed_until = 0.0

    async def has(self, digest: bytes) -> bool:
        """Within a second. Raises NoRange."""
        prefix = range_of(digest)
        until, packed = self._remembered.get(prefix, (0.0, b""))
        if self._clock() >= until:
            packed = await self._ask(prefix)
            self._remember(prefix, packed)
        return in_range(packed, digest)

    def _remember(self, prefix: str, packed: bytes) -> None:
        self._remembered[prefix] = (self._clock() + _REMEMBERED_S, packed)
        self._remembered.move_to_end(prefix)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    async def _ask(self, prefix: str) -> bytes:
        """Raises NoRange."""
        if self._clock() < self._closed_until:
            raise NoRange("the API failed a moment ago, and is not asked")
        try:
            packed = packed_range(await self._fetch(prefix))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            self._failures += 1
            if self._failures >= _FAILURES:
                self._closed_until = self._clock() + _OPEN_S
            raise NoRange(f"the API gave no range: {type(error).__name__}") from error
        self._failures = 0
        return packed

    async def _fetch(self, prefix: str) -> bytes:
        """A connection of its own, and nothing from the environment; a redirect is not followed."""
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=guard(self._allowed), force_close=True),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.get(self._url + prefix, headers=_HEADERS, allow_redirects=False) as answer,
        ):
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ValueError("too long for a range")
            return bytes(body)
