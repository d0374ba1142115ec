"""Keeps requests that clients push (RFC 9126), and gives them back under the name that the client got."""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.core.addresses import Address
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.oauth.clients import Client
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.interaction import INTERACTION_S
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.request import PARAMETERS, Published, Unaddressed, address_of, read_request
from gateway.core.policy.model import Policy
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.sealed_text import NONCE_BYTES, BadSeal, seal_text, unseal_text
from gateway.flows.act import Acts
from gateway.flows.oauth.authenticate_client import spend_one
from gateway.stores.redis.buckets import Buckets

PUSHED_S: Final = 60
_ID_BYTES: Final = 32
_MOST_SEALED: Final = 32_768
_PURPOSE: Final = b"pushed"
_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_ID: Final = re.compile(rf"{re.escape(_PREFIX)}([\w-]{{43}})", re.ASCII)


class TooManyPushed(GatewayError):
    """As many requests wait as may (oauth.md O16)."""


@dataclass(frozen=True, slots=True)
class PushedParameters:
    """Seals what clients push, and finds it again. key: of the column; no person is known yet.

    most_unused: of all clients together (oauth.md O16). Clients that anybody can name stop at half of it, so that
    a flood of theirs leaves room for those that authenticate.
    """

    acts: Acts
    key: bytes
    random: Callable[[int], bytes]
    most_unused: int = 10_000

    async def keep(self, client: Client, parameters: Mapping[str, str]) -> str:
        """The request_uri. Raises TooManyPushed or RecordUnavailable."""
        id_ = b64(self.random(_ID_BYTES))
        sealed = seal_text(self.key, _PURPOSE, dict(parameters), self.random(NONCE_BYTES))
        async with self.acts.begin() as act:
            until = act.now + PUSHED_S
            most = self.most_unused // 2 if client.authentication == "none" else self.most_unused
            kept = await act.pushed_requests.add(_hash(id_), client.id, sealed.encode(), until, now=act.now, most=most)
        if not kept:
            raise TooManyPushed("too many pushed requests wait to be used")
        return _PREFIX + id_

    async def of(self, id_hash: bytes, client: str, *, opened_at: int) -> Parameters | None:
        """opened_at: when the browser came with it; it may take its time then. None: it was never pushed by this
        client, came too late, is used, or was sealed before the root key changed.
        """
        async with self.acts.begin() as act:
            row = await act.pushed_requests.find(id_hash)
        if row is None or row.client != client or row.used or row.expires_at < opened_at:
            return None
        with suppress(BadSeal):
            values = unseal_text(self.key, _PURPOSE, row.parameters.decode(), longest=_MOST_SEALED)
            return Parameters(values, frozenset())
        return None

    async def purge(self) -> None:
        """Deletes what no browser works on any more."""
        async with self.acts.begin() as act:
            await act.pushed_requests.purge(act.now - INTERACTION_S)
            await act.codes.purge(act.now)


@dataclass(frozen=True, slots=True)
class ParLimits:
    """OAUTH.PAR and OAUTH.PAR_PUBLIC, and the names of their buckets."""

    names: BucketNames
    confidential: Limit
    public: Limit


@dataclass(frozen=True, slots=True)
class Par:
    """published: what apps know us by now. policy: as it is now."""

    pushed: PushedParameters
    buckets: Buckets
    limits: ParLimits
    policy: Callable[[], Policy]
    published: Callable[[], Published]

    async def spend(self, client: Client, address: Address | None) -> None:
        """One request. Clients that anybody can name share a budget at each address. Raises TooManyAttempts."""
        names = self.limits.names
        if client.authentication == "none":
            await spend_one(self.buckets, names.of_address(address), "", self.limits.public)
        else:
            await spend_one(self.buckets, names.of_client(client.id), "", self.limits.confidential)

    async def push(self, client: Client, sent: Parameters, jkt: str) -> str:
        """The request_uri. jkt: of the key whose proof came with the request, "" without one.

        Raises OAuthError, TooManyPushed or RecordUnavailable.
        """
        if sent.get("request_uri"):
            raise OAuthError("invalid_request", "request_uri cannot be pushed")
        known = {name: value for name, value in sent.values.items() if name in PARAMETERS}
        parameters = Parameters({**known, "client_id": client.id}, sent.doubled)
        try:
            address = address_of(parameters, self.policy().clients)
        except Unaddressed as error:
            raise OAuthError("invalid_request", str(error)) from error
        request = read_request(parameters, address, self.published(), pushed=True)
        if jkt and request.jkt not in ("", jkt):
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is of another key than the proof")
        return await self.pushed.keep(client, {**parameters.values, **({"dpop_jkt": jkt} if jkt else {})})


def pushed_id_hash(request_uri: str) -> bytes | None:
    """What Postgres knows a pushed request by; None: it is none of ours."""
    found = _ID.fullmatch(request_uri)
    return None if found is None else _hash(found[1])


def _hash(id_: str) -> bytes:
    return hashlib.sha256(id_.encode()).digest()
