"""Finds out which client asks, at every endpoint for programs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.addresses import Address
from gateway.core.errors import TooManyAttempts
from gateway.core.oauth.authentication import Assertion, Credentials, NotProved, claimed, read_credentials
from gateway.core.oauth.clients import Client
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.model import Policy
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.act import Acts
from gateway.flows.oauth.client_keys import ClientKeys
from gateway.stores.redis.buckets import Buckets

TOKEN_PATH: Final = "/oauth2/token"
_ASSERTION: Final = "assertion"


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """What came to an endpoint. path: of the endpoint. authorization, proofs: all lines of those headers."""

    path: str
    parameters: Parameters
    authorization: Sequence[str]
    proofs: Sequence[str]
    address: Address | None
    request_id: str


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """OAUTH.TOKEN and OAUTH.CLIENT_FAILED, and the names of their buckets."""

    names: BucketNames
    token: Limit
    failed: Limit


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """policy: as it is now. issuer: our own, which is what an assertion is for."""

    acts: Acts
    buckets: Buckets
    limits: ClientLimits
    policy: Callable[[], Policy]
    issuer: str
    keys: ClientKeys

    async def authenticate(self, sent: Sent) -> Client:
        """An assertion counts once in the fleet, also where the request is refused later (oauth.md section 3).

        Raises OAuthError, TooManyAttempts, RecordUnavailable or StoreUnavailable.
        """
        try:
            credentials = read_credentials(sent.authorization, sent.parameters)
            return await self._proved(credentials, sent)
        except NotProved:
            await spend_one(self.buckets, self.limits.names.of_address(sent.address), "", self.limits.failed)
            raise

    async def spend(self, client: Client, address: Address | None) -> None:
        """One request. A client that anybody can name has a budget for each address. Raises TooManyAttempts."""
        names, public = self.limits.names, client.authentication == "none"
        slot = names.of_address(address) if public else names.of_client(client.id)
        await spend_one(self.buckets, slot, client.id if public else "", self.limits.token)

    async def _proved(self, credentials: Credentials, sent: Sent) -> Client:
        client = self.policy().clients.get(credentials.client)
        audiences = (self.issuer, self.issuer + TOKEN_PATH, self.issuer + sent.path)
        claim = claimed(client, credentials, audiences, self.acts.clock())
        assert client is not None
        if claim is None:
            return client
        assertion = claim.proved(await self.keys.of(client, claim))
        if not await self._use(client, assertion):
            raise NotProved("client_assertion was used before", basic=False)
        return client

    async def _use(self, client: Client, assertion: Assertion) -> bool:
        async with self.acts.begin() as act:
            return await act.used_ids.use(_ASSERTION, client.id, assertion.id_hash, assertion.until)


async def spend_one(buckets: Buckets, slot: str, who: str, limit: Limit) -> None:
    """Raises TooManyAttempts, or StoreUnavailable."""
    spent = await buckets.spend(slot, who, limit)
    if not spent.allowed:
        raise TooManyAttempts(max(1, -(-spent.retry_after_us // 1_000_000)))
