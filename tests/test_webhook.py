"""A post that was not answered well was not delivered, and nobody hears where it would have gone."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.outbound.undelivered import Undelivered
from gateway.outbound.webhook import Webhook
from tests.receiver import Receiver, own_certificate, receiving, with_status

BEARER = "b" * 40


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def webhook(receiver: Receiver, timeout_s: float = 10) -> Webhook:
    return Webhook(receiver.url, BEARER, timeout_s)


async def test_a_post_that_is_answered_well_is_delivered_with_its_bearer(receiver: Receiver) -> None:
    await webhook(receiver).post('{"jws": "a.b.c"}\n')
    await Webhook(receiver.url, "", 10).post("{}")

    (path, headers, body), (_, without, _) = receiver.heard
    assert (path, body) == ("/keep/s3cret-path", '{"jws": "a.b.c"}\n')
    assert headers["Authorization"] == f"Bearer {BEARER}"
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in without


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_each_kind_of_success_is_one(receiver: Receiver, status: int) -> None:
    receiver.answer = with_status(status)

    await webhook(receiver).post("{}")

    assert receiver.taken == ["{}"]


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 429, 500, 503])
async def test_any_other_answer_is_none(receiver: Receiver, status: int) -> None:
    receiver.answer = with_status(status)

    with pytest.raises(Undelivered, match=f"^it answered {status}$"):
        await webhook(receiver).post("{}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_its_target_hears_nothing(receiver: Receiver, status: int) -> None:
    async with receiving() as elsewhere:
        receiver.answer = with_status(status, Location=elsewhere.url)

        with pytest.raises(Undelivered, match=f"^it answered {status}$"):
            await webhook(receiver).post("{}")

        assert elsewhere.heard == []
    assert len(receiver.heard) == 1


async def test_an_answer_that_does_not_come_in_time_is_none(receiver: Receiver) -> None:
    forever = asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    receiver.answer = never

    with pytest.raises(Undelivered, match=r"^no answer within 0\.2 s$"):
        await webhook(receiver, 0.2).post("{}")

    forever.set()


async def test_the_body_of_an_answer_is_not_waited_for(receiver: Receiver) -> None:
    gone = asyncio.Event()

    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not gone.is_set():
            try:
                await response.write(b"x" * 65_536)
            except ConnectionError:
                gone.set()
        return response

    receiver.answer = drips

    await webhook(receiver, 60).post("{}")

    await asyncio.wait_for(gone.wait(), 20)


async def test_no_reason_holds_the_path_or_the_bearer(receiver: Receiver) -> None:
    async def hangs_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.answer = hangs_up
    reasons = [await reason(webhook(receiver))]
    await receiver.stop()
    reasons.append(await reason(webhook(receiver)))
    reasons += [await reason(Webhook(url, BEARER, 5)) for url in ("http://[::1", "https://no-such.invalid/s3cret-path")]
    async with garbled() as port:
        reasons.append(await reason(Webhook(f"http://127.0.0.1:{port}/s3cret-path", BEARER, 5)))
        reasons.append(await reason(Webhook(f"https://127.0.0.1:{port}/s3cret-path", BEARER, 5)))

    assert f"127.0.0.1:{receiver.port} can't be reached" in reasons[1]
    for found in reasons:
        assert "s3cret" not in found
        assert BEARER not in found
    assert "s3cret" not in repr(webhook(receiver))
    assert BEARER not in repr(webhook(receiver))


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    context = own_certificate(tmp_path)
    async with garbled(context) as port:
        found = await reason(Webhook(f"https://127.0.0.1:{port}/s3cret-path", BEARER, 5))

    assert found.startswith(f"127.0.0.1:{port} can't be reached: ")
    assert "certificate verify failed" in found


async def reason(hook: Webhook) -> str:
    with pytest.raises(Undelivered) as refusal:
        await hook.post("{}")
    return str(refusal.value)


@asynccontextmanager
async def garbled(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that speaks no HTTP. context: with TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 mail.example.org ready\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
