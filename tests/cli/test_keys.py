"""`bastion keys`: an operator sees what is under each master key, and lets another one wrap."""

import json

from gateway.config.values import parse_secret
from gateway.core.privacy.sealing import master_id
from gateway.stores.postgres.policy_workers import PolicyWorkers
from tests.cli.conftest import SECRETS, Bastion
from tests.conftest import Pool

OLD, NEW = (master_id(parse_secret(SECRETS[name])) for name in ("master", "other"))


async def test_a_key_takes_the_place_of_another_once_every_worker_has_it(bastion: Bastion, pool: Pool) -> None:
    added = await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery staple")
    before = json.loads((await bastion("keys", "status", "--json")).out)
    async with pool.acquire() as connection:
        await PolicyWorkers(connection).report("node-7", 3, "v", "", 0, master_ids=[OLD])
    bastion.configure(master=f"{SECRETS['other']}, {SECRETS['master']}")
    refused = await bastion("keys", "rotate-master")
    async with pool.acquire() as connection:
        await PolicyWorkers(connection).report("node-7", 3, "v", "", 0, master_ids=[NEW, OLD])

    rotated = await bastion("keys", "rotate-master")
    again = await bastion("keys", "rotate-master")
    after = await bastion("keys", "status")

    assert added.status == 0, added.err
    (only,) = before["masters"]
    assert (only["id"], only["active"], only["on_this_node"], only["rows"]["user_keys"]) == (OLD, True, True, 1)
    assert only["first_seen_at"] > 0
    assert before["done"] is True
    assert refused.status == 1
    assert f"these lack the master key {NEW}: node-7, worker 3;" in refused.err
    assert rotated.status == 0
    assert f"The master key {NEW} wraps from now on." in rotated.out
    assert (again.status, f"the master key {NEW} wraps already" in again.err) == (1, True)
    assert f"master  {NEW}   wraps new keys, 0 keys under it, since " in after.out
    assert "on 1 of 1 workers" in after.out
    assert f"master  {OLD}   " in after.out
    assert "a worker of the fleet has to run" in after.out
    assert "may be destroyed" not in after.out


async def test_without_the_key_that_people_need_no_command_acts(bastion: Bastion) -> None:
    assert (await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery staple")).status == 0
    bastion.configure(master=SECRETS["other"])

    for command in (("user", "list"), ("migrate",), ("keys", "status")):
        refused = await bastion(*command)

        assert refused.status == 1
        assert f"wrapped with the master key {OLD}, which this node does not have" in refused.err
