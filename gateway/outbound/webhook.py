"""Posts one JSON text to an address of the operator's, and says how that went without saying the address."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway.core.errors import GatewayError
from gateway.outbound.undelivered import Answered, Undelivered

_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "bastion"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """url may hold a secret in its path. bearer: "" for none. timeout_s: from the connection to the answer's head."""

    url: str = field(repr=False)
    bearer: str = field(repr=False)
    timeout_s: float

    async def post(self, body: str) -> None:
        """Returns when it was answered with 2xx. A redirect is not followed: it would take the bearer elsewhere.

        A connection of its own, and no cookies, proxies or passwords from the environment. Raises Undelivered.
        """
        headers = {**_HEADERS, "Authorization": f"Bearer {self.bearer}"} if self.bearer else _HEADERS
        await post(self.url, body.encode(), headers, self.timeout_s)


async def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, connector: aiohttp.BaseConnector | None = None
) -> None:
    """As Webhook.post. connector: None for one that reaches everything."""
    with failing_as(Undelivered, timeout_s):
        async with (
            session_of(connector, timeout_s) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            status, retry_after = answer.status, answer.headers.get("Retry-After", "")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise Answered(status, retry_after)


def session_of(connector: aiohttp.BaseConnector | None, timeout_s: float) -> aiohttp.ClientSession:
    """For one request, without cookies, proxies or passwords from the environment; a body stays as it came."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


@contextmanager
def failing_as(failure: type[GatewayError], timeout_s: float) -> Iterator[None]:
    """Says how a request failed by an error of ours, without the address."""
    try:
        yield
    except TimeoutError as error:
        raise failure(f"no answer within {timeout_s:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise failure(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Host and port at most: other messages of the library quote the whole address."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port} can't be reached: {error.os_error.strerror or error.os_error}"
    return f"no answer: {type(error).__name__}"
