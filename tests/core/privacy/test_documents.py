"""Which published documents a person has still to answer: by kind, by time, by what they answered before."""

from dataclasses import replace

import pytest

from gateway.core.privacy.documents import (
    PUT_OFF_S,
    DocumentAction,
    DocumentAnswer,
    DocumentKind,
    PublishedDocument,
    current,
    owed,
)

NOW = 1_000_000
ACCEPTED, DECLINED, PUT_OFF, WITHDRAWN = DocumentAction
TERMS = PublishedDocument(DocumentKind.TERMS, "1", {"en": "x", "de": "y"}, {"en": b"", "de": b""}, NOW, None, 10)
CONSENT = replace(TERMS, kind=DocumentKind.CONSENT, required_from=None)


def answer(action: DocumentAction, at: int = NOW - 5, version: str = "1") -> DocumentAnswer:
    return DocumentAnswer(DocumentKind.TERMS, version, action, at)


def told(document: PublishedDocument, *answers: DocumentAnswer, now: int = NOW, enforced: bool = True) -> str:
    """must, may or no."""
    found = owed([document], answers, now, enforced=enforced)
    return "no" if not found else "must" if found[0].must else "may"


@pytest.mark.parametrize(
    ("action", "before", "from_then_on"),
    [
        (None, "may", "must"),
        (ACCEPTED, "no", "no"),
        (DECLINED, "no", "must"),
        (PUT_OFF, "no", "must"),
        (WITHDRAWN, "no", "must"),
    ],
)
def test_required_terms_can_be_put_off_until_the_second_from_which_they_are_required(
    action: DocumentAction | None, before: str, from_then_on: str
) -> None:
    answers = [] if action is None else [answer(action)]

    assert told(TERMS, *answers, now=NOW - 1) == before
    assert told(TERMS, *answers, now=NOW) == from_then_on


def test_what_was_put_off_is_asked_again_after_a_day() -> None:
    later = replace(TERMS, required_from=NOW + 10 * PUT_OFF_S)
    put_off = answer(PUT_OFF, NOW)

    assert told(later, put_off, now=NOW + PUT_OFF_S - 1) == "no"
    assert told(later, put_off, now=NOW + PUT_OFF_S) == "may"


def test_an_acceptance_counts_as_long_as_the_document_says() -> None:
    yearly = replace(TERMS, again_after_s=100)

    assert told(yearly, answer(ACCEPTED, NOW), now=NOW + 99) == "no"
    assert told(yearly, answer(ACCEPTED, NOW), now=NOW + 100) == "must"


def test_the_emergency_switch_lets_all_of_it_be_put_off() -> None:
    assert told(TERMS, enforced=False) == "may"
    assert told(TERMS, answer(DECLINED), enforced=False) == "no"


def test_a_consent_is_asked_once_and_never_required() -> None:
    given = [DocumentAnswer(DocumentKind.CONSENT, "1", action, NOW) for action in (ACCEPTED, DECLINED, WITHDRAWN)]

    assert told(CONSENT) == "may"
    assert [told(CONSENT, one, now=NOW + 10 * PUT_OFF_S) for one in given] == ["no"] * 3


def test_a_notice_that_nobody_has_to_accept_is_asked_of_nobody() -> None:
    assert told(replace(TERMS, kind=DocumentKind.NOTICE, required_from=None)) == "no"


def test_of_a_kind_the_newest_counts_and_none_once_that_is_retired() -> None:
    """An older version never counts again."""
    second = replace(TERMS, version="2", published_at=20)
    third = replace(TERMS, version="3", published_at=30)
    gone = replace(third, retired=True)
    fourth = replace(TERMS, version="4", published_at=40)

    assert current([third, TERMS, second, CONSENT]) == [third, CONSENT]
    assert current([gone, TERMS, second, CONSENT]) == [CONSENT]
    assert owed([TERMS, second, gone], [], NOW) == []
    assert current([gone, second, fourth]) == [fourth]
    assert owed([TERMS, second], [answer(ACCEPTED)], NOW)[0].document == second, "an acceptance is of one version"


def test_the_latest_answer_counts() -> None:
    assert told(TERMS, answer(ACCEPTED, NOW - 9), answer(WITHDRAWN, NOW - 3)) == "must"
    assert told(TERMS, answer(DECLINED, NOW - 9), answer(ACCEPTED, NOW - 3)) == "no"


@pytest.mark.parametrize(
    ("wanted", "language"),
    [(["de"], "de"), (["de-AT", "en"], "de"), (["fr", "en"], "en"), (["fr"], "en"), ([], "en"), (["*"], "en")],
)
def test_a_text_is_in_a_language_of_the_browser_or_in_english(wanted: list[str], language: str) -> None:
    assert TERMS.language(wanted) == language


def test_without_english_it_is_in_the_first_one() -> None:
    assert replace(TERMS, texts={"pl": "x", "de": "y"}).language(["fr"]) == "de"
