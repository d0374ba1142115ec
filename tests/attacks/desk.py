"""A house with a console, for those who attack it."""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from uuid import UUID

from gateway.core.addresses import Address
from gateway.core.admin.acts import AdminRole
from gateway.core.admin.rules import ConsoleRules
from gateway.core.assurance.model import OTP, PWD, Assurance
from gateway.core.policy.networks import NetworkSet
from gateway.core.principal.ask import LoginFacts
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.admin.console import Administrator, Console
from gateway.flows.admin.live_settings import SettingsAdmin
from gateway.flows.admin.people import AdminLimits, AdminPeople
from gateway.flows.admin.role_admin import RoleAdmin
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.throttle import ChangeThrottle
from gateway.stores.redis.buckets import Buckets
from tests.attacks.conftest import BUCKET_NAMES, House

OFFICE = ip_address("192.0.2.7")
RULES = ConsoleRules(NetworkSet.of([]), session_s=28_800, idle_s=900, fresh_s=300, bind_address=True)
LOGIN = Limit("AUTH.LOGIN", 10, 60_000_000, 5)


@dataclass
class Desk:
    """A house with a console."""

    house: House
    console: Console
    people: AdminPeople
    roles: RoleAdmin
    settings: SettingsAdmin

    async def add(self, name: str, role: AdminRole | None = None) -> UUID:
        user_id = await self.house.add(name)
        if role is not None:
            await self.roles.grant(name, role, None, "first")
        return user_id

    async def id_of(self, name: str) -> UUID:
        found = await self.house.admin.find(name)
        assert found is not None
        return found.id

    async def live(self, name: str, age_s: int = 0) -> LiveLogin:
        """As after a login with a second factor, so many seconds ago."""
        live = await self.house.live(await self.house.sign_in(name))
        assert live is not None
        at = self.house.there.now - age_s
        facts = LoginFacts(Assurance(at, at, PWD | OTP), live.facts.expires_at, live.facts.idle_at)
        return replace(live, facts=facts)

    async def entered(self, name: str, address: Address | None = OFFICE) -> LiveLogin:
        live = await self.live(name)
        assert await self.console.enter(live, address, "")
        return live

    async def admin(self, name: str) -> Administrator:
        found = await self.console.find(await self.entered(name), OFFICE)
        assert isinstance(found, Administrator)
        return found


def desk_of(house: House) -> Desk:
    buckets = Buckets(house.functions)
    plenty = ChangeThrottle(buckets, BUCKET_NAMES, Limit("ADMIN.ACT", 1_000, 60_000_000, 1_000))
    few = ChangeThrottle(buckets, BUCKET_NAMES, Limit("ADMIN.ROLE", 5, 3_600_000_000, 5))
    return Desk(
        house,
        Console(house.acts, RULES, BUCKET_NAMES),
        AdminPeople(house.acts, house.admin, AdminLimits(plenty, few), lambda: ("Payroll", "root")),
        RoleAdmin(house.acts, "cli:root"),
        SettingsAdmin(house.acts, {"AUTH.LOGIN": LOGIN}),
    )
