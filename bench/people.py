"""Signs people in without pages: rows in Postgres, as a login and a hand-off leave them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from gateway.config import load_config
from gateway.core.assurance.model import by_password
from gateway.core.privacy.sealing import Place
from gateway.core.session.tokens import credential_of, mint, tag_of
from gateway.resources import make_vault, open_resources, random_bytes
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault

_DAY_S: Final = 86_400
_USER_COLUMNS: Final = (
    "id", "state", "username_index", "email_index", "sealed", "password", "groups", "version", "created_at",
    "changed_at", "index_key",
)  # fmt: skip


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


async def crowd(database_url: str, vault: Vault, count: int) -> list[str]:
    """That many more people, as Users.add leaves them, but at once; their user names."""
    now, users, keys, names = int(time.time()), [], [], []
    for number in range(count):
        user_id, name = UUID(bytes=random_bytes(16), version=4), f"crowd{number}"
        personal = {"username": name, "name": f"Person {number}", "email": f"{name}@example.org"}
        key, wrapped = vault.fresh(user_id)
        indexes = (vault.index("username", name), vault.index("email", personal["email"]))
        sealed = key.seal(Place("users", "sealed", user_id), personal)
        users.append((user_id, "active", *indexes, sealed, "x", ["staff"], 1, now, now, vault.index_id))
        keys.append((user_id, wrapped.token, wrapped.master_id))
        names.append(name)
    connection = await asyncpg.connect(database_url)
    await connection.copy_records_to_table("users", records=users, columns=_USER_COLUMNS)
    await connection.copy_records_to_table("user_keys", records=keys, columns=("user_id", "wrapped", "master_id"))
    await connection.execute("ANALYZE users, user_keys")
    await connection.close()
    return names


async def with_passwords(directory: Path, names: Sequence[str], password: str, totp: bytes = b"") -> None:
    """New people who log in with it. directory: of the demo. totp: the secret of their authenticator app, if any."""
    config = load_config(directory / "config.yaml", dev=True, environ={}).config
    async with open_resources(config) as resources:
        for name in names:
            user_id = UUID(bytes=random_bytes(16), version=4)
            stored = await resources.passwords.hash(user_id, password)
            async with resources.acts.begin() as act:
                await act.users.add(NewUser(user_id, name, "", "", ("staff",), stored), act.now)
                if totp:
                    app_id = random_bytes(16)
                    await act.factors.add_app(app_id, user_id, totp, act.now)
                    await act.factors.confirm_app(app_id, user_id, 0, act.now)
