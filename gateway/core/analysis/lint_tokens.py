"""Owns what a policy says of clients and tokens, but hardly means: a scope that none has, a door that none opens."""

from collections.abc import Iterator, Mapping

from gateway.core.analysis.expiry import past, review_due
from gateway.core.analysis.warning import PolicyWarning
from gateway.core.policy.client import Client
from gateway.core.policy.model import Policy
from gateway.core.policy.places import did_you_mean
from gateway.core.policy.route import BY_SESSION, Require, Route


def of_tokens(policy: Policy, now: int) -> Iterator[PolicyWarning]:
    for client in policy.clients.values():
        yield from _of_client(client, now)
    scopes = frozenset(scope for client in policy.clients.values() for scope in client.scopes)
    origins = frozenset(origin for client in policy.clients.values() for origin in client.resources)
    for routes in _by_app(policy).values():
        yield from _nothing_for_tokens(routes)
        yield from _no_audience(policy, routes, origins)
    for route in policy.routes:
        yield from _no_such_scope(route, scopes | policy.key_scopes.given_by.keys() if route.takes_keys else scopes)
        yield from _no_key(route)


def _of_client(client: Client, now: int) -> Iterator[PolicyWarning]:
    yield from review_due(client.review, now)
    for leg in client.access.legs:
        yield from past(leg.condition, leg.place, "this leg gives nobody tokens", now)
    if client.pkce_optional and not client.note:
        message = (
            f"client {client.id} may leave PKCE out: whoever gets hold of a code has only the nonce against them; take "
            "pkce out once the app can do it, or say why in `note`"
        )
        yield PolicyWarning(client.place, "pkce", message)


def _by_app(policy: Policy) -> Mapping[str, list[Route]]:
    apps: dict[str, list[Route]] = {}
    for route in policy.routes:
        apps.setdefault(route.name.partition("/")[0], []).append(route)
    return apps


def _accepted(routes: list[Route]) -> list[Route]:
    """Those that a token can open."""
    return [route for route in routes if route.credentials - BY_SESSION and any(leg.tokens for leg in route.legs)]


def _nothing_for_tokens(routes: list[Route]) -> Iterator[PolicyWarning]:
    """Routes of one app. That some of them leave tokens out is fine."""
    accepting = [route for route in routes if route.credentials - BY_SESSION]
    if not accepting or _accepted(routes):
        return
    first = min(accepting, key=lambda route: route.place)
    kinds = " and ".join(sorted(first.credentials - BY_SESSION))
    message = (
        f"{first.name} accepts {kinds}, and no leg is for tokens: none comes in as somebody; name scopes or clients in "
        "a leg, or take it out of credentials"
    )
    yield PolicyWarning(first.place, "no-token", message)


def _no_audience(policy: Policy, routes: list[Route], origins: frozenset[str]) -> Iterator[PolicyWarning]:
    """A token opens only the host that it was issued for."""
    for route in [one for one in _accepted(routes) if one.takes_tokens]:
        for host in route.hosts:
            name = ".".join(label or "*" for label in reversed(host.labels))
            origin = policy.site.origin_of(name)
            if host.exact and origin not in origins:
                message = (
                    f"{route.name} accepts tokens, and no client has {origin} among its resources: nobody has a token "
                    "for it; add it to the client's resources"
                )
                yield PolicyWarning(route.place, "no-resource", message)
                return


def _no_key(route: Route) -> Iterator[PolicyWarning]:
    """It proves no second factor, no recent login, no low score and no key pair (X5)."""
    legs = [leg for leg in route.token_legs if leg.tokens] if route.takes_keys else []
    if legs and all(leg.require != Require() for leg in legs):
        message = (
            f"{route.name} accepts API keys, and each leg for them requires what a key never proves (mfa, "
            "authenticated_within, amr, risk_below, dpop): none comes in; take api_key out of credentials"
        )
        yield PolicyWarning(route.place, "no-key", message)


def _no_such_scope(route: Route, scopes: frozenset[str]) -> Iterator[PolicyWarning]:
    for leg in route.legs:
        for scope in sorted(leg.scopes - scopes):
            hint = did_you_mean(scope, scopes)
            message = f"no client may ask for the scope {scope}{_nor_key(route)}, so this leg lets nobody in{hint}"
            yield PolicyWarning(leg.place, "no-scope", message)


def _nor_key(route: Route) -> str:
    return ", and key_scopes gives it to no key" if route.takes_keys else ""
