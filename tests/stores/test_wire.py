"""Calls are written as the generic packer writes them, and a reply is read for its own question only."""

import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import NO_PROOF, OTP, PWD, Assurance
from gateway.core.principal.ask import (
    Claim,
    Leases,
    LoginFacts,
    Presented,
    ProofClaim,
    Question,
    RecordKind,
    Reply,
    Spend,
    Spent,
    Standing,
)
from gateway.core.ratelimit.gcra import Limit
from gateway.stores.redis.pipeline import Argument, packed
from gateway.stores.redis.wire import (
    _HEAD,
    _SPENT,
    _TERMS,
    bucket_key,
    code_key,
    login_key,
    packed_decide,
    packed_prove,
    packed_spend,
    person_key,
    proof_key,
    read_reply,
    record_key,
)
from tests.changed import changed, parts

NAME = "bastion_decide_0123456789ab"
TEXTS = st.text(min_size=1, max_size=20)
PRESENTED = st.builds(Presented, TEXTS, TEXTS, st.binary(min_size=16, max_size=16))
PROOFS = st.builds(ProofClaim, TEXTS, st.integers(), st.none() | st.integers(0, 2**48))
CLAIMS = st.builds(Claim, TEXTS, TEXTS)
REQUESTS = st.text(max_size=40)
LIMITS = st.builds(Limit, TEXTS, st.integers(1, 1000), st.integers(1000, 10**11), st.integers(1, 1000))
SPENDS = st.lists(st.builds(Spend, TEXTS, TEXTS, LIMITS), max_size=4).map(tuple)
NUMBERS = st.integers(0, 0xFFFF_FFFF)
ASKED = Question(7, Presented("t" * 16, "l" * 22, b"c" * 16), None, ())
ASKED_OF_KEY = Question(7, Presented("t" * 16, "l" * 22, b"c" * 16, "key"), None, ())


def mark(request_id: str) -> str:
    """What is known of a request that claims nothing."""
    return request_id[:6] + request_id[-6:]


@given(NUMBERS, PRESENTED, st.none() | CLAIMS, SPENDS, REQUESTS, st.sampled_from(["login", "grant", "key"]))
def test_a_decision_is_written_as_the_generic_packer_writes_it(
    number: int, asked: Presented, claim: Claim | None, drawn: tuple[Spend, ...], request: str, kind: RecordKind
) -> None:
    presented = replace(asked, kind=kind)
    spends = tuple(Spend(presented.tag, one.who, one.limit) for one in drawn)
    keys = [person_key(presented.tag), f"{{{presented.tag}}}{kind[0]}:{presented.login}"]
    arguments: list[Argument] = [f"{number:010}", presented.login, presented.credential]
    if claim is not None:
        keys.append(code_key(presented.tag, claim.code_hash))
    arguments += (mark(request), "") if claim is None else (request, claim.host)
    keys += map(bucket_key, spends)
    for one in spends:
        arguments += (one.limit.interval_us, one.limit.window_us)

    written = packed_decide(NAME, Question(number, presented, claim, spends, request), range(len(spends)))

    assert written == packed(("FCALL", NAME, len(keys), *keys, *arguments))


@given(NUMBERS, PRESENTED, PROOFS, SPENDS, REQUESTS, st.sampled_from(["login", "grant"]))
def test_a_proof_is_written_as_the_generic_packer_writes_it(
    number: int, drawn: Presented, proof: ProofClaim, spent: tuple[Spend, ...], request: str, kind: RecordKind
) -> None:
    presented = replace(drawn, kind=kind)
    spends = tuple(Spend(presented.tag, one.who, one.limit) for one in spent)
    record = record_key(kind, presented.tag, presented.login)
    keys = [person_key(presented.tag), record, proof_key(presented.tag, proof.jti), *map(bucket_key, spends)]
    arguments: list[Argument] = [f"{number:010}", presented.login, presented.credential, request, proof.iat]
    arguments.append("" if proof.stamp is None else proof.stamp)
    for one in spends:
        arguments += (one.limit.interval_us, one.limit.window_us)

    written = packed_prove(NAME, Question(number, presented, None, spends, request, (), proof), range(len(spends)))

    assert written == packed(("FCALL", NAME, len(keys), *keys, *arguments))


@given(PRESENTED, LIMITS, st.booleans(), st.booleans(), REQUESTS)
def test_what_the_login_itself_spends_is_written_alike(
    presented: Presented, limit: Limit, own_slot: bool, own_login: bool, request: str
) -> None:
    """Remembered, unless it is somebody else's."""
    spend = Spend(presented.tag if own_slot else "i", presented.login if own_login else "", limit)
    keys = [person_key(presented.tag), login_key(presented.tag, presented.login), bucket_key(spend)]
    arguments: list[Argument] = [
        "0000000001",
        presented.login,
        presented.credential,
        mark(request),
        "",
        limit.interval_us,
        limit.window_us,
    ]

    for _ in range(2):
        written = packed_decide(NAME, Question(1, presented, None, (spend,), request), range(1))
        assert written == packed(("FCALL", NAME, len(keys), *keys, *arguments))


@given(NUMBERS, SPENDS, REQUESTS)
def test_a_spend_is_written_as_the_generic_packer_writes_it(
    number: int, spends: tuple[Spend, ...], request: str
) -> None:
    budgets = [number for one in spends for number in (one.limit.interval_us, one.limit.window_us)]
    keys = list(map(bucket_key, spends))

    written = packed_spend(NAME, Question(number, None, None, spends, request), range(len(spends)))

    assert written == packed(("FCALL", NAME, len(keys), *keys, f"{number:010}", mark(request), *budgets))


def raw_reply(reply: Reply, *, of_key: bool = False) -> bytes:
    """As the function writes it."""
    leases = reply.leases or Leases(0, 0)
    facts = reply.facts or LoginFacts(NO_PROOF, 0, 0)
    head = _HEAD.pack(
        reply.number,
        reply.now_us,
        ord(reply.outcome.value),
        leases.person,
        leases.login,
        facts.assurance.authenticated_at,
        facts.assurance.mfa_at,
        facts.expires_at,
        facts.idle_at,
        facts.assurance.amr,
        facts.assurance.risk,
        len(reply.spent),
    )
    spent = [_SPENT.pack(one.allowed, one.retry_after_us, one.remaining, one.reset_us) for one in reply.spent]
    stamp = struct.pack("<d", reply.incarnation) if reply.outcome is Standing.STALE_NONCE else b""
    terms = _TERMS.pack(len(reply.terms)) + reply.terms if of_key and reply.outcome is Standing.LIVE else b""
    return b"".join((head, reply.login.encode(), *spent, terms, reply.person, stamp))


LIVE = Reply(
    7, "l" * 22, 1_790_000_000_000_000, Standing.LIVE, b"sealed", LoginFacts(Assurance(1, 2, PWD | OTP), 3, 4), None, ()
)
REPLIES = {
    "live": LIVE,
    "live and due": changed(LIVE, leases=Leases(5, 6)),
    "with limits": changed(LIVE, spent=(Spent(True, 0, 9, 1_000), Spent(False, 2_000, 0, 3_000))),
    "ended": changed(LIVE, outcome=Standing.ENDED, person=b"", facts=None),
    "missed": changed(LIVE, outcome=Standing.MISS, person=b"", facts=None, leases=Leases(1, 0)),
    "a proof used before": changed(LIVE, outcome=Standing.REPLAYED, person=b"", facts=None),
    "a stale nonce": changed(LIVE, outcome=Standing.STALE_NONCE, person=b"", facts=None, incarnation=2**48 - 1),
    "limits only": changed(
        LIVE, login="", outcome=Standing.NOT_ASKED, person=b"", facts=None, spent=(Spent(True, 0, 1, 2),)
    ),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_is_read_as_it_was_written(reply: Reply) -> None:
    assert parts(read_reply(ASKED, raw_reply(reply))) == parts(reply)


@pytest.mark.parametrize("terms", [b"", b"t", b"terms" * 1000, b"t" * 0xFFFF])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_about_a_key_has_its_terms_where_it_lives(reply: Reply, terms: bytes) -> None:
    sent = changed(reply, terms=terms if reply.outcome is Standing.LIVE else b"")

    assert parts(read_reply(ASKED_OF_KEY, raw_reply(sent, of_key=True))) == parts(sent)


def test_terms_that_are_cut_are_never_those_of_the_key() -> None:
    raw = raw_reply(changed(LIVE, terms=b"terms", person=b""), of_key=True)

    for end in range(len(raw)):
        read = read_reply(ASKED_OF_KEY, raw[:end])
        assert read is None or (read.terms != b"terms" and read.person == b"")


def with_double(reply: Reply, at: int, value: float) -> bytes:
    raw = bytearray(raw_reply(reply))
    struct.pack_into("<d", raw, at, value)
    return bytes(raw)


TIMES: list[tuple[Reply, int]] = [
    (LIVE, 4), (REPLIES["missed"], 13), (REPLIES["missed"], 21),
    (REPLIES["with limits"], _HEAD.size + 23), (REPLIES["with limits"], _HEAD.size + 35),
]  # fmt: skip
NOT_NUMBERS = [with_double(reply, at, value) for reply, at in TIMES for value in (math.nan, math.inf)]


@given(st.binary(max_size=120))
def test_any_bytes_are_a_reply_or_nothing(raw: bytes) -> None:
    for asked in (ASKED, ASKED_OF_KEY):
        reply = read_reply(asked, raw)
        assert reply is None or reply.number == asked.number


@pytest.mark.parametrize(
    "raw",
    [
        None,
        7,
        "text",
        b"",
        [b"x"],
        raw_reply(LIVE)[:40],
        raw_reply(REPLIES["with limits"])[:90],
        raw_reply(changed(LIVE, number=8)),
        raw_reply(REPLIES["a stale nonce"])[:-1],
        *NOT_NUMBERS,
    ],
)
def test_what_is_not_the_reply_to_this_question_is_nothing(raw: object) -> None:
    assert read_reply(ASKED, raw) is None
