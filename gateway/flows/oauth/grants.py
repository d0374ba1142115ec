"""Ends grants: there is one way, whoever wishes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.audit.app_events import GrantEnded
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.oauth.back_channel import LoggedOutApp
from gateway.core.oauth.clients import Client
from gateway.core.oauth.grants import client_tag
from gateway.core.oauth.scopes import OPENID
from gateway.core.policy.model import Policy
from gateway.core.principal.ask import Presented
from gateway.core.session.tokens import tag_of
from gateway.core.token.access import grant_credential
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.back_channel import tell_app
from gateway.stores.postgres.grants import GrantRow

_TOLD_S: Final = 7 * DAY_S
_REVOKED: Final = "revoked"  # by the app itself


class UnknownGrant(GatewayError):
    """No grant has this id."""


@dataclass(frozen=True, slots=True)
class App:
    """One app with access, as its person sees it. scopes: of all its grants. Times are Unix seconds."""

    client: str
    name: str
    scopes: tuple[str, ...]
    since: int
    last_used_at: int


@dataclass(frozen=True, slots=True)
class ListedGrant:
    """username "": the app acts for itself."""

    grant: GrantRow
    username: str


async def hold_client(act: Act, client: Client) -> bool:
    """Before a grant is made: until the act is over nobody disables the client. False: it is disabled, which this
    worker has not read yet.
    """
    return not client.registered or await act.clients.hold(client.id)


async def end_grant(act: Act, tag_key: bytes, grant: GrantRow, why: str) -> bool:
    """No token of it passes any more when the act is over. False: it had ended before; Redis hears of it again.

    Locks the grant first, and then its session: an exchange that makes room does so too.
    """
    ended = await act.grants.end(grant.id, why, act.now)
    if ended:
        act.record(GrantEnded(grant.user_id, grant.client, b64(grant.id), why))
        if why != _REVOKED:
            await _tell_app(act, grant)
    if grant.kind == "login":
        assert grant.login_id is not None
        await act.logins.remove_session(grant.login_id, grant_credential(grant.id))
        act.stales_login(tag_of_grant(tag_key, grant), b64(grant.login_id))
    else:
        act.ends("grant", tag_of_grant(tag_key, grant), b64(grant.id))
    return ended


async def _tell_app(act: Act, grant: GrantRow) -> None:
    """Unless another grant of the same login goes on: the app would sign its person out."""
    if grant.user_id is None or grant.login_id is None or OPENID not in grant.scopes:
        return
    app = LoggedOutApp(grant.client, grant.user_id, grant.login_id)
    if app not in await act.grants.signed_in_apps([grant.login_id]):
        await tell_app(act, app)


async def end_offline_grants(act: Act, tag_key: bytes, user_id: UUID, why: str) -> None:
    """What would go on when all logins of a person have ended (O4)."""
    for grant in await act.grants.list_offline(user_id, act.now):
        await end_grant(act, tag_key, grant, why)


def tag_of_grant(tag_key: bytes, grant: GrantRow) -> str:
    """Of the person, or of the app that acts for itself."""
    return client_tag(tag_key, grant.client) if grant.user_id is None else tag_of(tag_key, grant.user_id)


def presented_by(tag_key: bytes, grant: GrantRow, credential: bytes) -> Presented:
    """The record that says whether the grant lives: that of its login, or its own."""
    tag = tag_of_grant(tag_key, grant)
    if grant.kind == "login":
        assert grant.login_id is not None
        return Presented(tag, b64(grant.login_id), credential)
    return Presented(tag, b64(grant.id), credential, "grant")


@dataclass(frozen=True, slots=True)
class Apps:
    """What a person sees and ends of apps. All of it raises RecordUnavailable; end raises RedisBehind too, and may be
    done again.
    """

    acts: Acts
    keys: Keys
    policy: Callable[[], Policy]

    async def list(self, live: LiveLogin) -> list[App]:
        """By name."""
        async with self.acts.begin() as act:
            found = await act.grants.list_live(act.now, user_id=live.person.user_id)
        by_client: dict[str, list[GrantRow]] = {}
        for grant in found:
            by_client.setdefault(grant.client, []).append(grant)
        return sorted(map(self._app, by_client.values()), key=lambda one: one.name.casefold())

    async def reused(self, live: LiveLogin) -> tuple[str, ...]:
        """Names of those that lost their access lately because a token of theirs came again."""
        async with self.acts.begin() as act:
            found = await act.grants.list_reused(live.person.user_id, act.now - _TOLD_S)
        return tuple(map(self._name, found))

    async def end(self, live: LiveLogin, client: str, request_id: str) -> bool:
        """All that the app has, on all devices; the person is asked again before it gets anything. False: it had
        nothing. Codes go first: what an exchange makes of one meanwhile is among the grants then.
        """
        user_id = live.person.user_id
        async with self.acts.begin(request_id=request_id) as act:
            await act.codes.forget(user_id, client)
            found = await act.grants.list_live(act.now, user_id=user_id, client=client)
            for grant in found:
                await end_grant(act, self.keys.tag, grant, "ended_by_person")
            withdrawn = await act.app_consents.withdraw(user_id, client, act.now)
        return bool(found) or withdrawn

    def _app(self, grants: Sequence[GrantRow]) -> App:
        return App(
            client=grants[0].client,
            name=self._name(grants[0].client),
            scopes=tuple(sorted({scope for grant in grants for scope in grant.scopes})),
            since=min(grant.created_at for grant in grants),
            last_used_at=max(grant.last_used_at for grant in grants),
        )

    def _name(self, client: str) -> str:
        """Its id where policy does not have it any more."""
        declared = self.policy().clients.get(client)
        return client if declared is None else declared.name


@dataclass(frozen=True, slots=True)
class GrantAdmin:
    """What operators do to grants. actor: who acts, as the audit log is to name them. All raise RecordUnavailable."""

    acts: Acts
    keys: Keys
    actor: str

    async def list(self, name: str | None, client: str | None) -> list[ListedGrant]:
        """name: of a person, None for everybody. client None: all apps. Raises UnknownUser."""
        async with self.acts.begin() as act:
            user = None if name is None else await act.users.named(name)
            found = await act.grants.list_live(act.now, user_id=None if user is None else user.id, client=client)
            people = {one.id: one.username for one in (await act.users.list() if user is None else [user])}
        return [ListedGrant(one, "" if one.user_id is None else people[one.user_id]) for one in found]

    async def revoke(self, grant_id: bytes) -> bool:
        """False: it had ended before. Raises UnknownGrant, and RedisBehind after the commit; then do it again."""
        async with self.acts.begin(operator=self.actor) as act:
            grant = await act.grants.find(grant_id)
            if grant is None:
                raise UnknownGrant("there is no such grant; `bastion grant list` shows them")
            return await end_grant(act, self.keys.tag, grant, "ended_by_operator")
