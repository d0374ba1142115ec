"""What is known about a request when policy judges it, and what policy answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from gateway.core.assurance.model import Assurance
from gateway.core.assurance.need import Need

SESSION: Final = "session"
_NO_CAPTURES: Mapping[str, str] = {}
NO_APP_TOKENS: Final = frozenset[str]()


class Actor:
    """Who asks. assurance: of what they presented. credential: by which kind of credential they came.

    Of a token: the client that it was issued to, its scopes, and whether it is bound to a key that was proved.
    """

    def __init__(
        self,
        user: str,
        groups: frozenset[str],
        assurance: Assurance,
        credential: str = SESSION,
        client: str = "",
        scopes: frozenset[str] = frozenset(),
        dpop: bool = False,
    ) -> None:
        self.user = user
        self.groups = groups
        self.assurance = assurance
        self.credential = credential
        self.client = client
        self.scopes = scopes
        self.dpop = dpop


class Facts:
    """person None: a stranger. address None: not known. captures: those of Routed.

    app_tokens: names of those that the request brings, of the route's.
    """

    def __init__(
        self,
        person: Actor | None,
        address: IPv4Address | IPv6Address | None,
        now: int,
        captures: Mapping[str, str] = _NO_CAPTURES,
        app_tokens: frozenset[str] = NO_APP_TOKENS,
    ) -> None:
        self.person = person
        self.address = address
        self.now = now
        self.captures = captures
        self.app_tokens = app_tokens

    def of(self, person: Actor | None) -> "Facts":
        """Of another one, or of nobody."""
        return Facts(person, self.address, self.now, self.captures, self.app_tokens)


@dataclass(frozen=True, slots=True)
class Allow:
    """identity False: in as nobody, also with a valid session. leg: the name of what let them in."""

    identity: bool
    leg: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """What the person has to prove anew."""

    need: Need


@dataclass(frozen=True, slots=True)
class Login:
    """A stranger who might be let in as somebody."""


@dataclass(frozen=True, slots=True)
class Deny:
    """reason: short words for the log and the page. scopes: with these too, the token would have come in."""

    reason: str
    scopes: tuple[str, ...] = ()


Verdict = Allow | StepUp | Login | Deny


@dataclass(frozen=True, slots=True)
class Refused:
    """No route decides this request. status: 400, 403 (no_host, no_route) or 405 with allow. detail: for the log."""

    status: int
    reason: str
    allow: tuple[str, ...] = ()
    detail: str = ""
