"""Takes away again, in a restored database, what the ledger says was taken away since (X1)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from gateway.core.audit.admin_events import RoleRevoked
from gateway.core.audit.app_events import ClientDisabled, ClientSecretRotated
from gateway.core.audit.factor_events import FactorRemoved
from gateway.core.audit.login_events import PasswordDisabled
from gateway.core.audit.people_events import GroupsChanged, UserDisabled
from gateway.core.audit.taken import Loss, TakenAway
from gateway.core.base64url import b64, unb64
from gateway.core.login.password import DISABLED
from gateway.core.passkeys.passkey import PASSKEY_NAME
from gateway.flows.act import Act
from gateway.flows.people.api_keys import end_key
from gateway.flows.people.own_factors import drop_app

_WHY: Final = "restored"
_BY: Final = "by_operator"
_NO_SECRET: Final = bytes(32)  # in place of a digest: nobody finds a secret that has it


@dataclass(frozen=True, slots=True)
class TakingAgain:
    """act: of the restore."""

    act: Act
    tag_key: bytes

    async def all(self, taken: Sequence[TakenAway]) -> int:
        """How much of it was there again. What is gone, or belongs to somebody who is erased, stays so."""
        again = 0
        for one in dict.fromkeys(replace(one, at=0) for one in taken):
            if one.loss in _OF_CLIENTS:
                again += await _OF_CLIENTS[one.loss](self, one)
            elif await self.act.erasures.lock(UUID(one.whose)):
                again += await _OF_PEOPLE[one.loss](self, UUID(one.whose), one.what)
        return again

    async def person(self, user_id: UUID, _what: str) -> bool:
        disabled = await self.act.users.set_state(user_id, "disabled", self.act.now)
        if disabled:
            self.act.record(UserDisabled(user_id, (), _WHY))
        return disabled

    async def group(self, user_id: UUID, group: str) -> bool:
        user = await self.act.users.find(user_id)
        if user is None or group not in user.groups:
            return False
        left = tuple(one for one in user.groups if one != group)
        await self.act.users.set_groups(user_id, left, self.act.now)
        self.act.record(GroupsChanged(user_id, user.groups, left, _WHY))
        return True

    async def role(self, user_id: UUID, _what: str) -> bool:
        role = await self.act.admin_roles.delete(user_id)
        if role is not None:
            self.act.record(RoleRevoked(user_id, role.value, _WHY))
        return role is not None

    async def password(self, user_id: UUID, _what: str) -> bool:
        user = await self.act.users.find(user_id)
        if user is None or user.password == DISABLED:
            return False
        await self.act.users.set_password(user_id, DISABLED, self.act.now)
        self.act.record(PasswordDisabled(user_id, _WHY))
        return True

    async def totp(self, user_id: UUID, _what: str) -> bool:
        return await drop_app(self.act, user_id, _BY, _WHY)

    async def passkey(self, user_id: UUID, passkey: str) -> bool:
        """passkey "": an entry of an earlier version, which does not say which it was."""
        known = [row.hash for row in await self.act.passkeys.list(user_id)]
        gone = [one for one in known if not passkey or one == unb64(passkey)]
        for one in gone:
            await self.act.passkeys.remove(one, user_id)
            self.act.record(FactorRemoved(user_id, PASSKEY_NAME, _BY, _WHY, b64(one)))
        await self.act.factors.drop_codes_of_none(user_id, self.act.now)
        return bool(gone)

    async def api_key(self, _user_id: UUID, key_id: str) -> bool:
        key = await self.act.api_keys.find(unb64(key_id))
        return key is not None and await end_key(self.act, self.tag_key, key, "ended_by_operator")

    async def client(self, taken: TakenAway) -> bool:
        client = await self.act.clients.lock(taken.whose)
        if client is None or client.state != "active":
            return False
        await self.act.clients.change(replace(client, state="disabled"), self.act.now)
        self.act.record(ClientDisabled(None, client.id))
        return True

    async def client_secret(self, taken: TakenAway) -> bool:
        client = await self.act.clients.lock(taken.whose)
        if client is None or client.secret_hash is None:
            return False
        await self.act.clients.change(replace(client, secret_hash=_NO_SECRET), self.act.now)
        self.act.record(ClientSecretRotated(None, client.id, ()))
        return True


_OF_PEOPLE: Final[Mapping[Loss, Callable[[TakingAgain, UUID, str], Awaitable[bool]]]] = {
    Loss.PERSON: TakingAgain.person,
    Loss.GROUP: TakingAgain.group,
    Loss.ROLE: TakingAgain.role,
    Loss.PASSWORD: TakingAgain.password,
    Loss.TOTP: TakingAgain.totp,
    Loss.PASSKEY: TakingAgain.passkey,
    Loss.API_KEY: TakingAgain.api_key,
}
_OF_CLIENTS: Final[Mapping[Loss, Callable[[TakingAgain, TakenAway], Awaitable[bool]]]] = {
    Loss.CLIENT: TakingAgain.client,
    Loss.CLIENT_SECRET: TakingAgain.client_secret,
}
