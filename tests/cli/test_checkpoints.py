"""Checkpoints are believed only when a known key has signed them as such, and their file survives a crash."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit.chain import Head
from gateway.core.audit.checkpoint import BadCheckpoint, Checkpoint, is_due, read, sign
from gateway.core.audit.statement import key_id
from gateway.stores.files.checkpoints import (
    Checkpoints,
    CheckpointsUnusable,
    SignedLine,
    public_key_files,
    read_checkpoints,
    read_public_keys,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
SEEN = Checkpoint(position=7, count=7, time=1_790_000_000, head=b"h" * 32)


def opened(tmp_path: Path) -> Checkpoints:
    return Checkpoints.open(tmp_path / "checkpoints", tmp_path / "data")


def test_the_key_is_for_us_only_and_stays(tmp_path: Path) -> None:
    first = opened(tmp_path)

    second = opened(tmp_path)

    key = tmp_path / "data" / "keys" / "audit-checkpoint.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert first.key.private_bytes_raw() == second.key.private_bytes_raw()
    assert sorted(file.name for file in key.parent.iterdir()) == ["audit-checkpoint.pem"]
    assert len(public_key_files(tmp_path / "checkpoints")) == 1


def test_of_many_that_begin_at_once_one_makes_the_key_and_one_signs(tmp_path: Path) -> None:
    together = Barrier(8)

    def begin(_number: int) -> tuple[bytes, SignedLine | None]:
        together.wait(10)
        checkpoints = opened(tmp_path)
        together.wait(10)
        return checkpoints.key.private_bytes_raw(), checkpoints.write_if_due(Head(1, b"a" * 32), 1000)

    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(begin, range(8)))

    assert len({key for key, _ in begun}) == 1
    assert sum(signed is not None for _, signed in begun) == 1
    assert len(list(tmp_path.rglob("*.*"))) == 3, "the key, its public half and the checkpoints"


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "data" / "keys" / "audit-checkpoint.pem").chmod(0o640)

    with pytest.raises(CheckpointsUnusable, match="others may read it"):
        opened(tmp_path)


def test_a_line_that_a_crash_cut_off_is_left_out_and_then_replaced(tmp_path: Path) -> None:
    checkpoints = opened(tmp_path)
    keys = read_public_keys(public_key_files(checkpoints.file.parent))
    checkpoints.write_if_due(Head(1, b"a" * 32), 1000)
    whole = checkpoints.file.read_bytes()
    checkpoints.file.write_bytes(whole + whole[:40])

    assert [one.position for one in read_checkpoints(checkpoints.file, keys)] == [1]
    assert checkpoints.write_if_due(Head(2, b"b" * 32), 1060)
    assert [one.position for one in read_checkpoints(checkpoints.file, keys)] == [1, 2]


def test_the_newest_line_is_that_which_was_written_last(tmp_path: Path) -> None:
    checkpoints = opened(tmp_path)

    assert checkpoints.newest() is None
    for position in (1, 2):
        line = checkpoints.write_if_due(Head(position, bytes([position]) * 32), 1000 + 60 * position)
        assert line is not None
        assert opened(tmp_path).newest() == line
        assert checkpoints.file.read_text().endswith(line.text)
        assert line.position == position
    assert checkpoints.write_if_due(Head(2, b"\x02" * 32), 1200) is None


def test_a_checkpoint_that_the_disk_takes_in_part_was_not_written(tmp_path: Path) -> None:
    checkpoints = opened(tmp_path)
    keys = read_public_keys(public_key_files(checkpoints.file.parent))
    checkpoints.write_if_due(Head(1, b"a" * 32), 1000)
    room = checkpoints.file.stat().st_size + 100
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))

    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.write_if_due(Head(2, b"b" * 32), 1060)

    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints.file.stat().st_size == room
    assert [one.position for one in read_checkpoints(checkpoints.file, keys)] == [1]
    assert checkpoints.write_if_due(Head(2, b"b" * 32), 1060)
    assert [one.position for one in read_checkpoints(checkpoints.file, keys)] == [1, 2]


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b'{"jws": 1}\n', b"[]\n", b"null\n", b'{"jws": "a.b.c"}\n', b"\xff\n"]
)
def test_a_line_that_is_no_checkpoint_is_named(tmp_path: Path, line: bytes) -> None:
    checkpoints = opened(tmp_path)
    keys = read_public_keys(public_key_files(checkpoints.file.parent))
    checkpoints.write_if_due(Head(1, b"a" * 32), 1000)
    checkpoints.file.write_bytes(checkpoints.file.read_bytes() + line)

    with pytest.raises(CheckpointsUnusable, match=f"{checkpoints.file}:2: the checkpoint is"):
        read_checkpoints(checkpoints.file, keys)

    assert checkpoints.write_if_due(Head(1, b"a" * 32), 1001), "what can't be read vouches for nothing"


def test_a_checkpoint_of_another_key_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = opened(tmp_path)
    checkpoints.write_if_due(Head(1, b"a" * 32), 1000)

    with pytest.raises(CheckpointsUnusable, match=":1: the checkpoint is signed with another key"):
        read_checkpoints(checkpoints.file, KEYS)


def test_only_public_ed25519_keys_in_pem_form_are_keys(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    for content in (b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        file.write_bytes(content)
        with pytest.raises(CheckpointsUnusable, match=r"key\.pem"):
            read_public_keys([file])
    with pytest.raises(CheckpointsUnusable, match="No such file"):
        read_public_keys([tmp_path / "none.pem"])


def test_a_signed_checkpoint_reads_back() -> None:
    assert read(sign(KEY, SEEN), KEYS) == SEEN


def forged(payload: object, headers: dict[str, str] | None = None) -> str:
    named = {"typ": "audit-checkpoint+jws", "kid": key_id(KEY.public_key())} | (headers or {})
    return jwt.PyJWS().encode(json.dumps(payload).encode(), KEY, algorithm="EdDSA", headers=dict(named))


CLAIMS = {"position": 7, "count": 7, "time": 1, "head": "00" * 32}


def test_the_forger_of_these_tests_makes_what_passes() -> None:
    assert read(forged(CLAIMS), KEYS).position == 7


@pytest.mark.parametrize(
    "text",
    [
        forged(CLAIMS, {"typ": "JWT"}),
        forged(CLAIMS, {"kid": "other"}),
        forged(CLAIMS | {"position": -1}),
        forged(CLAIMS | {"position": True}),
        forged(CLAIMS | {"count": "7"}),
        forged(CLAIMS | {"head": "00"}),
        forged({"position": 7}),
        forged([]),
        jwt.encode(CLAIMS, "s" * 32, "HS256", {"kid": key_id(KEY.public_key()), "typ": "audit-checkpoint+jws"}),
        jwt.encode(CLAIMS, "", "none", {"kid": key_id(KEY.public_key()), "typ": "audit-checkpoint+jws"}),
        sign(KEY, SEEN)[:-10] + "AAAAAAAAAA",
        ".".join([*forged(CLAIMS).split(".")[:2], sign(KEY, SEEN).split(".")[2]]),
    ],
)
def test_what_is_not_signed_as_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        read(text, KEYS)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_refused_too(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        read(text, KEYS)


@pytest.mark.parametrize(
    ("position", "head", "now", "due"),
    [
        (8, b"x" * 32, SEEN.time + 59, False),
        (8, b"x" * 32, SEEN.time + 60, True),
        (8, b"x" * 32, SEEN.time - 1, True),
        (7, SEEN.head, SEEN.time + 60, False),
        (1006, b"x" * 32, SEEN.time, False),
        (1007, b"x" * 32, SEEN.time, True),
    ],
)
def test_a_checkpoint_is_due_when_the_head_has_moved_far_or_long(
    position: int, head: bytes, now: int, due: bool
) -> None:
    assert is_due(SEEN, position, head, now) is due


def test_the_first_entry_is_signed_at_once_and_nothing_before_it() -> None:
    assert is_due(None, 1, b"x" * 32, 0)
    assert not is_due(None, 0, bytes(32), 0)
