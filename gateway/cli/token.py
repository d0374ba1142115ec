"""`bastion token`: why the gateway refuses a token."""

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final, TextIO
from urllib.parse import urlsplit

import click

from gateway.cli._acting import acting
from gateway.cli._options import with_config
from gateway.cli._policy import policy_of
from gateway.cli._times import utc
from gateway.config import Config
from gateway.core.analysis.explain import explain as explained
from gateway.core.analysis.simulate import Asked
from gateway.core.analysis.token_checks import ShownToken, TokenCheck
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Routed
from gateway.core.token.access import AccessToken, AccessTokens
from gateway.flows.oauth.explain_token import Explained, TokenExplanation
from gateway.flows.policy.registered_clients import active_clients
from gateway.resources import Resources, clock
from gateway.stores.redis.decisions import DecisionCalls

_REQUEST_LINE: Final = re.compile(r"([A-Z]+) (https?://\S+)( HTTP/[0-9.]+)?")
_AUTHORIZATION: Final = re.compile(r"(?:authorization: *)?(bearer|dpop) +(\S+)", re.IGNORECASE)
_PROOF: Final = re.compile(r"dpop: *(\S+)", re.IGNORECASE)
_BARE: Final = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class _Given:
    """What was read. scheme "": not said. url "": none."""

    scheme: str
    token: str
    proofs: tuple[str, ...]
    method: str
    url: str


@click.group()
def token() -> None:
    """Find out why an app's token is refused."""


@token.command()
@click.option("--file", "source", type=click.File("r"), default="-", help="Where to read from; otherwise from stdin.")
@click.option("--url", default="", help="The URL that the app calls: https://api.example.com/path.")
@click.option("--method", default="", help="Of that request.  [default: GET]")
@click.option("--from", "address", default="", help="The client's address; without it, unknown.")
@with_config
def explain(config: Config, *, source: TextIO, url: str, method: str, address: str) -> None:
    """Show check by check what the gateway says to an access token, and what policy says to its request.

    It reads a request as the app sends it, or its lines that matter here: `GET https://api.example.com/path`,
    `Authorization: DPoP ...`, `DPoP: ...`. A line with nothing but the token will do; then the proof, if there is one,
    is the next line. Without a URL the host, the proof and the policy are not judged.

    The first line that says `refuses` is why the gateway refuses; exit status 1 if there is one. The command prints
    neither the token nor the proof, uses no proof up and keeps no login alive. Don't give a token as an argument:
    other accounts of the machine see it.
    """
    given = _read(source.read(), url, method)
    shown = _shown(config, given)
    policy = _policy(config) if given.url else None
    found = acting(config, lambda resources: _explain(config, resources, shown))
    checks = (*([] if policy is None else [_route(policy, given, shown)]), *found.checks)
    if found.token is not None:
        click.echo(_about(found.token))
    for check in checks:
        click.echo(f"{check.name:<22}{check.said:<13}{check.why}".rstrip())
    if policy is not None and found.actor is not None:
        click.echo("\npolicy, for a token that passes:")
        for line in explained(policy, _asked(given, found, address)):
            click.echo(line)
    if any(check.said == "refuses" for check in checks):
        raise SystemExit(1)


def _policy(config: Config) -> Policy:
    """As a worker has it: with the registered clients."""
    return policy_of(config, *acting(config, lambda resources: active_clients(resources.pool)))


async def _explain(config: Config, resources: Resources, shown: ShownToken) -> Explained:
    from gateway.app.keys import ring_of
    from gateway.app.tokens import nonces_of

    ring, keys = ring_of(config=config, resources=resources), config.keys()
    await ring.refresh()
    access = AccessTokens(config.public_url, keys.token)
    explanation = TokenExplanation(
        resources.acts,
        DecisionCalls(resources.functions),
        access,
        nonces_of(config),
        ring.current.verification,
        clock,
    )
    return await explanation.explain(shown)


def _read(text: str, url: str, method: str) -> _Given:
    """Raises click.UsageError, whose message holds nothing of the text."""
    tokens, proofs, bare, line_method, line_url = list[tuple[str, str]](), list[str](), list[str](), "", ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if (request := _REQUEST_LINE.fullmatch(line)) is not None:
            line_method, line_url = request[1], request[2]
        elif (proof := _PROOF.fullmatch(line)) is not None:
            proofs.append(proof[1])
        elif (authorization := _AUTHORIZATION.fullmatch(line)) is not None:
            tokens.append((authorization[1].lower(), authorization[2]))
        elif _BARE.fullmatch(line) is not None:
            bare.append(line)
    if not tokens and bare:
        tokens.append(("", bare[0]))
        proofs += bare[1:]
    if len(tokens) != 1:
        raise click.UsageError(f"expected one access token, found {len(tokens)}")
    scheme, found = tokens[0]
    if found.startswith("bst_"):
        raise click.UsageError("this is an API key; `bastion api-key list` shows those that are live")
    return _Given(scheme, found, tuple(proofs), method or line_method or "GET", url or line_url)


def _shown(config: Config, given: _Given) -> ShownToken:
    """A token without a scheme is read by what came with it."""
    scheme = given.scheme or ("dpop" if given.proofs else "bearer")
    shown = ShownToken(scheme, given.token, given.proofs, given.method)
    if not given.url:
        return shown
    host, target = _host_and_target(given.url)
    return replace(shown, origin=config.origin_of(host), target=target)


def _host_and_target(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise click.UsageError("expected a URL such as https://api.example.com/path")
    return parts.hostname, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _route(policy: Policy, given: _Given, shown: ShownToken) -> TokenCheck:
    """Whether a token of this scheme is looked at there."""
    host, target = _host_and_target(given.url)
    found = policy.find(host, given.method, target)
    if not isinstance(found, Routed):
        return TokenCheck("route", "refuses", f"policy has none: {found.reason}")
    route = found.route
    if shown.scheme in route.credentials:
        return TokenCheck("route", "passes", route.name)
    accepted = ", ".join(sorted(route.credentials))
    return TokenCheck(
        "route", "refuses", f"{route.name} takes no {shown.scheme}, so the token is not read; it takes {accepted}"
    )


def _about(found: AccessToken) -> str:
    scopes = " ".join(sorted(found.scopes)) or "-"
    bound = f", bound to the key {found.jkt}" if found.jkt else ""
    times = f"made {utc(found.issued_at)}, good until {utc(found.expires_at)}"
    return f"client {found.client}, scopes {scopes}, for {found.audience}, {times}{bound}"


def _asked(given: _Given, found: Explained, address: str) -> Asked:
    host, target = _host_and_target(given.url)
    return Asked(
        method=given.method,
        host=host,
        target=target,
        person=found.actor,
        address=ip_address(address) if address else None,
        now=found.now,
        headers={},
        kind="fetch",
    )
