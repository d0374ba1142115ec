"""What a server of the cluster forgot or never heard is not believed, wherever its slots go (threats.md R1, R9)."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gateway.flows.operate.readiness import Readiness
from gateway.flows.people.logout import Ending
from gateway.stores.redis.wire import login_key
from tests.attacks.conftest import House, open_house
from tests.cluster.conftest import running
from tests.cluster.servers import Move, Node, Servers, move_at_once, until
from tests.cluster.test_moving_sessions import Visitor, apart, asking_all_along, out, visit
from tests.conftest import Pool


async def until_answered(house: House, visitor: Visitor) -> None:
    """Long before the table of slots would be asked for without a reason."""
    async with asyncio.timeout(10):
        while await visitor.ask(house) == 503:
            await asyncio.sleep(0.02)


async def until_owner(servers: Servers, slot: int, owner: Node) -> None:
    """Everybody who is there knows it, and serves."""
    living = servers.living()
    async with asyncio.timeout(30):
        while not all(servers.owner(slot, node) is owner for node in living):
            await asyncio.sleep(0.05)
        while not all(node.says("cluster_state:ok", "CLUSTER", "INFO") for node in living):
            await asyncio.sleep(0.05)


def has_all(primary: Node) -> bool:
    """Its replica, that is."""
    return bool(primary.do("WAIT", 1, 1000) == 1)


def hears_nothing_from_now_on(primary: Node, replica: Node) -> None:
    """But will be there to take over."""
    os.kill(replica.server.pid, signal.SIGSTOP)
    primary.do("CLIENT", "KILL", "TYPE", "replica")


async def lose(servers: Servers, slot: int, primary: Node, replica: Node) -> None:
    """Nobody is told: the others elect the replica."""
    primary.server.kill()
    os.kill(replica.server.pid, signal.SIGCONT)
    await until_owner(servers, slot, replica)


async def test_a_primary_that_is_killed_is_found_again_and_nothing_old_is_served(
    breakable: Servers, pool: Pool, tmp_path: Path
) -> None:
    servers = breakable
    async with open_house(pool, servers.connect, tmp_path) as house:
        ended = await visit(house, "ada")
        kept = await house.sign_in("ada")
        primary = servers.owner(ended.slot)
        replica = servers.add_replica(primary)
        assert await house.lives(kept)
        until(lambda: has_all(primary))
        hears_nothing_from_now_on(primary, replica)
        assert await house.logout.end(Ending(ended.token.tag, ended.token.login, ""))

        await lose(servers, ended.slot, primary, replica)
        record = replica.do("GET", login_key(ended.token.tag, ended.token.login))
        await until_answered(house, ended)

        assert record[:1] == b"L", "the new primary itself has the session still"
        assert await out(house, ended)
        assert await house.lives(kept)


@pytest.mark.parametrize("way", ["at once", "key by key"])
async def test_a_slot_that_comes_back_from_who_missed_a_logout_brings_nothing_back(
    breakable: Servers, pool: Pool, tmp_path: Path, way: str
) -> None:
    """The record is home again, byte by byte as its server wrote it, and that server has lived all along."""
    servers = breakable
    async with open_house(pool, servers.connect, tmp_path) as house:
        visitor = await visit(house, "ada")
        home = servers.owner(visitor.slot)
        away = next(node for node in servers.nodes[1:] if node is not home)
        replica = servers.add_replica(away)
        key = login_key(visitor.token.tag, visitor.token.login)
        written = home.do("GET", key)
        move_at_once(servers, [(visitor.slot, visitor.slot)], home, away)
        until(lambda: has_all(away))
        hears_nothing_from_now_on(away, replica)
        assert await house.logout.end(Ending(visitor.token.tag, visitor.token.login, ""))
        await lose(servers, visitor.slot, away, replica)
        await asyncio.sleep(1)  # the functions look once a second

        missed = replica.do("GET", key)
        back = Move(servers, visitor.slot, replica, home)
        if way == "at once":
            move_at_once(servers, [(visitor.slot, visitor.slot)], replica, home)
        else:
            back.begin()
            back.carry(back.keys())
        lives = await asyncio.gather(*(house.lives(visitor.token) for _ in range(20)))
        back.finish()
        await until_answered(house, visitor)

        assert written[:1] == b"L"
        assert missed == written
        assert not any(lives)
        assert await out(house, visitor)


async def test_a_primary_that_steps_down_takes_nobody_with_it(breakable: Servers, pool: Pool, tmp_path: Path) -> None:
    servers = breakable
    async with open_house(pool, servers.connect, tmp_path) as house:
        visitors = [await visit(house, name) for name in ("ada", "eve")]
        primary = servers.owner(visitors[0].slot)
        replica = servers.add_replica(primary)

        async with asking_all_along(house, visitors):
            replica.do("CLUSTER", "FAILOVER")
            await until_owner(servers, visitors[0].slot, replica)
            since = asyncio.get_running_loop().time() + 1
            await asyncio.sleep(2)

        assert all(one.statuses() <= {200, 503} for one in visitors)
        assert [one.statuses(since) for one in visitors] == [{200}, {200}]
        assert [one.names() for one in visitors] == [{"ada"}, {"eve"}]


async def test_readiness_names_the_server_that_is_away(breakable: Servers, pool: Pool) -> None:
    async with running(breakable.connect()) as cluster:
        readiness = Readiness(pool, cluster, {})
        before = (await readiness.look())["redis"]
        lost = breakable.nodes[1]
        await apart(lost.server.kill)
        async with asyncio.timeout(10):
            while cluster.connected:
                await asyncio.sleep(0.02)
        after = (await readiness.look())["redis"]

    assert before.serves
    assert not after.serves
    assert lost.address in after.detail


async def test_a_primary_that_is_cut_off_from_the_others_stops_answering(
    breakable: Servers, pool: Pool, tmp_path: Path
) -> None:
    """What those have decided meanwhile it can't know."""
    servers = breakable
    async with open_house(pool, servers.connect, tmp_path) as house:
        visitor = await visit(house, "ada")
        alone = servers.owner(visitor.slot)
        others = [node for node in servers.nodes if node is not alone]
        for node in others:
            os.kill(node.server.pid, signal.SIGSTOP)

        async with asyncio.timeout(30):
            while await visitor.ask(house) != 503:
                await asyncio.sleep(0.02)
        stopped = alone.says("cluster_state:fail", "CLUSTER", "INFO")
        for node in others:
            os.kill(node.server.pid, signal.SIGCONT)
        await until_owner(servers, visitor.slot, alone)
        await until_answered(house, visitor)

        assert stopped
        assert visitor.statuses() == {200, 503}
        assert await visitor.ask(house) == 200
