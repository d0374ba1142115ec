"""A nonce is good for its minute and two more, and only the key makes one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.token.nonce import NONCE_CHARS, Nonces, NonceStamp

NOW = 1_800_000_000  # the first second of a minute
INC = 0xFFEEDDCCBBAA
NONCES = Nonces(b"n" * 32)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (-61, None),
        (-60, NonceStamp(INC, current=True)),  # the node's clock is behind that of Redis
        (0, NonceStamp(INC, current=True)),
        (59, NonceStamp(INC, current=True)),
        (60, NonceStamp(INC, current=False)),
        (179, NonceStamp(INC, current=False)),
        (180, None),
        (86_400, None),
    ],
)
def test_a_nonce_is_good_for_its_minute_and_two_more(later: int, expected: NonceStamp | None) -> None:
    text = NONCES.make(INC, NOW)

    assert len(text) == NONCE_CHARS
    assert NONCES.read(text, NOW + later) == expected


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**32))
def test_what_is_made_is_read_again(inc: int, now: int) -> None:
    assert NONCES.read(NONCES.make(inc, now), now) == NonceStamp(inc, current=True)


@given(st.text(max_size=40) | st.text("abcAQ-_", min_size=NONCE_CHARS, max_size=NONCE_CHARS))
def test_any_other_text_is_no_nonce_and_never_crashes(text: str) -> None:
    assert NONCES.read(text, NOW) is None


@given(st.integers(0, NONCE_CHARS - 1), st.sampled_from("AZaz09-_."))
def test_no_changed_character_passes(at: int, character: str) -> None:
    text = NONCES.make(INC, NOW)
    other = text[:at] + character + text[at + 1 :]

    assert other == text or NONCES.read(other, NOW) is None


def test_another_key_makes_other_nonces() -> None:
    assert NONCES.read(Nonces(b"x" * 32).make(INC, NOW), NOW) is None
