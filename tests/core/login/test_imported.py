"""A hash of another system lies sealed in the row of its person, and opens nothing in another one."""

from uuid import UUID

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.foreign import ForeignHash, read_foreign
from gateway.core.login.imported import parse_imported, seal_imported
from gateway.core.login.password import parse_stored

ADA, EVE = UUID(int=1), UUID(int=2)


@pytest.fixture
def foreign() -> ForeignHash:
    found = read_foreign(bcrypt.hashpw(b"horse", bcrypt.gensalt(4)).decode())
    assert isinstance(found, ForeignHash)
    return found


def test_pepper_person_and_password_carry_weight(foreign: ForeignHash) -> None:
    sealed = seal_imported("p1", b"pepper", ADA, foreign)

    assert sealed.opens(b"pepper", ADA, "horse")
    assert not sealed.opens(b"pepper", ADA, "mule")
    assert not sealed.opens(b"pepper", EVE, "horse")
    assert not sealed.opens(b"Pepper", ADA, "horse")


def test_the_stored_text_shows_the_cost_and_no_hash(foreign: ForeignHash) -> None:
    text = seal_imported("p1", b"pepper", ADA, foreign).text
    found = parse_imported(text)

    assert text.startswith("i1$p1$bcrypt,4$")
    assert foreign.text.split("$")[-1] not in text
    assert found is not None
    assert (found.text, found.kind) == (text, foreign.kind)
    assert found.opens(b"pepper", ADA, "horse")
    assert parse_stored(text) is None


@given(st.text())
def test_any_other_text_is_none(text: str) -> None:
    assert parse_imported(text) is None
