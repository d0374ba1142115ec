"""Reads what browsers send to the auth host: one form, its proof of origin, the address and the cookies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.addresses import Address, read_address
from gateway.core.login.attempt import csrf_holds
from gateway.core.policy.canonical import canonical_host
from gateway.core.session.cookies import CSRF_COOKIE, Cookies, read_cookies
from gateway.web.errors import BadForm, CrossSite, FormExpired

MAX_BODY_BYTES: Final = 40 * 1024  # three passwords of 1,024 characters, 12 bytes each
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_CHARSET: Final = "utf-8"
OWN_SITES: Final = ("same-origin", "none")
_USER_AGENT_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class AuthHost:
    """origin: scheme://host[:port] of the auth host, from configuration. authority: what its Host header says."""

    origin: str
    csrf_key: bytes

    @property
    def authority(self) -> str:
        """host[:port]."""
        return self.origin.split("://", 1)[1]

    @property
    def authorities(self) -> tuple[str, ...]:
        """All that its Host header may say: an empty port and the usual one mean the same (RFC 9110 section 4.2.3)."""
        scheme, authority = self.origin.split("://", 1)
        usual = ":443" if scheme == "https" else ":80"
        bare = authority.removesuffix(usual)
        return (authority,) if ":" in bare else (bare, f"{bare}:", f"{bare}{usual}")

    @property
    def host(self) -> str:
        """The canonical host: what credentials of the auth host are bound to."""
        return self.authority.rsplit(":", 1)[0] if ":" in self.authority else self.authority

    def is_named(self, host: str) -> bool:
        """Whether a proxy could take a request with this Host header for one of ours: no proxy looks at the port."""
        return host.lower() in self.authorities or canonical_host(host) == self.host


def cookies(request: web.Request) -> Cookies:
    """The one byte-exact reader (threats.md H1): aiohttp's own takes forgeries."""
    lines = [value for name, value in request.raw_headers if name.lower() == b"cookie"]
    return read_cookies(lines)


def client_address(request: web.Request) -> Address | None:
    """The one address that the proxy wrote; None where it is absent, doubled or not an address (threats.md L7)."""
    lines = request.headers.getall("X-Forwarded-For", [])
    return read_address(lines[0]) if len(lines) == 1 else None


def user_agent(request: web.Request) -> str:
    """Cut to a length that is worth storing; printable characters only."""
    text = request.headers.get("User-Agent", "")[:_USER_AGENT_CHARS]
    return "".join(character for character in text if character.isprintable())


async def own_form(request: web.Request, site: AuthHost) -> Mapping[str, str]:
    """The fields of a form that our own page sent from this browser: Origin is ours, the token belongs to the browser's
    cookie, and Sec-Fetch-Site says nothing else. Older Safari and web views don't send it (threats.md H7).

    Raises CrossSite, FormExpired (only the token is wrong) or BadForm.
    """
    if request.headers.getall("Sec-Fetch-Site", []) not in ([], *([own] for own in OWN_SITES)):
        raise CrossSite("Sec-Fetch-Site is neither same-origin nor none")
    if request.headers.getall("Origin", []) != [site.origin]:
        raise CrossSite("Origin is not our own")
    fields = await _fields(request)
    cookie = cookies(request).get(CSRF_COOKIE, "")
    if not csrf_holds(site.csrf_key, cookie, fields.get("csrf", "")):
        raise FormExpired(fields, has_cookie=bool(cookie))
    return fields


async def _fields(request: web.Request) -> Mapping[str, str]:
    posted = await posted_pairs(request)
    fields = dict(posted)
    if len(fields) != len(posted):
        raise BadForm("A field came twice.")
    return fields


async def posted_pairs(request: web.Request) -> Sequence[tuple[str, str]]:
    """The fields of a form in their order, whoever sent it. Raises BadForm."""
    if request.content_type != _FORM_TYPE or "Content-Encoding" in request.headers:
        raise BadForm("The body is not a form.")
    # Another charset can spell what no UTF-8 does: half a surrogate pair, which nothing behind this can write.
    if (request.charset or _CHARSET).lower() != _CHARSET:
        raise BadForm("The form is not in UTF-8.")
    try:
        posted = await request.post()
    except (ValueError, LookupError) as error:
        raise BadForm("The form can't be read.") from error
    return [(name, value) for name, value in posted.items() if isinstance(value, str)]


def add_cookie(response: web.StreamResponse, cookie: str) -> None:
    """cookie: of core/session/cookies.py; aiohttp's own writer quotes and knows no `__Host-`."""
    assert not response.prepared
    response.headers.add("Set-Cookie", cookie)
