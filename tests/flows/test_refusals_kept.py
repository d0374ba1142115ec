"""What is kept of refused requests: bounded on both sides, sealed, and without a query."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from gateway.core.assurance.model import OTP, PWD, Assurance
from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.request import ForwardedRequest, read_request
from gateway.core.outcomes import Outcome
from gateway.core.policy.facts import Actor
from gateway.core.principal.ask import Presented
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.decide import refusals_kept
from gateway.flows.decide.decision_recorder import OTHERS, DecisionRecorder
from gateway.flows.decide.refusals_kept import RefusalsKept
from gateway.flows.evidence.tallies import Tallies
from gateway.metrics import Metrics
from gateway.stores.postgres.decision_counts import DecisionCounts
from gateway.stores.postgres.logins import NewLogin
from gateway.stores.postgres.refusals import RefusalRows, RefusalSample
from gateway.stores.postgres.users import NewUser
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.core.forward.setting import ADA, HEADERS

DENIED = "not among those allowed here"


@dataclass
class Desk:
    """A worker that notes decisions, and writes them."""

    pool: Pool
    clock: Clock
    recorder: DecisionRecorder
    kept: RefusalsKept
    told: Counter[str] = field(default_factory=Counter)
    number: int = 0

    async def add_ada(self) -> UUID:
        async with self.kept.acts.begin() as act:
            await act.users.add(NewUser(ADA, "ada", "", "", ("staff",), "x"), self.clock.now)
        return ADA

    def refuse(self, who: UUID | None = None, path: str = "/x", reason: str = DENIED, outcome: Outcome = "deny") -> str:
        """Its reference."""
        self.number += 1
        request_id = f"00000000-{self.number:08d}"
        answer = Answer(403, b"", b"", outcome, "wiki/rest", reason, who)
        if who is not None:
            answer.actor = Actor("ada", frozenset({"staff", "guests"}), Assurance(1, 2, PWD | OTP, 7))
        self.recorder.record(request_of(request_id, path), answer, 1)
        return request_id

    async def rows(self) -> list[RefusalSample]:
        async with self.pool.acquire() as connection:
            return (await RefusalRows(connection, self.kept.acts.vault).latest(10_000))[::-1]

    async def facts(self, reference: str) -> dict[str, str]:
        async with self.pool.acquire() as connection, connection.transaction():
            found = await RefusalRows(connection, self.kept.acts.vault).find(reference)
        assert found is not None
        return found[1]


def request_of(request_id: str, path: str) -> ForwardedRequest:
    changed = {b"x-request-id": request_id.encode(), b"x-forwarded-uri": path.encode()}
    return read_request((name, changed.get(name, value)) for name, value in HEADERS)


@pytest.fixture
def desk(pool: Pool) -> Desk:
    clock = Clock()
    acts = acts_of(pool, clock)
    told = Counter[str]()

    def count(outcome: str, n: int) -> None:
        told[outcome] += n

    recorder = DecisionRecorder(Metrics(1).slot(0), "none", Tallies(acts), clock)
    return Desk(pool, clock, recorder, RefusalsKept(acts, recorder.take, count), told)


async def test_a_denial_is_kept_sealed_and_without_its_query(desk: Desk) -> None:
    ada = await desk.add_ada()
    known, stranger = desk.refuse(ada, "/board?token=secret"), desk.refuse(None, "/b?q=1")

    await desk.kept.write()

    first, second = await desk.rows()
    assert (first.request_id, first.subject, first.route, first.reason, first.n) == (known, ada, "wiki/rest", DENIED, 1)
    assert (second.request_id, second.subject) == (stranger, None)
    facts = await desk.facts(known)
    assert (facts["path"], facts["groups"], facts["mfa_at"], facts["amr"]) == ("/board", "guests\nstaff", "2", "3")
    assert (await desk.facts(stranger))["path"] == "/b"
    raw = await desk.pool.fetch("SELECT refusals::text AS row FROM refusals")
    assert all("board" not in row["row"] and "staff" not in row["row"] for row in raw)


@pytest.mark.parametrize(("length", "is_cut"), [(200, False), (201, True)])
async def test_a_path_is_cut_beyond_200_characters(desk: Desk, length: int, is_cut: bool) -> None:
    reference = desk.refuse(path="/" + "a" * (length - 1))

    await desk.kept.write()

    facts = await desk.facts(reference)
    assert (len(facts["path"]), "cut" in facts) == (200, is_cut)


async def test_the_first_five_a_minute_alike_stand_for_the_rest(desk: Desk) -> None:
    ada = await desk.add_ada()
    for _ in range(5):
        desk.refuse(ada)
    await desk.kept.write()
    assert [one.n for one in await desk.rows()] == [1] * 5
    desk.refuse(ada)
    desk.refuse(ada, reason="another")
    await desk.kept.write()
    assert [one.n for one in await desk.rows()] == [1, 1, 1, 1, 2, 1]

    desk.clock.now += 60
    desk.refuse(ada)
    await desk.kept.write()

    assert [one.n for one in await desk.rows()] == [1, 1, 1, 1, 2, 1, 1]
    assert desk.told == {"kept": 8, "dropped": 0}


@pytest.mark.parametrize(("sent", "known", "strangers"), [(2, 2, 2), (3, 3, 2), (20, 20, 2), (21, 20, 2)])
async def test_a_batch_has_so_many_of_people_and_so_many_of_strangers(
    desk: Desk, sent: int, known: int, strangers: int
) -> None:
    ada = await desk.add_ada()
    for number in range(sent):
        desk.refuse(None, reason=f"s{number}")
        desk.refuse(ada, reason=f"p{number}")

    await desk.kept.write()

    rows = await desk.rows()
    assert (sum(one.subject == ada for one in rows), sum(one.subject is None for one in rows)) == (known, strangers)
    assert desk.told == {"kept": known + strangers, "dropped": 2 * sent - known - strangers}


async def test_a_flood_fills_a_list_of_its_own_and_every_decision_is_counted(desk: Desk) -> None:
    ada = await desk.add_ada()
    for _ in range(2_000):
        desk.refuse(None)
    reference = desk.refuse(ada)

    await desk.kept.write()

    assert (await desk.rows())[0].request_id == reference
    assert sum(desk.told.values()) == 2_001
    async with desk.pool.acquire() as connection:
        assert await DecisionCounts(connection).totals(desk.clock.now) == [("deny", 2_001, 2_001)]


async def test_counts_are_of_an_hour_and_a_day_and_end_after_two(desk: Desk) -> None:
    desk.refuse(reason="bad_path: of /my/secret", outcome="refused")
    desk.refuse(reason="leg 1", outcome="allow")
    await desk.kept.write()
    desk.clock.now += 2 * HOUR_S
    desk.refuse(reason="leg 1", outcome="allow")
    await desk.kept.write()

    async with desk.pool.acquire() as connection:
        kinds = await DecisionCounts(connection).kinds(desk.clock.now)
        assert [(one.outcome, one.reason, one.hour, one.day) for one in kinds] == [
            ("refused", "bad_path", 0, 1),
            ("allow", "leg 1", 1, 2),
        ]
        desk.clock.now += 48 * HOUR_S + 60
        await desk.kept.purge()
        assert await connection.fetchval("SELECT count(*) FROM decision_counts") == 0


async def test_each_decision_is_counted_once_whether_its_hour_is_over_or_not(desk: Desk) -> None:
    """By hour once an hour is five minutes old, by minute until then, and what a late worker adds as well."""
    hour = desk.clock.now // HOUR_S * HOUR_S + HOUR_S

    async def counted(at: int) -> tuple[int, list[int], int]:
        """What the whole and the steps of a day have, and how many hours are kept."""
        desk.clock.now = at
        await desk.kept.purge()
        async with desk.pool.acquire() as connection:
            counts, since = DecisionCounts(connection), hour - DAY_S
            kinds, steps = await counts.kinds_since(since, HOUR_S), await counts.steps_since(since, HOUR_S)
            hours = await connection.fetchval("SELECT count(*) FROM decision_hours")
        return sum(one.n for one in kinds), sorted(n for _, _, n in steps), hours

    for at in (hour - 60, hour - 1, hour, hour + 60):
        desk.clock.now = at
        desk.refuse(outcome="allow")
        await desk.kept.write()

    assert await counted(hour + 299) == (4, [2, 2], 0)
    assert await counted(hour + 300) == (4, [2, 2], 1)
    assert await counted(hour + 300) == (4, [2, 2], 1)
    desk.refuse(outcome="allow")
    await desk.kept.write()
    assert await counted(hour + HOUR_S + 300) == (5, [2, 3], 2)
    assert await counted(hour + 49 * HOUR_S) == (5, [2, 3], 2)
    assert await desk.pool.fetchval("SELECT count(*) FROM decision_counts") == 0
    assert (await counted(hour - HOUR_S + 90 * DAY_S))[2] == 2
    assert (await counted(hour - HOUR_S + 90 * DAY_S + 1))[2] == 1


async def test_of_more_kinds_than_a_minute_has_room_for_the_rest_is_one(desk: Desk) -> None:
    for batch in range(2):
        for number in range(300):
            desk.refuse(reason=f"r{batch}.{number}", outcome="allow")
        await desk.kept.write()

    found = await desk.pool.fetch("SELECT route, n FROM decision_counts ORDER BY n DESC")
    assert (len(found), found[0]["route"], found[0]["n"]) == (501, OTHERS, 100)


@pytest.mark.parametrize(("age_s", "left"), [(7 * DAY_S, 1), (7 * DAY_S + 1, 0)])
async def test_samples_end_after_seven_days(desk: Desk, age_s: int, left: int) -> None:
    desk.refuse()
    await desk.kept.write()
    desk.clock.now += age_s

    await desk.kept.purge()

    assert len(await desk.rows()) == left


async def test_there_are_no_more_than_so_many_samples(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await desk.add_ada()
    references = [desk.refuse(ada) for _ in range(5)]
    await desk.kept.write()
    monkeypatch.setattr(refusals_kept, "MOST_ROWS", 3)

    await desk.kept.purge()

    assert [one.request_id for one in await desk.rows()] == references[2:]


async def test_a_limited_request_is_kept_for_whoever_the_login_is_of(desk: Desk) -> None:
    """A limit is judged before anybody asks who it is."""
    ada, login = await desk.add_ada(), bytes(range(16))
    async with desk.kept.acts.begin() as act:
        assert await act.logins.create(NewLogin(login, ada, desk.clock.now, False, 60, desk.clock.now + 60, "", ""))
    for login_id in (login, bytes(16)):
        presented = Presented("tag", b64(login_id), bytes(16))
        answer = Answer(429, b"", b"", "limited", "wiki/rest", "wiki/rest#1", presented=presented)
        desk.recorder.record(request_of(f"00000000-{login_id.hex()}", "/x"), answer, 1)

    await desk.kept.write()

    assert [(one.subject, one.outcome) for one in await desk.rows()] == [(ada, "limited"), (None, "limited")]


async def test_who_was_erased_meanwhile_leaves_nothing(desk: Desk) -> None:
    desk.refuse(UUID(int=7))

    await desk.kept.write()

    assert await desk.rows() == []
