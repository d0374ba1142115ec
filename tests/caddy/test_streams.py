"""What was handed over ends by the proxy's stream_timeout: a logout does not reach into it (threats.md H7)."""

import asyncio
from contextlib import suppress

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.caddy.doubles import App
from tests.caddy.rig import Rig, Wish
from tests.caddy.test_upgrade import client

SHORT = "short.localhost"
LONG = "long.localhost"


def site(host: str, timeout: str) -> str:
    return f"""
https://{host}:<port> {{
	import bastion {{
		reverse_proxy <app> {{
			stream_timeout {timeout}
		}}
	}}
}}
"""


WISH = Wish(sites=site(SHORT, "1s") + site(LONG, "15m"), hosts=(SHORT, LONG))


async def talk(channel: ClientWebSocketResponse) -> None:
    """Says something for each answer, until the other side ends it."""
    with suppress(ConnectionError):
        while (await channel.receive()).type is WSMsgType.TEXT:
            await channel.send_str("still here")


async def test_an_open_websocket_ends_by_stream_timeout_however_busy(rig: Rig, app: App) -> None:
    urls = [f"wss://{host}:{rig.port}/ws" for host in (SHORT, LONG)]
    async with client(rig.trust()) as session:
        short, long = [await session.ws_connect(url) for url in urls]
        await short.send_str("hello")

        await asyncio.wait_for(talk(short), 30)
        await long.send_str("hello")

        assert await long.receive_str(timeout=5) == "echo hello"
    assert len(app.reached) == 2
