"""A login's proofs and its score, in words."""

import pytest

from gateway.core.assurance.model import HWK, NO_PROOF, OTP, PWD, RECOVERY, SWK, USER, Assurance, by_password
from gateway.core.assurance.words import proof_words, score_words


@pytest.mark.parametrize(
    ("amr", "said"),
    [
        (PWD, "password"),
        (PWD | OTP, "password and authenticator app"),
        (PWD | RECOVERY, "password and recovery code"),
        (PWD | OTP | RECOVERY, "password, authenticator app and recovery code"),
        (PWD | HWK, "password and passkey"),
        (HWK | USER, "passkey with PIN or screen lock"),
        (SWK | USER | PWD, "password and passkey with PIN or screen lock"),
        (0, "not known"),
    ],
)
def test_each_proof_has_its_words(amr: int, said: str) -> None:
    assert proof_words(Assurance(1, 1, amr)) == said


@pytest.mark.parametrize(
    ("assurance", "said"), [(by_password(1, 0), "0 of 100"), (by_password(1, 45), "45 of 100"), (NO_PROOF, "not known")]
)
def test_a_score_that_is_not_known_is_said_to_be(assurance: Assurance, said: str) -> None:
    assert score_words(assurance) == said
