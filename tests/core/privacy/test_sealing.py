"""What is sealed opens with its own key in its own place, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.privacy.names import BadName, blind_index, check_display_name, check_email, check_name
from gateway.core.privacy.sealing import BrokenSeal, DataKey, MasterKeys, Place, master_id

KEY = DataKey(b"k" * 32)
A, B = master_id(b"a" * 32), master_id(b"b" * 32)
ADA, EVE = UUID(int=1), UUID(int=2)
PLACE = Place("users", "sealed", ADA)


@given(st.dictionaries(st.text(), st.text(), max_size=4))
def test_what_is_sealed_comes_back(values: dict[str, str]) -> None:
    assert KEY.unseal(PLACE, KEY.seal(PLACE, values)) == values


ELSEWHERE: dict[str, Callable[[Place], Place]] = {
    "another table": lambda place: replace(place, table="logins"),
    "another column": lambda place: replace(place, column="email"),
    "another person": lambda place: replace(place, user_id=EVE),
    "a prefix of the place": lambda place: replace(place, table="user", column="s\0sealed"),
}


@pytest.mark.parametrize("move", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_ciphertext_that_was_moved_does_not_open(move: Callable[[Place], Place]) -> None:
    sealed = KEY.seal(PLACE, {"name": "Ada"})

    with pytest.raises(BrokenSeal):
        KEY.unseal(move(PLACE), sealed)


def test_another_key_or_another_byte_does_not_open() -> None:
    sealed = KEY.seal(PLACE, {"name": "Ada"})

    with pytest.raises(BrokenSeal):
        DataKey(b"x" * 32).unseal(PLACE, sealed)
    with pytest.raises(BrokenSeal):
        KEY.unseal(PLACE, sealed[:-2] + b"AA")


@given(st.binary(max_size=200))
def test_garbage_never_opens(garbage: bytes) -> None:
    with pytest.raises(BrokenSeal):
        KEY.unseal(PLACE, garbage)
    with pytest.raises(BrokenSeal):
        MasterKeys([b"m" * 32]).unwrap(ADA, garbage)


def test_a_wrapped_key_opens_for_its_person_only() -> None:
    keys = MasterKeys([b"m" * 32])
    wrapped = keys.wrap(ADA, KEY, keys.ids[0])

    assert keys.unwrap(ADA, wrapped.token).raw == KEY.raw
    with pytest.raises(BrokenSeal):
        keys.unwrap(EVE, wrapped.token)


def test_an_old_master_key_still_unwraps_and_a_removed_one_does_not() -> None:
    wrapped = MasterKeys([b"a" * 32]).wrap(ADA, KEY, A)

    assert MasterKeys([b"b" * 32, b"a" * 32]).unwrap(ADA, wrapped.token).raw == KEY.raw
    with pytest.raises(BrokenSeal):
        MasterKeys([b"b" * 32]).unwrap(ADA, wrapped.token)


def test_a_key_that_was_wrapped_anew_opens_in_its_place_under_the_new_master_key_alone() -> None:
    old, both, new = (MasterKeys(keys) for keys in ([b"a" * 32], [b"a" * 32, b"b" * 32], [b"b" * 32]))

    again = both.rewrap(old.wrap(ADA, KEY, A).token, B)

    assert (again.master_id, new.unwrap(ADA, again.token).raw) == (B, KEY.raw)
    for keys, user_id in ((old, ADA), (new, EVE)):
        with pytest.raises(BrokenSeal):
            keys.unwrap(user_id, again.token)
    with pytest.raises(BrokenSeal):
        new.rewrap(old.wrap(ADA, KEY, A).token, B)


def test_an_index_is_blind_to_case_and_not_to_its_column() -> None:
    assert blind_index(b"k", "email", " Ada@Example.org") == blind_index(b"k", "email", "ada@example.ORG ")
    assert blind_index(b"k", "email", "ada") != blind_index(b"k", "username", "ada")
    assert blind_index(b"k", "email", "ada") != blind_index(b"x", "email", "ada")


@pytest.mark.parametrize("name", ["ada", "a" * 64, "Ada.L-1_2@x"])
def test_a_plain_name_is_fine(name: str) -> None:
    assert check_name("user", name) == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a,admins", "a b", "a\r\nRemote-Groups: admin", "é", "a\n", "<a>"])
def test_a_name_that_could_be_more_than_one_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check_name("group", name)


@pytest.mark.parametrize("email", ["a", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "ä@b.c", "a@" + "b" * 190])
def test_an_email_that_is_none_is_refused(email: str) -> None:
    with pytest.raises(BadName):
        check_email(email)


def test_names_that_can_be_shown_are_fine() -> None:
    assert check_email("ada@example.org") == "ada@example.org"
    assert check_email("") == ""
    assert check_display_name("Ada Lovelace é 漢") == "Ada Lovelace é 漢"
    with pytest.raises(BadName):
        check_display_name("x\r\ny")


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_a_display_name_has_at_most_200_characters(character: str) -> None:
    assert check_display_name(character * 200) == character * 200
    for length in (201, 2048):
        with pytest.raises(BadName):
            check_display_name(character * length)
