"""Both listeners read tokens alike: as one line each, whatever the spelling of its name."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.token.access import grant_credential
from gateway.web.forward_auth.listener import Listener
from tests.conftest import Pool
from tests.core.forward.tokens import BOUND, HOST, METADATA, TOKENS, issue, prove
from tests.deciding import deciding
from tests.web.served import Served, question, statuses
from tests.web.test_both_listeners import both_answer

SNIPPET = "X-Bastion-Snippet: 2;;\r\n"


@pytest.fixture
async def served(pool: Pool, redis: Redis, redis_url: str, short_directory: Path) -> AsyncIterator[Served]:
    await redis.ping()
    path = short_directory / f"{uuid4().hex[:8]}.sock"
    async with deciding(pool, redis_url, int(time.time()), context=TOKENS) as here:
        listener = Listener(here.decisions.start, ())
        server = await asyncio.get_running_loop().create_unix_server(listener, path)
        yield Served(path, listener, here)
        server.close()
        await listener.drain(1)


ALIKE = {
    "nothing": ("", 401),
    "made up": ("Authorization: Bearer x\r\n", 401),
    "another scheme": ("Authorization: Basic YTpi\r\n", 401),
    "no value": ("Authorization:\r\n", 401),
    "of another host": (f"Authorization: Bearer {issue(audience='https://pages.example.org')}\r\n", 401),
    "twice": ("Authorization: Bearer x\r\nauthorization: Basic YTpi\r\n", 400),
    "twice, the other first": ("AUTHORIZATION: Basic YTpi\r\nAuthorization: Bearer x\r\n", 400),
    "with a proof of too little": (f"Authorization: DPoP {BOUND}\r\nDPoP: x\r\n", 401),
    "with two proofs": (f"Authorization: DPoP {BOUND}\r\nDPoP: {prove()}\r\ndpop: {prove()}\r\n", 401),
}


@pytest.mark.parametrize(("lines", "status"), ALIKE.values(), ids=ALIKE)
async def test_what_opens_nothing_is_refused_alike(served: Served, lines: str, status: int) -> None:
    answer = await both_answer(served, question("/x", host=HOST, more=f"{SNIPPET}{lines}"))

    assert statuses(answer) == [status]


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_a_token_opens_alike(served: Served, name: str) -> None:
    here = served.here
    await here.add_person()
    login = await here.log_in(host=HOST)
    async with here.acts.begin() as act:
        await act.logins.add_session(
            login.login_id, "client:spa", grant_credential(b"g" * 16), by_password(here.now), here.now
        )
    token = issue(tag=login.tag, record=login.login_id, now=here.now)

    answer = await both_answer(served, question("/x", host=HOST, more=f"{SNIPPET}{name}: Bearer {token}\r\n"))

    assert statuses(answer) == [200]
    assert b"Remote-User: ada\r\n" in answer
    assert b"X-Bastion-Taken-1: authorization\r\n" in answer


async def test_both_say_where_tokens_come_from(served: Served) -> None:
    answer = await both_answer(served, question(METADATA, host=HOST, more=SNIPPET))

    assert statuses(answer) == [200]
    assert b"authorization_servers" in answer
