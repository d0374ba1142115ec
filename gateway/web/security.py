"""/account/security: the person's second factors, and the forms that enrol, replace and remove them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import segno
from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from gateway.core.assurance.words import proof_words, score_words
from gateway.core.login.one_time_codes import FEW_LEFT, TYPED_CHARS, enrolment_uri, in_groups, secret_text
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.own_factors import NothingWaits, OwnFactors
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.web.account import ago, iso
from gateway.web.browser import Browser, SignedInForm, see_other
from gateway.web.middleware import REQUEST_ID, content_security_policy
from gateway.web.passkeys import PasskeyForms
from gateway.web.proving import to_prove
from gateway.web.ways import SECURITY_PATH

_WRONG: Final = "That code isn't right. Wait for the next one in the app, and check the time on your phone."
_QR_SCALE: Final = 4


def routes(browser: Browser, own: OwnFactors, passkeys: OwnPasskeys) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in; whoever did not prove enough for a change is asked for more."""
    pages = _SecurityPages(browser, own, PasskeyForms(browser, passkeys))

    def changing(act: SignedInForm) -> Handler:
        @browser.for_form_of_somebody
        async def handle(request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.StreamResponse:
            try:
                return await act(request, fields, live)
            except MayNotChange as refused:
                found = to_prove(refused.lacking, "security")
                return see_other(SECURITY_PATH if found is None else found.way)
            except NothingWaits:
                return see_other(SECURITY_PATH)

        return handle

    return [
        web.get(SECURITY_PATH, browser.for_somebody(pages.show)),
        web.post(f"{SECURITY_PATH}/app", changing(pages.begin)),
        web.post(f"{SECURITY_PATH}/app/confirm", changing(pages.confirm)),
        web.post(f"{SECURITY_PATH}/app/remove", changing(pages.remove)),
        web.post(f"{SECURITY_PATH}/codes", changing(pages.renew_codes)),
        web.post(f"{SECURITY_PATH}/passkeys", changing(pages.enrol_passkey)),
        web.post(f"{SECURITY_PATH}/passkeys/{{id}}/name", changing(pages.rename_passkey)),
        web.post(f"{SECURITY_PATH}/passkeys/{{id}}/remove", changing(pages.remove_passkey)),
    ]


@dataclass(frozen=True, slots=True)
class _Once:
    """What one answer shows and no other: secrets and codes are in the answer to the post that made them."""

    secret: str = ""
    qr: Markup = Markup("")  # noqa: RUF009 - nothing changes it
    codes: tuple[str, ...] = ()
    confirms: bool = False
    changed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class _SecurityPages:
    browser: Browser
    own: OwnFactors
    passkeys: PasskeyForms

    async def show(self, request: web.Request, live: LiveLogin) -> web.Response:
        return await self._page(request, live, _Once())

    async def begin(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        new = await self.own.begin_app(live, request[REQUEST_ID])
        uri = enrolment_uri(new.secret, live.person.username, self.browser.site.host)
        once = _Once(secret=in_groups(secret_text(new.secret)), qr=_qr(uri), confirms=True)
        return await self._page(request, live, once)

    async def confirm(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        made = await self.own.confirm_app(live, fields.get("code", "")[:TYPED_CHARS], request[REQUEST_ID])
        if made is None:
            return await self._page(request, live, _Once(confirms=True, error=_WRONG), 403)
        return await self._page(request, live, _Once(codes=made.codes, changed=True))

    async def renew_codes(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        made = await self.own.renew_codes(live, request[REQUEST_ID])
        return await self._page(request, live, _Once(codes=made.codes))

    async def remove(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        removed = await self.own.remove_app(live, request[REQUEST_ID])
        return await self._page(request, live, _Once(changed=removed))

    async def enrol_passkey(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        made = await self.passkeys.enrol(request, fields, live)
        if isinstance(made, str):
            return await self._page(request, live, _Once(error=made), 403)
        return await self._page(request, live, _Once(codes=made.codes, changed=True))

    async def rename_passkey(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        await self.passkeys.rename(request, fields, live)
        return see_other(SECURITY_PATH)

    async def remove_passkey(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        removed = await self.passkeys.remove(request, live)
        return await self._page(request, live, _Once(changed=removed))

    async def _page(self, request: web.Request, live: LiveLogin, once: _Once, status: int = 200) -> web.Response:
        found, now = await self.own.overview(live), self.browser.clock()
        response = self.browser.csrf_page(
            request,
            "security.html",
            status,
            once=once,
            has_app=found.added_at is not None,
            added="" if found.added_at is None else ago(now - found.added_at),
            added_iso="" if found.added_at is None else iso(found.added_at),
            used="" if found.last_used_at is None else ago(now - found.last_used_at),
            left=found.codes_left,
            few=found.codes_left <= FEW_LEFT,
            to_prove=to_prove(found.lacks, "security"),
            passkeys=await self.passkeys.lines(live),
            options=await self.passkeys.options(request, live),
            proven=proof_words(live.facts.assurance),
            score=score_words(live.facts.assurance),
            signed_in=live.person,
        )
        response.headers["Content-Security-Policy"] = content_security_policy(scripts=True)
        return response


def _qr(uri: str) -> Markup:
    """On white, also where the page is dark: readers need it. segno writes nothing but numbers and colours."""
    return Markup(segno.make(uri, error="m").svg_inline(scale=_QR_SCALE, light="#fff", svgclass="qr"))  # noqa: S704
