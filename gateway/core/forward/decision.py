"""Owns what can be decided about a request, as values: respond.py makes answers of them, core/analysis words.

A request makes one of them, so they are plain classes: an __init__ that dataclass writes stays interpreted when the
module is compiled, and a frozen one costs two to four times as much. Nothing changes them.
"""

from typing import Final

from gateway.core.assurance.need import NOTHING, Need
from gateway.core.forward.credentials import Brought, CredentialFault, Scheme
from gateway.core.forward.key_credentials import BroughtKey
from gateway.core.policy.cross_origin import Headers
from gateway.core.policy.facts import Actor, Allow, Refused
from gateway.core.policy.route import Route
from gateway.core.principal.ask import Presented, Spent
from gateway.core.principal.identity import Known
from gateway.core.ratelimit.gcra import Limit

CROSS_ORIGIN: Final = "cross_origin"
NOT_FROM_THERE: Final = "the key is not for this address"


class TooEarly:
    """In early data, and a replay would matter (RFC 8470, threats.md P6)."""

    def __init__(self, route: Route) -> None:
        self.route = route


class Preflight:
    """Settled by `cors` alone. granted None: refused."""

    def __init__(self, route: Route, granted: Headers | None) -> None:
        self.route = route
        self.granted = granted


class AppPreflight:
    """The app answers preflights itself."""

    def __init__(self, route: Route) -> None:
        self.route = route


class Unavailable:
    """The store did not say who it is, or whether a limit is spent."""

    def __init__(self, route: Route) -> None:
        self.route = route


class Limited:
    """state: of the refused limit that lasts longest. presented: what came with the request."""

    def __init__(self, route: Route, limit: Limit, state: Spent, presented: Presented | None = None) -> None:
        self.route = route
        self.limit = limit
        self.state = state
        self.presented = presented


class Denied:
    """reason: CROSS_ORIGIN or policy's own. known None: nobody is logged in. now: Unix seconds.

    scheme: of the token that was brought, None: none was. scopes: with these the token would have come in.
    actor: as whom policy judged it.
    """

    def __init__(
        self,
        route: Route,
        reason: str,
        known: Known | None,
        now: int,
        scheme: Scheme | None = None,
        scopes: tuple[str, ...] = (),
        actor: Actor | None = None,
    ) -> None:
        self.route = route
        self.reason = reason
        self.known = known
        self.now = now
        self.scheme = scheme
        self.scopes = scopes
        self.actor = actor


class Unauthorized:
    """A token has to come, or a better one. fault: what is wrong with the one that came, None: none did.

    need: what the login behind it has to meet, NOTHING: it is not about that. nonce: for the next proof.
    """

    def __init__(self, route: Route, fault: CredentialFault | None, need: Need = NOTHING, nonce: str = "") -> None:
        self.route = route
        self.fault = fault
        self.need = need
        self.nonce = nonce


class LogIn:
    """need: what the login has to meet, NOTHING: there has to be one. dead: the browser brought a session that is
    over. presented: the session that a fresh one is to replace. now: Unix seconds, by the store's clock.
    """

    def __init__(self, route: Route, need: Need, dead: bool, presented: Presented | None, now: int) -> None:
        self.route = route
        self.need = need
        self.dead = dead
        self.presented = presented
        self.now = now


class Allowed:
    """known: whom the app hears of, None: nobody. limit, state: the limit to tell the client of, None without one.

    token: the token or key by which they came in. actor: who came in, None: a stranger. now: Unix seconds, by the
    store's clock. nonce: for the client's next proof, "": the one that it has is good.
    """

    def __init__(
        self,
        route: Route,
        verdict: Allow,
        known: Known | None,
        limit: Limit | None,
        state: Spent | None,
        token: Brought | BroughtKey | None = None,
        nonce: str = "",
        actor: Actor | None = None,
        now: int = 0,
    ) -> None:
        self.route = route
        self.verdict = verdict
        self.known = known
        self.limit = limit
        self.state = state
        self.token = token
        self.nonce = nonce
        self.actor = actor
        self.now = now

    def of_nobody(self) -> "Allowed":
        """The same, without telling the app who it is."""
        return Allowed(
            self.route, self.verdict, None, self.limit, self.state, self.token, self.nonce, self.actor, self.now
        )


Settled = Refused | TooEarly | Preflight | AppPreflight | Unauthorized
Judged = Denied | LogIn | Unauthorized | Allowed
Decision = Settled | Unavailable | Limited | Judged
