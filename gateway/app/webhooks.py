"""Puts together how entries of the audit log reach endpoints."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from gateway.app.concern import Concern, every
from gateway.app.counters import counter
from gateway.config import Config
from gateway.core.outbox.kinds import MessageKind
from gateway.core.policy.networks import NetworkSet
from gateway.core.webhooks.endpoint import STEPS
from gateway.flows.operate.delivery import LOOK_S, Delivery
from gateway.flows.operate.leader import Job
from gateway.flows.webhooks.follow import Follow
from gateway.flows.webhooks.levels import EndpointLevels
from gateway.flows.webhooks.send import Post, WebhookPost
from gateway.outbound.guarded import GuardedClient
from gateway.resources import Resources
from gateway.worker import Start

_SENDERS: Final = 4  # in a worker; a receiver that hangs holds up two, and soon only one


def webhooks(*, start: Start, resources: Resources) -> Concern:
    post = WebhookPost(resources.acts, post_of(start.config))
    count = counter(start.slot, "bastion_webhook_deliveries", ("delivered", "failed"))
    senders = tuple(
        Delivery(resources.pool, MessageKind.WEBHOOK, post.send, count, STEPS, bury=post.bury) for _ in range(_SENDERS)
    )

    def wake() -> None:
        for sender in senders:
            sender.wake()

    follow, levels = Follow(resources.acts, wake), EndpointLevels(resources.acts, start.slot)
    return Concern(
        jobs=(Job("webhooks", follow.work),),
        beside=() if start.number else (partial(every, LOOK_S, levels.look),),
        deliveries=senders,
    )


def post_of(config: Config) -> Post:
    """Reaches what webhooks.allow_networks allows, and all that is outside by https."""
    client, timeout_s = GuardedClient(NetworkSet.of(config.webhooks.allow_networks)), config.webhooks.timeout_s

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
        await client.post(url, body, headers, timeout_s)

    return post
