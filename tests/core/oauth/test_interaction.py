"""An interaction is sealed, tells nothing, and is timely for an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.oauth.interaction import Interaction, seal_interaction, unseal_interaction
from gateway.core.sealed_text import MOST_CHARS, BadSeal
from gateway.core.session.journey import Journey, seal_journey

KEY, NONCE = b"k" * 32, b"n" * 12
ASKED = Interaction("spa", {"client_id": "spa", "state": "ä"}, "", 1_000)


def sealed(interaction: Interaction) -> str:
    text = seal_interaction(KEY, interaction, NONCE)
    assert text is not None
    return text


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=8))
def test_what_is_sealed_comes_back(parameters: dict[str, str]) -> None:
    asked = Interaction("spa", parameters, "p" * 43, 1_000)

    assert unseal_interaction(KEY, sealed(asked)) == asked


def test_it_tells_nothing() -> None:
    assert "spa" not in sealed(ASKED)


def test_another_key_and_another_purpose_do_not_open_it() -> None:
    with pytest.raises(BadSeal):
        unseal_interaction(b"x" * 32, sealed(ASKED))
    with pytest.raises(BadSeal):
        unseal_interaction(KEY, seal_journey(KEY, Journey("app", "/", "w", 1), NONCE))


@given(st.text(max_size=100))
def test_any_text_is_no_interaction(text: str) -> None:
    for one in (text, f"v1.{text}"):
        with pytest.raises(BadSeal):
            unseal_interaction(KEY, one)


def test_what_is_too_long_is_not_sealed() -> None:
    def of(size: int) -> str | None:
        return seal_interaction(KEY, Interaction("spa", {"state": "x" * size}, "", 1), NONCE)

    longest = max(size for size in range(4_000, 5_000) if of(size) is not None)

    assert MOST_CHARS - 4 <= len(of(longest) or "") <= MOST_CHARS
    assert unseal_interaction(KEY, of(longest) or "").parameters == {"state": "x" * longest}


@pytest.mark.parametrize(("now", "timely"), [(939, False), (940, True), (4_600, True), (4_601, False)])
def test_it_is_timely_for_an_hour(now: int, timely: bool) -> None:
    assert ASKED.is_timely(now) is timely
