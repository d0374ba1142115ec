"""A policy, keys and a person for the tests of decisions."""

from dataclasses import dataclass, field
from uuid import UUID

from gateway.core.assurance.model import UNKNOWN_RISK, by_password
from gateway.core.forward.answer import Answer
from gateway.core.forward.assertion import Assertions
from gateway.core.forward.callback import Callback, conclude_callback
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import TokenReader
from gateway.core.forward.decide import Ask
from gateway.core.forward.request import read_request
from gateway.core.jose.keys import SigningKey
from gateway.core.keys import Keys
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.principal.ask import Leases, LoginFacts, Reply, Spent, Standing
from gateway.core.principal.identity import People, identity_headers
from gateway.core.principal.presented import Tokens
from gateway.core.session.person import Person, seal
from gateway.core.session.tokens import Token, mint, tag_of
from gateway.core.token.access import AccessTokens
from gateway.core.token.api_key import ApiKeys
from gateway.core.token.nonce import Nonces

NOW = 1_790_000_000
ADA = UUID(int=1)
KEYS = Keys.derive(b"r" * 32, b"i" * 32)
TAG = tag_of(KEYS.tag, ADA)
TOKEN = mint(KEYS.mac, TAG, b"l" * 16, b"s" * 32)
ACCESS = AccessTokens("https://auth.example.org", KEYS.token)
KEY = SigningKey.generate("ES256")
PUBLISHED = {KEY.kid: KEY.verification}
RANDOM = b"w" * 32 + b"n" * 12
POLICY = compile_policy(
    {
        "wiki.yaml": """
define:
  cors:
    partner: {origins: https://partner.example, methods: [GET, POST], credentials: true}
apps:
  wiki:
    hosts: wiki.example.org
    allow: {groups: staff}
    headers: strict
    routes:
      open: {paths: /open/**, allow: anyone}
      fresh: {paths: /fresh/**, require: {authenticated_within: 10m}}
      mfa: {paths: /mfa/**, require: {mfa: true}}
      passkey: {paths: /passkey/**, require: {amr: [hwk, user], authenticated_within: 10m}}
      usual: {paths: /usual/**, require: {risk_below: 40}}
      api: {paths: /api/**, cors: partner}
      spa: {paths: /spa/**, cors: app}
      hidden: {paths: /hidden/**, respond: {anonymous: 404, denied: 404}}
      strict401: {paths: /strict401/**, respond: {anonymous: 401}}
      office: {paths: /office/**, allow: {networks: 203.0.113.0/24}}
      strictly: {paths: /strictly/**, limits: {rate: 1/min, per: principal, on_store_failure: deny}}
      get: {paths: /get, methods: GET}
      framed: {paths: /framed/**, headers: {frame_ancestors: [self, https://portal.example]}}
      unframed: {paths: /unframed/**, headers: {frame_ancestors: none}}
      door: {paths: /door/**, limits: [{rate: 1/min, per: ip}, {rate: 2/min, per: principal}]}
  other: {hosts: other.example.org, allow: authenticated, headers: off}
  team: {hosts: "*.team.example.org", allow: {groups: staff}}
"""
    },
    Site("auth.example.org"),
)
HEADERS = [
    (b"host", b"wiki.example.org"),
    (b"x-request-id", b"7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11"),
    (b"x-forwarded-method", b"GET"),
    (b"x-forwarded-uri", b"/x"),
    (b"x-forwarded-host", b"wiki.example.org"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-for", b"198.51.100.7"),
]
CONTEXT = Context(
    policy=POLICY,
    keys=KEYS,
    tokens=Tokens(KEYS.mac),
    api_keys=ApiKeys(KEYS.api_key, KEYS.person),
    reader=TokenReader(ACCESS, lambda: PUBLISHED, Nonces(KEYS.nonce), lambda host: f"https://{host}"),
    people=People(KEYS.person, identity_headers(remote=True, x_auth_request=False, also={})),
    auth_origin="https://auth.example.org",
    origin_of=lambda host: f"https://{host}",
    assertions=Assertions("https://auth.example.org", lambda: KEY),
    render=lambda page: f"<h1>{page.title}</h1>{page.detail} {page.who} {[one.href for one in page.links]}".encode(),
)


@dataclass(frozen=True)
class Case:
    """An allowed request of ada's, and what Redis says about her; each test changes one thing."""

    host: str = "wiki.example.org"
    path: str = "/x"
    method: str = "GET"
    token: Token | None = TOKEN
    headers: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ("staff",)
    outcome: Standing = Standing.LIVE
    login: str = TOKEN.login
    off_by: int = 0
    answered: bool = True
    allowed: bool = True
    person_key: bytes = KEYS.person
    authenticated_at: int = NOW - 60
    risk: int = UNKNOWN_RISK
    address: str = "198.51.100.7"

    def ask(self) -> Answer | Ask | Callback:
        sent = {
            "host": self.host,
            "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
            "x-forwarded-method": self.method,
            "x-forwarded-uri": self.path,
            "x-forwarded-host": self.host,
            "x-forwarded-proto": "https",
            "x-forwarded-for": self.address,
            **self.headers,
        }
        if self.token is not None:
            sent["cookie"] = f"__Host-bastion={self.token.text}"
        request = read_request((name.encode(), value.encode("latin-1")) for name, value in sent.items())
        return prepare(request, CONTEXT, NOW * 1_000_000, RANDOM, 7)

    def reply(self, asked: Ask | Callback) -> Reply | None:
        if not self.answered:
            return None
        question = asked.question
        presented = question.presented is not None
        live = presented and self.outcome is Standing.LIVE
        person = Person(ADA, "ada", "Ada Lovelace", "ada@example.org", self.groups, 1)
        spent = Spent(self.allowed, 0 if self.allowed else 1_500_000, 5, 1_000_000)
        missed = self.outcome is Standing.MISS
        return Reply(
            number=question.number + self.off_by,
            login=self.login if presented else "",
            now_us=NOW * 1_000_000,
            outcome=self.outcome if presented else Standing.NOT_ASKED,
            person=seal(self.person_key, TAG, person, b"n" * 12) if live else b"",
            facts=LoginFacts(by_password(self.authenticated_at, self.risk), NOW + 1000, NOW + 600) if live else None,
            leases=Leases(1, 1) if missed else None,
            spent=() if missed else tuple(spent for _ in question.spends),
        )

    def answer(self) -> Answer:
        asked = self.ask()
        if isinstance(asked, Answer):
            return asked
        if isinstance(asked, Callback):
            return conclude_callback(asked, self.reply(asked))
        return conclude(asked, self.reply(asked), NOW * 1_000_000)


def headers_of(answer: Answer) -> dict[str, str]:
    return dict(answer.headers)
