"""Puts together how apps get tokens, ask about them and give them back."""

from typing import Final

from gateway.app.concern import Concern
from gateway.app.counters import counter
from gateway.config import Config
from gateway.config.sections.limits import CLIENT_FAILED_LIMIT, TOKEN_LIMIT
from gateway.core.oauth.client_keys import KEPT_S
from gateway.core.oauth.grants import GRANT_TYPES
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.core.policy.networks import NetworkSet
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.token.access import AccessTokens
from gateway.core.token.nonce import Nonces
from gateway.core.token.refresh import RefreshTokens
from gateway.flows.decide.decisions import Decisions
from gateway.flows.keys.key_ring import KeyRing
from gateway.flows.oauth import client_keys
from gateway.flows.oauth.authenticate_client import ClientAuthentication, ClientLimits
from gateway.flows.oauth.back_channel import BackChannel
from gateway.flows.oauth.exchange import CodeExchange
from gateway.flows.oauth.introspect import Introspection, Revocation
from gateway.flows.oauth.issue import Issuer
from gateway.flows.oauth.known_tokens import KnownTokens
from gateway.flows.oauth.proofs import ProofCheck
from gateway.flows.oauth.refresh import OUTCOMES, RefreshExchange
from gateway.flows.oauth.removed_clients import RemovedClients
from gateway.flows.oauth.service_tokens import ServiceTokens
from gateway.flows.oauth.userinfo import UserInfo
from gateway.flows.operate.delivery import Delivery
from gateway.flows.operate.leader import Job
from gateway.flows.policy.policy_fleet import PolicyFleet
from gateway.metrics import Slot
from gateway.outbound.guarded import GuardedClient
from gateway.resources import Resources, clock, notices_of, random_bytes
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.proofs import Proofs
from gateway.web.oauth import introspect, revoke, token, userinfo

_PURGE_S: Final = 3_600.0
_LOOK_S: Final = 30.0
_TELLERS: Final = 2  # an app that hangs holds up one
_PAUSES: Final = Pauses(longest_s=600)


def guarded_client(config: Config) -> GuardedClient:
    return GuardedClient(NetworkSet.of(config.oauth.allow_networks))


def nonces_of(config: Config) -> Nonces | None:
    """None: proofs need none."""
    return Nonces(config.keys().nonce) if config.oauth.dpop_nonces == "always" else None


def clients_of(
    *, config: Config, resources: Resources, slot: Slot, decisions: Decisions, buckets: Buckets
) -> ClientAuthentication:
    limits = ClientLimits(
        BucketNames(config.keys().bucket), config.limit(TOKEN_LIMIT), config.limit(CLIENT_FAILED_LIMIT)
    )
    fetches = counter(slot, "bastion_jwks_fetches", client_keys.OUTCOMES)
    keys = client_keys.ClientKeys(resources.acts, guarded_client(config).document, fetches)
    return ClientAuthentication(resources.acts, buckets, limits, lambda: decisions.policy, config.public_url, keys)


def proofs_of(*, config: Config, resources: Resources) -> ProofCheck:
    return ProofCheck(Proofs(resources.functions), nonces_of(config), config.public_url)


def tokens_for_apps(
    *,
    config: Config,
    resources: Resources,
    slot: Slot,
    decisions: Decisions,
    access: AccessTokens,
    ring: KeyRing,
    clients: ClientAuthentication,
    proofs: ProofCheck,
) -> Concern:
    keys, acts, refresh = config.keys(), resources.acts, RefreshTokens(config.keys().refresh)
    issuer = Issuer(config.public_url, access, ring.signer, keys.tag, keys.token)
    known = KnownTokens(
        acts, decisions, access, refresh, lambda: ring.current.verification, lambda: decisions.policy, keys.tag
    )
    endpoint = token.TokenEndpoint(
        issuer.ready,
        clients,
        proofs,
        CodeExchange(acts, keys, decisions, issuer, refresh, random_bytes, notices_of(config)),
        RefreshExchange(
            acts, keys, decisions, issuer, refresh, counter(slot, "bastion_refreshes", OUTCOMES), notices_of(config)
        ),
        ServiceTokens(acts, issuer, random_bytes),
        counter(slot, "bastion_tokens_issued", GRANT_TYPES),
    )

    removed = RemovedClients(acts, PolicyFleet(resources.pool), lambda: decisions.policy, keys.tag)

    async def purge() -> None:
        async with acts.begin() as act:
            await act.used_ids.purge(clock())
            await act.grants.purge(clock())
            await act.api_keys.purge(clock())
            await act.admin_tokens.purge(clock())
            await act.client_jwks.purge(clock() - KEPT_S)

    telling = BackChannel(
        config.public_url,
        keys.token,
        ring.signer,
        lambda: decisions.policy,
        guarded_client(config).form,
        random_bytes,
        clock,
    )
    told = counter(slot, "bastion_logout_deliveries", ("delivered", "failed"))

    return Concern(
        deliveries=tuple(
            Delivery(resources.pool, MessageKind.LOGOUT, telling.send, told, _PAUSES) for _ in range(_TELLERS)
        ),
        endpoints=(
            *token.routes(endpoint),
            *userinfo.routes(UserInfo(known, issuer, proofs)),
            *introspect.routes(clients, Introspection(known, issuer)),
            *revoke.routes(clients, Revocation(acts, known, keys.tag)),
        ),
        jobs=(
            Job("grants", purge, every_s=_PURGE_S),
            Job("removed_clients", removed.work, every_s=_LOOK_S),
        ),
    )
