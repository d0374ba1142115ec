"""What the decision path depends on beside the request; a reload of policy makes a new one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.core.forward.assertion import Assertions
from gateway.core.forward.credentials import TokenReader
from gateway.core.forward.pages import Page
from gateway.core.forward.refused_keys import RefusedKeys
from gateway.core.keys import Keys
from gateway.core.policy.canonical import METHOD_CHARS
from gateway.core.policy.facts import Refused
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Routed
from gateway.core.principal.identity import People
from gateway.core.principal.presented import Tokens
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.remembered import Remembered
from gateway.core.token.api_key import ApiKeys

RANDOM_BYTES = 44  # for one request: 32 of a way cookie, 12 of a nonce
_MOST_PATHS = 8192
_PATH_CHARS = 256


@dataclass(frozen=True, slots=True)
class Context:
    """auth_origin: where people log in, and the issuer of tokens. origin_of: a protected host's origin, from
    configuration (threats.md H3).

    reader: of the tokens that come in place of sessions. render: a page as bytes; pure. passed: headers that reach apps
    although clients could forge them, in lower case.
    """

    policy: Policy
    keys: Keys
    tokens: Tokens
    api_keys: ApiKeys
    people: People
    reader: TokenReader
    auth_origin: str
    origin_of: Callable[[str], str]
    render: Callable[[Page], bytes]
    assertions: Assertions
    passed: frozenset[bytes] = frozenset()
    refused_keys: RefusedKeys = field(default_factory=RefusedKeys)
    names: BucketNames = field(init=False, repr=False)
    _found: Remembered[tuple[str, str, str], Routed | Refused] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", BucketNames(self.keys.bucket))
        object.__setattr__(self, "_found", Remembered[tuple[str, str, str], Routed | Refused](_MOST_PATHS))

    def find(self, host: str, method: str, path: str) -> Routed | Refused:
        """Policy's answer; that of short paths is remembered as long as this policy is in force.

        method: a preflight's may be anything, as long as a header (Access-Control-Request-Method).
        """
        asked = (host, method, path)
        known = self._found.get(asked)
        if known is not None:
            return known
        found = self.policy.find(host, method, path)
        is_short = len(path) <= _PATH_CHARS and len(method) <= METHOD_CHARS
        return self._found.keep(asked, found) if is_short else found
