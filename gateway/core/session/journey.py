"""The sealed way back of somebody who was sent to log in, and the sealed ticket of a logout.

Both travel in URLs, so they are ciphertext: the auth host's log never shows a protected URL (threats.md section 2).
The layouts are in browsers for an hour: they change only with a new version prefix.
"""

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.base64url import b64, unb64
from gateway.core.errors import GatewayError

NONCE_BYTES: Final = 12
JOURNEY_S: Final = 3600
LOGOUT_S: Final = 60
FUTURE_S: Final = 60
MAX_RETURN: Final = 2048
_MOST_CHARS: Final = 6000
_PREFIX: Final = "v1."
_written: Final = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each


class BadJourney(GatewayError):
    """Not sealed by us, or for another purpose; there is no way back in it."""


@dataclass(slots=True, init=False)
class Journey:
    """host: canonical. return_to: raw path and query as Caddy sent them. way: b64(SHA-256(way cookie)). iat: Unix s.

    need: "", "authenticated:<seconds>" or "mfa": what the login must meet. notice: "", or "again" where what was sent
    could not be kept. old: b64 credential of the session that the browser had, "" without one.

    A dataclass, because its fields are what is sealed; its __init__ is written out so that it is compiled.
    """

    host: str
    return_to: str
    way: str
    iat: int
    need: str
    notice: str
    old: str

    def __init__(
        self, host: str, return_to: str, way: str, iat: int, need: str = "", notice: str = "", old: str = ""
    ) -> None:
        self.host = host
        self.return_to = return_to
        self.way = way
        self.iat = iat
        self.need = need
        self.notice = notice
        self.old = old

    def is_timely(self, now: int) -> bool:
        return -FUTURE_S <= now - self.iat <= JOURNEY_S


@dataclass(frozen=True, slots=True)
class LogoutTicket:
    """Ends this login when the browser brings it to the auth host. iat: Unix s. host: where it was asked for."""

    tag: str
    login: str
    iat: int
    host: str

    def is_timely(self, now: int) -> bool:
        return -FUTURE_S <= now - self.iat <= LOGOUT_S


_OF_JOURNEY: Final = tuple(one.name for one in fields(Journey))
_OF_LOGOUT: Final = tuple(one.name for one in fields(LogoutTicket))


def return_of(target: str) -> str:
    """Where to go back to: raw path and query, or "/" for what is too long or ours (threats.md H3)."""
    ours = target.lower().startswith("/.bastion")
    plain = (
        target.startswith("/") and not target.startswith(("//", "/\\")) and target.isascii() and target.isprintable()
    )
    return target if plain and not ours and len(target) <= MAX_RETURN and " " not in target else "/"


def seal_journey(key: bytes, journey: Journey, nonce: bytes) -> str:
    """nonce: NONCE_BYTES random bytes."""
    return _seal(key, b"journey", _values(journey, _OF_JOURNEY), nonce)


def unseal_journey(key: bytes, text: str) -> Journey:
    """Raises BadJourney. Whether it is timely is the caller's question."""
    return Journey(**_unseal(key, b"journey", text))


def seal_logout(key: bytes, ticket: LogoutTicket, nonce: bytes) -> str:
    """nonce: NONCE_BYTES random bytes."""
    return _seal(key, b"logout", _values(ticket, _OF_LOGOUT), nonce)


def unseal_logout(key: bytes, text: str) -> LogoutTicket:
    """Raises BadJourney."""
    return LogoutTicket(**_unseal(key, b"logout", text))


def _values(of: Journey | LogoutTicket, names: tuple[str, ...]) -> dict[str, Any]:
    """dataclasses.asdict costs six times as much, and strangers cause it."""
    return {name: getattr(of, name) for name in names}


@lru_cache(4)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _seal(key: bytes, purpose: bytes, values: dict[str, Any], nonce: bytes) -> str:
    assert len(nonce) == NONCE_BYTES
    text = _written(values).encode()
    return _PREFIX + b64(nonce + _cipher(key).encrypt(nonce, text, purpose))


def _unseal(key: bytes, purpose: bytes, text: str) -> dict[str, Any]:
    if not text.startswith(_PREFIX) or len(text) > _MOST_CHARS or not text.isascii():
        raise BadJourney("not in our form")
    try:
        raw = unb64(text.removeprefix(_PREFIX))
        if b64(raw) != text.removeprefix(_PREFIX):
            raise BadJourney("not in our form")
        plain = _cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose)
    except (ValueError, InvalidTag) as error:
        raise BadJourney("not sealed by us for this purpose") from error
    values: dict[str, Any] = json.loads(plain)
    return values
