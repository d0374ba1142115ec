"""Turns the text of a session cookie into what Redis is asked about, each text once."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.forward.ask import Presented
from gateway.core.session.tokens import credential_of, parse

_MOST_KNOWN: Final = 16_384


class _NotOurs(GatewayError):
    """Its MAC is wrong. Raised, because what raises is not remembered: made-up tokens push out nobody's."""


class Tokens:
    """A bounded memory of a pure function: a MAC that was right stays right. Whether the session lives, Redis says."""

    def __init__(self, mac_key: bytes) -> None:
        self._mac_key = mac_key
        self._known: Final[Callable[[str, str], Presented]] = lru_cache(_MOST_KNOWN)(self._read)

    def presented(self, host: str, text: str) -> Presented | None:
        """None: not a token of ours."""
        try:
            return self._known(host, text)
        except _NotOurs:
            return None

    def _read(self, host: str, text: str) -> Presented:
        token = parse(self._mac_key, text)
        if token is None:
            raise _NotOurs("not a token of ours")
        return Presented(token.tag, token.login, credential_of(host, token))
