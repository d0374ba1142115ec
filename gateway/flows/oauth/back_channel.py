"""Tells apps that their person's login is over: rows in the transaction that ends it, a token signed at each try."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.back_channel import TYP, WORTH_S, LoggedOutApp
from gateway.core.outbox.kinds import MessageKind
from gateway.core.policy.model import Policy
from gateway.core.token.signing_keys import NoSigningKey
from gateway.flows.act import Act
from gateway.outbound.undelivered import Undelivered

_JTI_BYTES = 16


async def end_login(act: Act, login_id: bytes, why: str) -> bool:
    """In Postgres; its apps get a message. False: it had ended before, or never was. Redis is the caller's to tell."""
    ended = await act.logins.end(login_id, why, act.now)
    if ended:
        await tell_apps(act, [login_id])
    return ended


async def tell_apps(act: Act, login_ids: Collection[bytes]) -> None:
    """Of logins that this act ends; before it ends grants, which the apps are found by.

    Also apps that have no address for it get a message: policy says so only when it is sent, and the command line,
    which ends logins too, knows no policy.
    """
    for app in await act.grants.signed_in_apps(login_ids):
        await tell_app(act, app)


async def tell_app(act: Act, app: LoggedOutApp) -> None:
    """Once in one act."""
    await act.outbox.add(
        MessageKind.LOGOUT, app.destination, act.now, app.written(), user_id=app.user_id, worth_s=WORTH_S
    )


@dataclass(frozen=True, slots=True)
class BackChannel:
    """post: sends a form to an address, and raises Undelivered. random: bytes. clock: Unix seconds."""

    issuer: str
    token_key: bytes
    signer: Callable[[str], SigningKey]
    policy: Callable[[], Policy]
    post: Callable[[str, Mapping[str, str]], Awaitable[None]]
    random: Callable[[int], bytes]
    clock: Callable[[], int]

    async def send(self, message: str) -> None:
        """Raises Undelivered. Whom policy gives no address needs to hear nothing."""
        app = LoggedOutApp.read(message)
        client = self.policy().clients.get(app.client)
        if client is None or not client.backchannel_logout_uri:
            return
        claims = app.claims(self.issuer, self.token_key, b64(self.random(_JTI_BYTES)), self.clock())
        try:
            token = self.signer(client.id_token_alg).sign(TYP, claims)
        except NoSigningKey as error:
            raise Undelivered(str(error)) from error
        await self.post(client.backchannel_logout_uri, {"logout_token": token})
