"""Refresh tokens: whoever repeats an exchange gets the same successor, and nobody without the key gets one."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.session.tokens import mint
from gateway.core.session.tokens import parse as parse_session
from gateway.core.token.refresh import RefreshTokens

TAG, GRANT = b64(b"t" * 12), b"g" * 16
REFRESH = RefreshTokens(b"r" * 32)


def test_a_token_that_was_minted_is_read_again() -> None:
    text = REFRESH.mint(TAG, GRANT, REFRESH.first(GRANT))
    read = REFRESH.parse(text)

    assert read is not None
    assert (read.text, read.tag, read.grant_id, read.secret) == (text, TAG, GRANT, REFRESH.first(GRANT))
    assert text.startswith("v1.")


def test_a_repeated_exchange_gives_the_same_successor() -> None:
    """From the text alone, as it comes."""
    secret, seen = REFRESH.first(GRANT), set()
    for generation in range(5):
        again = REFRESH.parse(REFRESH.mint(TAG, GRANT, secret))
        assert again is not None
        following = REFRESH.successor(GRANT, generation, secret)
        assert REFRESH.successor(again.grant_id, generation, again.secret) == following
        seen.add(secret)
        secret = following

    assert len(seen | {secret}) == 6


def test_a_successor_hangs_on_grant_generation_secret_and_key() -> None:
    secret = REFRESH.first(GRANT)

    others = {
        REFRESH.successor(GRANT, 0, secret),
        REFRESH.successor(GRANT, 1, secret),
        REFRESH.successor(b"h" * 16, 0, secret),
        REFRESH.successor(GRANT, 0, bytes(32)),
        RefreshTokens(b"x" * 32).successor(GRANT, 0, secret),
        REFRESH.first(b"h" * 16),
    }

    assert len(others) == 6


def test_a_session_is_no_refresh_token_and_the_reverse() -> None:
    """One layout, two MAC keys: also where both were the same key."""
    secret = REFRESH.first(GRANT)

    assert REFRESH.parse(mint(b"r" * 32, TAG, GRANT, secret).text) is None
    assert parse_session(b"r" * 32, REFRESH.mint(TAG, GRANT, secret)) is None
    assert RefreshTokens(b"x" * 32).parse(REFRESH.mint(TAG, GRANT, secret)) is None


def test_the_hash_is_of_the_whole_text() -> None:
    one, other = (REFRESH.mint(tag, GRANT, bytes(32)) for tag in (TAG, b64(b"u" * 12)))

    assert len(REFRESH.hash(one)) == 32
    assert REFRESH.hash(one) != REFRESH.hash(other)


@given(st.text(max_size=120))
def test_any_text_is_no_refresh_token_and_never_crashes(text: str) -> None:
    assert REFRESH.parse(text) is None
