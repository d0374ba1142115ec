"""Owns what becomes tokens, and when a code or a refresh token passes: once, and again only where an honest client may
have lost the answer.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import b64
from gateway.core.oauth.code import CodeContent
from gateway.core.units import DAY_S

GRANT_TYPES: Final = ("authorization_code", "refresh_token", "client_credentials")
CODE_REPEAT_S: Final = 10  # O2: double mounts and retries of one client
BEARER_WINDOW_S: Final = 30  # O3: whoever has the token may repeat it
BOUND_WINDOW_S: Final = DAY_S  # whoever repeats it has to authenticate, or prove the key
STANDING_S: Final = 10 * 365 * DAY_S  # of an app's own grant, which nobody's login bounds
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True, repr=False)
class Redemption:
    """What a client sends with a code. verifier, resource "": left out. jkt: of its proof, "" without one."""

    client: str
    redirect_uri: str
    verifier: str
    resource: str
    jkt: str


@dataclass(frozen=True, slots=True, repr=False)
class IssuedCode:
    """What is stored of a code. Unix seconds; used_at 0: unused."""

    client: str
    content: CodeContent
    expires_at: int
    used_at: int


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The code becomes a grant."""


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """Nothing changes. error: of RFC 6749 or 8707. why: for the client's developer."""

    why: str
    error: str = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Reused:
    """Whoever sends it has what is not theirs, or somebody else has: the grant ends."""


def judge_code(code: IssuedCode, redemption: Redemption, now: int) -> Redeemed | CodeRefused | Reused:
    """Returned, not raised: an end has to be stored (oauth.md section 3). now: Unix seconds."""
    if code.used_at:
        repeated = code.client == redemption.client and _is_verified(code.content.code_challenge, redemption.verifier)
        return CodeRefused("the code was used") if repeated and now - code.used_at <= CODE_REPEAT_S else Reused()
    if code.client != redemption.client:
        return CodeRefused("the code is of another client")
    if now >= code.expires_at:
        return CodeRefused("the code is too old")
    return _misfit(code, redemption) or Redeemed()


def _misfit(code: IssuedCode, redemption: Redemption) -> CodeRefused | None:
    content = code.content
    if content.redirect_uri != redemption.redirect_uri:
        return CodeRefused("redirect_uri is not that of the authorization request")
    if not _is_verified(content.code_challenge, redemption.verifier):
        return CodeRefused("code_verifier does not match the code_challenge")
    if content.jkt and content.jkt != redemption.jkt:
        return CodeRefused("the code is bound to another key")
    if redemption.resource and redemption.resource != content.resource:
        return CodeRefused("resource is not that of the authorization request", "invalid_target")
    return None


def _is_verified(challenge: str, verifier: str) -> bool:
    """RFC 7636 S256. A verifier without a challenge is a downgrade (RFC 9700 section 4.8.2)."""
    if not challenge:
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(b64(hashlib.sha256(verifier.encode()).digest()), challenge)


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where a grant's refresh tokens stand. bound: whoever refreshes proves more than the token. Unix seconds."""

    current: bytes | None
    previous: bytes | None
    rotated_at: int
    bound: bool


@dataclass(frozen=True, slots=True)
class Rotated:
    """The next refresh token counts from now on."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The answer was lost: the same successor once more, and nothing changes."""


def judge_refresh(rotation: Rotation, token_hash: bytes, now: int) -> Rotated | Repeated | Reused:
    """token_hash: of what was sent. The one before the current passes within a window (O3)."""
    if rotation.current is not None and hmac.compare_digest(rotation.current, token_hash):
        return Rotated()
    window_s = BOUND_WINDOW_S if rotation.bound else BEARER_WINDOW_S
    is_previous = rotation.previous is not None and hmac.compare_digest(rotation.previous, token_hash)
    return Repeated() if is_previous and now - rotation.rotated_at <= window_s else Reused()


def narrowed(granted: tuple[str, ...], asked: str) -> tuple[str, ...] | None:
    """The scopes of one access token; "" asks for all of them. None: more than was granted."""
    if not asked:
        return granted
    wanted = set(asked.split(" "))
    return tuple(sorted(wanted)) if wanted <= set(granted) else None


def client_tag(tag_key: bytes, client: str) -> str:
    """The Redis hash tag of an app that acts for itself; no person has it (oauth.md section 1)."""
    return b64(hmac.digest(tag_key, b"client\0" + client.encode(), "sha256")[:12])


def audience_of(resources: tuple[str, ...], asked: str, issuer: str) -> str | None:
    """Whom an access token is for: what was asked for, else the client's only resource, else ourselves (userinfo).

    None: nothing that the client may ask for. asked "": nothing was.
    """
    if asked:
        return asked if asked in (*resources, issuer) else None
    return resources[0] if len(resources) == 1 else issuer
