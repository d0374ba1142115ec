"""Asks people for their answers to published documents, before the next app opens, and keeps each as a record."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.audit.document_events import (
    DocumentAccepted,
    DocumentDeclined,
    DocumentPublished,
    DocumentRetired,
    DocumentWithdrawn,
)
from gateway.core.base64url import b64
from gateway.core.privacy.documents import (
    PUT_OFF_S,
    BadDocument,
    DocumentAction,
    DocumentAnswer,
    DocumentKind,
    OwedAnswer,
    PublishedDocument,
    current,
    owed,
)
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.stores.postgres.documents import AnswerCount, digest_of

_EVENTS: Final = {
    DocumentAction.ACCEPTED: DocumentAccepted,
    DocumentAction.DECLINED: DocumentDeclined,
    DocumentAction.WITHDRAWN: DocumentWithdrawn,
}
_MOST_CHARS: Final = 200_000


@dataclass(frozen=True, slots=True)
class DocumentGate:
    """Where a login becomes the session of an app. asks False: it lets everybody through. enforced: as configured."""

    asks: bool = False
    enforced: bool = True

    async def owed(self, acts: Acts, live: LiveLogin) -> Sequence[OwedAnswer]:
        """What stands before the next app. Raises RecordUnavailable."""
        if not self.asks:
            return ()
        async with acts.begin() as act:
            return await self.owed_in(act, live)

    async def owed_in(self, act: Act, live: LiveLogin) -> Sequence[OwedAnswer]:
        documents = await act.documents.list()
        if not current(documents):
            return ()
        answers = await act.documents.answers(live.person.user_id)
        return owed(documents, answers, act.now, enforced=self.enforced)


NOTHING_IS_ASKED: Final = DocumentGate()


@dataclass(frozen=True, slots=True)
class AnsweredDocument:
    """For the person's own page. answer None: none yet."""

    document: PublishedDocument
    answer: DocumentAnswer | None


@dataclass(frozen=True, slots=True)
class OwnDocuments:
    """pay: for an answer, because each is kept for ever; it raises TooManyChanges, StoreUnavailable.

    All of it raises RecordUnavailable.
    """

    acts: Acts
    gate: DocumentGate
    pay: Callable[[UUID], Awaitable[None]]

    async def owed(self, live: LiveLogin) -> Sequence[OwedAnswer]:
        return await self.gate.owed(self.acts, live)

    async def list(self, live: LiveLogin) -> Sequence[AnsweredDocument]:
        """What is in force, with the person's latest answer."""
        async with self.acts.begin() as act:
            documents = current(await act.documents.list())
            answers = {(one.kind, one.version): one for one in await act.documents.answers(live.person.user_id)}
        return [AnsweredDocument(one, answers.get((one.kind, one.version))) for one in documents]

    async def answer(
        self,
        live: LiveLogin,
        which: tuple[str, str, str],
        action: DocumentAction,
        where: tuple[str, str],
        request_id: str,
    ) -> None:
        """which: kind, version and the language that was shown. where: address and browser.

        The same answer again changes nothing. Raises TooManyChanges, StoreUnavailable; BadDocument for what is not in
        force, and for putting off what has to be accepted.
        """
        await self.pay(live.person.user_id)
        async with self.acts.begin(request_id=request_id) as act:
            await act.users.hold(live.person.user_id)
            document, language = self._find(current(await act.documents.list()), which)
            latest = [one for one in await act.documents.answers(live.person.user_id)
                      if (one.kind, one.version) == (document.kind, document.version)]  # fmt: skip
            self._check(document, latest, action, act.now)
            if latest and latest[0].action is action and not self._is_over(document, latest[0], act.now):
                return
            login = b64(live.token.login_id)
            await act.documents.record(live.person.user_id, document, language, action, act.now, login, where)
            event = _EVENTS.get(action)
            if event is not None:
                kind, digest = document.kind.value, document.digests[language].hex()
                act.record(event(live.person.user_id, kind, document.version, language, digest, login, *where))

    def _find(
        self, documents: Sequence[PublishedDocument], which: tuple[str, str, str]
    ) -> tuple[PublishedDocument, str]:
        kind, version, language = which
        for one in documents:
            if (one.kind.value, one.version) == (kind, version) and language in one.texts:
                return one, language
        raise BadDocument("this document is not in force any more; open the page again")

    def _check(
        self, document: PublishedDocument, latest: Sequence[DocumentAnswer], action: DocumentAction, now: int
    ) -> None:
        if action is DocumentAction.PUT_OFF:
            found = owed([document], latest, now, enforced=self.gate.enforced)
            if any(one.must for one in found):
                raise BadDocument("this document has to be accepted before an app opens")
        if action is DocumentAction.WITHDRAWN and (not latest or latest[0].action is not DocumentAction.ACCEPTED):
            raise BadDocument("nothing was accepted that could be withdrawn")

    def _is_over(self, document: PublishedDocument, answer: DocumentAnswer, now: int) -> bool:
        """Whether the same answer counts anew: after again_after, and a day after it was put off."""
        if answer.action is DocumentAction.PUT_OFF:
            return now >= answer.at + PUT_OFF_S
        return document.again_after_s is not None and now >= answer.at + document.again_after_s


@dataclass(frozen=True, slots=True)
class DocumentAdmin:
    """What operators do. actor: as the audit log is to name them. All of it raises RecordUnavailable."""

    acts: Acts
    actor: str

    async def publish(
        self,
        kind: DocumentKind,
        version: str,
        texts: Mapping[str, str],
        required_from: int | None,
        again_after_s: int | None,
    ) -> PublishedDocument:
        """Raises BadDocument."""
        if kind is DocumentKind.CONSENT and required_from is not None:
            raise BadDocument(
                "a consent can't be required: it would not be free (GDPR Art. 7(4)); publish terms instead"
            )
        if not texts or any(not text.strip() or len(text) > _MOST_CHARS for text in texts.values()):
            raise BadDocument(f"a document needs a text of 1 to {_MOST_CHARS} characters in at least one language")
        async with self.acts.begin(operator=self.actor) as act:
            await act.documents.lock()
            if await act.documents.has(kind, version):
                raise BadDocument(
                    f"{kind.value} {version} is published, and published texts never change; take a new version"
                )
            digests = {language: digest_of(text) for language, text in texts.items()}
            at = _after([one for one in await act.documents.list() if one.kind is kind], act.now)
            document = PublishedDocument(kind, version, texts, digests, required_from, again_after_s, at)
            await act.documents.add(document)
            languages = tuple(sorted(texts))
            hexes = tuple(digests[one].hex() for one in languages)
            act.record(DocumentPublished(None, kind.value, version, languages, hexes, required_from))
        return document

    async def retire(self, kind: DocumentKind, version: str) -> bool:
        """Of this kind nothing is asked any more, until a new version is published. False: it was so.

        Raises BadDocument for a version that is not there, or that another one has replaced.
        """
        async with self.acts.begin(operator=self.actor) as act:
            await act.documents.lock()
            published = {one.version: one for one in await act.documents.list() if one.kind is kind}
            if version not in published:
                raise BadDocument(f"there is no {kind.value} {version}; `bastion consent status` lists all")
            newest = list(published)[-1]
            if not published[version].retired and version != newest:
                raise BadDocument(
                    f"{kind.value} {version} was replaced by {newest}, so nobody is asked for it; retire {newest}"
                )
            changed = await act.documents.retire(kind, version, act.now)
            if changed:
                act.record(DocumentRetired(None, kind.value, version))
        return changed

    async def status(self) -> tuple[Sequence[PublishedDocument], Sequence[AnswerCount]]:
        async with self.acts.begin() as act:
            return await act.documents.list(), await act.documents.counts()


def _after(published: Sequence[PublishedDocument], now: int) -> int:
    """When the next one is published: of two within a second, or after a clock was set back, the later one counts."""
    return max(now, max((one.published_at for one in published), default=0) + 1)
