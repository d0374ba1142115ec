"""Turns the text of a session cookie into what Redis is asked about, each text once."""

from typing import Final

from gateway.core.forward.ask import Presented
from gateway.core.session.cookies import SESSION_COOKIE
from gateway.core.session.tokens import TOKEN_CHARS, credential_of, parse

MOST_KNOWN: Final = 16_384
_COOKIE: Final = f"{SESSION_COOKIE}=".encode()


class Tokens:
    """A bounded memory of a pure function: a MAC that was right stays right. Whether the session lives, Redis says.

    Made-up tokens are not remembered, so they push out nobody's.
    """

    def __init__(self, mac_key: bytes) -> None:
        self._mac_key = mac_key
        self._known: dict[tuple[str, str], Presented] = {}  # by host and text, the oldest first
        self._texts: set[bytes] = set()

    def presented(self, host: str, text: str) -> Presented | None:
        """None: not a token of ours."""
        known = self._known.get((host, text))
        return self._read(host, text) if known is None else known

    def is_in(self, question: bytes) -> bool:
        """Whether these bytes bring a token that was read before. Only who is served first may depend on it."""
        at = question.find(_COOKIE) + len(_COOKIE)
        return question[at : at + TOKEN_CHARS] in self._texts

    def _read(self, host: str, text: str) -> Presented | None:
        token = parse(self._mac_key, text)
        if token is None:
            return None
        if len(self._known) >= MOST_KNOWN:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._texts.discard(oldest[1].encode())
        presented = Presented(token.tag, token.login, credential_of(host, token))
        self._known[host, text] = presented
        self._texts.add(text.encode())
        return presented
