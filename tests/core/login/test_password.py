"""How passwords are stored."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.password import StoredPassword, is_outdated, parse_stored, prehash

HASH = b"$2b$12$" + b"a" * 53
ADA, EVE = UUID(int=1), UUID(int=2)


@given(st.text())
def test_any_password_fits_into_what_bcrypt_reads(password: str) -> None:
    assert len(prehash(b"pepper", ADA, password)) == 44


def test_pepper_person_and_every_character_carry_weight() -> None:
    long = "x" * 100
    made = prehash(b"pepper", ADA, long + "a")

    assert made != prehash(b"Pepper", ADA, long + "a")
    assert made != prehash(b"pepper", EVE, long + "a")
    assert made != prehash(b"pepper", ADA, long + "b")


def test_one_password_on_two_keyboards_is_one_password() -> None:
    assert prehash(b"p", ADA, "é") == prehash(b"p", ADA, "e\u0301")


def test_a_stored_password_reads_back() -> None:
    stored = StoredPassword("p1", 12, HASH)

    found = parse_stored(stored.text)

    assert found == stored


@given(st.text())
def test_any_other_text_is_no_stored_password(text: str) -> None:
    assert parse_stored(text) is None
    assert parse_stored(f"v1$p1${HASH.decode()}{text or 'x'}") is None


def test_an_old_pepper_or_a_lower_cost_is_outdated() -> None:
    assert not is_outdated(StoredPassword("p2", 12, HASH), "p2")
    assert is_outdated(StoredPassword("p1", 12, HASH), "p2")
    assert is_outdated(StoredPassword("p2", 11, HASH), "p2")
