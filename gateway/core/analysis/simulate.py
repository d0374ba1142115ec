"""Puts requests to a policy: the steps are those of core/forward, and only Caddy and the store are stood in for."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from uuid import UUID

from gateway.core.assurance.need import said
from gateway.core.forward.answer import CORS_OF_OURS, Answer
from gateway.core.forward.app_tokens import app_tokens_of
from gateway.core.forward.assertion import Assertions
from gateway.core.forward.callback import conclude_callback, prepare_ours
from gateway.core.forward.context import RANDOM_BYTES, Context
from gateway.core.forward.credentials import Brought, TokenReader
from gateway.core.forward.decide import Ask, Ours, begin, finish
from gateway.core.forward.decision import (
    Allowed,
    Decision,
    Denied,
    Limited,
    LogIn,
    Preflight,
    Unauthorized,
)
from gateway.core.forward.proxy import VERSION
from gateway.core.forward.request import ForwardedRequest, MalformedRequest, read_request
from gateway.core.forward.respond import respond
from gateway.core.jose.algorithms import FAPI2
from gateway.core.jose.keys import SigningKey, VerificationKey
from gateway.core.keys import Keys
from gateway.core.outcomes import Outcome
from gateway.core.policy.facts import NO_APP_TOKENS, SESSION, Actor, Refused
from gateway.core.policy.headers import REMOVE
from gateway.core.policy.key_places import NOWHERE, X_API_KEY
from gateway.core.policy.model import Policy
from gateway.core.policy.route import API_KEY, Routed
from gateway.core.policy.site import Site
from gateway.core.principal.ask import LoginFacts, Presented, Question, Reply, Spend, Spent, Standing
from gateway.core.principal.identity import People, identity_headers
from gateway.core.principal.presented import Tokens
from gateway.core.ratelimit.gcra import spend
from gateway.core.session.cookies import SESSION_COOKIE
from gateway.core.session.person import Person, seal
from gateway.core.session.tokens import CREDENTIAL_BYTES, LOGIN_BYTES, Token, mint, tag_of
from gateway.core.token.access import AccessToken, AccessTokens
from gateway.core.token.api_key import ApiKeys, seal_terms, terms_of
from gateway.core.token.proof import Proof
from gateway.core.token.signing_keys import NoSigningKey
from gateway.core.units import DAY_S

# No secret: what is sealed with these keys leads nowhere, and a simulation lets nobody in.
_KEYS: Final = Keys.derive(b"simulation", b"simulation")
_API_KEYS: Final = ApiKeys(_KEYS.api_key, _KEYS.person)
_RANDOM: Final = bytes(RANDOM_BYTES)
# A gateway without any key can't tell what is no token. Of RFC 8037, appendix A.2: it signed nothing here.
_PUBLISHED: Final = {
    "": VerificationKey.of_jwk(
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, FAPI2
    )
}
_NONCE: Final = bytes(12)
_LASTS_S: Final = DAY_S
_SECOND_US: Final = 1_000_000
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"
_SET: Final = "x-bastion-set-"
_FOR_THE_CLIENT: Final = {
    **{name.lower(): header.lower() for name, header in CORS_OF_OURS.items()},
    "x-bastion-ratelimit": "ratelimit",
    "x-bastion-ratelimit-policy": "ratelimit-policy",
}
_OF_ONE_REQUEST: Final = ("x-request-id", "set-cookie")
_SEALED: Final = re.compile(r"(?<=[?&][jt]=)[^&]+")
_BROWSER: Final[Mapping[str, Mapping[str, str]]] = {
    "navigate": {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    "fetch": {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    "preflight": {"origin": "null", "access-control-request-method": "GET"},
}


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


@dataclass(frozen=True, slots=True)
class Simulated:
    """found: None where no route is looked for. others: routes that judge what else it names. identity: what the app
    sees, "" for nobody. why: "" if plain. app_tokens: names of those that it brings.

    headers: of the answer and towards the app, in lower case; those that the app decides are not in it, nor an id or a
    cookie of this one request, and what is sealed in an address is left out.
    """

    outcome: Outcome
    status: int
    found: Routed | Refused | None = None
    route: str = ""
    identity: str = ""
    why: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Routed, ...] = ()
    app_tokens: frozenset[str] = NO_APP_TOKENS

    @property
    def judging(self) -> tuple[Routed, ...]:
        """Each route that judges the request once, the path's first."""
        each = list[Routed]()
        for one in (self.found, *self.others):
            if isinstance(one, Routed) and one not in each:
                each.append(one)
        return tuple(each)


def _no_key() -> SigningKey:
    """Nothing that is said here is signed."""
    raise NoSigningKey("a simulation has no key")


class Simulation:
    """Requests to a policy, one after the other: budgets are spent."""

    def __init__(self, policy: Policy) -> None:
        site = policy.site
        self._context = Context(
            policy=policy,
            keys=_KEYS,
            tokens=Tokens(_KEYS.mac),
            api_keys=_API_KEYS,
            people=People(_KEYS.person, identity_headers(remote=True, x_auth_request=False, also={})),
            reader=_reader(site),
            auth_origin=site.origin_of(site.auth_host),
            origin_of=site.origin_of,
            render=lambda _page: b"",
            assertions=Assertions("", _no_key),
        )
        self._full_at_us: dict[tuple[str, str, str], int] = {}

    def answer(self, asked: Asked) -> Simulated:
        try:
            request = self._forwarded(asked)
        except MalformedRequest as error:
            return Simulated("refused", 400, why=str(error))
        begun = begin(request, self._context_for(asked), _RANDOM, 0)
        if isinstance(begun, Ours):
            return self._ours(request, asked.now)
        if not isinstance(begun, Ask):
            return self._told(begun, request, begun if isinstance(begun, Refused) else None)
        reply = self._reply(begun.question, asked) if begun.needs_store else None
        decision = finish(begun, reply, asked.now * _SECOND_US)
        app_tokens = NO_APP_TOKENS.union(
            *(app_tokens_of(request, one.route, begun.kept_from_app) for one in (begun.routed, *begun.others))
        )
        told = self._told(decision, request, begun.routed)
        return replace(told, others=begun.others, app_tokens=app_tokens)

    def _forwarded(self, asked: Asked) -> ForwardedRequest:
        """As the snippet for Caddy asks about it. Raises MalformedRequest."""
        headers = {**_BROWSER.get(asked.kind, {}), **asked.headers}
        cookies = [headers.pop("cookie")] if "cookie" in headers else []
        if asked.person is not None and asked.person.credential == SESSION:
            cookies.append(f"{SESSION_COOKIE}={_token(asked.person).text}")
        elif asked.person is not None and asked.person.credential == API_KEY:
            headers |= self._key_headers(asked, asked.person)
        elif asked.person is not None:
            headers = {**headers, "authorization": f"{asked.person.credential} simulated"}
        if asked.kind == "websocket":
            headers = {"origin": self._context.origin_of(asked.host.lower()), **headers}
            headers["x-bastion-upgrade"] = "websocket"
        headers |= {
            "host": asked.host,
            "x-request-id": _REQUEST_ID,
            "x-forwarded-method": "OPTIONS" if asked.kind == "preflight" else asked.method,
            "x-forwarded-uri": asked.target,
            "x-forwarded-host": asked.host,
            "x-forwarded-proto": "https",
            "x-forwarded-for": "unknown" if asked.address is None else str(asked.address),
        }
        lines = [*headers.items(), *(("cookie", line) for line in cookies)]
        return read_request((name.encode(), value.encode()) for name, value in lines)

    def _key_headers(self, asked: Asked, person: Actor) -> Mapping[str, str]:
        """Where the route takes keys from; where it takes none, as most clients send them."""
        method = asked.headers.get("access-control-request-method", asked.method)
        found = self._context.find(asked.host.lower(), method, asked.target.partition("?")[0])
        places = found.route.key_places if isinstance(found, Routed) else NOWHERE
        text, current = _key(person), {"x-bastion-snippet": f"{VERSION};;"}  # of which the app sees no key
        if places.basic and not places.bearer:
            return current | {"authorization": f"Basic {b64encode(f'x:{text}'.encode()).decode()}"}
        named = places.headers - {X_API_KEY}
        return current | ({min(named): text} if named and not places.bearer else {"authorization": f"Bearer {text}"})

    def _context_for(self, asked: Asked) -> Context:
        """In which the token that they come by is read, whatever it looks like."""
        person = asked.person
        if person is None or person.credential in (SESSION, API_KEY):
            return self._context
        session = _token(person)
        presented = Presented(session.tag, session.login, bytes(CREDENTIAL_BYTES), counted_as=person.client)
        audience, ends_at = self._context.origin_of(asked.host.lower()), asked.now + _LASTS_S
        token = AccessToken(presented, person.client, "", person.scopes, audience, asked.now, ends_at, "", bytes(32))
        brought = Brought(token, Proof("", b"", asked.now, "", "") if person.dpop else None, None)
        return replace(self._context, reader=_reader(self._context.policy.site, brought))

    def _reply(self, question: Question, asked: Asked) -> Reply:
        """What Redis would say of somebody who is signed in as asked."""
        now_us, presented, person = asked.now * _SECOND_US, question.presented, asked.person
        spent = self._spent(question.spends, now_us)
        if presented is None or person is None:
            return Reply(question.number, "", now_us, Standing.NOT_ASKED, b"", None, None, spent)
        ends_at = asked.now + _LASTS_S
        facts = LoginFacts(person.assurance, ends_at, ends_at)
        record = Person(_user_id(person.user), person.user, "", "", tuple(sorted(person.groups)), 1)
        sealed = seal(_KEYS.person, presented.tag, record, _NONCE)
        terms = b""
        if presented.kind == "key":
            terms = seal_terms(
                _KEYS.person, presented, terms_of(sorted(person.scopes), [asked.host.lower()], []), _NONCE
            )
        return Reply(question.number, presented.login, now_us, Standing.LIVE, sealed, facts, None, spent, terms=terms)

    def _spent(self, spends: tuple[Spend, ...], now_us: int) -> tuple[Spent, ...]:
        """All budgets or none are spent."""
        keys = [(one.slot, one.who, one.limit.bucket) for one in spends]
        verdicts = [
            spend(one.limit, self._full_at_us.get(key, 0), now_us) for one, key in zip(spends, keys, strict=True)
        ]
        if all(verdict.allowed for verdict in verdicts):
            self._full_at_us.update((key, one.full_at_us) for key, one in zip(keys, verdicts, strict=True))
        return tuple(Spent(one.allowed, one.retry_after_us, one.remaining, one.full_at_us - now_us) for one in verdicts)

    def _ours(self, request: ForwardedRequest, now: int) -> Simulated:
        prepared = prepare_ours(self._context, request, now, _RANDOM, 0)
        answer = prepared if isinstance(prepared, Answer) else conclude_callback(prepared, None)
        return Simulated(
            answer.outcome, answer.status, route=answer.route, why=answer.reason, headers=headers_of(answer)
        )

    def _told(self, decision: Decision, request: ForwardedRequest, found: Routed | Refused | None) -> Simulated:
        answer = respond(decision, request, self._context, _RANDOM)
        known = decision.known if isinstance(decision, Allowed) else None
        identity = "" if known is None else known.person.username
        why = _why(decision, request)
        return Simulated(answer.outcome, answer.status, found, answer.route, identity, why, headers_of(answer))


def headers_of(answer: Answer) -> Mapping[str, str]:
    """What the client and the app get of an answer behind the snippet, as Simulated.headers says."""
    headers: dict[str, str] = {}
    for spelled, value in answer.headers:
        name = spelled.lower()
        told = _FOR_THE_CLIENT.get(name, name.removeprefix(_SET))
        if value not in ("", REMOVE) and not told.startswith("x-bastion-") and told not in _OF_ONE_REQUEST:
            headers[told] = _SEALED.sub("...", value) if told == "location" else value
    return headers


def _why(decision: Decision, request: ForwardedRequest) -> str:
    match decision:
        case Allowed():
            return decision.verdict.leg
        case Denied():
            return decision.reason
        case Limited():
            return decision.limit.name
        case Unauthorized():
            return "" if decision.fault is None else decision.fault.why
        case LogIn():
            return said(decision.need)
        case Refused():
            return f"{decision.reason}: {decision.detail}" if decision.detail else decision.reason
        case Preflight():
            return "" if decision.granted else f"cors grants {request.origin} no {request.requested_method}"
        case _:
            return ""


def _reader(site: Site, brought: Brought | None = None) -> TokenReader:
    return TokenReader(AccessTokens("", _KEYS.token), lambda: _PUBLISHED, None, site.origin_of, brought)


def _token(person: Actor) -> Token:
    user_id = _user_id(person.user)
    return mint(_KEYS.mac, tag_of(_KEYS.tag, user_id), user_id.bytes[:LOGIN_BYTES], bytes(32))


def _key(person: Actor) -> str:
    user_id = _user_id(person.user)
    return _API_KEYS.mint(tag_of(_KEYS.tag, user_id), user_id.bytes, bytes(32))


def _user_id(user: str) -> UUID:
    return UUID(bytes=hashlib.sha256(user.encode()).digest()[:16])
