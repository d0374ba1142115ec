"""Owns what becomes of a request, all steps in their order, as far as policy alone can say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from gateway.core.policy.cross_origin import cors_block, preflight, refuses_cross_origin
from gateway.core.policy.facts import Actor, Allow, Deny, Facts, Login, Refused, StepUp
from gateway.core.policy.headers import REMOVE
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Route, Routed
from gateway.core.ratelimit.gcra import Limit, Per, spend

_SET: Final = "X-Bastion-Set-"
_CORS: Final = {
    "X-Bastion-Acao": "access-control-allow-origin",
    "X-Bastion-Acac": "access-control-allow-credentials",
    "X-Bastion-Acexpose": "access-control-expose-headers",
}
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. target: path and query as sent. headers: names in lower case. kind: as in tests."""

    method: str
    host: str
    target: str
    person: Actor | None
    address: IPv4Address | IPv6Address | None
    now: int
    headers: Mapping[str, str]
    kind: str

    @property
    def decided_method(self) -> str:
        """By which a route is looked up: a preflight asks for another method than its own."""
        if self.kind != "preflight":
            return self.method
        return self.headers.get("access-control-request-method", "GET")


@dataclass(frozen=True, slots=True)
class Outcome:
    """word: as tests say it, "" where only the status is one. identity: what the app sees, "" for nobody.

    headers: of the answer and towards the app, in lower case; those that the app decides are not in it.
    """

    word: str
    status: int
    route: str = ""
    identity: str = ""
    why: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Simulation:
    """Requests to a policy, one after the other: budgets are spent."""

    policy: Policy
    _full_at_us: dict[tuple[str, str], int] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Outcome:
        """429 comes before who they are, and a preflight is settled by `cors` alone."""
        found = self.policy.find(asked.host, asked.decided_method, asked.target)
        if isinstance(found, Refused):
            return _refused(found)
        if asked.kind == "preflight":
            return _preflight(found.route, asked)
        retry_after_s = self._spend(found.route, asked)
        if retry_after_s:
            return _own(asked, Outcome("slow_down", 429, found.route.name), {"retry-after": str(retry_after_s)})
        return self._judged(found, asked)

    def _spend(self, route: Route, asked: Asked) -> int:
        """Seconds to wait, 0: none. All budgets or none are spent."""
        now_us = asked.now * _SECOND_US
        payers = [(limit, _payer(limit, route, asked)) for limit in route.limits]
        budgets = [(limit, (limit.name, payer)) for limit, payer in payers if payer]
        verdicts = [(key, spend(limit, self._full_at_us.get(key, 0), now_us)) for limit, key in budgets]
        wait_us = max((verdict.retry_after_us for _key, verdict in verdicts), default=0)
        if not wait_us:
            self._full_at_us.update((key, verdict.full_at_us) for key, verdict in verdicts)
        return -(-wait_us // _SECOND_US)

    def _judged(self, found: Routed, asked: Asked) -> Outcome:
        route = found.route
        verdict = route.judge(Facts(asked.person, asked.address, asked.now, found.captures))
        match verdict:
            case Allow():
                return self._allowed(route, verdict, asked)
            case StepUp(mfa, within_s):
                needs = [*(["mfa"] if mfa else []), *([f"authenticated within {within_s} s"] if within_s else [])]
                status = _login_status(asked)
                return _own(asked, Outcome("step_up", status, route.name, why=" and ".join(needs)))
            case Login():
                anonymous = route.respond.anonymous
                status = _login_status(asked) if anonymous == "auto" else int(anonymous)
                return _own(asked, Outcome("login", status, route.name))
            case Deny(reason):
                return _denied(route, asked, reason)

    def _allowed(self, route: Route, verdict: Allow, asked: Asked) -> Outcome:
        own = self.policy.site.origin_of(asked.host.lower())
        websocket = asked.kind == "websocket"
        origin = asked.headers.get("origin", own if websocket else None)
        site = asked.headers.get("sec-fetch-site")
        if refuses_cross_origin(route, asked.method, websocket, origin, site, own, verdict.identity):
            return _denied(route, asked, f"cross_origin: {origin or site}")
        identity = asked.person.user if asked.person and route.sends_identity(verdict) else ""
        outcome = Outcome("allow", 200, route.name, identity, verdict.leg)
        return replace(outcome, headers=_allow_headers(route, asked, identity))


def _payer(limit: Limit, route: Route, asked: Asked) -> str:
    """Whose budget it is; "" where it is nobody's: one of principals, and a stranger asks."""
    if limit.per is Per.EVERYONE:
        return "everyone"
    if asked.person is not None and route.asks_people and limit.per is not Per.IP:
        return f"person {asked.person.user}"
    return "" if limit.per is Per.PRINCIPAL else f"address {asked.address}"


def _refused(found: Refused) -> Outcome:
    word = {400: "refuse", 403: "deny"}.get(found.status, "")
    headers = {"cache-control": "no-store"} | ({"allow": ", ".join(found.allow)} if found.allow else {})
    why = f"{found.reason}: {found.detail}" if found.detail else found.reason
    status = 421 if found.reason == "no_host" else found.status  # RFC 9110 section 15.5.20: no site of ours
    return Outcome(word, status, why=why, headers=headers)


def _preflight(route: Route, asked: Asked) -> Outcome:
    if route.cors == "app":
        return Outcome("allow", 200, route.name, why="the app answers preflights")
    origin, requested = asked.headers.get("origin", ""), asked.decided_method
    granted = preflight(route, origin, requested, asked.headers.get("access-control-request-headers"))
    if granted is None:
        return _denied(route, asked, f"cors grants {origin} no {requested}")
    headers = {name.lower(): value for name, value in granted} | {"cache-control": "no-store"}
    return Outcome("preflight", 204, route.name, headers=headers)


def _denied(route: Route, asked: Asked, why: str) -> Outcome:
    respond = route.respond
    more = {"retry-after": str(respond.retry_after_s)} if respond.retry_after_s else {}
    return _own(asked, Outcome("deny", respond.denied, route.name, why=why), more)


def _login_status(asked: Asked) -> int:
    if asked.kind != "navigate":
        return 401
    return 302 if asked.method in ("GET", "HEAD") else 303


def _own(asked: Asked, outcome: Outcome, more: Mapping[str, str] | None = None) -> Outcome:
    """An answer of ours is never stored, and names nobody to the app."""
    content = "text/html; charset=utf-8" if asked.kind == "navigate" else "application/json"
    return replace(outcome, headers={"cache-control": "no-store", "content-type": content, **(more or {})})


def _allow_headers(route: Route, asked: Asked, identity: str) -> Mapping[str, str]:
    block = (*route.response_block, *cors_block(route.cors, asked.headers.get("origin")))
    headers = {name.removeprefix(_SET).lower(): value for name, value in block if name.startswith(_SET)}
    headers |= {_CORS[name]: value for name, value in block if name in _CORS}
    if identity and asked.person is not None:
        headers |= {"remote-user": identity, "remote-groups": ",".join(sorted(asked.person.groups))}
    return {name: value for name, value in headers.items() if value != REMOVE}
