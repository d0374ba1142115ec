"""How a question about a decision is written for Redis, and how the reply is read: the hot half of the pipeline.

Calls are written here by hand, because a generic packer walks over every argument anew; all but the number and the
limits of a call is the same each time that a session asks (tests/stores/test_wire.py compares with the generic one).
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from gateway.core.assurance.model import Assurance
from gateway.core.principal.ask import (
    Leases,
    LoginFacts,
    Presented,
    Question,
    RecordKind,
    Reply,
    Spend,
    Spent,
    Standing,
)
from gateway.core.remembered import Remembered

_HEAD: Final = struct.Struct("<IdBddIIIIHBB")
_SPENT: Final = struct.Struct("<BdId")
_INCARNATION: Final = struct.Struct("<d")
_TERMS: Final = struct.Struct("<H")
_LETTERS: Final[dict[RecordKind, str]] = {"login": "l", "grant": "g", "key": "k"}
_LOGIN_CHARS: Final = 22
_OUTCOMES: Final = {ord(outcome.value): outcome for outcome in Standing}
_NOT_ASKED: Final = ord(Standing.NOT_ASKED.value)
_LIVE: Final = ord(Standing.LIVE.value)
_STALE_NONCE: Final = ord(Standing.STALE_NONCE.value)
_NO_CLAIM: Final = b"$0\r\n\r\n"
_NUMBER: Final = b"$10\r\n%010d\r\n"
_MOST_KNOWN: Final = 8192
_USUAL: Final = Remembered[tuple[str, Presented, str, int, int], tuple[bytes, bytes, bytes]](_MOST_KNOWN)
_MARK_CHARS: Final = 6  # from each end of a request's id


def person_key(tag: str) -> str:
    """`{tag}u`. Frozen: two versions of a fleet share it."""
    return f"{{{tag}}}u"


def login_key(tag: str, login: str) -> str:
    """`{tag}l:<login>`."""
    return record_key("login", tag, login)


def record_key(kind: RecordKind, tag: str, record: str) -> str:
    """`{tag}l:<login>`, `{tag}g:<grant>` or `{tag}k:<API key>`: the same layout, whatever the kind."""
    return f"{{{tag}}}{_LETTERS[kind]}:{record}"


def proof_key(slot: str, jti: str) -> str:
    """`{slot}j:<22 characters for a proof>`."""
    return f"{{{slot}}}j:{jti}"


def code_key(tag: str, code_hash: str) -> str:
    """`{tag}c:<hash of a hand-off code>`."""
    return f"{{{tag}}}c:{code_hash}"


def bucket_key(spend: Spend) -> str:
    """`{slot}b:<Limit.bucket>:<who>`."""
    return _bucket_name(spend.slot, spend.limit.bucket, spend.who)


def _bucket_name(slot: str, bucket: str, who: str) -> str:
    return f"{{{slot}}}b:{bucket}:{who}"


def packed_decide(name: str, question: Question, own: Sequence[int]) -> bytes:
    """name: of the function. own: indexes of the spends that lie in the person's slot. question.presented is there."""
    presented, claim = question.presented, question.claim
    assert presented is not None
    if claim is None and len(own) == 1:
        spend = question.spends[own[0]]
        if spend.who == presented.who and spend.slot == presented.tag:
            limit = spend.limit
            written = (name, presented, limit.bucket, limit.interval_us, limit.window_us)
            usual = _USUAL.get(written)
            keys, login, budget = _USUAL.keep(written, _usual(*written)) if usual is None else usual
            mark = _mark(question.request_id)
            return b"".join((keys, _NUMBER % question.number, login, _length(len(mark)), mark, budget))
    keys, login = _principal(presented)
    request, claimed = _bulk(_mark(question.request_id)), _NO_CLAIM
    if claim is not None:
        request = _bulk(question.request_id)
        keys += _bulk(code_key(presented.tag, claim.code_hash))
        claimed = _bulk(claim.host)
    buckets, budgets = _buckets(question.spends, own) if own else (b"", b"")
    head = _head(name, 2 + (claim is not None) + len(own), 5 + 2 * len(own))
    return b"".join((head, keys, buckets, _NUMBER % question.number, login, request, claimed, budgets))


def packed_prove(name: str, question: Question, own: Sequence[int]) -> bytes:
    """As packed_decide, where question.proof is there."""
    presented, proof = question.presented, question.proof
    assert presented is not None
    assert proof is not None
    keys, login = _principal(presented)
    claimed = _bulk(proof_key(presented.tag, proof.jti))
    made = _bulk(str(proof.iat)) + _bulk("" if proof.stamp is None else str(proof.stamp))
    buckets, budgets = _buckets(question.spends, own) if own else (b"", b"")
    head = _head(name, 3 + len(own), 6 + 2 * len(own))
    number, request = _NUMBER % question.number, _bulk(question.request_id)
    return b"".join((head, keys, claimed, buckets, number, login, request, made, budgets))


def packed_spend(name: str, question: Question, indexes: Sequence[int]) -> bytes:
    """indexes: of spends that share a slot."""
    buckets, budgets = _buckets(question.spends, indexes)
    head = _head(name, len(indexes), 2 + 2 * len(indexes))
    return b"".join((head, buckets, _NUMBER % question.number, _bulk(_mark(question.request_id)), budgets))


def read_reply(question: Question, raw: object) -> Reply | None:
    """None for anything that is not the reply to this question (threats.md R5)."""
    if not isinstance(raw, bytes) or len(raw) < _HEAD.size:
        return None
    try:
        return _read(question, raw)
    except (ValueError, OverflowError, struct.error):  # a time that is no number, or endless; or too short
        return None


def _read(question: Question, raw: bytes) -> Reply | None:
    number, now_us, letter, person_lease, login_lease, auth, mfa, ends, idle, amr, risk, count = _HEAD.unpack_from(raw)
    outcome = _OUTCOMES.get(letter)
    if outcome is None or number != question.number:
        return None
    at, login = _HEAD.size, ""
    if letter != _NOT_ASKED:
        login = raw[at : at + _LOGIN_CHARS].decode("ascii", "replace")
        at += _LOGIN_CHARS
    spent: tuple[Spent, ...] = ()
    if count:
        if len(raw) < at + count * _SPENT.size:
            return None
        spent = tuple([_spent(raw, at + index * _SPENT.size) for index in range(count)])
        at += count * _SPENT.size
    leases = Leases(int(person_lease), int(login_lease)) if person_lease or login_lease else None
    if letter == _STALE_NONCE:
        (incarnation,) = _INCARNATION.unpack(raw[at:])
        return Reply(number, login, int(now_us), outcome, b"", None, leases, spent, (), int(incarnation))
    if letter != _LIVE:
        return Reply(number, login, int(now_us), outcome, b"", None, leases, spent)
    facts = LoginFacts(Assurance(auth, mfa, amr, risk), ends, idle)
    if question.presented is None or question.presented.kind != "key":
        return Reply(number, login, int(now_us), outcome, raw[at:], facts, leases, spent)
    (length,) = _TERMS.unpack_from(raw, at)
    at += _TERMS.size
    terms, person = raw[at : at + length], raw[at + length :]
    return Reply(number, login, int(now_us), outcome, person, facts, leases, spent, terms=terms)


@lru_cache(256)
def _head(name: str, keys: int, arguments: int) -> bytes:
    return b"*%d\r\n" % (3 + keys + arguments) + _bulk("FCALL") + _bulk(name) + _bulk(str(keys))


@lru_cache(_MOST_KNOWN)
def _principal(presented: Presented) -> tuple[bytes, bytes]:
    """The keys of a credential's person and record, and the arguments that name them."""
    tag, login = presented.tag, presented.login
    return _bulk(person_key(tag)) + _bulk(record_key(presented.kind, tag, login)), _bulk(login) + _bulk(
        presented.credential
    )


def _buckets(spends: Sequence[Spend], indexes: Sequence[int]) -> tuple[bytes, bytes]:
    written = [_bucket(spends[index]) for index in indexes]
    if len(written) == 1:
        return written[0]
    return b"".join([key for key, _ in written]), b"".join([budget for _, budget in written])


def _usual(
    name: str, presented: Presented, bucket: str, interval_us: int, window_us: int
) -> tuple[bytes, bytes, bytes]:
    """Where a session spends what is its own: what stands before the number, and before and after the request's id,
    whose length is written apart: formatting costs more than all the rest.
    """
    keys, login = _principal(presented)
    key = _bulk(_bucket_name(presented.tag, bucket, presented.who))
    return _head(name, 3, 7) + keys + key, login, b"\r\n" + _NO_CLAIM + _budget(interval_us, window_us)


def _mark(request_id: str) -> bytes:
    """Tells a request from the one before, whoever makes ids; a bucket for each person holds one."""
    return (request_id[:_MARK_CHARS] + request_id[-_MARK_CHARS:]).encode()


@lru_cache(256)
def _length(of: int) -> bytes:
    return b"$%d\r\n" % of


def _bucket(spend: Spend) -> tuple[bytes, bytes]:
    return _bulk(bucket_key(spend)), _budget(spend.limit.interval_us, spend.limit.window_us)


@lru_cache(1024)
def _budget(interval_us: int, window_us: int) -> bytes:
    return _bulk(str(interval_us)) + _bulk(str(window_us))


def _bulk(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def _spent(raw: bytes, at: int) -> Spent:
    allowed, retry_after_us, remaining, reset_us = _SPENT.unpack_from(raw, at)
    return Spent(allowed == 1, int(retry_after_us), remaining, int(reset_us))
