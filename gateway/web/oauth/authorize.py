"""/oauth2/authorize: where apps send people, and the forms on which people answer: /oauth2/account, /oauth2/consent.

Whatever comes is sealed and comes again as `?i=`: a POST from another site brings no cookie, the GET that follows does
(oauth.md O11).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.core.oauth.request import ReturnAddress, Unaddressed
from gateway.flows.oauth.authorize import (
    AskAccount,
    AskCode,
    AskConsent,
    AskDocuments,
    AskEnrolment,
    Asking,
    AskLogin,
    Authorize,
    Opened,
    ToApp,
    Visitor,
)
from gateway.web.browser import Browser, see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import client_address, own_form, posted_pairs
from gateway.web.middleware import REQUEST_ID, content_security_policy
from gateway.web.protocol import TellRefusal
from gateway.web.proving import CONFIRM_PATH, DOCUMENTS_PATH, ENROL_PATH

AUTHORIZE_PATH: Final = "/oauth2/authorize"
_ACCOUNT_PATH: Final = "/oauth2/account"
_CONSENT_PATH: Final = "/oauth2/consent"
_SEALED: Final = re.compile(r"[\w.-]+", re.ASCII)


def routes(browser: Browser, authorize: Authorize, refused: TellRefusal) -> list[web.RouteDef]:
    """GET has no HEAD twin: a GET may hand out a code. refused: hears of the errors that apps are told."""
    pages = _AppPages(browser, authorize, refused)

    async def start(request: web.Request) -> web.Response:
        sealed = request.query.getall("i", [])
        if not sealed:
            return await pages.begin(request.query.items())
        if len(sealed) > 1:
            raise Unaddressed("i came more than once.")
        return await pages.go_on(request, sealed[0])

    async def take(request: web.Request) -> web.Response:
        return await pages.begin(await posted_pairs(request))

    async def decide(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:  # asked anew, by a page of today
            return see_other(way_on(old.fields.get("i", "")))
        return await pages.consent(request, fields.get("i", ""), fields.get("decision", ""))

    async def choose(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:
            return see_other(way_on(old.fields.get("i", "")))
        return await pages.choose(request, fields.get("i", ""), fields.get("decision", ""))

    return [
        web.get(AUTHORIZE_PATH, start, allow_head=False),
        web.post(AUTHORIZE_PATH, take),
        web.post(_ACCOUNT_PATH, choose),
        web.post(_CONSENT_PATH, decide),
    ]


def way_on(sealed: str) -> str:
    """Where a sealed request goes on. What can be no text of ours goes into no address."""
    return f"{AUTHORIZE_PATH}?i={sealed if _SEALED.fullmatch(sealed) else ''}"


@dataclass(frozen=True, slots=True)
class _AppPages:
    """Pages on the way of a person to an app and back."""

    browser: Browser
    authorize: Authorize
    refused: TellRefusal

    async def begin(self, pairs: Iterable[tuple[str, str]]) -> web.Response:
        """Always a redirect, whatever it was sent by."""
        return self._along(await self.authorize.begin(pairs))

    async def go_on(self, request: web.Request, sealed: str) -> web.Response:
        return self._answer(request, await self.authorize.go_on(sealed, await self._visitor(request)))

    async def consent(self, request: web.Request, sealed: str, decision: str) -> web.Response:
        """What is no yes is a no."""
        visitor = await self._visitor(request)
        return self._answer(request, await self.authorize.consent(sealed, visitor, allows=decision == "allow"))

    async def choose(self, request: web.Request, sealed: str, decision: str) -> web.Response:
        """What is no wish for another account is none."""
        visitor = await self._visitor(request)
        return self._along(await self.authorize.choose(sealed, visitor, another=decision == "another"))

    def _along(self, next_: str | ToApp) -> web.Response:
        return self._to_app(next_) if isinstance(next_, ToApp) else see_other(way_on(next_))

    async def _visitor(self, request: web.Request) -> Visitor:
        live = await self.browser.signed_in(request)
        return Visitor(live, client_address(request), request[REQUEST_ID])

    def _answer(self, request: web.Request, next_: ToApp | Asking | AskConsent) -> web.Response:
        match next_:
            case ToApp():
                return self._to_app(next_)
            case AskLogin(opened):
                return see_other(f"/login?i={opened.sealed}")
            case AskCode(opened):
                return see_other(f"{CONFIRM_PATH}?i={opened.sealed}")
            case AskEnrolment(opened):
                return see_other(f"{ENROL_PATH}?i={opened.sealed}")
            case AskDocuments(opened):
                return see_other(f"{DOCUMENTS_PATH}?i={opened.sealed}")
            case AskAccount(opened, person, expected):
                return self._ask(request, "account_choice.html", opened, {"signed_in": person, "expected": expected})
            case AskConsent(opened, person, sentences):
                return self._ask(request, "consent.html", opened, {"signed_in": person, "sentences": sentences})

    def _to_app(self, answer: ToApp) -> web.Response:
        address = answer.address
        if "error" in answer.values:
            self.refused(AUTHORIZE_PATH, answer.values["error"])
        if address.response_mode == "query":
            return see_other(address.url(answer.values))
        response = self.browser.html.page("to_app.html", address=address, values=answer.values)
        response.headers["Content-Security-Policy"] = content_security_policy(address.form_target, scripts=True)
        return response

    def _ask(self, request: web.Request, template: str, opened: Opened, shown: Mapping[str, object]) -> web.Response:
        address = opened.address
        values = {"app": address.client.name, "origin": _shown_origin(address), "sealed": opened.sealed, **shown}
        response = self.browser.csrf_page(request, template, HTTPStatus.OK, **values)
        response.headers["Content-Security-Policy"] = content_security_policy(address.form_target)
        return response


def _shown_origin(address: ReturnAddress) -> str:
    """The host that the person comes back to; "" for an app on their own device."""
    scheme, _, authority = address.form_target.partition("://")
    return authority if scheme == "https" else ""
