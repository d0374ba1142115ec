"""API keys, and a policy that takes them, for the tests of decisions."""

from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.forward.context import Context
from gateway.core.forward.decide import Ask
from gateway.core.forward.refused_keys import RefusedKeys
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.principal.ask import Reply
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.token.api_key import ApiKeys, KeyTerms, seal_terms, terms_of
from tests.core.forward.setting import CONTEXT, KEYS, TAG
from tests.core.forward.tokens import Call

FILES: Final = "files.example.org"
POLICY: Final = compile_policy(
    {
        "files.yaml": f"""
define:
  scopes: {{files.read: Read your files, files.write: Change your files}}
  key_scopes:
    files.read: {{groups: [staff, guests]}}
    files.write: {{groups: staff}}
    groups: authenticated
    profile: authenticated
    email: authenticated
clients:
  spa: {{name: Notes, type: spa, redirect_uris: https://n.example.org/cb, scopes: files.read, allow: {{groups: staff}}}}
apps:
  files:
    hosts: {FILES}
    credentials: [session, bearer, api_key, {{api_key: basic}}]
    allow: [{{groups: staff}}, {{scopes: files.read}}]
    routes:
      fresh: {{paths: /fresh/**, require: {{authenticated_within: 10m}}}}
      mfa: {{paths: /mfa/**, require: {{mfa: true}}}}
      passkey: {{paths: /passkey/**, require: {{amr: hwk}}}}
      password: {{paths: /password/**, require: {{amr: pwd}}}}
      usual: {{paths: /usual/**, require: {{risk_below: 100}}}}
      write: {{paths: /write/**, allow: {{scopes: [files.read, files.write]}}}}
      bound: {{paths: /bound/**, credentials: [dpop, api_key], require: {{dpop: true}}}}
      hidden: {{paths: /hidden/**, respond: {{anonymous: 404, denied: 404}}}}
      spa: {{paths: /spa/**, allow: {{clients: spa}}}}
      open: {{paths: /open/**, allow: anyone}}
      off: {{paths: /off/**, allow: {{groups: staff}}}}
  dav:
    hosts: dav.example.org
    credentials: [session, {{api_key: basic}}]
    allow: [{{groups: staff}}, {{scopes: files.read}}]
  keys: {{hosts: keys.example.org, credentials: api_key, allow: {{scopes: files.read}}}}
  hook: {{hosts: hook.example.org, credentials: {{api_key: {{header: X-Gitlab-Token}}}}, allow: {{scopes: files.read}}}}
  pages: {{hosts: pages.example.org, allow: {{groups: staff}}}}
  tokens:
    {{hosts: tokens.example.org, credentials: [session, bearer], allow: [{{groups: staff}}, {{scopes: files.read}}]}}
"""
    },
    Site("auth.example.org"),
)
MANY: Final = Limit("AUTH.KEY", 1_000_000, 60_000_000, 1_000_000, Per.IP)  # a test of its own counts refusals


def taking() -> Context:
    """Of a worker of its own, which counts refusals by its own clock."""
    return replace(CONTEXT, policy=POLICY, refused_keys=RefusedKeys(MANY))


TAKING: Final = taking()
API_KEYS: Final = ApiKeys(KEYS.api_key, KEYS.person)
KEY_ID: Final = b"k" * 16
KEY_TEXT: Final = API_KEYS.mint(TAG, KEY_ID, b"s" * 32)
MADE_UP: Final = ApiKeys(b"another", KEYS.person).mint(TAG, KEY_ID, b"s" * 32)
HOSTS: Final = (FILES, "dav.example.org", "hook.example.org")
TERMS: Final = terms_of(("files.read", "files.write"), HOSTS, ())


@dataclass(frozen=True)
class KeyCall(Call):
    """A request with a key that is allowed, and what Redis says; each test changes one thing.

    sealed: what Redis has in place of the terms, None: those.
    """

    authorization: str = f"Bearer {KEY_TEXT}"
    host: str = FILES
    login: str = "a2tra2tra2tra2tra2traw"
    context: Context = TAKING
    terms: KeyTerms = TERMS
    sealed: bytes | None = None

    def _reply(self, asked: Ask) -> Reply | None:
        reply = Call._reply(self, asked)
        presented = asked.question.presented
        if reply is not None and presented is not None and presented.kind == "key":
            sealed = seal_terms(KEYS.person, presented, self.terms, b"n" * 12)
            reply.terms = sealed if self.sealed is None else self.sealed
        return reply


def basic(key: str, user: str = "ada") -> str:
    return f"Basic {b64encode(f'{user}:{key}'.encode()).decode()}"


BEARER_KEY: Final = KeyCall()
BASIC_KEY: Final = KeyCall(basic(KEY_TEXT), host="dav.example.org")
X_API_KEY: Final = KeyCall("", headers={"x-api-key": KEY_TEXT})
HOOK: Final = KeyCall("", host="hook.example.org", headers={"x-gitlab-token": KEY_TEXT})
