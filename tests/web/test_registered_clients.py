"""Registered clients get tokens as declared ones do, and disabling one ends all that it has before it returns."""

import json
from dataclasses import dataclass

import pytest

from gateway.core.policy.compile import compile_policy
from gateway.core.policy.model import Policy
from gateway.core.policy.reading.registered import RegisteredClient
from gateway.core.policy.site import Site
from gateway.core.session.tokens import Token
from gateway.flows.oauth.client_admin import ClientAdmin, ClientRefused, Settings
from gateway.flows.oauth.removed_clients import RemovedClients
from gateway.flows.policy.policy_fleet import PolicyFleet
from gateway.stores.postgres.clients import ClientRows
from gateway.stores.postgres.policy_workers import PolicyWorkers
from tests.core.forward.setting import KEYS
from tests.oauth_clients import API, POLICY
from tests.web.oauth_house import Answered, House

WEB = "{name: Notes, type: web, redirect_uris: https://notes.example.org/cb, scopes: [openid, offline_access]}"
JOB = f"{{name: Job, type: service, scopes: notes.read, resources: {API}}}"


@dataclass
class Registry:
    """secrets: of those that were added, by id."""

    house: House
    admin: ClientAdmin
    secrets: dict[str, str]

    async def add(self, client: str, text: str) -> None:
        self.secrets[client] = await self.admin.add(client, Settings(text, "file"), policy_with)
        await self.read()

    async def read(self) -> None:
        """What each worker does every two seconds."""
        async with self.house.pool.acquire() as connection:
            rows = await ClientRows(connection).active()
        self.house.policy[0] = policy_with(*(RegisteredClient(row.id, row.settings, row.secret_hash) for row in rows))

    async def exchange(self, code: str) -> Answered:
        secret = self.secrets["notes"]
        return await self.house.exchange("notes", code, client_id="notes", client_secret=secret)

    async def tokens(self, login: Token, *, offline: bool = False) -> dict[str, str]:
        answered = await self.exchange(await self.house.code("notes", login, offline=offline))
        assert answered.status == 200, answered.body
        return answered.body

    async def refresh(self, token: str) -> Answered:
        return await self.house.refresh("notes", token, client_secret=self.secrets["notes"])

    async def own_token(self) -> Answered:
        form = {"grant_type": "client_credentials", "client_id": "job", "client_secret": self.secrets["job"]}
        return await self.house.post("/oauth2/token", form)


def policy_with(*registered: RegisteredClient) -> Policy:
    return compile_policy({"clients.yaml": POLICY}, Site("auth.example.org"), registered=registered)


@pytest.fixture
async def registry(house: House) -> Registry:
    registry = Registry(house, ClientAdmin(house.acts, KEYS, "cli:root", house.here.random), {})
    await registry.add("notes", WEB)
    await registry.add("job", JOB)
    return registry


async def test_they_get_tokens_of_people_and_their_own(registry: Registry, house: House, login: Token) -> None:
    person, own = await registry.tokens(login), await registry.own_token()

    assert await house.passes(person["access_token"])
    assert await house.passes(own.body["access_token"])
    assert (await registry.refresh(person["refresh_token"])).status == 200


async def test_a_secret_is_nowhere_in_clear(registry: Registry, house: House) -> None:
    assert [len(secret) for secret in registry.secrets.values()] == [43, 43]
    told = str([tuple(row) for row in await house.pool.fetch("SELECT * FROM clients")]) + str(
        await house.entries("client_added")
    )

    assert not any(secret in told for secret in registry.secrets.values())


async def test_all_that_it_has_ends_and_enabling_revives_none(registry: Registry, house: House, login: Token) -> None:
    ones = [await registry.tokens(login), await registry.tokens(login, offline=True)]
    own, other, code = await registry.own_token(), await house.tokens("wiki", login), await house.code("notes", login)
    before = [await house.passes(one["access_token"]) for one in (*ones, own.body, other)]

    assert (await registry.admin.disable("notes"), await registry.admin.disable("job")) == (True, True)
    disabled = [await house.passes(one["access_token"]) for one in (*ones, own.body, other)]
    assert await registry.admin.enable("notes")
    assert await registry.admin.enable("job")
    await registry.read()

    assert before == [True] * 4
    assert disabled == [False, False, False, True]
    assert not any([await house.passes(one["access_token"]) for one in (*ones, own.body)])
    assert {(await registry.refresh(one["refresh_token"])).error for one in ones} == {"invalid_grant"}
    assert (await registry.exchange(code)).error == "invalid_grant"
    assert await house.passes((await registry.own_token()).body["access_token"])
    ended = await house.entries("grant_ended")
    assert [(json.loads(detail)["why"], actor) for _, actor, detail in ended] == [("client_disabled", "cli:root")] * 3
    kinds = [kind for kind, _, _ in await house.entries("client_added", "client_disabled", "client_changed")]
    assert kinds == ["client_added"] * 2 + ["client_disabled"] * 2 + ["client_changed"] * 2


async def test_a_worker_that_has_not_heard_makes_no_grant(registry: Registry, house: House, login: Token) -> None:
    """Its policy still has the client; the database says no."""
    assert await registry.admin.disable("notes")
    assert await registry.admin.disable("job")
    code = await house.code("notes", login)  # as the authorization endpoint of that worker makes one

    assert (await registry.exchange(code)).error == "invalid_grant"
    assert (await registry.own_token()).error == "invalid_client"
    assert await house.live_grants() == 0


async def test_a_worker_that_has_heard_does_not_know_it(registry: Registry) -> None:
    await registry.admin.disable("job")
    await registry.read()

    answered = await registry.own_token()

    assert (answered.status, answered.error) == (401, "invalid_client")


async def test_a_repetition_tells_redis_what_it_has_not_heard(registry: Registry, house: House, login: Token) -> None:
    """As if the command had been killed between Postgres and Redis."""
    ones = [await registry.tokens(login), await registry.tokens(login, offline=True)]
    assert [await house.passes(one["access_token"]) for one in ones] == [True, True]
    await house.pool.execute("UPDATE clients SET state = 'disabled' WHERE id = 'notes'")
    await house.pool.execute("UPDATE grants SET ended_at = 1, ended_why = 'client_disabled'")
    await house.pool.execute("DELETE FROM sessions WHERE host = 'client:notes'")
    assert [await house.passes(one["access_token"]) for one in ones] == [True, True]

    assert not await registry.admin.disable("notes")

    assert [await house.passes(one["access_token"]) for one in ones] == [False, False]


async def test_more_grants_than_one_batch_takes_end_too(registry: Registry, house: House, login: Token) -> None:
    await registry.tokens(login, offline=True)
    await house.pool.execute(
        "INSERT INTO grants SELECT (g.j).* FROM (SELECT jsonb_populate_record(NULL::grants, to_jsonb(g) ||"
        " jsonb_build_object('id', '\\x' || lpad(to_hex(n), 32, '0'))) AS j FROM grants g,"
        " generate_series(1, 220) n) AS g"
    )
    assert await house.live_grants() == 221

    await registry.admin.disable("notes")

    assert await house.live_grants() == 0


async def test_the_work_on_removed_clients_leaves_registered_ones_alone(
    registry: Registry, house: House, login: Token
) -> None:
    """Also where the leader has not read them yet; and it ends what a killed command left of a disabled one."""
    notes = await registry.tokens(login)
    own = (await registry.own_token()).body
    house.policy[0] = policy_with()
    async with house.pool.acquire() as connection:
        await PolicyWorkers(connection).report("node", 0, house.policy[0].version, "", 0, [])
    await house.pool.execute("UPDATE clients SET state = 'disabled' WHERE id = 'job'")

    await RemovedClients(house.acts, PolicyFleet(house.pool), lambda: house.policy[0], KEYS.tag).work()

    assert await house.passes(notes["access_token"])
    assert not await house.passes(own["access_token"])


async def test_a_new_secret_replaces_the_one_before(registry: Registry, house: House) -> None:
    old = registry.secrets["job"]
    registry.secrets["job"] = await registry.admin.rotate_secret("job")
    await registry.read()

    accepted = await registry.own_token()
    registry.secrets["job"] = old
    refused = await registry.own_token()

    assert (accepted.status, refused.error) == (200, "invalid_client")
    assert len(await house.entries("client_secret_rotated")) == 1


async def test_changed_settings_keep_the_secret_while_one_is_needed(registry: Registry, house: House) -> None:
    change = registry.admin.change
    assert await change("notes", Settings(WEB.replace("Notes", "Memos"), "f"), policy_with) == ""
    kept = await registry.admin.show("notes")
    assert await change("notes", Settings(WEB.replace("web", "spa"), "f"), policy_with) == ""
    public = await registry.admin.show("notes")
    secret = await change("notes", Settings(WEB, "f"), policy_with)

    assert (json.loads(kept.settings)["name"], kept.version, kept.secret_hash is None) == ("Memos", 2, False)
    assert (public.version, public.secret_hash) == (3, None)
    assert secret not in ("", registry.secrets["notes"])
    assert len(await house.entries("client_changed")) == 3


async def test_what_is_refused_changes_nothing(registry: Registry, house: House) -> None:
    before = await registry.admin.list()
    add, change = registry.admin.add, registry.admin.change
    for work, said in (
        (add("notes", Settings(WEB, "f"), policy_with), "is registered already"),
        (add("wiki", Settings(WEB, "f"), policy_with), "`wiki` is declared at clients.yaml:"),
        (add("new", Settings("{name: x", "f.yaml"), policy_with), "^f.yaml:2:1: did not find"),
        (add("new", Settings(WEB.replace("https:", "http:"), "f.yaml"), policy_with), "^f.yaml:1:"),
        (change("notes", Settings("{}", "f.yaml"), policy_with), "^f.yaml:1:"),
        (change("wiki", Settings(WEB, "f.yaml"), policy_with), "no client 'wiki' is registered"),
        (registry.admin.disable("wiki"), "no client 'wiki' is registered"),
        (registry.admin.enable("wiki"), "no client 'wiki' is registered"),
        (registry.admin.rotate_secret("wiki"), "no client 'wiki' is registered"),
    ):
        with pytest.raises(ClientRefused, match=said):
            await work
    assert await registry.admin.list() == before
    assert await registry.admin.enable("notes") is False
    assert len(await house.entries("client_added", "client_changed", "client_disabled")) == 2
