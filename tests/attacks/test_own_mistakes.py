"""A mistake of ours lets nobody in, keeps nobody waiting, and is in the log."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.forward.pages import Page
from gateway.flows.decide.decisions import Decisions
from gateway.flows.decide.refill import Refill
from gateway.stores.redis.decisions import DecisionCalls, FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.web.forward_auth.listener import Listener
from tests.conftest import Pool
from tests.core.forward.setting import CONTEXT, KEYS
from tests.deciding import deciding

QUESTION = (
    b"GET /decide?x HTTP/1.1\r\nHost: wiki.example.org\r\nX-Request-Id: 7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11\r\n"
    b"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /.bastion/none\r\nX-Forwarded-Host: wiki.example.org\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 127.0.0.1\r\nAccept: text/html\r\n\r\n"
)


async def test_a_question_that_raises_ends_the_connection_at_once(
    pool: Pool, redis: Redis, redis_url: str, short_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def render(_page: Page) -> bytes:
        raise ZeroDivisionError

    await redis.ping()
    calls = DecisionCalls(FunctionCalls(Pipeline(redis_url, 1), library()))
    async with deciding(pool, redis_url, int(time.time())) as here:
        refill = Refill(here.acts, KEYS, calls, here.random, lambda _: None, here.fills.append, print)
        decisions = Decisions(
            replace(CONTEXT, render=render), calls, refill, lambda: here.now * 1_000_000, here.random,
            lambda _: None, lambda *_: None, print,
        )  # fmt: skip
        server = await asyncio.get_running_loop().create_unix_server(
            Listener(decisions.start, ()), short_directory / "mistake.sock"
        )
        reader, writer = await asyncio.open_unix_connection(short_directory / "mistake.sock")

        with caplog.at_level(logging.ERROR):
            writer.write(QUESTION)
            received = await asyncio.wait_for(reader.read(), 1)

        writer.close()
        server.close()
    assert received == b""
    assert "ZeroDivisionError" in caplog.text
