"""What is remembered of tokens, and that it decides nothing but who goes first."""

from uuid import UUID

import pytest

from gateway.core.principal import presented as module
from gateway.core.principal.presented import Tokens
from gateway.core.session.tokens import TOKEN_CHARS, Token, mint, tag_of
from tests.core.forward.setting import KEYS, TOKEN

HOST = "wiki.example.org"


def token(number: int) -> Token:
    return mint(KEYS.mac, tag_of(KEYS.tag, UUID(int=number)), b"l" * 16, number.to_bytes(32))


def question(text: str) -> bytes:
    return f"GET /decide HTTP/1.1\r\nCookie: a=1; __Host-bastion={text}; b=2\r\n\r\n".encode()


def test_every_token_has_the_same_length() -> None:
    assert {len(token(number).text) for number in (0, 1, 2**100)} == {TOKEN_CHARS}


def test_a_token_is_read_once() -> None:
    tokens = Tokens(KEYS.mac)

    first, again = tokens.presented(HOST, TOKEN.text), tokens.presented(HOST, TOKEN.text)

    assert first is not None
    assert again is first


def test_a_question_with_a_token_of_ours_goes_first_whether_it_was_read_before_or_not() -> None:
    tokens = Tokens(KEYS.mac)

    before = tokens.are_in(question(TOKEN.text))
    tokens.presented(HOST, TOKEN.text)

    assert before
    assert tokens.are_in(question(TOKEN.text))


@pytest.mark.parametrize("text", ["", "x", TOKEN.text[:-1] + ("A" if TOKEN.text[-1] != "A" else "B"), "\xff" * 103])
def test_what_is_no_token_of_ours_is_not_read_and_goes_not_first(text: str) -> None:
    tokens = Tokens(KEYS.mac)

    for _ in range(2):
        assert tokens.presented(HOST, text) is None
        assert not tokens.are_in(question(text))


def test_a_question_without_our_cookie_is_nobodys() -> None:
    tokens = Tokens(KEYS.mac)
    tokens.presented(HOST, TOKEN.text)

    assert not tokens.are_in(b"")
    assert not tokens.are_in(f"GET /decide?{TOKEN.text} HTTP/1.1\r\n\r\n".encode())
    assert not tokens.are_in(question(TOKEN.text)[:-20])


def test_a_token_has_another_credential_on_another_host() -> None:
    tokens = Tokens(KEYS.mac)

    here, there, again = [tokens.presented(host, TOKEN.text) for host in (HOST, "other.example.org", HOST)]

    assert here is not None
    assert there is not None
    assert again is not None
    assert here.credential == again.credential != there.credential


def test_so_many_are_remembered_and_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    if not str(module.__file__).endswith(".py"):
        pytest.skip("a constant is part of the compiled code")
    monkeypatch.setattr(module, "MOST_KNOWN", 3)
    tokens = Tokens(KEYS.mac)
    first, second, third = [tokens.presented(HOST, token(number).text) for number in range(3)]

    at_the_limit = tokens.presented(HOST, token(0).text)
    tokens.presented(HOST, token(3).text)

    assert at_the_limit is first
    assert tokens.presented(HOST, token(1).text) is second
    assert tokens.presented(HOST, token(2).text) is third
    assert tokens.presented(HOST, token(0).text) is not first


def test_one_token_that_is_shown_to_many_hosts_pushes_out_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    if not str(module.__file__).endswith(".py"):
        pytest.skip("a constant is part of the compiled code")
    monkeypatch.setattr(module, "MOST_KNOWN", 3)
    tokens = Tokens(KEYS.mac)
    hers = tokens.presented(HOST, token(1).text)

    for number in range(10):
        tokens.presented(f"{number}.example.org", token(2).text)

    assert tokens.presented(HOST, token(1).text) is hers
