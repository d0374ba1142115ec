"""What each secret of a login has proven, in the record that two versions of a fleet share."""

import struct

import pytest

from gateway.core.assurance.model import Assurance, by_password
from gateway.core.principal.ask import Leases, Presented, Standing
from gateway.core.session.login_record import MAX_SESSIONS, Session, pack_sessions
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.wire import login_key, person_key, record_key
from tests.stores.live import CREDENTIAL, LOGIN, NOW, PERSON, TAG, Server, held_library

HEAD_BEFORE = struct.Struct("<IdBddIIIIB")
SESSION_BEFORE = struct.Struct("<16sIII")
NO_TAIL = Assurance(NOW - 50, NOW - 20, 0)


@pytest.fixture
def before(server: Server) -> FunctionCalls:
    """The functions of the version before, over the same records."""
    return FunctionCalls(server.pipeline, held_library(before=True))


def credential(number: int) -> bytes:
    return number.to_bytes(2, "little") * 8


def session(number: int) -> Session:
    return Session(credential(number), Assurance(NOW - number, NOW, number % 64, number % 101), 0)


async def proven(server: Server, presented: bytes) -> Assurance | None:
    """None: unknown."""
    reply = await server.decide(Presented(TAG, LOGIN, presented))
    assert reply.outcome in (Standing.LIVE, Standing.UNKNOWN)
    return None if reply.facts is None else reply.facts.assurance


@pytest.mark.parametrize("count", [1, 5, 6, 7, 12, 13, MAX_SESSIONS])
async def test_each_secret_has_its_own_assurance(server: Server, count: int) -> None:
    numbers = range(1, count + 1)

    await server.bring_to_life(sessions=tuple(session(number) for number in numbers))

    for number in {1, 2, 5, 6, 7, count - 1, count} & set(numbers):
        assert await proven(server, credential(number)) == session(number).assurance
    assert await proven(server, credential(count + 1)) is None


async def test_the_newest_sessions_are_kept(server: Server) -> None:
    await server.bring_to_life(sessions=tuple(session(number) for number in range(1, MAX_SESSIONS + 2)))

    assert await proven(server, credential(1)) is None
    assert await proven(server, credential(2)) == session(2).assurance
    assert await proven(server, credential(MAX_SESSIONS + 1)) == session(MAX_SESSIONS + 1).assurance


@pytest.mark.parametrize("count", [1, 6, 7])
async def test_what_lies_in_the_tails_is_no_credential(server: Server, before: FunctionCalls, count: int) -> None:
    sessions = [session(number) for number in range(1, count + 1)]
    await server.bring_to_life(sessions=tuple(sessions))
    raw = pack_sessions(sessions)
    texts = {raw[at : at + 16] for at in range(count * 28, len(raw) - 15)}

    for text in texts:
        assert await proven(server, text) is None
        assert (await decided_before(server, before, text))[0] == ord(Standing.UNKNOWN.value)


async def decided_before(
    server: Server, before: FunctionCalls, presented: bytes, key: str = ""
) -> tuple[int, int, int, bytes]:
    """The outcome, authenticated_at and mfa_at, and what is behind the head."""
    server.number += 1
    keys = [person_key(TAG), key or login_key(TAG, LOGIN)]
    raw = await before.ask("decide", keys, f"{server.number:010}", LOGIN, presented, "", "")
    assert isinstance(raw, bytes)
    number, _, outcome, _, _, authenticated_at, mfa_at, *_ = HEAD_BEFORE.unpack_from(raw)
    assert number == server.number
    return outcome, authenticated_at, mfa_at, raw[HEAD_BEFORE.size + len(LOGIN) :]


async def filled_before(before: FunctionCalls, key: str, sessions: bytes, terms: bytes) -> None:
    missed = await before.ask("decide", [person_key(TAG), key], "0000000001", LOGIN, CREDENTIAL, "", "")
    assert isinstance(missed, bytes)
    person, login = HEAD_BEFORE.unpack_from(missed)[3:5]
    arguments = (int(person), PERSON, int(login), NOW + 10_000, NOW + 600, 600, 60, sessions, terms)
    assert await before.ask("fill", [person_key(TAG), key], *arguments) == b"11"


@pytest.mark.parametrize("count", [1, 6, 7, MAX_SESSIONS])
async def test_the_version_before_decides_on_records_with_tails(
    server: Server, before: FunctionCalls, count: int
) -> None:
    await server.bring_to_life(sessions=tuple(session(number) for number in range(1, count + 1)))

    for number in {1, count}:
        outcome, authenticated_at, mfa_at, rest = await decided_before(server, before, credential(number))
        assert (outcome, authenticated_at, mfa_at) == (ord("L"), NOW - number, NOW)
        assert rest == PERSON
    assert (await decided_before(server, before, credential(count + 1)))[0] == ord(Standing.UNKNOWN.value)


@pytest.mark.parametrize("count", [1, 6, 7, 255])
async def test_a_record_of_the_version_before_proves_no_method(
    server: Server, before: FunctionCalls, count: int
) -> None:
    """Its times count; what only this version knows is not known, so a route that asks for it lets nobody in."""
    sessions = b"".join(SESSION_BEFORE.pack(credential(one), NOW - 50, NOW - 20, 0) for one in range(1, count + 1))

    await filled_before(before, login_key(TAG, LOGIN), sessions, b"")

    for number in {1, count}:
        assert await proven(server, credential(number)) == NO_TAIL
    assert await proven(server, credential(count + 1)) is None


async def test_the_terms_of_a_key_are_told_by_both_versions(server: Server, before: FunctionCalls) -> None:
    key = record_key("key", TAG, LOGIN)
    presented = Presented(TAG, LOGIN, CREDENTIAL, "key")
    missed = await server.decide(presented)
    sessions = (Session(CREDENTIAL, by_password(NOW), 0),)
    assert await server.fill(missed.leases, sessions=sessions, kind="key", terms=b"sealed terms") == (True, True)

    *_, rest = await decided_before(server, before, CREDENTIAL, key)

    assert rest == struct.pack("<H", 12) + b"sealed terms" + PERSON
    await server.redis.delete(key, person_key(TAG))
    await filled_before(before, key, SESSION_BEFORE.pack(CREDENTIAL, NOW, 0, 0), b"older terms")
    reply = await server.decide(presented)
    assert (reply.outcome, reply.terms, reply.person) == (Standing.LIVE, b"older terms", PERSON)


async def test_each_version_may_fill_what_the_other_one_wanted(server: Server, before: FunctionCalls) -> None:
    wanted = await before.ask(
        "decide", [person_key(TAG), login_key(TAG, LOGIN)], "0000000001", LOGIN, CREDENTIAL, "", ""
    )
    assert isinstance(wanted, bytes)
    person, login = HEAD_BEFORE.unpack_from(wanted)[3:5]

    assert await server.fill(Leases(int(person), int(login))) == (True, True)

    assert (await decided_before(server, before, CREDENTIAL))[0] == ord("L")
