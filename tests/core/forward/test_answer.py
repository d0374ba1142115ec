"""No value ends a header line or begins another (threats.md P9)."""

import sys
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.answer import Answer
from gateway.core.header_lines import header_line, header_value
from gateway.core.principal.identity import People, identity_headers
from gateway.core.session.person import Person, seal

TAG, KEY, NONCE = "t" * 16, b"k" * 32, b"n" * 12


@given(st.text(max_size=50))
def test_a_value_is_visible_ascii_whatever_it_was(text: str) -> None:
    value = header_value(text)

    assert value.isascii()
    assert value == "" or value.isprintable()
    assert header_line("X", text).count(b"\r\n") == 1


def test_every_code_point_there_is_can_be_read_back_or_empties_the_value() -> None:
    """What UTF-8 has no bytes for is a question mark."""
    for first in range(0, sys.maxunicode + 1, 256):
        page = [chr(number) for number in range(first, first + 256)]
        controls = [character for character in page if character < " " or character == "\x7f"]
        text = "a".join(character for character in page if character not in controls)

        value = header_value(f"a{text}a")

        assert value.isascii()
        assert value.isprintable()
        assert unquote(value) == f"a{_without_surrogates(text)}a"
        assert {header_value(f"a{character}b") for character in controls} <= {""}


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("character", ["x", "é", "漢", "😀", "\ud800"])
@pytest.mark.parametrize("length", [200, 2048])
def test_a_long_name_is_one_line_and_whole(character: str, length: int) -> None:
    line = header_line("Remote-Name", character * length)

    said = "?" if character == "\ud800" else character
    assert unquote(line.decode("ascii")) == f"Remote-Name: {said * length}\r\n"
    assert (line.count(b"\r"), line.count(b"\n")) == (1, 1)


def test_plain_words_pass_and_others_are_encoded() -> None:
    assert header_value("Ada Lovelace, 100%") == "Ada Lovelace, 100%"
    assert header_value("Zoë") == "Zo%C3%AB"
    assert header_value("x\r\nRemote-Groups: admin") == ""
    assert header_value("x\x00") == ""


@given(st.text(max_size=20), st.text(max_size=20))
def test_identity_headers_are_always_four_lines(name: str, email: str) -> None:
    people = People(KEY, identity_headers(remote=True, x_auth_request=False, also={}))
    person = Person(UUID(int=1), "ada", name, email, ("staff", "ops"), 1)

    known = people.open(TAG, seal(KEY, TAG, person, NONCE))
    headers = Answer(200, known.block, b"", "allow").headers

    assert [header for header, _ in headers] == ["Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"]
    assert dict(headers)["Remote-User"] == "ada"
    assert dict(headers)["Remote-Groups"] == "staff,ops"


def test_nobody_has_all_headers_empty_and_both_sets_if_both_are_wanted() -> None:
    people = People(KEY, identity_headers(remote=True, x_auth_request=True, also={}))

    headers = Answer(200, people.nobody, b"", "allow").headers

    assert len(headers) == 8
    assert {value for _, value in headers} == {""}
