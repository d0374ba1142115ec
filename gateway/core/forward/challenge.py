"""Writes what a client has to bring: challenges for tokens (RFC 6750, 9449, 9470), and where to get them (RFC 9728)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from gateway.core.assurance.model import PASSKEYS
from gateway.core.assurance.need import NOTHING, Need
from gateway.core.forward.answer import Answer, json_body, json_head, own_head
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import CredentialFault, Scheme
from gateway.core.forward.request import ForwardedRequest
from gateway.core.jose.algorithms import PROOF_ALGS, PROOFS
from gateway.core.policy.route import Route

_Lines = list[tuple[str, str]]
RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
NONCE_HEADER: Final = "DPoP-Nonce"
_KINDS: Final[tuple[tuple[str, Scheme], ...]] = (("bearer", "Bearer"), ("dpop", "DPoP"))
_EXPOSE: Final = "Access-Control-Expose-Headers"
_CHALLENGE: Final = "WWW-Authenticate"
_EXPOSED: Final = ("WWW-Authenticate", NONCE_HEADER)
_ROUTE: Final = "bastion/resource"
_PUBLIC: Final = ("Access-Control-Allow-Origin", "*")


def challenges(
    context: Context,
    request: ForwardedRequest,
    route: Route,
    fault: CredentialFault | None = None,
    *,
    scopes: Iterable[str] = (),
    need: Need = NOTHING,
) -> _Lines:
    """One line for each scheme that the route accepts. The fault stands in that of its own scheme, which is the first:
    requests-oauth2client reads no other.

    Basic is offered only to who shows no browser, which would ask its person for a password (X6).

    scopes: with which the token would have come in. need: what the login behind it has to meet.
    """
    said = () if fault is None else (fault.scheme, fault.error, fault.why)
    kinds = route.credentials | {"bearer"} if route.key_places.bearer else route.credentials
    origin = context.origin_of(request.host)
    lines = list(_challenges(origin, kinds, said, tuple(scopes), need, route.takes_tokens))
    if route.takes_basic and not scopes and not request.shows_browser:
        lines.append((_CHALLENGE, f'Basic realm="{request.host}", charset="UTF-8"'))
    return lines


@lru_cache(1024)
def _challenges(
    origin: str,
    accepted: frozenset[str],
    fault: tuple[str, ...],
    scopes: tuple[str, ...],
    need: Need,
    takes_tokens: bool,
) -> tuple[tuple[str, str], ...]:
    """fault: its scheme, error and reason, or nothing. A flood of the same refusals writes them once."""
    lines = []
    for kind, scheme in sorted(_KINDS, key=lambda known: fault[:1] != (known[1],)):
        faulty = fault[:1] == (scheme,)
        if kind not in accepted and not faulty:
            continue
        said = dict[str, str]()
        if faulty:
            said |= {"error": fault[1], "error_description": fault[2]}
            said |= {"scope": " ".join(scopes)} if scopes else {}
            said |= {name: value.strip('"') for name, value in asked_words(need)}
        said |= {"algs": PROOF_ALGS} if scheme == "DPoP" else {}
        if takes_tokens:
            said["resource_metadata"] = origin + RESOURCE_PATH
        else:
            said["realm"] = origin.partition("://")[2]
        parameters = ", ".join(f'{name}="{_quoted(value)}"' for name, value in said.items())
        lines.append((_CHALLENGE, f"{scheme} {parameters}"))
    return tuple(lines)


def asked_words(need: Need) -> list[tuple[str, str]]:
    """The parameters of RFC 9470 section 3, as a challenge has them. Of methods no parameter tells."""
    acr = need.acr or ("phr" if need.amr & PASSKEYS else "2" if need.asks_second else "")
    words = [("max_age", str(need.within_s))] if need.within_s else []
    return [*words, ("acr_values", f'"{acr}"')] if acr else words


def with_nonce(headers: _Lines, nonce: str) -> _Lines:
    return [*headers, (NONCE_HEADER, nonce)] if nonce else headers


def exposed(headers: Sequence[tuple[str, str]], route: Route, name: str = _EXPOSE) -> _Lines:
    """CORS headers of an answer whose origin may read it: a script has to see what it is to bring (oauth.md O12).

    name: of the header that says it.
    """
    if not headers or not route.takes_tokens:
        return list(headers)
    own = [value for header, value in headers if header == name]
    rest = [pair for pair in headers if pair[0] != name]
    return [*rest, (name, ", ".join([*own, *_EXPOSED]))]


def resource_metadata(context: Context, request: ForwardedRequest) -> Answer:
    """RFC 9728 section 3, of a host with routes that accept tokens. Anybody may read it."""
    if request.method not in ("GET", "HEAD"):
        headers = [_PUBLIC, ("Allow", "GET, HEAD")]
        return Answer(405, own_head(request.request_id, headers), b"", "refused", _ROUTE, "method")
    routes = context.policy.token_routes(request.host)
    kinds = frozenset().union(*(route.credentials for route in routes))
    scopes = sorted({scope for route in routes for leg in route.token_legs for scope in leg.scopes})
    said: dict[str, object] = {
        "resource": context.origin_of(request.host),
        "authorization_servers": [context.auth_origin],
        "bearer_methods_supported": ["header"],
    }
    said |= {"scopes_supported": scopes} if scopes else {}
    said |= {"dpop_signing_alg_values_supported": sorted(PROOFS)} if "dpop" in kinds else {}
    said |= {"dpop_bound_access_tokens_required": True} if "bearer" not in kinds else {}
    head = own_head(request.request_id, [_PUBLIC]) + json_head()
    body = b"" if request.method == "HEAD" else json_body(said)
    return Answer(200, b"X-Bastion-Answer: 1\r\n" + head, body, "allow", _ROUTE, "metadata")


def _quoted(text: str) -> str:
    return text.replace("\\", "").replace('"', "'")
