"""Turns the text of a session cookie into what Redis is asked about, each text once."""

from typing import Final

from gateway.core.principal.ask import Presented
from gateway.core.remembered import Remembered
from gateway.core.session.cookies import SESSION_COOKIE
from gateway.core.session.tokens import TOKEN_CHARS, credential_of, parse

MOST_KNOWN: Final = 16_384
_COOKIE: Final = f"{SESSION_COOKIE}=".encode()


class Tokens:
    """A bounded memory of a pure function: a MAC that was right stays right. Whether the session lives, Redis says.

    Made-up tokens are not remembered, and one that is shown to many hosts has one place, so they push out nobody's.
    """

    def __init__(self, mac_key: bytes) -> None:
        self._mac_key = mac_key
        self._known: Final = Remembered[str, tuple[str, Presented]](MOST_KNOWN)  # by text: the host it was read for

    def presented(self, host: str, text: str) -> Presented | None:
        """None: not a token of ours."""
        known = self._known.get(text)
        return known[1] if known is not None and known[0] == host else self._read(host, text)

    def are_in(self, question: bytes) -> bool:
        """Whether these bytes of a question bring a token of ours. Only who is served first may depend on it."""
        at = question.find(_COOKIE)
        if at < 0:
            return False
        at += len(_COOKIE)
        text = question[at : at + TOKEN_CHARS].decode("latin-1")
        return self._known.get(text) is not None or parse(self._mac_key, text) is not None

    def _read(self, host: str, text: str) -> Presented | None:
        token = parse(self._mac_key, text)
        if token is None:
            return None
        presented = Presented(token.tag, token.login, credential_of(host, token))
        return self._known.keep(text, (host, presented))[1]
