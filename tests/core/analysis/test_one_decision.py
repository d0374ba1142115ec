"""Policy is explained, tested and linted by the decisions that requests get: both ways are asked the same."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product
from typing import Final
from uuid import UUID

import pytest

from gateway.core.analysis.simulate import Asked, Simulation, headers_of
from gateway.core.assurance.model import OTP, PWD, Assurance, by_password
from gateway.core.forward.answer import Answer
from gateway.core.forward.assertion import Assertions
from gateway.core.forward.callback import Callback, conclude_callback
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.context import RANDOM_BYTES, Context
from gateway.core.forward.credentials import TokenReader
from gateway.core.forward.request import read_request
from gateway.core.jose.keys import SigningKey
from gateway.core.keys import Keys
from gateway.core.policy.facts import Actor
from gateway.core.principal.ask import LoginFacts, Question, Reply, Spent, Standing
from gateway.core.principal.identity import People, identity_headers
from gateway.core.principal.presented import Tokens
from gateway.core.ratelimit.gcra import spend
from gateway.core.session.person import Person, seal
from gateway.core.session.tokens import mint, tag_of
from gateway.core.token.access import AccessTokens
from gateway.core.token.api_key import ApiKeys
from tests.core.policy.build import NOW, SITE, policy_of

POLICY: Final = policy_of(
    """
define:
  networks: {office: 198.51.100.0/24, tor: 192.0.2.0/24}
  cors: {partner: {origins: https://p.example, methods: [GET, POST], credentials: true, expose: X-Total}}
apps:
  a:
    hosts: a.t.example
    allow: {groups: staff}
    deny: {networks: tor}
    routes:
      open: {paths: /open, allow: anyone, limits: none}
      optional: {paths: /optional, allow: anyone, identity: optional}
      office: {paths: /office, allow: [{networks: office}, {groups: ops}]}
      fresh: {paths: /fresh, require: {authenticated_within: 10m}, cors: partner}
      factor: {paths: /factor, require: {mfa: true}}
      api: {paths: /api, cors: partner, methods: [GET, POST]}
      spa: {paths: /spa, cors: app}
      hidden: {paths: /hidden, respond: {anonymous: 404, denied: 404, retry_after: 1h}}
      asked: {paths: /asked, respond: {anonymous: 401, retry_after: 1h}, allow: {groups: ops}}
      closed: {paths: /closed, allow: nobody, cors: partner, respond: {denied: 503, retry_after: 1h}}
      silent: {paths: /silent, identity: none}
      anywhere: {paths: /anywhere, cross_origin: allow}
      tight: {paths: /tight, cors: partner, limits: [{rate: 1/min, per: ip}, {rate: 2/min, per: principal}]}
      mine: {paths: /mine, limits: {rate: 1/min, per: principal}}
"""
)
TARGETS: Final = (
    *(path for route in POLICY.routes for path in map(str, route.paths) if path != "/**"),
    "/else?x=1",
    "/Open",
    "//open",
    "/x/../open",
    "/.bastion/x",
    "/.bastion/callback?j=x&code=y",
    "/.bastion/logout",
    "/.bastion/gone",
    "/.Bastion/x",
)
KINDS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {  # as the simulation knows it, and what browsers send
    "navigate": ("navigate", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}),
    "frame": ("navigate", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}),
    "fetch": ("fetch", {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}),
    "websocket": ("websocket", {"x-bastion-upgrade": "websocket"}),
}
PEOPLE: Final = (
    None,
    Actor("ada", frozenset({"staff", "ops"}), by_password(NOW - 60)),
    Actor("grace", frozenset({"staff"}), Assurance(NOW - 3600, NOW - 60, PWD | OTP)),
    Actor("eve", frozenset(), by_password(NOW - 60)),
)
ORIGINS: Final[tuple[Mapping[str, str], ...]] = (
    {"origin": "https://a.t.example"},
    {"origin": "https://p.example", "sec-fetch-site": "cross-site"},
    {"origin": "https://evil.example"},
)
ADDRESSES: Final = ("203.0.113.9", "198.51.100.7", "192.0.2.7", "unknown")
KEYS: Final = Keys.derive(b"r" * 32, b"i" * 32)
# What a request may get, and how often it does below: a step that is taken out of the one decision changes some row.
FREQUENT: Final[dict[tuple[str, int, str, str], int]] = {
    ("allow", 200, "anyone", ""): 276,
    ("allow", 200, "anyone", "ada"): 26,
    ("allow", 200, "anyone", "eve"): 26,
    ("allow", 200, "anyone", "grace"): 26,
    ("allow", 200, "cors", ""): 48,
    ("allow", 200, "leg 1", ""): 70,
    ("allow", 200, "leg 1", "ada"): 255,
    ("allow", 200, "leg 1", "grace"): 224,
    ("allow", 200, "leg 2", "ada"): 26,
    ("deny", 403, "a rule forbids it", ""): 608,
    ("deny", 403, "cors", ""): 616,
    ("deny", 403, "cross_origin", ""): 165,
    ("deny", 403, "not among those allowed here", ""): 452,
    ("deny", 404, "a rule forbids it", ""): 48,
    ("deny", 404, "cross_origin", ""): 20,
    ("deny", 404, "not among those allowed here", ""): 36,
    ("deny", 503, "a rule forbids it", ""): 48,
    ("deny", 503, "not among those allowed here", ""): 144,
    ("login", 302, "login", ""): 68,
    ("login", 302, "logout", ""): 216,
    ("login", 303, "login", ""): 47,
    ("login", 303, "logout", ""): 208,
    ("login", 401, "login_required", ""): 216,
    ("login", 403, "prefetch", ""): 55,
    ("login", 404, "not_found", ""): 36,
    ("preflight", 204, "preflight", ""): 32,
    ("refused", 400, "ambiguous_path", ""): 336,
    ("refused", 400, "bad_journey", ""): 40,
    ("refused", 400, "bad_method", ""): 944,
    ("refused", 400, "bad_path", ""): 384,
    ("refused", 400, "case", ""): 336,
    ("refused", 403, "not_a_navigation", ""): 88,
    ("refused", 404, "not_found", ""): 1048,
    ("refused", 405, "method", ""): 296,
    ("refused", 421, "no_host", ""): 1056,
    ("refused", 425, "too_early", ""): 1344,
    ("step_up", 302, "step_up", ""): 14,
    ("step_up", 303, "step_up", ""): 10,
    ("step_up", 401, "step_up_required", ""): 36,
    ("step_up", 403, "prefetch", ""): 12,
}


@dataclass(frozen=True)
class Sent:
    """person None: a stranger."""

    method: str
    target: str
    kind: str
    headers: Mapping[str, str]
    person: Actor | None
    address: str = "203.0.113.9"
    host: str = "a.t.example"


class Product:
    """The decision path with a Redis that is a dictionary."""

    def __init__(self) -> None:
        self.context = Context(
            policy=POLICY,
            keys=KEYS,
            tokens=Tokens(KEYS.mac),
            api_keys=ApiKeys(KEYS.api_key, KEYS.person),
            people=People(KEYS.person, identity_headers(remote=True, x_auth_request=False, also={})),
            reader=TokenReader(AccessTokens("", KEYS.token), dict, None, lambda host: f"https://{host}"),
            auth_origin=f"https://{SITE.auth_host}",
            origin_of=lambda host: f"https://{host}",
            render=lambda _page: b"a page",
            assertions=Assertions("", lambda: SigningKey.generate("ES256")),
        )
        self.full_at_us: dict[str, int] = {}

    def answer(self, sent: Sent) -> Answer:
        lines = {
            **sent.headers,
            **(KINDS[sent.kind][1] if sent.kind in KINDS else {}),
            "host": sent.host,
            "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
            "x-forwarded-method": sent.method,
            "x-forwarded-uri": sent.target,
            "x-forwarded-host": sent.host,
            "x-forwarded-proto": "https",
            "x-forwarded-for": sent.address,
        }
        if sent.person is not None:
            tag = tag_of(KEYS.tag, user_id(sent.person))
            lines["cookie"] = f"__Host-bastion={mint(KEYS.mac, tag, user_id(sent.person).bytes, b's' * 32).text}"
        request = read_request((name.encode(), value.encode()) for name, value in lines.items())
        asked = prepare(request, self.context, NOW * 1_000_000, b"w" * RANDOM_BYTES, 7)
        if isinstance(asked, Answer):
            return asked
        if isinstance(asked, Callback):
            return conclude_callback(asked, None)
        return conclude(asked, self.reply(asked.question, sent.person), NOW * 1_000_000)

    def reply(self, question: Question, person: Actor | None) -> Reply:
        spent = self.spent(question)
        if question.presented is None or person is None:
            return Reply(7, "", NOW * 1_000_000, Standing.NOT_ASKED, b"", None, None, spent)
        sealed = seal(
            KEYS.person,
            question.presented.tag,
            Person(user_id(person), person.user, "", "", tuple(sorted(person.groups)), 3),
            b"n" * 12,
        )
        facts = LoginFacts(person.assurance, NOW + 1000, NOW + 600)
        return Reply(7, question.presented.login, NOW * 1_000_000, Standing.LIVE, sealed, facts, None, spent)

    def spent(self, question: Question) -> tuple[Spent, ...]:
        """As the function in Redis does it."""
        now_us, each = NOW * 1_000_000, []
        for one in question.spends:
            key = f"{one.slot} {one.who} {one.limit.name}"
            each.append((key, spend(one.limit, self.full_at_us.get(key, 0), now_us)))
        if all(verdict.allowed for _key, verdict in each):
            self.full_at_us.update({key: verdict.full_at_us for key, verdict in each})
        return tuple(
            Spent(verdict.allowed, verdict.retry_after_us, verdict.remaining, verdict.full_at_us - now_us)
            for _key, verdict in each
        )


def identity(answer: Answer) -> str:
    return headers_of(answer).get("remote-user", "")


def user_id(person: Actor) -> UUID:
    return UUID(bytes=person.user.encode().ljust(16))


def as_told(answer: Answer) -> tuple[object, ...]:
    return answer.outcome, answer.status, answer.route, identity(answer), headers_of(answer)


def simulated(simulation: Simulation, sent: Sent) -> tuple[object, ...]:
    address = None if sent.address == "unknown" else ip_address(sent.address)
    kind, more = KINDS.get(sent.kind, (sent.kind, {}))
    headers = {**sent.headers, **({} if kind == "websocket" else more)}
    found = simulation.answer(Asked(sent.method, sent.host, sent.target, sent.person, address, NOW, headers, kind))
    return found.outcome, found.status, found.route, found.identity, found.headers


def requests() -> Iterator[Sent]:
    """Paths by methods by kinds by people by origins by early data; and preflights."""
    early: tuple[Mapping[str, str], ...] = ({}, {"early-data": "1"})
    for target, person, origin, more in product(TARGETS, PEOPLE, ORIGINS, early):
        for method, kind in product(("GET", "POST"), KINDS):
            yield Sent(method, target, kind, {**origin, **more}, person)
        for wanted in ("GET", "PUT"):
            asked = {**origin, **more, "access-control-request-method": wanted}
            yield Sent("OPTIONS", target, "preflight", asked, person)
    for target, person, address, method in product(TARGETS, PEOPLE, ADDRESSES, ("GET", "HEAD", "DELETE", "get")):
        yield Sent(method, target, "navigate", {}, person, address)
        yield Sent(method, target, "navigate", {"sec-purpose": "prefetch"}, person, address, host="b.t.example")
        yield Sent(method, target, "navigate", {"sec-purpose": "prefetch"}, person, address)


def test_a_simulated_request_gets_the_answer_of_a_real_one() -> None:
    asked, ends = 0, Counter[tuple[str, int, str, str]]()
    for sent in requests():
        answer = Product().answer(sent)
        assert as_told(answer) == simulated(Simulation(POLICY), sent), sent
        asked += 1
        ends[answer.outcome, answer.status, answer.reason.partition(":")[0], identity(answer)] += 1

    assert asked >= 5_000
    assert ends == FREQUENT


@pytest.mark.parametrize(
    ("target", "person", "limited"),
    [("/tight", PEOPLE[0], 2), ("/tight", PEOPLE[1], 5), ("/mine", PEOPLE[0], 0), ("/mine", PEOPLE[1], 6)],
)
def test_a_simulated_request_spends_what_a_real_one_does(target: str, person: Actor | None, limited: int) -> None:
    """From two addresses in turn: each has a budget, and both have the person's."""
    real, simulation = Product(), Simulation(POLICY)

    statuses = []
    for address in ("203.0.113.9", "2001:db8::1", "203.0.113.9", "2001:db8::2", "192.0.2.7", "198.51.100.7", "unknown"):
        sent = Sent("GET", target, "fetch", {"origin": "https://p.example"}, person, address)
        answer = real.answer(sent)
        assert as_told(answer) == simulated(simulation, sent), sent
        statuses.append(answer.status)

    assert statuses.count(429) == limited
