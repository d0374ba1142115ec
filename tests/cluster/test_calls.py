"""Each call is done once, by the server of its slot, or it is said that nobody knows (threats.md R9)."""

import asyncio

import pytest

from gateway.core.assurance.model import by_password
from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Claim, Leases, Presented, Question, Spend, Standing
from gateway.core.ratelimit.gcra import Limit
from gateway.core.session.login_record import Session
from gateway.flows.operate.readiness import Readiness
from gateway.stores.redis.access import NEEDED_IN_CLUSTER, excesses
from gateway.stores.redis.cluster import Cluster
from gateway.stores.redis.decisions import DecisionCalls, Fill
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.revocations import Revocations
from gateway.stores.redis.slots import slot_of
from tests.cluster.conftest import running
from tests.cluster.servers import Move, Servers, until
from tests.conftest import Pool

LOGIN, CREDENTIAL = "l" * 22, b"c" * 16
LIMIT = Limit("L", count=5, period_us=5_000_000, burst=3)
TAG = "t" * 16
SLOT = slot_of(TAG)
FOR_EVER = 4_000_000_000


def of(tag: str) -> Presented:
    return Presented(tag, LOGIN, CREDENTIAL)


async def every_function(cluster: Cluster, tag: str) -> Standing:
    """Each function of the library at least once, with all kinds of keys; the outcome of a decision at their end."""
    calls, revocations = DecisionCalls(cluster), Revocations(cluster)
    await revocations.offer(tag, "code", "h")
    asked = Question(1, of(tag), Claim("code", "h"), (Spend(tag, LOGIN, LIMIT), Spend("iaddress", "", LIMIT)), "r")
    missed = await calls.reply_to(asked)
    assert missed is not None
    assert missed.leases is not None
    sessions = (Session(CREDENTIAL, by_password(1), 0),)
    fill = Fill(tag, LOGIN, missed.leases, b"person", FOR_EVER, FOR_EVER, 600, sessions)
    assert await calls.fill(fill) == (True, True)
    decided = await calls.reply_to(Question(2, of(tag), Claim("code", "h"), asked.spends, "r", missed.paid))
    assert decided is not None
    assert len(decided.spent) == 2
    await revocations.stale_person(tag)
    await revocations.deny_until(tag, LOGIN, FOR_EVER)
    await revocations.end("login", tag, LOGIN)
    await revocations.stale_login(tag, LOGIN)
    return decided.outcome


def redirections(servers: Servers) -> int:
    return sum(node.refused("MOVED") + node.refused("ASK") for node in servers.nodes)


async def test_every_call_goes_to_the_server_of_its_slot_at_once(servers: Servers, cluster: Cluster) -> None:
    """The server refuses keys that are not declared, or not of one slot."""
    outcomes = [await every_function(cluster, f"person{number}") for number in range(50)]

    assert outcomes == [Standing.LIVE] * 50
    assert redirections(servers) == 0
    assert sum(node.refused("CROSSSLOT") for node in servers.nodes) == 0
    assert all(node.do("DBSIZE") > 20 for node in servers.nodes)


async def test_the_calls_of_a_tick_are_one_write_for_each_server(servers: Servers, cluster: Cluster) -> None:
    await every_function(cluster, TAG)
    for node in servers.nodes:
        node.do("CONFIG", "RESETSTAT")
    calls = DecisionCalls(cluster)

    replies = await asyncio.gather(*(calls.reply_to(Question(n, of(f"person{n}"), None, ())) for n in range(150)))

    assert all(reply is not None for reply in replies)
    for node in servers.nodes:
        stats = node.do("INFO", "stats")
        assert stats["total_commands_processed"] > 30
        assert stats["total_reads_processed"] < 10


async def test_the_probes_lead_to_every_server(servers: Servers, cluster: Cluster) -> None:
    owners = [servers.owner(slot_of(tag)) for tag in cluster.probes]

    assert sorted(node.name for node in owners) == sorted(node.name for node in servers.nodes)
    assert len(cluster.servers) == 3


async def test_a_slot_that_moved_is_followed_and_then_known(servers: Servers, cluster: Cluster) -> None:
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    move.begin()
    move.finish()
    before = redirections(servers)

    outcome = await every_function(cluster, TAG)
    after = redirections(servers)
    back = Move(servers, SLOT, move.target, source)
    back.begin()
    back.finish()

    assert outcome is Standing.LIVE
    assert (before, after) == (0, 1)


async def test_many_calls_that_were_sent_the_wrong_way_ask_once_for_the_table(
    servers: Servers, cluster: Cluster
) -> None:
    calls = DecisionCalls(cluster)
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    move.begin()
    move.finish()
    for node in servers.nodes:
        node.do("CONFIG", "RESETSTAT")

    replies = await asyncio.gather(*(calls.reply_to(Question(n, of(TAG), None, ())) for n in range(500)))
    await asyncio.sleep(0.3)
    asked = sum(
        node.do("INFO", "commandstats").get("cmdstat_cluster|slots", {"calls": 0})["calls"] for node in servers.nodes
    )
    back = Move(servers, SLOT, move.target, source)
    back.begin()
    back.finish()

    assert all(reply is not None for reply in replies)
    assert asked in (1, 2)  # looked at anew while the first were still on their way


async def test_a_key_on_its_way_is_asked_for_where_it_is_going(servers: Servers, cluster: Cluster) -> None:
    """Also on a server that has never heard of the library."""
    revocations = Revocations(cluster)
    await revocations.end("login", TAG, LOGIN)
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    move.target.do("FUNCTION", "FLUSH")
    move.begin()
    move.carry(move.keys())

    await revocations.end("login", TAG, LOGIN)
    await revocations.end("login", TAG, "m" * 22)
    there, here = move.target.do("CLUSTER", "COUNTKEYSINSLOT", SLOT), move.keys()
    asked = source.refused("ASK")
    move.finish()
    back = Move(servers, SLOT, move.target, source)
    back.begin()
    back.finish()

    assert (there, here) == (2, [])
    assert asked == 3  # the first time twice: the library had to be loaded


async def test_a_slot_that_is_torn_for_too_long_is_unknown_and_no_miss(servers: Servers, cluster: Cluster) -> None:
    calls, revocations = DecisionCalls(cluster), Revocations(cluster)
    question = Question(1, of(TAG), None, ())
    missed = await calls.reply_to(question)
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    move.begin()
    move.carry(move.keys()[:1])

    loop = asyncio.get_running_loop()
    began = loop.time()
    torn = await calls.reply_to(question)
    took_s = loop.time() - began
    asked = source.refused("TRYAGAIN")
    with pytest.raises(StoreUnavailable, match="did not settle"):
        await calls.fill(Fill(TAG, LOGIN, Leases(1, 1), b"", FOR_EVER, FOR_EVER, 600, ()))
    await revocations.end("login", TAG, LOGIN)
    move.finish()
    whole = await calls.reply_to(question)
    back = Move(servers, SLOT, move.target, source)
    back.begin()
    back.finish()

    assert missed is not None
    assert torn is None
    assert took_s >= 0.25
    assert 2 <= asked <= 14
    assert whole is not None
    assert whole.outcome is Standing.ENDED


async def test_a_slot_that_is_whole_again_in_time_is_answered(servers: Servers, cluster: Cluster) -> None:
    calls = DecisionCalls(cluster)
    question = Question(1, of(TAG), None, ())
    await calls.reply_to(question)
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    move.begin()
    move.carry(move.keys()[:1])

    asking = asyncio.create_task(calls.reply_to(question))
    while not source.refused("TRYAGAIN"):
        await asyncio.sleep(0)
    move.settle()
    reply = await asking
    move.finish()
    back = Move(servers, SLOT, move.target, source)
    back.begin()
    back.finish()

    assert reply is not None
    assert reply.outcome is Standing.MISS


async def until_it_is(cluster: Cluster, *, connected: bool) -> None:
    async with asyncio.timeout(10):
        while cluster.connected != connected:
            await asyncio.sleep(0.02)


async def test_a_slot_of_nobody_is_unknown_and_readiness_says_so(servers: Servers, cluster: Cluster) -> None:
    owner = servers.owner(SLOT)
    owner.do("CLUSTER", "DELSLOTS", SLOT)
    until(lambda: owner.says("cluster_state:fail", "CLUSTER", "INFO"))

    with pytest.raises(StoreUnavailable, match=r"CLUSTERDOWN|no known server"):
        await Revocations(cluster).end("login", TAG, LOGIN)
    await until_it_is(cluster, connected=False)
    with pytest.raises(StoreUnavailable, match="no known server holds"):
        assert cluster.probes
    owner.do("CLUSTER", "ADDSLOTS", SLOT)
    owner.do("CLUSTER", "BUMPEPOCH")
    until(lambda: all(servers.owner(SLOT, node) is owner for node in servers.nodes))
    until(lambda: all(node.says("cluster_state:ok", "CLUSTER", "INFO") for node in servers.nodes))
    await until_it_is(cluster, connected=True)

    await Revocations(cluster).end("login", TAG, LOGIN)


async def test_readiness_tries_to_write_on_every_server(servers: Servers, cluster: Cluster, pool: Pool) -> None:
    readiness = Readiness(pool, cluster, {})
    said = [(await readiness.look())["redis"]]
    for node in servers.nodes:
        node.do("CONFIG", "SET", "min-replicas-to-write", 1)
        said.append((await readiness.look())["redis"])
        node.do("CONFIG", "SET", "min-replicas-to-write", 0)

    assert [state.serves for state in said] == [True, False, False, False]
    assert all("NOREPLICAS" in state.detail for state in said[1:])


async def test_each_server_is_given_the_library_when_it_lacks_it(servers: Servers, cluster: Cluster) -> None:
    for _ in range(2):
        for number in range(20):
            assert await every_function(cluster, f"p{number}") is Standing.LIVE
        for node in servers.nodes:
            node.do("FUNCTION", "FLUSH")
            node.do("FLUSHALL")


async def test_a_start_needs_any_one_of_the_servers_that_are_named(servers: Servers) -> None:
    seeds = ["127.0.0.1:1", servers.nodes[2].address]
    async with running(Cluster("redis://127.0.0.1:2", seeds, 5, library())) as cluster:
        assert cluster.connected
        assert await every_function(cluster, TAG) is Standing.LIVE


async def test_user_and_password_hold_for_all_servers_and_the_documented_rules_are_enough(servers: Servers) -> None:
    """Also for a slot that is on its way."""
    rules = f"on >secret {NEEDED_IN_CLUSTER}".split()
    for node in servers.nodes:
        node.do("ACL", "SETUSER", "bastion", *rules)
        node.do("ACL", "SETUSER", "default", "off")
    source = servers.owner(SLOT)
    move = Move(servers, SLOT, source, servers.other(source))
    try:
        async with running(Cluster(f"redis://bastion:secret@{servers.nodes[0].address}", [], 5, library())) as cluster:
            outcomes = [await every_function(cluster, f"p{number}") for number in range(20)]
            too_wide = [await excesses(server) for server in cluster.servers]
            move.begin()
            await Revocations(cluster).end("login", TAG, LOGIN)
            arrived = move.target.do("CLUSTER", "COUNTKEYSINSLOT", SLOT)
    finally:
        for node in servers.nodes:
            node.do("ACL", "SETUSER", "default", "on")
            node.do("ACL", "DELUSER", "bastion")
            node.do("CLUSTER", "SETSLOT", SLOT, "STABLE")

    assert outcomes == [Standing.LIVE] * 20
    assert too_wide == [(), (), ()]
    assert arrived == 1
