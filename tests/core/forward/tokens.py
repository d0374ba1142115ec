"""Tokens, proofs and a policy that takes them, for the tests of decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from gateway.core.assurance.model import UNKNOWN_RISK, by_password
from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.context import Context
from gateway.core.forward.decide import Ask
from gateway.core.forward.request import read_request
from gateway.core.jose.keys import SigningKey
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.principal.ask import LoginFacts, Presented, Reply, Spent, Standing
from gateway.core.session.person import Person, seal
from gateway.core.session.tokens import Token
from gateway.core.token.access import grant_credential
from gateway.core.token.nonce import Nonces
from tests.core.forward.setting import ACCESS, ADA, CONTEXT, KEY, KEYS, NOW, RANDOM, TAG, TOKEN

HOST: Final = "api.example.org"
ISSUER: Final = "https://auth.example.org"
METADATA: Final = "/.well-known/oauth-protected-resource"
GRANT: Final = grant_credential(b"g" * 16)
PROVER: Final = SigningKey.generate("ES256")
STRANGER: Final = SigningKey.generate("ES256")
INCARNATION: Final = 0xABCDEF012345
NONCES: Final = Nonces(KEYS.nonce)
POLICY: Final = compile_policy(
    {
        "api.yaml": f"""
define: {{scopes: {{notes.read: Read your notes, notes.write: Change your notes}}}}
clients:
  spa:
    {{name: Notes, type: spa, redirect_uris: https://notes.example.org/cb,
    scopes: [openid, profile, email, groups, notes.read, notes.write], allow: {{groups: staff}}}}
  batch: {{name: Batch, type: service, secret: {{sha256: {"0" * 64}}}, scopes: notes.read}}
apps:
  api:
    hosts: {HOST}
    credentials: [session, bearer, dpop]
    allow: [{{groups: staff}}, {{scopes: notes.read}}]
    cors: {{origins: https://notes.example.org, methods: [GET, POST], headers: [Authorization, DPoP], expose: X-Total}}
    routes:
      fresh: {{paths: /fresh/**, require: {{authenticated_within: 10m}}}}
      passkey: {{paths: /passkey/**, require: {{amr: hwk}}}}
      password: {{paths: /password/**, require: {{amr: pwd}}}}
      usual: {{paths: /usual/**, require: {{risk_below: 40}}}}
      write: {{paths: /write/**, allow: {{scopes: [notes.read, notes.write]}}}}
      bound: {{paths: /bound/**, require: {{dpop: true}}}}
      reads: {{paths: /reads/**, forward_credentials: true}}
      hidden: {{paths: /hidden/**, respond: {{anonymous: 404, denied: 404}}}}
      limited: {{paths: /limited/**, limits: {{rate: 1/min, per: principal, on_store_failure: deny}}}}
  pages: {{hosts: pages.example.org, allow: {{groups: staff}}}}
  machine: {{hosts: machine.example.org, credentials: bearer, allow: {{scopes: notes.read}}}}
  vault: {{hosts: vault.example.org, credentials: [session, dpop], allow: [{{groups: staff}}, {{scopes: notes.read}}]}}
"""
    },
    Site("auth.example.org"),
)
TOKENS: Final[Context] = replace(CONTEXT, policy=POLICY)
SCOPES: Final = ("notes.read", "openid")


def issue(signer: SigningKey = KEY, **changes: object) -> str:
    given: dict[str, Any] = {
        "tag": TAG,
        "kind": "login",
        "record": b"l" * 16,
        "credential": GRANT,
        "client": "spa",
        "subject": f"u_{ADA.hex}",
        "scopes": SCOPES,
        "audience": f"https://{HOST}",
        "now": NOW - 60,
        "ttl_s": 900,
    } | changes
    tag, record, credential, kind = (given.pop(name) for name in ("tag", "record", "credential", "kind"))
    return ACCESS.issue(signer, Presented(tag, b64(record), credential, kind), **given)


def bound(**changes: object) -> str:
    return issue(KEY, jkt=PROVER.verification.thumbprint, **changes)


BOUND: Final = bound()


def prove(
    token: str = "",
    signer: SigningKey = PROVER,
    typ: str = "dpop+jwt",
    header: Mapping[str, object] = {},
    **claims: object,
) -> str:
    """A proof of GET /x; claims of None are left out."""
    usual: dict[str, object] = {
        "jti": "once",
        "htm": "GET",
        "htu": f"https://{HOST}/x",
        "iat": NOW,
        "ath": b64(sha256((token or BOUND).encode()).digest()),
        "nonce": NONCES.make(INCARNATION, NOW),
    }
    payload = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return signer.sign(typ, payload, **{"jwk": dict(signer.verification.jwk), **header})


@dataclass(frozen=True)
class Call:
    """A request of an app's that is allowed, and what Redis says; each test changes one thing.

    lines: headers that may come twice.
    """

    authorization: str = ""
    proofs: tuple[str, ...] = ()
    path: str = "/x"
    host: str = HOST
    method: str = "GET"
    session: Token | None = None
    headers: dict[str, str] = field(default_factory=dict)
    lines: tuple[tuple[str, str], ...] = ()
    outcome: Standing = Standing.LIVE
    login: str = TOKEN.login
    answered: bool = True
    allowed: bool = True
    username: str = "ada"
    groups: tuple[str, ...] = ("staff",)
    authenticated_at: int = NOW - 60
    risk: int = UNKNOWN_RISK
    now: int = NOW
    context: Context = TOKENS
    asked: list[Ask] = field(default_factory=list, init=False)  # whether the store was, and what

    def ask(self) -> Answer | Ask:
        sent = {
            "host": self.host,
            "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
            "x-forwarded-method": self.method,
            "x-forwarded-uri": self.path,
            "x-forwarded-host": self.host,
            "x-forwarded-proto": "https",
            "x-forwarded-for": "198.51.100.7",
            "x-bastion-snippet": "2;Remote-User,Remote-Groups,Remote-Name,Remote-Email;",
            **self.headers,
        }
        lines = [*sent.items(), *self.lines, *(("dpop", proof) for proof in self.proofs)]
        if self.authorization:
            lines.append(("authorization", self.authorization))
        if self.session is not None:
            lines.append(("cookie", f"__Host-bastion={self.session.text}"))
        request = read_request((name.encode(), value.encode("latin-1")) for name, value in lines)
        asked = prepare(request, self.context, NOW * 1_000_000, RANDOM, 7)
        assert isinstance(asked, (Answer, Ask))
        if isinstance(asked, Ask):
            self.asked.append(asked)
        return asked

    def answer(self) -> Answer:
        asked = self.ask()
        if isinstance(asked, Answer):
            return asked
        return conclude(asked, self._reply(asked), NOW * 1_000_000)

    def _reply(self, asked: Ask) -> Reply | None:
        if not self.answered:
            return None
        question, presented = asked.question, asked.question.presented
        outcome = Standing.NOT_ASKED if presented is None else self.outcome
        live = outcome is Standing.LIVE
        person = Person(ADA, self.username, "Ada Lovelace", "ada@example.org", self.groups, 1)
        spent = Spent(self.allowed, 0 if self.allowed else 1_500_000, 5, 1_000_000)
        return Reply(
            number=question.number,
            login="" if presented is None else self.login,
            now_us=self.now * 1_000_000,
            outcome=outcome,
            person=seal(KEYS.person, TAG, person, b"n" * 12) if live else b"",
            facts=LoginFacts(by_password(self.authenticated_at, self.risk), NOW + 1000, NOW + 600) if live else None,
            leases=None,
            spent=() if outcome is Standing.MISS else tuple(spent for _ in question.spends),
            incarnation=INCARNATION if outcome is Standing.STALE_NONCE else 0,
        )


BEARER: Final = Call(f"Bearer {issue()}")
DPOP: Final = Call(f"DPoP {BOUND}", (prove(),))
Change = Callable[[Call], Call]


def by(token: str, *proofs: str) -> Change:
    """Another token, under the same scheme; and other proofs where there are some."""

    def change(call: Call) -> Call:
        scheme = call.authorization.partition(" ")[0]
        return replace(call, authorization=f"{scheme} {token}", proofs=proofs or call.proofs)

    return change


def proved(proof: str) -> Change:
    return lambda call: replace(call, proofs=(proof,))


def challenges_of(answer: Answer) -> dict[str, str]:
    """By scheme."""
    lines = [value for name, value in answer.headers if name == "WWW-Authenticate"]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


def error_of(answer: Answer) -> str:
    """Of all challenges the one that says why."""
    said = [line for line in challenges_of(answer).values() if "error=" in line]
    assert len(said) <= 1
    return said[0].partition('error="')[2].partition('"')[0] if said else ""
