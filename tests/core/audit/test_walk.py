"""A restore explains just what it lost, and nothing else that a checkpoint saw."""

from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.core.audit.chain import GENESIS, Head, Link, Stored, chain
from gateway.core.audit.checkpoint import Checkpoint, sign
from gateway.core.audit.restore import Restore, read_restore, restore_id, sign_restore
from gateway.core.audit.statement import BadStatement, key_id
from gateway.core.audit.walk import Walk

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS = {key_id(KEY.public_key()): KEY.public_key()}


def entries(first: int, last: int, actor: str) -> list[Stored]:
    return [Stored(number, "login", number, actor, None, "{}", b"", "") for number in range(first, last + 1)]


BEFORE = chain(GENESIS, 0, entries(1, 9, "before"))  # positions 6 to 9 are lost
AFTER = [*BEFORE[:5], *chain(BEFORE[4].hash, 5, entries(6, 12, "after"))]
RESTORE = Restore(Head(5, BEFORE[4].hash), Head(9, BEFORE[8].hash), 1_000, "backup", "R")


def seen(link: Link, time: int) -> Checkpoint:
    return Checkpoint(link.position, link.position, time, link.hash)


LOST = [seen(BEFORE[6], 900), seen(BEFORE[8], 1_000)]


def walked(links: list[Link], checkpoints: list[Checkpoint], *restores: Restore) -> Walk:
    walk = Walk(checkpoints, restores)
    walk.goes_on(links)
    return walk


def fault(walk: Walk) -> str:
    return walk.fault or walk.cut_off() or ""


@pytest.mark.parametrize("length", [5, 6, 8, 12])
def test_a_restored_log_is_whole_but_for_what_was_lost(length: int) -> None:
    walk = walked(AFTER[:length], [seen(BEFORE[3], 800), *LOST], RESTORE)

    assert fault(walk) == ""
    assert walk.restored == [RESTORE]
    assert sorted(one.position for one in walk.lost) == [7, 9]
    assert [one.position for one in walk.compared] == [4]


def test_without_the_record_it_is_a_fault() -> None:
    assert "contradicts the checkpoint" in fault(walked(AFTER, LOST))
    assert "the chain ends at position 6" in fault(walked(AFTER[:6], LOST))


@pytest.mark.parametrize(
    "record",
    [
        replace(RESTORE, time=999),  # the newest checkpoint is of after it
        replace(RESTORE, kept=Head(5, b"x" * 32)),  # of another log
        replace(RESTORE, kept=Head(4, BEFORE[4].hash)),
        replace(RESTORE, lost=Head(8, BEFORE[7].hash)),
        replace(RESTORE, kept=Head(7, BEFORE[6].hash)),
    ],
)
def test_a_record_that_does_not_fit_explains_nothing(record: Restore) -> None:
    assert fault(walked(AFTER, LOST, record))
    assert fault(walked(AFTER[:5], LOST, record))


def test_what_came_after_the_restore_is_demanded_as_ever() -> None:
    newest = seen(AFTER[9], 1_001)

    assert fault(walked(AFTER, [*LOST, newest], RESTORE)) == ""
    assert "saw position 10" in fault(walked(AFTER[:9], [*LOST, newest], RESTORE))
    assert "contradicts" in fault(walked(AFTER, [*LOST, seen(BEFORE[8], 1_001)], RESTORE))


def test_each_of_two_restores_explains_its_own_loss() -> None:
    again = [*BEFORE[:3], *chain(BEFORE[2].hash, 3, entries(20, 30, "again"))]
    second = Restore(Head(3, BEFORE[2].hash), Head(12, AFTER[11].hash), 2_000, "older", "S")

    walk = walked(again, [*LOST, seen(AFTER[11], 1_500)], RESTORE, second)

    assert fault(walk) == ""
    assert walk.restored == [second], "the first restore is in the part that was lost"
    assert fault(walked(again, [*LOST, seen(AFTER[11], 1_500)], RESTORE))


def test_a_signed_record_reads_back_and_has_an_id_of_its_own() -> None:
    jws = sign_restore(KEY, RESTORE)

    assert read_restore(jws, KEYS) == replace(RESTORE, id=restore_id(jws))
    assert restore_id(jws) != restore_id(sign_restore(KEY, replace(RESTORE, time=5)))


@pytest.mark.parametrize(
    "jws",
    [
        "",
        sign_restore(Ed25519PrivateKey.from_private_bytes(b"o" * 32), RESTORE),
        sign(KEY, LOST[0]),
        jwt.PyJWS().encode(b"{}", KEY, "EdDSA", headers={"typ": "audit-restore+jws", "kid": key_id(KEY.public_key())}),
        jwt.encode({"position": 5}, "s" * 32, "HS256", {"typ": "audit-restore+jws", "kid": key_id(KEY.public_key())}),
    ],
)
def test_what_is_not_signed_as_a_restore_is_refused(jws: str) -> None:
    with pytest.raises(BadStatement):
        read_restore(jws, KEYS)
