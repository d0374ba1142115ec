"""The sealed way back of somebody who was sent to log in, and the sealed ticket of a logout.

Both travel in URLs, so they are ciphertext: the auth host's log never shows a protected URL (threats.md section 2).
Their fields are in browsers for an hour: they change only with a new version of gateway/core/sealed_text.py.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from gateway.core.sealed_text import seal_text, unseal_text

JOURNEY_S: Final = 3600
LOGOUT_S: Final = 60
FUTURE_S: Final = 60
MAX_RETURN: Final = 2048


@dataclass(slots=True, init=False)
class Journey:
    """host: canonical. return_to: raw path and query as Caddy sent them. way: b64(SHA-256(way cookie)). iat: Unix s.

    need: the text of core/assurance/need.py: what the login must meet. notice: "", or "again" where what was sent could
    not be kept. old: b64 credential of the session that the browser had, "" without one.

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
    return seal_text(key, b"journey", _values(journey, _OF_JOURNEY), nonce)


def unseal_journey(key: bytes, text: str) -> Journey:
    """Raises BadSeal. Whether it is timely is the caller's question."""
    return Journey(**unseal_text(key, b"journey", text))


def seal_logout(key: bytes, ticket: LogoutTicket, nonce: bytes) -> str:
    """nonce: NONCE_BYTES random bytes."""
    return seal_text(key, b"logout", _values(ticket, _OF_LOGOUT), nonce)


def unseal_logout(key: bytes, text: str) -> LogoutTicket:
    """Raises BadSeal."""
    return LogoutTicket(**unseal_text(key, b"logout", text))


def _values(of: Journey | LogoutTicket, names: tuple[str, ...]) -> dict[str, Any]:
    """dataclasses.asdict costs six times as much, and strangers cause it."""
    return {name: getattr(of, name) for name in names}
