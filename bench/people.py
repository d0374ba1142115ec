"""Signs people in without pages: rows in Postgres, as a login and a hand-off leave them."""

import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from gateway.config import load_config
from gateway.core.assurance.model import by_password
from gateway.core.session.tokens import credential_of, mint, tag_of
from gateway.resources import make_vault, random_bytes
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import NewUser, Users

_DAY_S = 86_400


async def signed_in(database_url: str, directory: Path, count: int, hosts: Sequence[str]) -> dict[str, list[str]]:
    """By host the cookies of that many new people, members of staff. directory: of the demo, for its keys."""
    config = load_config(directory / "config.yaml", dev=True, environ={}).config
    keys, vault, now = config.keys(), make_vault(config), int(time.time())
    cookies: dict[str, list[str]] = {host: [] for host in hosts}
    async with make_pool(database_url, 1) as pool, pool.acquire() as connection, connection.transaction():
        for _ in range(count):
            user_id, login_id = UUID(bytes=random_bytes(16), version=4), random_bytes(16)
            await Users(connection, vault).add(NewUser(user_id, f"bench-{user_id}", "", "", ("staff",), "x"), now)
            logins = Logins(connection, vault)
            await logins.create(NewLogin(login_id, user_id, now, False, _DAY_S, now + _DAY_S, "", "bench"))
            for host in hosts:
                token = mint(keys.mac, tag_of(keys.tag, user_id), login_id, random_bytes(32))
                await logins.add_session(login_id, host, credential_of(host, token), by_password(now), now)
                cookies[host].append(f"theme=dark; __Host-bastion={token.text}; __Host-bastion-last={'x' * 22}")
    return cookies


async def sessions_of_one(database_url: str, directory: Path, host: str, count: int) -> str:
    """The cookie of one new person for host, who is signed in to so many in all."""
    hosts = [*(f"h{number}.example" for number in range(count - 1)), host]
    return (await signed_in(database_url, directory, 1, hosts))[host][0]
