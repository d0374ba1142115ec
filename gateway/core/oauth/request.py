"""Owns how an authorization request is read: first where its answer goes, then whether it may be made at all.

What is wrong before the answer's address is known is said on our own page, and never redirected (RFC 9700 4.11).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode, urlsplit

from gateway.core.assurance.model import ACRS, CAN_BE_MET
from gateway.core.assurance.need import Need
from gateway.core.errors import GatewayError
from gateway.core.jose.keys import VerificationKey
from gateway.core.oauth.claims_parameter import ClaimsAsked, essential_values, read_claims
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.grants import audience_of
from gateway.core.oauth.id_token_hint import read_hint
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.scopes import OFFLINE_ACCESS, OPENID, read_scopes

ResponseMode = Literal["query", "form_post"]
PARAMETERS: Final = (
    "client_id", "redirect_uri", "state", "response_mode", "response_type", "scope", "resource", "code_challenge",
    "code_challenge_method", "nonce", "prompt", "max_age", "login_hint", "acr_values", "claims", "dpop_jkt",
    "id_token_hint", "request", "request_uri", "registration",
)  # fmt: skip
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_SHA256: Final = re.compile(r"[\w-]{43}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_MODES: Final = ("query", "form_post")
_MOST_HINT: Final = 254
_NOT_BUILT: Final = {
    "request": ("request_not_supported", "request objects are not supported"),
    "request_uri": ("request_not_supported", "only a request_uri of our own PAR endpoint is supported"),
    "registration": ("registration_not_supported", "registration is not supported"),
}


class Unaddressed(GatewayError):
    """Nobody can be told by a redirect: the client or its redirect URI is not known. The message may be shown."""


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where the answer goes, an error too. state "": none was sent."""

    client: Client
    redirect_uri: str
    state: str
    response_mode: ResponseMode

    @property
    def form_target(self) -> str:
        """What a CSP's form-action calls it: an origin, or the scheme where that has none."""
        return form_target(self.redirect_uri)

    def values(self, issuer: str, answer: Mapping[str, str]) -> dict[str, str]:
        """All that is sent there: iss tells it from another server's answer (RFC 9207)."""
        return {**answer, **({"state": self.state} if self.state else {}), "iss": issuer}

    def url(self, values: Mapping[str, str]) -> str:
        """For a redirect."""
        return with_query(self.redirect_uri, values)


@dataclass(frozen=True, slots=True)
class Published:
    """What apps know us by. keys: those that are published now, by kid."""

    issuer: str
    keys: Mapping[str, VerificationKey]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """max_age_s None: not asked. code_challenge "" only of a client that may go without. jkt "": no key is named.

    hinted: `sub` of the person that the app expects; "": anybody. acr: the weakest that the app takes, "" for any.
    """

    scopes: tuple[str, ...]
    resource: str
    code_challenge: str
    nonce: str
    prompts: frozenset[str]
    max_age_s: int | None
    login_hint: str
    jkt: str
    claims: ClaimsAsked
    hinted: str
    acr: str = ""

    @property
    def subjects(self) -> frozenset[str]:
        """The only `sub` that the client takes; empty: any."""
        return essential_values(self.claims, "sub")

    def need(self, began_at: int, now: int) -> Need:
        """What the login has to meet. What was proved after the request began is always fresh enough."""
        since = began_at if "login" in self.prompts else 0
        if self.max_age_s is not None:
            since = max(since, min(began_at, max(0, now - self.max_age_s)))
        return Need(acr=self.acr, since=since)

    def asks_account(self, authenticated_at: int, began_at: int) -> bool:
        """Whether the person has to choose an account. A login since the request began is a choice."""
        return "select_account" in self.prompts and authenticated_at < began_at

    def expects_another(self, subject: str) -> bool:
        return self.hinted not in ("", subject)

    def is_offline(self, client: Client) -> bool:
        """Whether the grant outlives the login."""
        return OFFLINE_ACCESS in self.scopes and "refresh_token" in client.grants


def form_target(redirect_uri: str) -> str:
    """https://host[:port], or the scheme alone where a CSP can't say more: own schemes, and IPv6 addresses."""
    parts = urlsplit(redirect_uri)
    if parts.scheme not in ("http", "https") or "[" in parts.netloc:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def with_query(uri: str, values: Mapping[str, str]) -> str:
    """uri may have a query of its own, which stays (RFC 6749 section 3.1.2)."""
    return uri + ("&" if "?" in uri else "?") + urlencode(values) if values else uri


def own_parameters(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Of a request those that we know; all others are ignored (RFC 6749 section 3.1)."""
    return Parameters.of((name, value) for name, value in pairs if name in PARAMETERS)


def address_of(parameters: Parameters, clients: Mapping[str, Client]) -> ReturnAddress:
    """Raises Unaddressed."""
    client = client_of(parameters, clients)
    try:
        uri = parameters.required("redirect_uri")
    except OAuthError as error:
        raise Unaddressed(f"{error.description.capitalize()}.") from error
    if not client.allows_redirect(uri):
        raise Unaddressed("redirect_uri is none of those that are registered for this app.")
    posts = parameters.values.get("response_mode") == "form_post" and urlsplit(uri).scheme in ("http", "https")
    state = "" if "state" in parameters.doubled else parameters.values.get("state", "")
    return ReturnAddress(client, uri, state, "form_post" if posts else "query")


def client_of(parameters: Parameters, clients: Mapping[str, Client]) -> Client:
    """Raises Unaddressed."""
    try:
        client = clients.get(parameters.required("client_id"))
    except OAuthError as error:
        raise Unaddressed(f"{error.description.capitalize()}.") from error
    if client is None or not client.redirect_uris:
        raise Unaddressed("client_id is not the name of an app that signs people in here.")
    return client


def read_request(
    parameters: Parameters, address: ReturnAddress, own: Published, *, pushed: bool
) -> AuthorizationRequest:
    """Raises OAuthError, which goes to the address."""
    client = address.client
    _refuse_what_is_not_built(parameters)
    _check_response(parameters, client)
    if client.par_required and not pushed:
        raise OAuthError("invalid_request", "this client has to push its requests (RFC 9126)")
    scopes = _scopes(parameters, client)
    claims = read_claims(parameters.get("claims"))
    return AuthorizationRequest(
        scopes=scopes,
        resource=_resource(parameters, client, own.issuer),
        code_challenge=_code_challenge(parameters, client, scopes),
        nonce=parameters.get("nonce"),
        prompts=_prompts(parameters),
        max_age_s=_max_age(parameters),
        login_hint=parameters.get("login_hint")[:_MOST_HINT],
        jkt=_jkt(parameters),
        claims=claims,
        hinted=_hinted(parameters, client, own),
        acr=_acr(parameters, claims),
    )


def _refuse_what_is_not_built(parameters: Parameters) -> None:
    for name, (error, description) in _NOT_BUILT.items():
        if parameters.get(name):
            raise OAuthError(error, description)


def _check_response(parameters: Parameters, client: Client) -> None:
    if parameters.required("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type has to be code")
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "this client may not use authorization codes")
    mode = parameters.get("response_mode") or "query"
    if mode not in _MODES:
        raise OAuthError("invalid_request", "response_mode has to be query or form_post")
    if mode == "form_post" and urlsplit(parameters.get("redirect_uri")).scheme not in ("http", "https"):
        raise OAuthError("invalid_request", "response_mode form_post needs a redirect_uri that takes a form")
    parameters.get("state")


def _scopes(parameters: Parameters, client: Client) -> tuple[str, ...]:
    scopes = read_scopes(parameters.get("scope"))
    if scopes is None:
        raise OAuthError("invalid_scope", "scope is missing, or not a list of scopes")
    if not set(scopes) <= set(client.scopes):
        raise OAuthError("invalid_scope", "this client may not ask for all of these scopes")
    return scopes


def _resource(parameters: Parameters, client: Client, issuer: str) -> str:
    if "resource" in parameters.doubled:
        raise OAuthError("invalid_target", "an access token is for one resource")
    audience = audience_of(client.resources, parameters.get("resource"), issuer)
    if audience is None:
        raise OAuthError("invalid_target", "resource is none of those of this client")
    return audience


def _code_challenge(parameters: Parameters, client: Client, scopes: tuple[str, ...]) -> str:
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not challenge and not method and client.pkce_optional:
        if parameters.get("nonce") and OPENID in scopes:
            return ""
        raise OAuthError("invalid_request", "without a code_challenge a nonce and the scope openid are needed")
    if not challenge:
        raise OAuthError("invalid_request", "code_challenge is missing")
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method has to be S256")
    if not _SHA256.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge is not the SHA-256 of a code_verifier")
    return challenge


def _prompts(parameters: Parameters) -> frozenset[str]:
    prompts = frozenset(parameters.get("prompt").split())
    if not prompts <= _PROMPTS:
        raise OAuthError("invalid_request", "prompt has a value that is not known")
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none goes with no other value")
    return prompts


def _hinted(parameters: Parameters, client: Client, own: Published) -> str:
    text = parameters.get("id_token_hint")
    if not text:
        return ""
    hint = read_hint(text, own.issuer, own.keys)
    if hint is None or hint.client != client.id:
        raise OAuthError("invalid_request", "id_token_hint is no ID token of ours for this client")
    return hint.subject


def _max_age(parameters: Parameters) -> int | None:
    text = parameters.get("max_age")
    if text and not _SECONDS.fullmatch(text):
        raise OAuthError("invalid_request", "max_age is not a number of seconds")
    return int(text) if text else None


def _jkt(parameters: Parameters) -> str:
    jkt = parameters.get("dpop_jkt")
    if jkt and not _SHA256.fullmatch(jkt):
        raise OAuthError("invalid_request", "dpop_jkt is not the SHA-256 thumbprint of a key")
    return jkt


def _acr(parameters: Parameters, claims: ClaimsAsked) -> str:
    """Of each list the weakest that is known suffices; what one list asks the other one can't take back."""
    lists = (parameters.get("acr_values").split(), essential_values(claims, "acr"))
    asked = [_weakest(values) for values in lists if values]
    return max(asked, key=ACRS.index, default="")


def _weakest(values: Collection[str]) -> str:
    known = [acr for acr in CAN_BE_MET if acr in values]
    if not known:
        said = ", ".join(CAN_BE_MET)
        raise OAuthError("unmet_authentication_requirements", f"no acr of those that are asked can be met, but {said}")
    return known[0]
