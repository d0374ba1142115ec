"""Decides which published documents a person has still to answer. Pure: the same for hand-offs and for apps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.units import DAY_S

PUT_OFF_S: Final = DAY_S
_FALLBACK: Final = "en"


class DocumentKind(Enum):
    """The values are in the database and on the command line: they never change."""

    TERMS = "terms"
    NOTICE = "notice"
    CONSENT = "consent"  # that nobody can require, or it would not be free (GDPR Art. 7(4))


class DocumentAction(Enum):
    """The values are in the database: they never change."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    PUT_OFF = "put_off"
    WITHDRAWN = "withdrawn"


class BadDocument(GatewayError):
    """It can't be published or answered so; the message says why."""


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """One version in all its languages. texts, digests: by language. Times are Unix seconds.

    required_from None: nobody has to accept it. again_after_s: how long an acceptance counts, None: for good.
    """

    kind: DocumentKind
    version: str
    texts: Mapping[str, str]
    digests: Mapping[str, bytes]
    required_from: int | None
    again_after_s: int | None
    published_at: int
    retired: bool = False

    def language(self, wanted: Sequence[str]) -> str:
        """The first of the wanted ones that there is, also of the same tongue; else English; else the first by name."""
        for one in wanted:
            if one in self.texts:
                return one
            tongue = one.partition("-")[0]
            if tongue in self.texts:
                return tongue
        return _FALLBACK if _FALLBACK in self.texts else min(self.texts)


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """The latest of a person to a version. at: Unix seconds."""

    kind: DocumentKind
    version: str
    action: DocumentAction
    at: int


@dataclass(frozen=True, slots=True)
class OwedAnswer:
    """must: no app opens before it is accepted. Otherwise it can be put off for a day."""

    document: PublishedDocument
    must: bool


def current(documents: Sequence[PublishedDocument]) -> list[PublishedDocument]:
    """Of each kind the one that was published last, unless it is retired: then nothing is in force of this kind.

    A version that was replaced never counts again: nobody is asked for older terms, and nobody is let in by them.
    """
    newest: dict[DocumentKind, PublishedDocument] = {}
    for one in documents:
        before = newest.get(one.kind)
        if before is None or (one.published_at, one.version) > (before.published_at, before.version):
            newest[one.kind] = one
    return [newest[kind] for kind in DocumentKind if kind in newest and not newest[kind].retired]


def owed(
    documents: Sequence[PublishedDocument], answers: Sequence[DocumentAnswer], now: int, *, enforced: bool = True
) -> list[OwedAnswer]:
    """What is to be answered before the next app opens. enforced False: all of it can be put off.

    A notice or terms that nobody has to accept are shown on the person's page and never asked. now: Unix seconds.
    """
    latest = {(one.kind, one.version): one for one in sorted(answers, key=lambda one: one.at)}
    found = []
    for document in current(documents):
        answer = latest.get((document.kind, document.version))
        if document.kind is DocumentKind.CONSENT:
            if answer is None or _asks_again(document, answer, now):
                found.append(OwedAnswer(document, must=False))
            continue
        if document.required_from is None or _counts(document, answer, now):
            continue
        must = enforced and now >= document.required_from
        if must or answer is None or _asks_again(document, answer, now):
            found.append(OwedAnswer(document, must))
    return found


def _counts(document: PublishedDocument, answer: DocumentAnswer | None, now: int) -> bool:
    """Whether it is accepted, and not for too long."""
    if answer is None or answer.action is not DocumentAction.ACCEPTED:
        return False
    return document.again_after_s is None or now < answer.at + document.again_after_s


def _asks_again(document: PublishedDocument, answer: DocumentAnswer, now: int) -> bool:
    if answer.action is DocumentAction.PUT_OFF:
        return now >= answer.at + PUT_OFF_S
    again = document.again_after_s
    return again is not None and answer.action is DocumentAction.ACCEPTED and now >= answer.at + again
