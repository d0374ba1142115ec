"""A worker of the demo, whole, in the test's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.config import Config, load_config
from gateway.core.assurance.model import by_password
from gateway.core.session.cookies import LOGIN_COOKIE
from gateway.core.session.tokens import credential_of, mint, tag_of
from gateway.demo.setting import AUTH_HOST, Setting
from gateway.metrics import Metrics
from gateway.resources import clock, make_vault, random_bytes
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from gateway.worker import Start
from tests.conftest import Pool

ADA = UUID(int=1)
PORT = 8443
HOST = {"Host": f"{AUTH_HOST}:{PORT}"}


@dataclass(slots=True)
class Worker:
    """login: the cookie of somebody who is signed in. console: with a socket of its own."""

    client: TestClient[web.Request, web.Application]
    login: str
    metrics: Metrics
    vault: Vault
    config: Config
    console: web.Application | None = None


@asynccontextmanager
async def whole_worker(
    pool: Pool, database_url: str, redis_url: str, directory: Path, policy: str = "", more: str = "", **environ: str
) -> AsyncIterator[Worker]:
    """directory: one that isn't there yet. policy: a file beside the demo's. more: lines of configuration."""
    setting = Setting.prepare(directory, PORT)
    setting.write_config(database_url, redis_url)
    if more:
        with setting.config_file.open("a") as file:
            file.write(more)
    if policy:
        (directory / "policies" / "more.yaml").write_text(policy)
    slow = {"BASTION_REDIS_TIMEOUT_MS": "5000"}  # a slow machine
    config = load_config(setting.config_file, environ={**slow, **environ}).config
    metrics = Metrics(1)
    keys, now = config.keys(), clock()
    token = mint(keys.mac, tag_of(keys.tag, ADA), random_bytes(16), random_bytes(32))
    vault = make_vault(config)
    async with pool.acquire() as connection, connection.transaction():
        await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "x"), now)
        logins = Logins(connection, vault)
        assert await logins.create(NewLogin(token.login_id, ADA, now, False, 1800, now + 86_400, "", ""))
        host = config.auth_host
        assert await logins.add_session(token.login_id, host, credential_of(host, token), by_password(now), now)
        await logins.set_origin(token.login_id, None, now)  # a code confirmed it
    async with (
        build(Start(config, 0, metrics, metrics.slot(0))) as served,
        TestClient(TestServer(served.web_app)) as client,
    ):
        yield Worker(client, f"{LOGIN_COOKIE}={token.text}", metrics, vault, config, served.admin_app)
