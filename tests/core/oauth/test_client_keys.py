"""Documents with keys that clients publish: from one that is fine, one thing changed; and how long they count."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.jose.algorithms import ASSERTIONS, FAPI2
from gateway.core.jose.compact import MalformedJose
from gateway.core.oauth.client_keys import KEPT_S, PAUSE_S, FetchedKeys, read_key_set
from tests.oauth_clients import ED25519, ES256, PS256, jwks_text

NOW = 1_790_000_000
FINE = {**ES256.verification.jwk, "kid": "one"}
ENCRYPTS = {**PS256.verification.jwk, "kid": "enc", "use": "enc"}
UNKNOWN = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x", "kid": "new"}


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def test_all_keys_that_fit_are_read() -> None:
    read = read_key_set(jwks_text(ES256, ED25519, PS256).encode(), ASSERTIONS)

    assert [key.kid for key in read] == [ES256.kid, ED25519.kid, PS256.kid]


@pytest.mark.parametrize("other", [ENCRYPTS, UNKNOWN, {**FINE, "x": "AA"}, {**FINE, "d": "AA"}, {}])
def test_keys_for_another_use_are_left_out(other: Any) -> None:
    assert [key.kid for key in read_key_set(document(other, FINE, other), ASSERTIONS)] == ["one"]


def test_a_key_only_for_rs256_is_none_of_fapi2() -> None:
    rsa = {**PS256.verification.jwk, "alg": "RS256"}

    assert len(read_key_set(document(rsa), ASSERTIONS)) == 1
    with pytest.raises(MalformedJose, match="no public key for"):
        read_key_set(document(rsa), FAPI2)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON"),
        (b"<html></html>", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b'{"keys": [], "keys": []}', "twice"),
        (b'{"keys": [' * 20, "nested too deeply"),
        (b"{}", "no list of keys"),
        (b'{"keys": {}}', "no list of keys"),
        (b'{"keys": ["x"]}', "no list of keys"),
        (document(), "no public key for"),
        (document(ENCRYPTS, UNKNOWN), "no public key for"),
        (document(FINE, {**ED25519.verification.jwk, "kid": "one"}), "two of its keys have one kid"),
        (document(*[{**FINE, "kid": f"{number}"} for number in range(21)]), "more than 20 keys"),
    ],
)
def test_what_is_no_key_set_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(MalformedJose, match=message):
        read_key_set(raw, ASSERTIONS)


def test_twenty_keys_are_read() -> None:
    assert len(read_key_set(document(*[{**FINE, "kid": f"{number}"} for number in range(20)]), ASSERTIONS)) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["keys", "kty", "kid", "x"]), inner),
    max_leaves=8,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps({"keys": [value]}).encode()))
def test_reading_never_fails_otherwise(raw: bytes) -> None:
    with suppress(MalformedJose):
        read_key_set(raw, ASSERTIONS)


def known(*, settled: bool = True) -> FetchedKeys:
    return FetchedKeys((ES256.verification,), NOW, NOW, settled)


def test_keys_are_used_for_a_day_and_asked_again_after_a_quarter_of_an_hour() -> None:
    keys = known()

    assert keys.is_fresh(NOW + 899)
    assert not keys.is_fresh(NOW + 900)
    assert keys.usable(NOW + KEPT_S - 1) == keys.keys
    assert keys.usable(NOW + KEPT_S) == ()
    assert FetchedKeys().usable(NOW) == ()


def test_nobody_asks_again_within_a_minute() -> None:
    assert known().is_final(NOW + PAUSE_S - 1)
    assert not known().is_final(NOW + PAUSE_S)
    assert not FetchedKeys().is_final(NOW)


def test_a_fetch_that_never_ends_is_awaited_for_five_seconds() -> None:
    begun = known(settled=False)

    assert not begun.is_final(NOW)
    assert begun.is_awaited(NOW + 4)
    assert not begun.is_awaited(NOW + 5)
    assert not known().is_awaited(NOW)
