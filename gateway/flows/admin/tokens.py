"""Makes and ends tokens for the console's API, and finds out who acts by one."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from gateway.core.addresses import Address
from gateway.core.admin.acts import AdminRole
from gateway.core.admin.tokens import lower, worth
from gateway.core.audit.admin_token_events import AdminTokenCreated, AdminTokenRevoked
from gateway.core.base64url import b64, unb64
from gateway.core.keys import Keys
from gateway.core.session.tokens import tag_of
from gateway.core.token.api_key import KEY_ID_BYTES, SECRET_BYTES, key_hash, mint_key, read_key
from gateway.core.units import DAY_S
from gateway.flows.act import Acts
from gateway.flows.admin.console import AdminActor
from gateway.flows.people.api_keys import BadKey, UnknownKey, checked_networks
from gateway.flows.people.users import check_reason
from gateway.stores.postgres.admin_tokens import TOKENS_OF_PERSON, AdminTokenRow, NewAdminToken

DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class AdminTokens:
    """Who calls the API."""

    acts: Acts
    mac_key: bytes

    async def find(self, text: str, address: Address | None) -> AdminActor | None:
        """None: no token of ours, or one that is worth nothing now and from there. Raises RecordUnavailable.

        Nothing is asked of Postgres for a text without a right MAC.
        """
        found = read_key(self.mac_key, text)
        if found is None:
            return None
        async with self.acts.begin() as act:
            row = await act.admin_tokens.find(unb64(found[1]))
            if row is None or not hmac.compare_digest(row.hash, key_hash(text)):
                return None
            role = worth(row.terms, await act.admin_roles.of(row.user_id, act.now), address, act.now)
            if role is None:
                return None
            await act.admin_tokens.use(row.id, act.now)
        return AdminActor(row.user_id, role, row.id)


@dataclass(frozen=True, slots=True)
class WantedAdminToken:
    role: AdminRole
    networks: tuple[str, ...]
    days: int = DEFAULT_DAYS


@dataclass(frozen=True, slots=True, repr=False)
class ListedAdminToken:
    """is_worth: False where its person may do less than the token. repr is left out: it has a name."""

    token: AdminTokenRow
    username: str
    is_worth: bool


@dataclass(frozen=True, slots=True)
class AdminTokenAdmin:
    """What operators do. actor: who acts, as the audit log is to name them. All raise RecordUnavailable."""

    acts: Acts
    keys: Keys
    random: Callable[[int], bytes]
    actor: str

    async def create(self, name: str, wanted: WantedAdminToken, reason: str) -> str:
        """The token, which nobody sees again. name: of the person who answers for it.

        Raises BadKey, BadReason and UnknownUser.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            if wanted.role is AdminRole.OWNER:
                raise BadKey("a token is never an owner; expected admin, support or auditor")
            if lower(await act.admin_roles.hold(user.id, act.now), wanted.role) is None:
                raise BadKey(f"no token was made: {name} may not do what {wanted.role.value} may")
            token_id = self.random(KEY_ID_BYTES)
            tag = tag_of(self.keys.tag, user.id)
            text = mint_key(self.keys.admin_token, tag, token_id, self.random(SECRET_BYTES))
            expires_at = act.now + _checked_days(wanted.days) * DAY_S
            networks = _some_networks(wanted.networks)
            new = NewAdminToken(token_id, user.id, key_hash(text), wanted.role, networks, expires_at)
            if not await act.admin_tokens.add(new, act.now):
                raise BadKey(f"no token was made: {name} has {TOKENS_OF_PERSON} already")
            act.record(AdminTokenCreated(user.id, b64(token_id), wanted.role.value, expires_at, networks, reason))
        return text

    async def list(self) -> Sequence[ListedAdminToken]:
        """Those that are not over, the oldest first."""
        found = []
        async with self.acts.begin() as act:
            for row in await act.admin_tokens.list(act.now):
                user = await act.users.find(row.user_id)
                name = str(row.user_id) if user is None else user.username
                role = await act.admin_roles.of(row.user_id, act.now)
                found.append(ListedAdminToken(row, name, lower(role, row.terms.role) is not None))
        return found

    async def revoke(self, token_id: bytes, reason: str) -> bool:
        """False: it was before. Raises UnknownKey and BadReason."""
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            row = await act.admin_tokens.find(token_id)
            if row is None:
                raise UnknownKey("there is no such token; `bastion admin token list` shows them")
            revoked = await act.admin_tokens.revoke(token_id, act.now)
            if revoked:
                act.record(AdminTokenRevoked(row.user_id, b64(token_id), reason))
            return revoked


def _checked_days(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise BadKey(f"a token lives for 1 to {MOST_DAYS} days")
    return days


def _some_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    checked = checked_networks(networks)
    if not checked or any(ip_network(one).prefixlen == 0 for one in checked):
        raise BadKey(
            "a token has the networks that it is used from; expected at least one, and none that is everywhere"
        )
    return checked
