"""Early data over QUIC: what an attacker has recorded and sends again needs no handshake (RFC 8470, threats.md P6)."""

import asyncio

from tests.caddy.front import Front
from tests.caddy.quic import early, ticket_of
from tests.staging import Stage

WITHIN_S = 20


def too_early(stage: Stage) -> int:
    return len([line for line in stage.logged() if line.get("reason") == "too_early"])


def started(front: Front, *, zero_rtt: bool) -> Front:
    """zero_rtt: the operator has forgotten our line, and Caddy's own way is on."""
    right = front.right()
    assert right.count("0rtt off") == 1
    front.start(right.replace("0rtt off", "") if zero_rtt else right)
    return front


async def test_early_data_for_people_is_425_before_any_handshake_and_does_not_reach_the_app(
    front: Front, stage: Stage
) -> None:
    """Caddy says that it is early data, whatever the client says."""
    session = await asyncio.to_thread(lambda: stage.signed_in().jar["app.localhost"]["__Host-bastion"])
    headers, before = (("cookie", f"__Host-bastion={session}"), ("early-data", "0")), too_early(stage)
    ticket = await ticket_of(started(front, zero_rtt=True))

    async with early(front, ticket) as client:
        replayed = client.ask("/race/replayed", front.port, *headers)
        async with asyncio.timeout(WITHIN_S):
            while too_early(stage) == before:
                await asyncio.sleep(0.02)
        client.release()
        refused = await asyncio.wait_for(replayed, WITHIN_S)
        again = await asyncio.wait_for(client.ask("/race/again", front.port, headers[0]), WITHIN_S)

    reached = await asyncio.to_thread(stage.reached)
    assert client.early is True
    assert (refused, again) == (425, 200)
    assert [any(path in one for one in reached) for path in ("/race/replayed", "/race/again")] == [False, True]


async def test_early_data_for_anyone_passes_where_caddy_takes_it(front: Front, stage: Stage) -> None:
    ticket = await ticket_of(started(front, zero_rtt=True))

    async with early(front, ticket) as client:
        asked = client.ask("/open/early", front.port)
        async with asyncio.timeout(WITHIN_S):
            while not any("/open/early" in one for one in await asyncio.to_thread(stage.reached)):
                await asyncio.sleep(0.02)
        early_then = client.early
        client.release()

        assert early_then is None, "the app has it before the handshake has ended"
        assert await asyncio.wait_for(asked, WITHIN_S) == 200


async def test_the_shipped_caddyfile_takes_no_early_data_not_even_unasked_for(front: Front, stage: Stage) -> None:
    """What is sent all the same is dropped, and comes again after the handshake, when nobody can replay it."""
    session = await asyncio.to_thread(lambda: stage.signed_in().jar["app.localhost"]["__Host-bastion"])
    ticket = await ticket_of(started(front, zero_rtt=False))
    offered = ticket.max_early_data_size

    async with early(front, ticket) as client:
        replayed = client.ask("/race/shipped", front.port, ("cookie", f"__Host-bastion={session}"))
        await client.heard()
        await asyncio.sleep(0.2)
        reached = await asyncio.to_thread(stage.reached)
        client.release()
        status = await asyncio.wait_for(replayed, WITHIN_S)

    assert offered is None
    assert not any("/race/shipped" in one for one in reached)
    assert (client.early, status) == (False, 200)
