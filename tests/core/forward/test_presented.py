"""What is remembered of tokens, and that it decides nothing but who goes first."""

from uuid import UUID

import pytest

from gateway.core.forward import presented as module
from gateway.core.forward.presented import Tokens
from gateway.core.session.tokens import TOKEN_CHARS, Token, mint, tag_of
from tests.core.forward.setting import KEYS, TOKEN

HOST = "wiki.example.org"


def token(number: int) -> Token:
    return mint(KEYS.mac, tag_of(KEYS.tag, UUID(int=number)), b"l" * 16, number.to_bytes(32))


def question(text: str) -> bytes:
    return f"GET /decide HTTP/1.1\r\nCookie: a=1; __Host-bastion={text}; b=2\r\n\r\n".encode()


def test_every_token_has_the_same_length() -> None:
    assert {len(token(number).text) for number in (0, 1, 2**100)} == {TOKEN_CHARS}


def test_a_token_is_known_once_it_was_read() -> None:
    tokens = Tokens(KEYS.mac)

    before = tokens.is_in(question(TOKEN.text))
    first, again = tokens.presented(HOST, TOKEN.text), tokens.presented(HOST, TOKEN.text)

    assert (before, tokens.is_in(question(TOKEN.text))) == (False, True)
    assert first is not None
    assert again is first


@pytest.mark.parametrize("text", ["", "x", TOKEN.text[:-1] + ("A" if TOKEN.text[-1] != "A" else "B"), TOKEN.text + "A"])
def test_what_is_no_token_of_ours_is_neither_read_nor_known(text: str) -> None:
    tokens = Tokens(KEYS.mac)

    assert tokens.presented(HOST, text) is None
    assert not tokens.is_in(question(text))
    assert tokens.presented(HOST, text) is None


def test_a_question_without_our_cookie_is_nobodys() -> None:
    tokens = Tokens(KEYS.mac)
    tokens.presented(HOST, TOKEN.text)

    assert not tokens.is_in(b"")
    assert not tokens.is_in(f"GET /decide?{TOKEN.text} HTTP/1.1\r\n\r\n".encode())
    assert not tokens.is_in(question(TOKEN.text)[:-20])


def test_a_token_has_another_credential_on_another_host() -> None:
    tokens = Tokens(KEYS.mac)
    here, there = tokens.presented(HOST, TOKEN.text), tokens.presented("other.example.org", TOKEN.text)

    assert here is not None
    assert there is not None
    assert here.credential != there.credential


def test_so_many_are_remembered_and_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    if not str(module.__file__).endswith(".py"):
        pytest.skip("a constant is part of the compiled code")
    monkeypatch.setattr(module, "MOST_KNOWN", 3)
    tokens = Tokens(KEYS.mac)
    first = tokens.presented(HOST, token(0).text)
    for number in (1, 2):
        tokens.presented(HOST, token(number).text)
    known_at_the_limit = [tokens.is_in(question(token(number).text)) for number in range(3)]

    tokens.presented(HOST, token(3).text)

    assert known_at_the_limit == [True, True, True]
    assert [tokens.is_in(question(token(number).text)) for number in range(4)] == [False, True, True, True]
    again = tokens.presented(HOST, token(0).text)
    assert again is not None
    assert again is not first
    assert (again.tag, again.login, again.credential) == (first.tag, first.login, first.credential) if first else False
