"""/account/privacy: what is stored of a person, a copy of it, and the request to be erased."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from gateway.core.privacy.documents import DocumentAction
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.documents import AnsweredDocument, OwnDocuments
from gateway.flows.may_change import MayNotChange
from gateway.flows.privacy.export import Export, TooManyExports
from gateway.flows.privacy.requests import NotOffered, OwnErasure
from gateway.web.browser import Browser, see_other
from gateway.web.login_pages import PRIVACY_PATH
from gateway.web.middleware import REQUEST_ID
from gateway.web.proving import to_prove
from gateway.web.spans import counted

_WAY: Final = re.compile(r"\?[ji]=v1\.[\w-]{1,6000}", re.ASCII)


def routes(browser: Browser, erasure: OwnErasure, export: Export, documents: OwnDocuments) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in. No GET changes anything."""
    pages = _PrivacyPages(browser, erasure, export, documents)
    return [
        web.get(PRIVACY_PATH, browser.for_somebody(pages.show)),
        web.post(f"{PRIVACY_PATH}/export", browser.for_form_of_somebody(pages.download)),
        web.post(f"{PRIVACY_PATH}/delete", browser.for_form_of_somebody(pages.ask)),
        web.post(f"{PRIVACY_PATH}/keep", browser.for_form_of_somebody(pages.keep)),
    ]


@dataclass(frozen=True, slots=True)
class _PrivacyPages:
    browser: Browser
    erasure: OwnErasure
    export: Export
    documents: OwnDocuments

    async def show(self, request: web.Request, live: LiveLogin) -> web.Response:
        return await self._page(request, live)

    async def download(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        try:
            packed = await self.export.own(live, self.browser.visit(request))
        except TooManyExports:
            return await self._page(request, live, 429)
        except MayNotChange:
            return await self._page(request, live, 403)
        headers = {"Content-Disposition": 'attachment; filename="your-data.zip"', "Cache-Control": "no-store"}
        return web.Response(body=packed, content_type="application/zip", headers=headers)

    async def ask(self, request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        try:
            await self.erasure.ask(live, self.browser.visit(request))
        except (MayNotChange, NotOffered):
            return await self._page(request, live, 403)
        return see_other(PRIVACY_PATH)

    async def keep(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        await self.erasure.withdraw(live, request[REQUEST_ID])
        way = _way(fields.get("way", ""))
        return see_other(f"/login{way}" if way else PRIVACY_PATH)

    async def _page(self, request: web.Request, live: LiveLogin, status: int = 200) -> web.Response:
        asked, exports = await self.erasure.look(live), self.export.per_day > 0
        return self.browser.csrf_page(
            request,
            "privacy.html",
            status,
            due="" if asked.request is None else _day(asked.request.due_at),
            own=asked.request is not None and asked.request.own,
            by_itself=self.erasure.mode == "direct",
            offered=self.erasure.mode != "off",
            to_prove=to_prove(asked.lacks, "privacy"),
            wait=_span(self.erasure.wait_s),
            exports=exports,
            may_export=exports and await self.export.may(live),
            stored=await self.export.counts(live),
            way=_way(f"?{request.query_string}"),
            answered=[_answered(one) for one in await self.documents.list(live)],
            signed_in=live.person,
        )


def _answered(one: AnsweredDocument) -> Mapping[str, object]:
    document, answer = one.document, one.answer
    return {
        "kind": document.kind.value,
        "version": document.version,
        "language": document.language(()),
        "answer": "" if answer is None else answer.action.value.replace("_", " "),
        "at": "" if answer is None else _day(answer.at),
        "may_withdraw": answer is not None and answer.action is DocumentAction.ACCEPTED,
    }


def _way(text: str) -> str:
    """The sealed way on that the login page had; "" without one."""
    return text if _WAY.fullmatch(text) else ""


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _span(seconds: int) -> str:
    return counted(seconds // DAY_S, "day") if seconds >= DAY_S else counted(-(-seconds // HOUR_S), "hour")
