"""What pages say of passkeys, and the forms of /account/security that enrol, rename and remove them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.base64url import b64, unb64_strict
from gateway.core.browsers import browser_name
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.own_factors import NewCodes
from gateway.flows.people.own_passkeys import NAME_CHARS, NotEnrolled, OwnPasskey, OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyShown, Why
from gateway.web.account import ago, iso
from gateway.web.browser import Browser
from gateway.web.forms import user_agent
from gateway.web.middleware import REQUEST_ID

PASSKEY_WORDS: Final[Mapping[Why, str]] = {
    Why.EXPIRED: "This page was open for too long, or the passkey was used already. Please try again.",
    Why.UNKNOWN: "No account here knows that passkey. Sign in another way, or choose another passkey.",
    Why.NOT_VERIFIED: "Your device didn't check that it's you. Sign in with your password; the passkey is then the"
    " second step.",
    Why.SUSPENDED: "That passkey doesn't count any more: there may be a copy of it. Sign in another way, remove it and"
    " add a new one.",
}
_NOT_ENROLLED: Final[Mapping[NotEnrolled, str]] = {
    NotEnrolled.EXPIRED: "This page was open for too long. Please try again.",
    NotEnrolled.FAILED: "That passkey can't be used here. Please try another device.",
    NotEnrolled.TAKEN: "That passkey is enrolled already, or you have as many as one may have.",
}


@dataclass(frozen=True, slots=True)
class PasskeyLine:
    """One passkey as the page shows it."""

    id: str
    name: str
    added: str
    added_iso: str
    used: str
    alone: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class PasskeyForms:
    browser: Browser
    own: OwnPasskeys

    async def lines(self, live: LiveLogin) -> list[PasskeyLine]:
        now = self.browser.clock()
        return [_line(one, now) for one in await self.own.list(live)]

    async def options(self, request: web.Request, live: LiveLogin) -> str:
        return await self.own.options(live, self.browser.csrf_cookie(request))

    async def enrol(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> NewCodes | str:
        """The words of what went wrong. Raises MayNotChange."""
        shown = PasskeyShown(fields.get("answer", ""), self.browser.csrf_cookie(request))
        name = _name(fields) or browser_name(user_agent(request))
        made = await self.own.enrol(live, shown, name, request[REQUEST_ID])
        return _NOT_ENROLLED[made] if isinstance(made, NotEnrolled) else made

    async def rename(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> None:
        await self.own.rename(live, _hash(request), _name(fields))

    async def remove(self, request: web.Request, live: LiveLogin) -> bool:
        """Raises MayNotChange."""
        return await self.own.remove(live, _hash(request), request[REQUEST_ID])


def _line(one: OwnPasskey, now: int) -> PasskeyLine:
    used = "" if one.last_used_at is None else ago(now - one.last_used_at)
    return PasskeyLine(
        b64(one.hash), one.name, ago(now - one.added_at), iso(one.added_at), used, one.alone, one.suspended
    )


def _name(fields: Mapping[str, str]) -> str:
    return "".join(one for one in fields.get("name", "") if one.isprintable()).strip()[:NAME_CHARS]


def _hash(request: web.Request) -> bytes:
    """Of no passkey where the address is none that a page of ours has."""
    try:
        return unb64_strict(request.match_info["id"])
    except ValueError:
        return b""
