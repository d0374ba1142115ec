"""The way back is sealed, bound to its purpose, and timely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.sealed_text import BadSeal
from gateway.core.session.journey import (
    Journey,
    LogoutTicket,
    return_of,
    seal_journey,
    seal_logout,
    unseal_journey,
    unseal_logout,
)

KEY, NONCE = b"k" * 32, b"n" * 12
JOURNEY = Journey("wiki.example.org", "/a?b=ä", "w" * 43, 1_000, "mfa", "again", "old")
TICKET = LogoutTicket("t" * 16, "l" * 22, 1_000, "wiki.example.org")


def test_what_is_sealed_comes_back() -> None:
    assert unseal_journey(KEY, seal_journey(KEY, JOURNEY, NONCE)) == JOURNEY
    assert unseal_logout(KEY, seal_logout(KEY, TICKET, NONCE)) == TICKET


def test_a_journey_tells_nothing() -> None:
    assert "wiki" not in seal_journey(KEY, JOURNEY, NONCE)


def test_one_purpose_does_not_open_the_other() -> None:
    with pytest.raises(BadSeal):
        unseal_logout(KEY, seal_journey(KEY, JOURNEY, NONCE))
    with pytest.raises(BadSeal):
        unseal_journey(KEY, seal_logout(KEY, TICKET, NONCE))


def test_another_key_does_not_open() -> None:
    with pytest.raises(BadSeal):
        unseal_journey(b"x" * 32, seal_journey(KEY, JOURNEY, NONCE))


@given(st.integers(3, 150), st.sampled_from("Ax_-é."))
def test_every_character_carries_weight(position: int, character: str) -> None:
    sealed = seal_journey(KEY, JOURNEY, NONCE)
    position %= len(sealed)
    changed = sealed[:position] + character + sealed[position + 1 :]

    if changed != sealed:
        with pytest.raises(BadSeal):
            unseal_journey(KEY, changed)


@given(st.text(max_size=100))
def test_any_text_is_no_journey(text: str) -> None:
    with pytest.raises(BadSeal):
        unseal_journey(KEY, text)
    with pytest.raises(BadSeal):
        unseal_journey(KEY, f"v1.{text}")


@pytest.mark.parametrize(("now", "timely"), [(939, False), (940, True), (1_000, True), (4_600, True), (4_601, False)])
def test_a_journey_is_timely_for_an_hour(now: int, timely: bool) -> None:
    assert JOURNEY.is_timely(now) is timely


@pytest.mark.parametrize(("now", "timely"), [(939, False), (940, True), (1_060, True), (1_061, False)])
def test_a_ticket_is_timely_for_a_minute(now: int, timely: bool) -> None:
    assert TICKET.is_timely(now) is timely


@pytest.mark.parametrize("target", ["/", "/a/b?c=d&e", "/a%2Fb", "/" + "x" * 2047, "/x/.bastion"])
def test_a_plain_path_is_gone_back_to(target: str) -> None:
    assert return_of(target) == target


ELSEWHERE = [
    "",
    "x",
    "//evil",
    "/\\evil",
    "https://evil/",
    "/ä",
    "/a b",
    "/a\r\nb",
    "/.bastion/callback",
    "/.BASTION/x",
]


@pytest.mark.parametrize("target", [*ELSEWHERE, "/" + "x" * 2048])
def test_anything_else_leads_to_the_start(target: str) -> None:
    assert return_of(target) == "/"
