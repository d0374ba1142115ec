"""Reads `clients:`, the applications that get tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.policy.client import Authentication, Client, ClientProfile, ClientType, assertion_algorithms
from gateway.core.policy.client_grammar import CLIENT, PROFILES, TTL, TYPES
from gateway.core.policy.places import Page, Place
from gateway.core.policy.reading.client_access import read_access
from gateway.core.policy.reading.client_keys import read_keys, read_secret
from gateway.core.policy.reading.maps import keyed, named
from gateway.core.policy.reading.redirects import origin_of, read_origins, read_redirects, read_web_uri
from gateway.core.policy.reading.settings import Definitions, read_review, read_text
from gateway.core.policy.reading.words import duration, items, said, text, word
from gateway.core.policy.secrets import SecretReader
from gateway.core.policy.site import Site
from gateway.core.units import DAY_S, MINUTE_S
from gateway.core.yaml_marks import Marked, MarkedScalar

_ACCESS_S: Final = (MINUTE_S, 60 * MINUTE_S)  # least, most
_IDLE_S: Final = (60 * MINUTE_S, 30 * DAY_S, 365 * DAY_S)
_ABSOLUTE_S: Final = (60 * MINUTE_S, 365 * DAY_S, 365 * DAY_S)
_LONGEST_NAME: Final = 80
_PERSONS: Final = "u_"  # what subjects of people begin with
_GRANTS: Final[Mapping[bool, frozenset[str]]] = {
    True: frozenset({"client_credentials"}),
    False: frozenset({"authorization_code", "refresh_token"}),
}
_FOR_PEOPLE: Final = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "consent",
    "pkce",
    "par",
    "id_token_alg",
    "origins",
    "allow",
)
_KEYS: Final = frozenset({"jwks", "jwks_uri"})
_OPENID: Final = "openid"
_STRICT: Final = "fapi2"


class DeclaredClients:
    """Of all files."""

    def __init__(self, site: Site, names: Definitions, secrets: SecretReader) -> None:
        self._site = site
        self._names = names
        self._secrets = secrets
        self._places: dict[str, Place] = {}
        self.read: dict[str, Client] = {}

    def add(self, page: Page, at: Marked) -> None:
        """The clients of one file."""
        for key, value in named(page, at, "clients"):
            first = self._places.setdefault(key.text, page.place(key))
            if first != page.place(key):
                page.say(key, f"client `{key.text}` again, first at {first}; expected once")
                continue
            if key.text.startswith(_PERSONS):
                page.say(key, f"`{key.text}` begins like the subject of a person; expected a name without {_PERSONS}")
            given = keyed(page, value, CLIENT)
            kind = None if given is None or "type" not in given else _type(page, given["type"])
            if given is not None and kind is not None and "name" in given:
                self.read[key.text] = self._client(_Text(page, key, given, kind))

    def _client(self, of: "_Text") -> Client:
        page, given = of.page, of.given
        read_text(page, given, "owner")  # for people only
        _judge(of)
        redirects = self._redirects(of, "redirect_uris")
        _judge_consent(of, redirects)
        scopes = _scopes(page, given["scopes"], self._names) if "scopes" in given else ()
        _judge_scopes(of, scopes)
        access, require = read_access(
            page, page.place(of.key), given, self._names.conditions, for_people=of.type != "service"
        )
        lives = _lives(page, given.get("ttl"), self._site.access_ttl_s)
        return Client(
            id=of.key.text,
            name=_name(page, given["name"]),
            place=page.place(of.key),
            type=of.type,
            profile=of.profile,
            redirect_uris=redirects,
            post_logout_redirect_uris=self._redirects(of, "post_logout_redirect_uris"),
            authentication=of.authentication,
            secret_hash=read_secret(page, given["secret"], self._secrets) if "secret" in given else None,
            jwks=read_keys(page, given["jwks"], assertion_algorithms(of.profile)) if "jwks" in given else (),
            jwks_uri=self._web_uri(of, "jwks_uri"),
            scopes=scopes,
            resources=read_origins(page, given["resources"], "api", self._site) if "resources" in given else (),
            grants=_GRANTS[of.type == "service"],
            pkce_optional="pkce" in given,
            par_required=of.profile == _STRICT or "par" in given,
            dpop_required=of.profile == _STRICT or require.dpop,
            consent="implied" if of.word("consent", ("ask", "implied")) == "implied" else "ask",
            id_token_alg=_id_token_alg(of),
            access_ttl_s=lives[0],
            refresh_idle_s=lives[1],
            refresh_absolute_s=lives[2],
            origins=self._origins(of, redirects),
            backchannel_logout_uri=self._web_uri(of, "backchannel_logout_uri"),
            access=access,
            note=read_text(page, given, "note"),
            review=read_review(page, given["review_by"]) if "review_by" in given else None,
        )

    def _redirects(self, of: "_Text", key: str) -> tuple[str, ...]:
        return read_redirects(of.page, key, of.given[key], of.type, self._site) if key in of.given else ()

    def _web_uri(self, of: "_Text", key: str) -> str:
        return read_web_uri(of.page, of.given[key], self._site) if key in of.given else ""

    def _origins(self, of: "_Text", redirects: tuple[str, ...]) -> tuple[str, ...]:
        if "origins" in of.given:
            return read_origins(of.page, of.given["origins"], "notes", self._site)
        return tuple(dict.fromkeys(map(origin_of, redirects))) if of.type == "spa" else ()


@dataclass(frozen=True, slots=True)
class _Text:
    """A client as written."""

    page: Page
    key: MarkedScalar
    given: Mapping[str, Marked]
    type: ClientType

    @property
    def profile(self) -> ClientProfile:
        return cast("ClientProfile", self.word("profile", PROFILES) or "oauth21")

    @property
    def authentication(self) -> Authentication:
        if not _KEYS.isdisjoint(self.given):
            return "private_key_jwt"
        return "secret" if "secret" in self.given else "none"

    def word(self, key: str, choices: tuple[str, ...]) -> str:
        """ "" where it is not said, or wrong."""
        return (word(self.page, self.given[key], key, choices) or "") if key in self.given else ""

    def say(self, key: str, message: str) -> None:
        """Where the key is, else where the client begins."""
        self.page.say(self.given.get(key, self.key), message)


def _type(page: Page, at: Marked) -> ClientType | None:
    if isinstance(at, MarkedScalar) and at.text == "device":
        page.say(at, f"type `device` is part of the language but not built yet; expected {', '.join(TYPES)}")
        return None
    return cast("ClientType | None", word(page, at, "type", TYPES))


def _judge(of: _Text) -> None:
    """What its type and its profile ask and forbid."""
    _judge_authentication(of)
    if of.type == "service":
        for key in _FOR_PEOPLE:
            if key in of.given:
                of.say(key, f"{key} of a service, which nobody logs in to; expected none; take it out")
    elif "redirect_uris" not in of.given:
        of.say("redirect_uris", f"client {of.key.text} has no redirect_uris; expected where people are sent back to")
    if of.word("pkce", ("optional",)) and (of.profile != "oidc" or of.authentication == "none"):
        of.say(
            "pkce", "pkce: optional needs profile: oidc and a secret or a key: anybody could redeem a stolen code else"
        )
    of.word("par", ("required",))


def _judge_authentication(of: _Text) -> None:
    if of.type in ("spa", "native"):
        for key in ("secret", "jwks", "jwks_uri"):
            if key in of.given:
                of.say(
                    key, f"what everybody can read in type {of.type} keeps nobody out; expected no {key}, or type: web"
                )
    elif of.authentication == "none":
        of.say(
            "type", f"type {of.type} proves who it is; expected secret, jwks or jwks_uri; a page's script is type: spa"
        )
    elif "secret" in of.given and of.authentication != "secret":
        of.say("secret", "secret beside jwks; expected one way to authenticate; take one out")
    elif of.given.keys() >= _KEYS:
        of.say("jwks_uri", "jwks_uri beside jwks; expected one place of its keys; take one out")
    if of.profile == _STRICT and of.authentication != "private_key_jwt":
        of.say("secret", "profile fapi2 authenticates by private_key_jwt; expected jwks or jwks_uri, and no secret")
    if of.profile == _STRICT and of.type in ("spa", "native"):
        of.say("profile", f"profile fapi2 is for clients with a key of their own; expected type: web, not {of.type}")


def _judge_consent(of: _Text, redirects: tuple[str, ...]) -> None:
    """threats O17: whoever else can take the redirect would get a code without anybody having seen it."""
    taken = next((uri for uri in redirects if not uri.startswith("https:")), "")
    if of.type == "native" and taken and of.word("consent", ("ask", "implied")) == "implied":
        of.say("consent", f"consent: implied, and any app on the device can take {taken}; expected ask")


def _judge_scopes(of: _Text, scopes: tuple[str, ...]) -> None:
    if "scopes" not in of.given:
        of.say("scopes", f"client {of.key.text} has no scopes; expected what it may ask for, such as [openid, profile]")
    elif of.profile == "oidc" and scopes and _OPENID not in scopes:
        of.say("scopes", f"profile oidc without the scope {_OPENID}; expected it among scopes")
    if of.type == "service":
        for scope in ("openid", "profile", "email", "groups", "offline_access"):
            if scope in scopes:
                of.say("scopes", f"scope {scope} of a service is about no person; expected none; take it out")


def _scopes(page: Page, at: Marked, names: Definitions) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in items(page, at, "a scope"):
        name = text(page, item, "a scope")
        if name is None or not isinstance(item, MarkedScalar):
            continue
        if name in found:
            page.say(item, f"scope {name} again; expected each once")
        elif names.scopes.get(page, item) is not None:
            found[name] = None
    return tuple(found)


def _id_token_alg(of: _Text) -> str:
    alg = of.word("id_token_alg", SIGNING_ALGORITHMS)
    if alg == "RS256" and of.profile == _STRICT:
        of.say("id_token_alg", "id_token_alg is `RS256`, which fapi2 forbids; expected ES256, EdDSA or PS256")
    return alg or ("RS256" if of.profile == "oidc" else "")


def _name(page: Page, at: Marked) -> str:
    name = text(page, at, "the client's name for people") or ""
    if len(name) > _LONGEST_NAME:
        page.say(at, f"a name of {len(name)} characters; expected at most {_LONGEST_NAME}")
    return name


def _lives(page: Page, at: Marked | None, access_s: int) -> tuple[int, int, int]:
    """Of access tokens, of refresh tokens without use, and at all. access_s: of those that say nothing else."""
    given = {} if at is None else keyed(page, at, TTL) or {}
    access = _life(page, given, "access", (_ACCESS_S[0], access_s, _ACCESS_S[1]))
    absolute = _life(page, given, "refresh_absolute", _ABSOLUTE_S)
    idle = _life(page, given, "refresh_idle", _IDLE_S)
    if "refresh_idle" in given and idle > absolute:
        page.say(given["refresh_idle"], "refresh_idle is longer than refresh_absolute; expected at most that")
    return access, min(idle, absolute), absolute


def _life(page: Page, given: Mapping[str, Marked], key: str, bounds: tuple[int, int, int]) -> int:
    least, default, most = bounds
    if key not in given:
        return default
    seconds = duration(page, given[key], key)
    if seconds is not None and not least <= seconds <= most:
        page.say(given[key], f"{key} is {said(given[key])}; expected from {_shown(least)} to {_shown(most)}")
    return seconds or default


def _shown(seconds: int) -> str:
    return f"{seconds // DAY_S}d" if seconds % DAY_S == 0 else f"{seconds // MINUTE_S}m"
