"""/documents: asks a person on the way to an app for the answers that they owe, and keeps the way there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.privacy.documents import BadDocument, DocumentAction, OwedAnswer
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.documents import OwnDocuments
from gateway.web.browser import see_other
from gateway.web.login_pages import LoginPages
from gateway.web.middleware import REQUEST_ID
from gateway.web.proving import DOCUMENTS_PATH
from gateway.web.ways import Form

_ACTIONS: Final = {
    "accept": DocumentAction.ACCEPTED,
    "decline": DocumentAction.DECLINED,
    "later": DocumentAction.PUT_OFF,
    "withdraw": DocumentAction.WITHDRAWN,
}
_TITLES: Final = {"terms": "Terms", "notice": "Notice", "consent": "Your consent"}
_LANGUAGES: Final = 8


@dataclass(frozen=True, slots=True)
class DocumentShown:
    """A text in one language. paragraphs: as written; nothing of it is markup."""

    kind: str
    title: str
    version: str
    language: str
    paragraphs: list[str]
    must: bool
    declined: bool = False


def routes(pages: LoginPages, documents: OwnDocuments) -> list[web.RouteDef]:
    browser, page = pages.browser, _DocumentPages(pages, documents)
    return [
        web.get(DOCUMENTS_PATH, browser.for_somebody(page.show), allow_head=False),
        web.post(DOCUMENTS_PATH, browser.for_form_of_somebody(page.answer)),
    ]


@dataclass(frozen=True, slots=True)
class _DocumentPages:
    pages: LoginPages
    documents: OwnDocuments

    async def show(self, request: web.Request, live: LiveLogin) -> web.Response:
        way = await self.pages.ways.find(request.query.getall("j", []), request.query.getall("i", []))
        owed = await self.documents.owed(live)
        if not owed:
            return see_other(way.form.address("/login"))
        return self._page(request, live, way.form, owed[0])

    async def answer(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        """One document; the next one, or the way on, comes after it."""
        way = await self.pages.ways.of_fields(fields)
        action = _ACTIONS.get(fields.get("answer", ""))
        if action is None:
            return see_other(way.form.address(DOCUMENTS_PATH))
        which = (fields.get("kind", ""), fields.get("version", ""), fields.get("language", ""))
        visit = self.pages.browser.visit(request)
        try:
            await self.documents.answer(
                live, which, action, (visit.address_text, visit.user_agent), request[REQUEST_ID]
            )
        except BadDocument:
            return see_other(way.form.address(DOCUMENTS_PATH))
        if fields.get("back") == "privacy":
            return see_other("/account/privacy")
        if action is DocumentAction.DECLINED:
            must = [one for one in await self.documents.owed(live) if one.must and one.document.kind.value == which[0]]
            if must:
                return self._page(request, live, way.form, must[0], declined=True)
        return see_other(way.form.address(DOCUMENTS_PATH))

    def _page(
        self, request: web.Request, live: LiveLogin, form: Form, owed: OwedAnswer, *, declined: bool = False
    ) -> web.Response:
        document = owed.document
        language = document.language(wanted_languages(request))
        return self.pages.browser.csrf_page(
            request,
            "documents.html",
            form=form,
            signed_in=live.person,
            document=DocumentShown(
                document.kind.value,
                _TITLES[document.kind.value],
                document.version,
                language,
                paragraphs(document.texts[language]),
                owed.must,
                declined,
            ),
        )


def paragraphs(text: str) -> list[str]:
    """Divided by empty lines."""
    return [part for part in ("\n".join(lines) for lines in _parts(text)) if part]


def _parts(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return found


def wanted_languages(request: web.Request) -> list[str]:
    """Of Accept-Language (RFC 9110 section 12.5.4), the most wanted first; what can't be read is left out."""
    wanted: list[tuple[float, int, str]] = []
    for number, part in enumerate(request.headers.get("Accept-Language", "")[:400].split(",")[:_LANGUAGES]):
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), number, name.strip()))
        except ValueError:
            continue
    return [name for _, _, name in sorted(wanted) if name]
