"""A worker dies at each message of a code exchange, a refresh or a revocation, and the app sends its request again.

As in tests/faults/test_killed_workers.py, the act comes to one end or the other, and to none twice.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from tests.exhaustive import EXHAUSTIVE, sampled
from tests.faults.conftest import Relayed
from tests.faults.kills import Kills, log_out, settled_on, until
from tests.journeys.apps import VERIFIER, address, decide, post, question
from tests.staging import Seen, Stage, Visitor, forget_limits

STEP = 1 if EXHAUSTIVE else 9  # odd; a worker that is new prepares its statements in most messages
OF_REVOCATION = 1 if EXHAUSTIVE else 5
AWAY = (502, 503)


@pytest.fixture
def stage(relayed: Relayed) -> Stage:
    return relayed.stage


@pytest.fixture
def kills(relayed: Relayed) -> Kills:
    return Kills(relayed)


@pytest.fixture
def person(stage: Stage) -> Visitor:
    """Signed in, and has consented, so that each code after this costs one request."""
    visitor = stage.signed_in()
    page = visitor.visit(address(stage))
    if 'id="consent-allow"' in page.text:
        decide(visitor, page, "allow")
    return visitor


def ask(stage: Stage, endpoint: str, **fields: str) -> Seen:
    client = str(stage.summary["client_id"])
    return post(stage, f"{stage.auth}/oauth2/{endpoint}", {"client_id": client, **fields})


def exchange(stage: Stage, code: str) -> Seen:
    redirect_uri = str(stage.summary["redirect_uri"])
    fields = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return ask(stage, "token", redirect_uri=redirect_uri, **fields)


def refresh(stage: Stage, token: str) -> Seen:
    return ask(stage, "token", grant_type="refresh_token", refresh_token=token)


def answered(stage: Stage, send: Callable[[], Seen]) -> Seen:
    """As an app does that meets a bad gateway: again and again, until a worker answers."""
    answers = list[Seen]()

    def sends() -> bool:
        forget_limits(stage)
        answers.append(send())
        return answers[-1].status not in AWAY

    until(sends)
    return answers[-1]


def new_code(stage: Stage, person: Visitor) -> str:
    """A worker may still be missing."""
    seen = answered(stage, lambda: person.visit(address(stage)))
    assert seen.url.startswith(str(stage.summary["redirect_uri"]) + "?"), seen.url
    return seen.url.partition("code=")[2].partition("&")[0]


def new_tokens(stage: Stage, person: Visitor) -> dict[str, Any]:
    seen = answered(stage, partial(exchange, stage, new_code(stage, person)))
    assert seen.status == 200, seen.text
    tokens: dict[str, Any] = seen.json()
    return tokens


def opens(stage: Stage, tokens: dict[str, Any]) -> set[int]:
    """What both workers say of a request with the access token."""
    return settled_on(stage, question(stage, tokens["access_token"]))


def grants(stage: Stage) -> int:
    """That there ever were."""

    async def count() -> int:
        connection = await asyncpg.connect(stage.postgres.url("relayed"))
        try:
            return int(await connection.fetchval("SELECT count(*) FROM grants"))
        finally:
            await connection.close()

    return asyncio.run(count())


def assert_over(stage: Stage, tokens: dict[str, Any]) -> None:
    assert opens(stage, tokens) == {401}
    seen = answered(stage, partial(refresh, stage, tokens["refresh_token"]))
    assert (seen.status, seen.json()["error"]) == (400, "invalid_grant")


def test_a_code_whose_exchange_was_repeated_became_one_grant(stage: Stage, kills: Kills, person: Visitor) -> None:
    """Which gave its tokens to the second request, or to nobody. The logout ends it."""
    families = list[dict[str, Any]]()
    for moment in kills.moments(STEP):
        code, before = new_code(stage, person), grants(stage)

        kills.during(moment, partial(exchange, stage, code))
        seen = answered(stage, partial(exchange, stage, code))

        where = f"after a kill at message {moment}"
        assert grants(stage) == before + 1, where
        if seen.status == 200:
            families.append(seen.json())
            assert opens(stage, families[-1]) == {200}, where
        else:
            assert (seen.status, seen.json()["error"]) == (400, "invalid_grant"), where
    log_out(stage, person)
    for tokens in families:
        assert_over(stage, tokens)
    assert len(kills.at) >= 3
    assert families


def test_a_refresh_that_was_repeated_has_one_successor(stage: Stage, kills: Kills, person: Visitor) -> None:
    """That the app walks on with, through all the kills."""
    tokens, opened = new_tokens(stage, person), list[dict[str, Any]]()
    before = grants(stage)
    for moment in kills.moments(STEP):
        token = tokens["refresh_token"]

        kills.during(moment, partial(refresh, stage, token))
        answers = [answered(stage, partial(refresh, stage, token)) for _ in range(2)]

        where = f"after a kill at message {moment}"
        assert [one.status for one in answers] == [200, 200], where
        opened += [one.json() for one in answers]
        assert len({one["refresh_token"] for one in opened[-2:]}) == 1, where
        assert [opens(stage, one) for one in opened[-2:]] == [{200}, {200}], where
        tokens = opened[-1]
    assert grants(stage) == before
    log_out(stage, person)
    assert {frozenset(opens(stage, one)) for one in opened} == {frozenset({401})}
    assert_over(stage, tokens)
    assert len(kills.at) >= 3


@pytest.mark.parametrize("kind", sampled(["access_token", "refresh_token"], 1))
def test_a_revocation_that_was_repeated_lets_nobody_in(stage: Stage, kills: Kills, person: Visitor, kind: str) -> None:
    for moment in kills.moments(OF_REVOCATION):
        tokens = new_tokens(stage, person)
        assert opens(stage, tokens) == {200}

        kills.during(moment, partial(ask, stage, "revoke", token=tokens[kind]))
        seen = answered(stage, partial(ask, stage, "revoke", token=tokens[kind]))

        assert seen.status == 200
        assert_over(stage, tokens)
    assert len(kills.at) >= 3
