"""Each kind of entry about a person is a sentence to them, or is left out on purpose."""

import json
from uuid import UUID

import pytest

from gateway.core.audit.entries import Kind
from gateway.core.audit.own_words import _REASONS, TOLD_KINDS, UNTOLD_KINDS, told
from gateway.core.risk.score import Factor
from tests.core.audit.stored import STORED
from tests.core.audit.stored_documents import ADA

_ABOUT_HER = [(kind, stored[0], stored[2]) for _, kind, stored in STORED if stored[1] == ADA]


@pytest.mark.parametrize(("kind", "actor", "detail"), _ABOUT_HER)
def test_every_entry_about_a_person_is_a_whole_sentence_or_left_out_on_purpose(
    kind: str, actor: str, detail: str
) -> None:
    if Kind(kind) in UNTOLD_KINDS:
        assert Kind(kind) not in TOLD_KINDS
        return
    sentence = told(Kind(kind), actor, ADA, json.loads(detail)).sentence

    assert sentence.endswith(".")
    assert "not known" not in sentence
    assert not {*"{}[]_"} & {*sentence}
    assert actor == "" or actor not in sentence


def test_no_kind_about_a_person_is_forgotten() -> None:
    about_people = {Kind(kind) for kind, _, _ in _ABOUT_HER}

    assert about_people <= {*TOLD_KINDS} | UNTOLD_KINDS


def test_every_reason_of_the_score_has_words() -> None:
    assert set(_REASONS) == {one.value for one in Factor}


@pytest.mark.parametrize(
    ("kind", "actor", "detail", "sentence"),
    [
        (Kind.LOGIN, str(ADA), {"amr": ["pwd", "otp"]}, "You signed in with password and authenticator app."),
        (Kind.LOGIN, str(ADA), {}, "You signed in with a proof that the log does not name."),
        (Kind.SESSIONS_ENDED, str(UUID(int=9)), {}, "An administrator signed out your devices."),
        (Kind.GROUPS_CHANGED, "cli:root", {"before": [], "after": ["a_b"]},
         "An administrator changed your groups: none; now a_b."),
        (Kind.ACCESS_DENIED, str(ADA), {"route": "wiki/admin", "times": 3},
         "You asked for wiki/admin and were refused, 3 times."),
        (Kind.FACTOR_ADDED, str(ADA), {"factor": "totp"}, "You added a second factor: authenticator app."),
        (Kind.LOGIN_FAILED, "", {"why": "locked"},
         "A sign-in was refused, because there had been too many wrong passwords."),
        (Kind.API_KEY_REVOKED, "client:wiki", {}, "An app password was ended."),
    ],
)  # fmt: skip
def test_it_says_who_did_what(kind: Kind, actor: str, detail: dict[str, object], sentence: str) -> None:
    assert told(kind, actor, ADA, detail).sentence == sentence


def test_what_an_administrator_did_is_nobody_elses_doing() -> None:
    assert told(Kind.PASSWORD_CHANGED, str(ADA), ADA, {}).may_be_others
    assert not told(Kind.PASSWORD_CHANGED, "cli:root", ADA, {}).may_be_others
