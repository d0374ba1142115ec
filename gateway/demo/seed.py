"""Adds the people of a demo's console: an owner whose second factor the demo knows, and one with the role support.

Run beside the commands of the demo, because no command gives a factor to somebody else.
"""

import asyncio
import json
import sys
from base64 import b32decode
from pathlib import Path
from typing import Final

from gateway.config import Config, load_config
from gateway.core.admin.acts import AdminRole
from gateway.core.audit.factor_events import FactorAdded
from gateway.core.password.breached import BreachVerdict
from gateway.demo.setting import CONSOLE_OWNER, HELPER
from gateway.flows.admin.role_admin import RoleAdmin
from gateway.flows.people.users import Newcomer, UserAdmin
from gateway.resources import Resources, breaches_of, open_resources, random_bytes

_ACTOR: Final = "cli:demo"
_FACTOR_ID_BYTES: Final = 16


async def seed(config: Config, password: str, totp: bytes) -> None:
    """Once; who is there stays as they are."""
    async with open_resources(config) as resources:
        await _seed(config, resources, password, totp)


async def _seed(config: Config, resources: Resources, password: str, totp: bytes) -> None:
    people = UserAdmin(
        acts=resources.acts,
        passwords=resources.passwords,
        keys=config.keys(),
        random=random_bytes,
        actor=_ACTOR,
        rules=config.password_rules(),
        breaches=breaches_of(config, _ignore),
    )
    owner = Newcomer(CONSOLE_OWNER, "Olivia Owner", "olivia@example.org", ("staff",))
    helper = Newcomer(HELPER, "Sam Support", "sam@example.org", ("staff",))
    for newcomer, role in ((owner, AdminRole.OWNER), (helper, AdminRole.SUPPORT)):
        if await people.add_if_absent(newcomer, password):
            await RoleAdmin(resources.acts, _ACTOR).grant(newcomer.username, role, None, "seeded by the demo")
            await _add_app(resources, newcomer.username, totp)


async def _add_app(resources: Resources, username: str, totp: bytes) -> None:
    async with resources.acts.begin(operator=_ACTOR) as act:
        user, app_id = await act.users.named(username), random_bytes(_FACTOR_ID_BYTES)
        await act.factors.add_app(app_id, user.id, totp, act.now)
        await act.factors.confirm_app(app_id, user.id, 0, act.now)
        act.record(FactorAdded(user.id, "totp"))


def _ignore(_verdict: BreachVerdict) -> None:
    """The demo's passwords are random."""


if __name__ == "__main__":
    loaded = load_config(Path(sys.argv[1]))
    given = json.loads(sys.stdin.read())
    asyncio.run(seed(loaded.config, given["password"], b32decode(given["totp"])))
