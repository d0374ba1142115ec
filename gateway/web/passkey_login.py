"""/login/passkey: takes what the browser answers to the sign-in page, without a name."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.passkey_proofs import PasskeyShown
from gateway.flows.people.passkey_sign_in import PasskeySignIn
from gateway.web.browser import see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import own_form
from gateway.web.login_pages import LoginPages
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain
from gateway.web.passkeys import PASSKEY_WORDS

_PATH: Final = "/login/passkey"


def routes(pages: LoginPages, passkeys: PasskeySignIn) -> list[web.RouteDef]:
    """GET is of somebody who reloads an answer that said no."""
    browser, ways = pages.browser, pages.ways

    async def show(_request: web.Request) -> web.Response:
        return see_other("/login")

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:
            return await pages.instead_of(request, old)
        way = await ways.of_fields(fields)
        form = replace(way.form, keep=fields.get("keep") == "yes")
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: pages.form(request, replace(form, error=why), status))
        shown = PasskeyShown(fields.get("answer", ""), browser.csrf_cookie(request))
        current = await browser.signed_in(request)
        outcome = await passkeys.attempt(shown, browser.visit(request), current, keep=form.keep)
        if isinstance(outcome, SignedIn):
            return await pages.welcome(request, way, outcome)
        return pages.form(request, replace(form, error=PASSKEY_WORDS[outcome.why]), 403)

    return [web.get(_PATH, show), web.post(_PATH, submit)]
