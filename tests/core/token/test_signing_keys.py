"""The life of signing keys: what is published, what signs, and when another one is due."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.jose.keys import VerificationKey
from gateway.core.token.signing_keys import (
    KEPT_S,
    NEXT_S,
    NO_KEYS,
    KeyRecord,
    KeySet,
    KeyState,
    KeyTimes,
    NoSigningKey,
    due,
    key_set,
    missing,
)
from tests.core.jose.build import key, other_key

MADE, NOW = 1_000_000, 2_000_000
DAY = 86_400


def record(alg: str = "ES256", *, other: bool = False, **times: int) -> KeyRecord:
    made = other_key(alg) if other else key(alg)
    return KeyRecord(made.kid, alg, KeyTimes(**({"created_at": MADE, "active_from": MADE} | times)), made)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (MADE + 659, KeyState.NEXT),
        (MADE + 660, KeyState.ACTIVE),
        (MADE + 999, KeyState.ACTIVE),
        (MADE + 1000, KeyState.RETIRING),
        (MADE + 1999, KeyState.RETIRING),
        (MADE + 2000, KeyState.GONE),
    ],
)
def test_the_state_of_a_key_follows_from_its_times(now: int, state: KeyState) -> None:
    times = KeyTimes(MADE, MADE + 660, MADE + 1000, MADE + 2000)

    assert times.state(now) is state
    assert replace(times, compromised_at=MADE).state(now) is KeyState.COMPROMISED


def test_a_key_is_published_before_it_signs_and_after_it_has_signed() -> None:
    """Each from the moment that it is made until a day after another has taken its place."""
    old = record(retire_at=NOW, gone_after=NOW + KEPT_S)
    new = record(other=True, created_at=NOW - NEXT_S, active_from=NOW)

    def seen(now: int) -> tuple[set[str], str]:
        keys = key_set([old, new], now, NO_KEYS)
        return set(keys.verification), keys.signer("ES256").kid

    both = {old.kid, new.kid}
    assert seen(NOW - 1) == (both, old.kid)
    assert seen(NOW) == (both, new.kid)
    assert seen(NOW + KEPT_S - 1) == (both, new.kid)
    assert seen(NOW + KEPT_S) == ({new.kid}, new.kid)


def test_of_two_active_keys_the_newest_signs() -> None:
    old, new = record(), record(other=True, active_from=MADE + 1)

    for records in ([old, new], [new, old]):
        assert key_set(records, NOW, NO_KEYS).signer("ES256").kid == new.kid


def test_what_is_gone_compromised_or_unreadable_is_not_published() -> None:
    times = KeyTimes(MADE, MADE)
    records = [
        record("ES256", retire_at=MADE, gone_after=NOW),
        record("EdDSA", compromised_at=MADE),
        KeyRecord("k", "RS256", times, None),
    ]

    keys = key_set(records, NOW, NO_KEYS)

    assert keys is NO_KEYS
    for alg in ("ES256", "EdDSA", "RS256"):
        with pytest.raises(NoSigningKey):
            keys.signer(alg)


def test_the_document_is_a_key_set_of_public_keys_in_their_order() -> None:
    keys = key_set(
        [record("RS256", active_from=MADE + 2), record("EdDSA", active_from=MADE + 1), record()], NOW, NO_KEYS
    )

    document = json.loads(keys.document)["keys"]

    assert [(one["alg"], one["use"]) for one in document] == [("ES256", "sig"), ("EdDSA", "sig"), ("RS256", "sig")]
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for one in document for name in one}
    use = frozenset({"ES256", "EdDSA", "RS256"})
    assert sorted(VerificationKey.of_jwk(one, use).kid for one in document) == sorted(keys.verification)


def test_nothing_is_made_anew_while_nothing_is_different() -> None:
    """What hangs on the mapping may be remembered as long as it is the same object."""
    old, new = record(), record(other=True, active_from=NOW)
    first = key_set([old, new], NOW - 2, NO_KEYS)

    same = key_set([old, new], NOW - 1, first)
    signs = key_set([old, new], NOW, same)
    fewer = key_set([new], NOW, signs)

    assert same is first
    assert signs.signer("ES256") is not first.signer("ES256")
    assert signs.verification is first.verification
    assert fewer.verification is not signs.verification
    assert fewer.etag != signs.etag == first.etag


@given(
    st.lists(
        st.tuples(st.sampled_from(["ES256", "EdDSA"]), st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=4
    )
)
def test_whatever_signs_is_published(drawn: list[tuple[str, bool, int, int]]) -> None:
    before: KeySet = NO_KEYS
    unique = {(alg, other): (begin, end) for alg, other, begin, end in drawn}
    records = [
        record(alg, other=other, active_from=begin, retire_at=begin + end, gone_after=begin + 2 * end)
        for (alg, other), (begin, end) in unique.items()
    ]
    for now in range(30):
        before = key_set(records, now, before)
        assert all(one.kid in before.verification for one in before.signers.values())


def test_an_algorithm_without_a_lasting_key_is_missing() -> None:
    wanted = ["ES256", "EdDSA", "RS256", "PS256"]
    records = [
        record("ES256"),
        record("EdDSA", active_from=NOW + 1),
        record("RS256", retire_at=NOW + 1, gone_after=NOW + 2),
        record("PS256", compromised_at=MADE),
    ]

    assert missing([], wanted, NOW) == sorted(wanted)
    assert missing(records, wanted, NOW) == ["PS256", "RS256"]
    assert missing(records, ["ES256"], NOW) == []


def test_the_next_key_is_due_so_that_it_signs_when_the_old_one_has_its_age() -> None:
    records = [record("ES256", active_from=NOW), record("EdDSA", active_from=NOW + DAY)]

    assert due(records, 90 * DAY, NOW + 90 * DAY - NEXT_S - 1) == []
    assert due(records, 90 * DAY, NOW + 90 * DAY - NEXT_S) == ["ES256"]
    following = record("ES256", other=True, active_from=NOW + 90 * DAY)
    assert due([*records, following], 90 * DAY, NOW + 90 * DAY) == []
