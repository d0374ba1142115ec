"""Messages are what Standard Webhooks says: its own library takes them."""

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.core.audit.chain import Stored
from gateway.core.webhooks.endpoint import (
    ID_BYTES,
    STEPS,
    EndpointTarget,
    destination_of,
    id_of,
    is_given_up,
    secret_of,
)
from gateway.core.webhooks.message import Place, body_of, headers_of
from gateway.core.webhooks.retry_after import retry_after_s

ENTRY = Stored(9, "login", 1_790_000_000, "A", UUID(int=1), '{"host":"h","login":"L"}', b"sealed", "r")
SECRET, OTHER = secret_of(b"s" * 32), secret_of(b"o" * 32)


def test_the_body_has_ids_and_the_entry_as_canonical_json() -> None:
    assert body_of(ENTRY, 7, None) == (
        b'{"data":{"actor":"A","host":"h","login":"L","position":7,"request_id":"r",'
        b'"subject":"00000000-0000-0000-0000-000000000001"},'
        b'"timestamp":"2026-09-21T14:13:20Z","type":"login"}'
    )
    assert b'"personal":{"address":"192.0.2.1"}' in body_of(ENTRY, 7, {"address": "192.0.2.1"})


@given(st.binary(max_size=50))
def test_the_library_takes_what_any_of_the_secrets_signed_and_nothing_else(junk: bytes) -> None:
    now = int(time.time())
    body = body_of(ENTRY, len(junk), {"junk": junk.hex()})
    headers = headers_of("ev_1", now, body, (SECRET, OTHER))

    assert Webhook(SECRET).verify(body, headers)["data"]["position"] == len(junk)
    assert Webhook(OTHER).verify(body, headers)["type"] == "login"
    wrong = (
        (secret_of(b"x" * 32), body, headers),
        (SECRET, body + b" ", headers),
        (SECRET, body, {**headers, "webhook-id": "ev_2"}),
        (SECRET, body, {**headers, "webhook-timestamp": f"{now - 1}"}),
    )
    for secret, said, under in wrong:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(said, under)


def test_an_id_is_of_the_links_hash_and_stays() -> None:
    place = Place("ep_a", 3, bytes(range(32)))

    assert Place.read(place.written().decode()) == place
    assert place.message_id == "ev_aaaqeayeaudaocajbifqydiob4"
    assert len(place.message_id) == len("ev_") + 26
    assert Place("ep_b", 4, bytes(range(32))).message_id == place.message_id, "whatever the position is after a restore"


def test_attempts_have_the_pauses_of_the_documentation_and_then_end() -> None:
    pauses = [STEPS.after(tries) for tries in range(1, 11)]

    assert pauses == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, None]
    assert {round(STEPS.after(1, number) or 0, 2) for number in range(32)} >= {5, 5.25}
    assert all(5 <= (STEPS.after(1, number) or 0) < 5.5 for number in range(32))


def test_the_secret_before_signs_until_its_time_is_over() -> None:
    target = EndpointTarget("https://example.org", "one").rotated("two", 100)

    assert (target.secrets(99), target.secrets(100)) == (("two", "one"), ("two",))
    assert target.rotated("three", 200).secrets(150) == ("three", "two")
    assert EndpointTarget.read(target.written()) == target
    assert EndpointTarget("https://example.org", "one").secrets(0) == ("one",)


def test_an_endpoint_is_given_up_after_five_days() -> None:
    assert [is_given_up(seconds) for seconds in (0, 5 * 86_400 - 1, 5 * 86_400)] == [False, False, True]


def test_ids_of_endpoints_are_short_words() -> None:
    assert (id_of(b"\xff" * ID_BYTES), destination_of("ep_a")) == ("ep_77777777", "endpoint/ep_a")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0), ("0", 0), ("120", 120), (" 120 ", 120), ("86400", 86_400), ("86401", 86_400), ("9" * 400, 86_400),
        ("-5", 0), ("1.5", 0), ("soon", 0), ("²", 0), ("Mon, 21 Sep 2026 14:15:20 GMT", 120),
        ("Mon, 21 Sep 2026 14:13:19 GMT", 0), ("Mon, 21 Sep 2036 14:13:19 GMT", 86_400),
        ("Mon, 99 Sep 2026 14:13:19 GMT", 0), ("Mon, 21 Sep 99999 14:13:19 GMT", 0),
    ],
)  # fmt: skip
def test_a_receiver_says_when_it_wants_to_be_asked_again_within_a_day(text: str, seconds: int) -> None:
    assert retry_after_s(text, 1_790_000_000) == seconds


@given(st.text())
def test_no_answer_of_a_receiver_is_too_odd(text: str) -> None:
    assert 0 <= retry_after_s(text, 1_790_000_000) <= 86_400
