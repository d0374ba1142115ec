"""What is kept of each decision."""

import pytest
from structlog.testing import capture_logs

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.flows.decide.decision_recorder import DecisionRecorder
from gateway.flows.evidence.tallies import Tallies
from gateway.metrics import Metrics
from tests.acting import acts_of
from tests.changed import changed
from tests.conftest import Clock, Pool
from tests.core.forward.setting import ADA, HEADERS

DENIED = Answer(403, b"", b"", "deny", "app/admin", "groups", ADA)
ALLOWED = Answer(200, b"", b"", "allow", "app/admin", "groups", ADA)
STRANGER = Answer(302, b"", b"", "login", "app/admin", "login")
NOW_SAID = (b"x-bastion-snippet", b"2;;")
REQUEST = read_request([*HEADERS, NOW_SAID])


def recorder_of(
    pool: Pool, wanted: str, clock: Clock | None = None, metrics: Metrics | None = None
) -> DecisionRecorder:
    clock = clock or Clock()
    tallies = Tallies(acts_of(pool, clock))
    return DecisionRecorder((metrics or Metrics(1)).slot(0), wanted, tallies, clock)


@pytest.mark.parametrize(
    ("cookie", "answer", "denials", "doubled"),
    [
        (b"__Host-bastion=x", DENIED, 1, 0),
        (b"__Host-bastion=x", changed(DENIED, outcome="allow"), 0, 0),
        (b"__Host-bastion=x; __Host-bastion=y", changed(DENIED, outcome="allow"), 0, 1),
        (b"__Host-bastion=x; __Host-bastion=y", DENIED, 1, 1),
    ],
)
async def test_denials_of_people_and_doubled_cookies_are_tallied(
    pool: Pool, cookie: bytes, answer: Answer, denials: int, doubled: int
) -> None:
    recorder = recorder_of(pool, "none")

    recorder.record(read_request([*HEADERS, (b"cookie", cookie)]), answer, 1)

    tallies = recorder._tallies
    assert (sum(tallies._denials.values()), sum(tallies._doubled.values())) == (denials, doubled)


@pytest.mark.parametrize(
    ("header", "answer", "attempts"),
    [
        ((b"accept", b"x"), DENIED, {}),
        ((b"remote-user", b"root"), DENIED, {("forged_header", "wiki.example.org"): 1}),
        (
            (b"accept", b"x"),
            changed(DENIED, outcome="refused", reason="ambiguous_path: a or b"),
            {("ambiguous_path", "wiki.example.org"): 1},
        ),
        (
            (b"accept", b"x"),
            changed(DENIED, outcome="refused", reason="Upgrade is not a list of protocols"),
            {("forged_header", "wiki.example.org"): 1},
        ),
        ((b"accept", b"x"), changed(DENIED, outcome="refused", reason="no_host"), {}),
    ],
)
async def test_attempts_at_getting_around_are_tallied(
    pool: Pool, header: tuple[bytes, bytes], answer: Answer, attempts: dict[tuple[str, str], int]
) -> None:
    recorder = recorder_of(pool, "none")

    recorder.record(read_request([*HEADERS, header]), answer, 1)

    assert recorder._tallies._attempts == attempts


@pytest.mark.parametrize(
    ("wanted", "logged"), [("none", []), ("refused", ["deny", "login"]), ("all", ["allow", "deny", "login"])]
)
async def test_the_decisions_that_are_wanted_are_logged(pool: Pool, wanted: str, logged: list[str]) -> None:
    recorder = recorder_of(pool, wanted)

    with capture_logs() as lines:
        for answer in (ALLOWED, DENIED, STRANGER):
            recorder.record(REQUEST, answer, 1)

    assert [line["outcome"] for line in lines] == logged
    assert all(line["request_id"] == REQUEST.request_id for line in lines)


async def test_what_came_of_proofs_is_counted(pool: Pool) -> None:
    metrics = Metrics(1)
    recorder = recorder_of(pool, "none", metrics=metrics)

    for proof in ("accepted", "accepted", "replayed", None):
        recorder.record(REQUEST, changed(ALLOWED, proof=proof), 1)

    figures = metrics.render().decode()
    assert 'bastion_proofs_total{outcome="accepted"} 2.0' in figures
    assert 'bastion_proofs_total{outcome="replayed"} 1.0' in figures
    assert 'bastion_proofs_total{outcome="stale_nonce"} 0.0' in figures


async def test_a_flood_of_strangers_is_logged_up_to_a_number_and_counted_beyond(pool: Pool) -> None:
    clock, metrics = Clock(), Metrics(1)
    recorder = recorder_of(pool, "all", clock, metrics)

    with capture_logs() as lines:
        for _ in range(20):
            recorder.record(REQUEST, STRANGER, 1)
        assert len(lines) == 20
        for answer in (STRANGER, STRANGER, DENIED, ALLOWED):
            recorder.record(REQUEST, answer, 1)
        assert [line["outcome"] for line in lines[20:]] == ["deny", "allow"], "people are logged all the same"
        clock.advance(1)
        recorder.record(REQUEST, STRANGER, 1)

    assert [line["event"] for line in lines[22:]] == ["too many strangers to log each", "decided"]
    assert lines[22]["unlogged"] == 2
    assert metrics.level(0, "bastion_decisions", "login") == 23


async def test_a_flood_that_goes_on_gets_its_lines_evenly_and_is_told_of_once_a_second(pool: Pool) -> None:
    clock = Clock()
    recorder = recorder_of(pool, "refused", clock)

    with capture_logs() as lines:
        for _ in range(5 * 2_000):
            clock.micros += 500
            recorder.record(REQUEST, STRANGER, 1)
    told = [line["unlogged"] for line in lines if "unlogged" in line]

    logged = len(lines) - len(told)
    assert 1_000 <= logged <= 1_021
    assert len(told) == 4
    assert logged + sum(told) + recorder._unlogged == 10_000


async def test_strangers_who_all_had_a_line_are_not_spoken_of(pool: Pool) -> None:
    clock = Clock()
    recorder = recorder_of(pool, "refused", clock)

    with capture_logs() as lines:
        for _ in range(20):
            recorder.record(REQUEST, STRANGER, 1)
        clock.advance(1)
        recorder.record(REQUEST, STRANGER, 1)

    assert [line["event"] for line in lines] == ["decided"] * 21


@pytest.mark.parametrize(
    ("said", "told", "again_after_s"),
    [
        ([], "Caddy asks by the snippet of an earlier version", 3_600),
        ([(b"x-bastion-snippet", b"9;;")], "Caddy asks by a snippet that does not fit", 60),
        ([NOW_SAID], "", 1),
    ],
)
async def test_a_snippet_of_another_version_is_told_now_and_then(
    pool: Pool, said: list[tuple[bytes, bytes]], told: str, again_after_s: int
) -> None:
    clock = Clock()
    recorder = recorder_of(pool, "none", clock)
    request = read_request([*HEADERS, *said])

    with capture_logs() as lines:
        recorder.record(request, STRANGER, 1)
        clock.now += again_after_s * 1_000_000 - 1
        recorder.record(request, STRANGER, 1)
        clock.now += 1
        recorder.record(request, STRANGER, 1)

    assert [line["event"] for line in lines] == ([told, told] if told else [])
    assert all("bastion caddy snippet" in line["way_out"] for line in lines)
