"""Whoever brings no session that is known waits for a turn, and loses nothing by it (threats.md R6)."""

import asyncio
import random
from collections.abc import Callable

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest
from gateway.waiting import Waiter
from gateway.web.forward_auth.connection import MAX_HEADER_BYTES
from gateway.web.forward_auth.listener import Listener
from gateway.web.forward_auth.strangers import AT_ONCE, OTHERS_FOR_ONE
from tests.fuzz.mutate import a_question
from tests.fuzz.wire import Slips, Wire, answers, turns

QUESTION = a_question(random.Random(3)).replace(b"/late/x", b"/x").replace(b"HEAD", b"GET")
KNOWN = b"__Host-bastion=known"
HERS = QUESTION.replace(b"Uri: /", b"Uri: /hers/").replace(b"\r\n\r\n", b"\r\nCookie: " + KNOWN + b"\r\n\r\n")


def listener_of(slips: Slips) -> Listener:
    return Listener(slips.start, (), goes_first=lambda question: KNOWN in question)


def connected(listener: Listener) -> tuple[Wire, Callable[[bytes], None]]:
    wire, connection = Wire(), listener()
    connection.connection_made(wire)
    return wire, connection.data_received


def strangers_come(listener: Listener, count: int) -> None:
    """Each on a connection of its own, and the first part of its path is its number."""
    for number in range(count):
        connected(listener)[1](QUESTION.replace(b"Uri: /", b"Uri: /%d/" % number))


def asked(slips: Slips) -> list[str]:
    return [target for _, _, target in slips.asked]


async def test_who_is_known_is_served_before_all_strangers_that_came_earlier() -> None:
    slips = Slips()
    listener = listener_of(slips)
    strangers_come(listener, 3 * AT_ONCE)
    hers, send = connected(listener)

    send(HERS)

    assert len(slips.asked) == 1
    assert asked(slips)[0].startswith("/hers/")
    assert [told.status for told in answers(bytes(hers.written))] == [200]


async def test_how_many_wait_is_told() -> None:
    told, slips = list[int](), Slips()
    listener = Listener(slips.start, (), goes_first=lambda question: KNOWN in question, tell_waiting=told.append)

    strangers_come(listener, AT_ONCE + 2)
    connected(listener)[1](HERS)
    for _ in range(3):
        await asyncio.sleep(0)

    assert told == [*range(1, AT_ONCE + 3), 2, 0]


async def test_a_few_strangers_have_their_turn_the_oldest_first_and_then_all_others_go_on() -> None:
    slips = Slips()
    listener = listener_of(slips)
    strangers_come(listener, 2 * AT_ONCE + 1)
    _, send = connected(listener)

    seen = []
    for _ in range(3):
        await asyncio.sleep(0)
        send(HERS)
        seen.append(len(slips.asked))

    each = AT_ONCE + 1
    assert seen == [each, 2 * each, 2 * each + 2]
    strangers = [target.split("/")[1] for target in asked(slips) if not target.startswith("/hers/")]
    assert strangers == [str(number) for number in range(2 * AT_ONCE + 1)]


async def test_no_more_than_two_pieces_are_held_for_a_stranger() -> None:
    slips = Slips()
    wire, send = connected(listener_of(slips))
    reading = []

    for piece in (QUESTION[:40], QUESTION[40:80]):
        send(piece)
        reading.append(wire.reading)
    await turns()
    reading.append(wire.reading)
    send(QUESTION[80:])
    await turns()

    assert reading == [True, False, True]
    assert [told.status for told in answers(bytes(wire.written))] == [200]


async def test_what_follows_on_a_strangers_connection_does_not_overtake() -> None:
    slips = Slips()
    wire, send = connected(listener_of(slips))

    send(QUESTION)
    send(HERS)
    await turns()

    assert [target.startswith("/hers/") for target in asked(slips)] == [False, True]
    assert len(answers(bytes(wire.written))) == 2


async def test_a_stranger_that_is_gone_is_not_asked_about() -> None:
    slips = Slips()
    listener = listener_of(slips)
    gone, stays = listener(), listener()
    wire = Wire()
    gone.connection_made(Wire())
    stays.connection_made(wire)
    for connection in (gone, stays):
        connection.data_received(QUESTION)

    gone.connection_lost(None)
    await turns()

    assert len(slips.asked) == 1
    assert len(answers(bytes(wire.written))) == 1


async def test_a_mistake_of_ours_about_one_stranger_keeps_no_other_waiting() -> None:
    def start(request: ForwardedRequest, done: Waiter[Answer]) -> None:
        if "/bad/" in request.path:
            raise ZeroDivisionError
        slips.start(request, done)

    slips = Slips()
    listener = Listener(start, (), goes_first=lambda _question: False)
    wires = []
    for part in (b"/bad/", *[b"/good/"] * AT_ONCE):
        wire, send = connected(listener)
        send(QUESTION.replace(b"Uri: /", b"Uri: " + part))
        wires.append(wire)

    await turns()

    assert [wire.aborted for wire in wires] == [True] + [False] * AT_ONCE
    assert [len(answers(bytes(wire.written))) for wire in wires] == [0] + [1] * AT_ONCE


async def test_what_is_deaf_is_not_held() -> None:
    slips, wire = Slips(), Wire()
    connection = listener_of(slips)()
    connection.connection_made(wire)
    connection.data_received(QUESTION.replace(b"HTTP/1.1", b"HTTP/9.9"))
    await turns()

    for _ in range(3):
        connection.data_received(QUESTION)

    assert wire.reading
    assert slips.asked == []


async def test_a_piece_that_is_too_large_is_the_only_one_that_is_read() -> None:
    slips = Slips()
    longest = (QUESTION[:-2] + b"X-Long: " + b"x" * MAX_HEADER_BYTES)[:MAX_HEADER_BYTES]
    just_fits, _ = fits = connected(listener_of(slips))
    too_large, send = connected(listener_of(slips))

    fits[1](longest)
    send(longest + b"x")

    assert (just_fits.reading, too_large.reading) == (True, False)
    await turns()
    assert [told.status for told in answers(bytes(too_large.written))] == [431]


async def test_the_rest_of_a_question_of_somebody_who_is_known_waits_for_nobody() -> None:
    slips = Slips()
    listener = listener_of(slips)
    strangers_come(listener, 3 * AT_ONCE)
    hers, send = connected(listener)

    send(HERS[:-2])
    send(HERS[-2:])

    assert [told.status for told in answers(bytes(hers.written))] == [200]


async def test_strangers_that_end_their_side_wait_for_their_turn_all_the_same() -> None:
    """A browser that goes away ends the proxy's connection: a flood of those would overtake everybody."""
    slips = Slips()
    listener = listener_of(slips)
    wires = []
    for _ in range(2 * AT_ONCE):
        wire, connection = Wire(), listener()
        connection.connection_made(wire)
        connection.data_received(QUESTION)
        assert connection.eof_received()
        wires.append(wire)

    at_once = len(slips.asked)
    await asyncio.sleep(0)
    after_a_turn = len(slips.asked)
    await turns()

    assert (at_once, after_a_turn, len(slips.asked)) == (0, AT_ONCE, 2 * AT_ONCE)
    assert all(wire.closed for wire in wires)
    assert [len(answers(bytes(wire.written))) for wire in wires] == [1] * len(wires)


async def test_a_stranger_that_ended_its_side_is_closed_after_a_late_answer() -> None:
    slips, wire = Slips(), Wire()
    connection = listener_of(slips)()
    connection.connection_made(wire)
    connection.data_received(QUESTION.replace(b"Uri: /", b"Uri: /late/"))
    connection.eof_received()
    await turns()
    closed_before_the_answer = wire.closed

    slips.answer_newest()

    assert not closed_before_the_answer
    assert [(told.status, told.last) for told in answers(bytes(wire.written))] == [(200, True)]
    assert wire.closed


async def test_a_turn_grows_with_those_who_went_before() -> None:
    """So that one person with a session, who floods, shuts nobody out."""
    slips = Slips()
    listener = listener_of(slips)
    strangers_come(listener, 100)
    for _ in range(10 * AT_ONCE * OTHERS_FOR_ONE):
        connected(listener)[1](HERS)
    slips.asked.clear()

    await asyncio.sleep(0)
    with_many = len(slips.asked)
    await asyncio.sleep(0)

    assert with_many == 10 * AT_ONCE
    assert len(slips.asked) == 11 * AT_ONCE


async def test_who_went_before_any_stranger_came_makes_no_turn_longer() -> None:
    slips = Slips()
    listener = listener_of(slips)
    for _ in range(10 * AT_ONCE * OTHERS_FOR_ONE):
        connected(listener)[1](HERS)
    strangers_come(listener, 3 * AT_ONCE)
    slips.asked.clear()

    await asyncio.sleep(0)

    assert len(slips.asked) == AT_ONCE


async def test_those_who_are_gone_take_nobodys_turn() -> None:
    slips = Slips()
    listener = listener_of(slips)
    for _ in range(5 * AT_ONCE):
        gone = listener()
        gone.connection_made(Wire())
        gone.data_received(QUESTION)
        gone.connection_lost(None)
    wire, send = connected(listener)
    send(QUESTION)

    await asyncio.sleep(0)

    assert len(answers(bytes(wire.written))) == 1


async def test_a_worker_that_ends_answers_what_was_asked_behind_a_question_under_way() -> None:
    slips, wire = Slips(), Wire()
    listener = listener_of(slips)
    connection = listener()
    connection.connection_made(wire)
    connection.data_received(HERS.replace(b"/hers/", b"/late/"))
    connection.data_received(QUESTION)
    listener.admission.draining = True

    slips.answer_newest()
    await turns()

    assert [(told.status, told.last) for told in answers(bytes(wire.written))] == [(200, False), (200, True)]


async def test_a_worker_that_ends_answers_the_strangers_who_wait() -> None:
    slips = Slips()
    listener = listener_of(slips)
    wire, connection = Wire(), listener()
    connection.connection_made(wire)
    connection.data_received(QUESTION)
    (mine,) = listener.connections

    mine.close_when_idle()
    closed_at_once = wire.closed
    listener.admission.draining = True
    await turns()

    assert not closed_at_once
    assert [(told.status, told.last) for told in answers(bytes(wire.written))] == [(200, True)]


async def test_strangers_that_come_in_pieces_get_no_more_turns() -> None:
    """Each piece waits for a turn of its own; none calls a second turn beside the one that comes anyway."""
    slips = Slips()
    listener = listener_of(slips)
    for _ in range(3):
        _, send = connected(listener)
        send(QUESTION[:40])
        send(QUESTION[40:])
        await turns()
    slips.asked.clear()
    strangers_come(listener, 3 * AT_ONCE)

    await asyncio.sleep(0)

    assert len(slips.asked) == AT_ONCE


async def test_a_stranger_in_pieces_waits_its_turn_among_others() -> None:
    slips = Slips()
    listener = listener_of(slips)
    _, send = connected(listener)
    send(QUESTION[:40])
    send(QUESTION[40:])
    strangers_come(listener, 2 * AT_ONCE)

    seen = []
    for _ in range(3):
        await asyncio.sleep(0)
        seen.append(len(slips.asked))

    assert seen == [AT_ONCE - 1, 2 * AT_ONCE - 1, 2 * AT_ONCE + 1]
