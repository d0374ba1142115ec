"""Slots are those of the real server, and nothing that a server says of its cluster is taken on trust."""

import random
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from gateway.stores.redis.slots import (
    SLOTS,
    AskThere,
    Garbled,
    Moved,
    NodeAddress,
    NotNow,
    Refusal,
    read_refusal,
    read_slots,
    slot_of,
    slot_of_key,
)
from gateway.stores.redis.wire import code_key, login_key, person_key
from tests.cluster.servers import Servers

ASKED = NodeAddress("10.0.0.1", 6379)
HOSTS = st.text(string.ascii_lowercase + string.digits + ".-:", max_size=40)
SLOT = st.integers(0, SLOTS - 1)
PORT = st.integers(1, 65_535)


def test_the_vectors_of_the_specification_hold() -> None:
    assert slot_of("123456789") == 0x31C3 % SLOTS
    assert slot_of_key("foo") == 12_182
    assert slot_of_key("{user1000}.following") == slot_of_key("{user1000}.followers") == slot_of("user1000")
    assert slot_of_key("foo{}{bar}") == slot_of("foo{}{bar}")
    assert slot_of_key("foo{{bar}}zap") == slot_of("{bar")
    assert slot_of_key("foo{bar}{zap}") == slot_of("bar")


def test_the_real_server_agrees_about_many_keys(servers: Servers) -> None:
    rng = random.Random(7)
    keys = ["".join(rng.choices("ab{}:é€\r\n\0 ", k=rng.randrange(1, 12))) for _ in range(3000)]
    with Redis(port=servers.nodes[0].port) as client, client.pipeline(False) as pipe:
        for key in keys:
            pipe.execute_command("CLUSTER", "KEYSLOT", key)
        theirs = pipe.execute()

    assert [slot_of_key(key) for key in keys] == theirs


@given(st.text(string.ascii_letters + string.digits + "-_", min_size=1), st.text(), st.text())
def test_all_that_belongs_to_a_tag_shares_its_slot(tag: str, login: str, code: str) -> None:
    keys = (person_key(tag), login_key(tag, login), code_key(tag, code))

    assert {slot_of_key(key) for key in keys} == {slot_of(tag)}


@given(st.sampled_from(["MOVED", "ASK"]), SLOT, HOSTS, PORT)
def test_a_redirection_is_read_as_it_was_written(kind: str, slot: int, host: str, port: int) -> None:
    expected = Moved if kind == "MOVED" else AskThere

    assert read_refusal(f"{kind} {slot} {host}:{port}", ASKED) == expected(slot, NodeAddress(host or ASKED.host, port))


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        ("TRYAGAIN Multiple keys request during rehashing of slot", NotNow()),
        ("CLUSTERDOWN Hash slot not served", NotNow()),
        ("MOVED 7 :7001", Moved(7, NodeAddress("10.0.0.1", 7001))),
        ("ASK 7 ::1:7001", AskThere(7, NodeAddress("::1", 7001))),
        ("ERR MOVED 7 h:1", None),
        ("NOPERM MOVED", None),
        ("OOM command not allowed", None),
        ("", None),
    ],
)
def test_what_was_not_done_is_told_from_all_other_errors(error: str, refusal: Refusal | None) -> None:
    assert read_refusal(error, ASKED) == refusal


@pytest.mark.parametrize(
    "error",
    [
        "MOVED", "MOVED 7", "MOVED 7 h", "MOVED 7 h:", "MOVED 7 h:0", "MOVED 7 h:65536", "MOVED 7 h:-1",
        "MOVED 7 h:1 x", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED x h:1", "MOVED ٣ h:1", "MOVED 7 ?:1",
        "MOVED 7 h\0:1", "ASK 7 h:1_0", "ASK 000007 h:1",
    ],
)  # fmt: skip
def test_a_redirection_without_its_form_is_refused(error: str) -> None:
    with pytest.raises(Garbled):
        read_refusal(error, ASKED)


@given(st.text() | st.text("MOVEDASK 0123456789.:?-", max_size=40).map(lambda text: f"MOVED {text}"))
def test_no_error_of_a_server_breaks_the_reader(error: str) -> None:
    with suppress(Garbled):
        assert read_refusal(error, ASKED) is None or isinstance(read_refusal(error, ASKED), Refusal)


@given(st.lists(st.tuples(SLOT, SLOT, HOSTS, PORT), min_size=1, max_size=8))
def test_a_table_gives_each_slot_to_who_was_named_last(rows: list[tuple[int, int, str, int]]) -> None:
    rows = [(min(a, b), max(a, b), host, port) for a, b, host, port in rows]
    reply = [
        [first, last, [host.encode() or None, port, b"id", []], [b"replica", 1, b"id"]]
        for first, last, host, port in rows
    ]

    table = read_slots(reply, ASKED)

    assert len(table) == SLOTS
    for slot in {slot for first, last, _, _ in rows for slot in (0, first, last, last // 2, SLOTS - 1)}:
        named = [NodeAddress(host or ASKED.host, port) for first, last, host, port in rows if first <= slot <= last]
        assert table[slot] == (named[-1] if named else None)


_TREES = st.recursive(
    st.none() | st.integers() | st.binary() | st.floats() | st.booleans(), lambda inner: st.lists(inner, max_size=5)
)
_ROWS = st.lists(st.tuples(SLOT | _TREES, SLOT | _TREES, st.lists(_TREES | PORT, max_size=4)).map(list), max_size=4)


@given(_TREES | _ROWS)
def test_no_table_of_a_server_breaks_the_reader(reply: object) -> None:
    with suppress(Garbled):
        assert len(read_slots(reply, ASKED)) == SLOTS


@pytest.mark.parametrize(
    "reply",
    [
        None, b"", [], [[]], [[0, 1]], [[1, 0, [b"h", 1]]], [[0, SLOTS, [b"h", 1]]], [[-1, 0, [b"h", 1]]],
        [[0, 1, []]], [[0, 1, [b"h"]]], [[0, 1, [b"h", 0]]], [[0, 1, [b"h", b"1"]]], [[0, 1, [b"?", 1]]],
        [[0, 1, [7, 1]]], [[True, 1, [b"h", 1]]], [[b"0", 1, [b"h", 1]]], [[0, 1, [b"a b", 1]]],
    ],
)  # fmt: skip
def test_a_table_without_its_form_is_refused(reply: object) -> None:
    with pytest.raises(Garbled):
        read_slots(reply, ASKED)
