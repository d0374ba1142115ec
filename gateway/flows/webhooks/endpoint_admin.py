"""What operators do to endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.audit.delivery_events import (
    DeliveriesReplayed,
    EndpointAdded,
    EndpointChanged,
    EndpointPaused,
    EndpointRemoved,
)
from gateway.core.errors import GatewayError
from gateway.core.policy.networks import NetworkSet
from gateway.core.webhooks.addresses import judged
from gateway.core.webhooks.endpoint import ID_BYTES, SECRET_BYTES, EndpointTarget, id_of, secret_of
from gateway.core.webhooks.message import headers_of, sample_body
from gateway.flows.act import Act, Acts
from gateway.flows.webhooks.send import Post
from gateway.stores.postgres.endpoints import EndpointLevel, NewWebhookEndpoint, WebhookEndpoint
from gateway.stores.postgres.outbox import Message, MessageState

ListedEndpoint: TypeAlias = "tuple[WebhookEndpoint, EndpointLevel]"
WHY_PAUSED: Final[Mapping[str, str]] = {
    "by_operator": "an operator paused it",
    "failing": "it failed for 5 days",
    "gone": "its receiver answered 410",
}
_SAMPLE_ID_BYTES: Final = 13


class EndpointRefused(GatewayError):
    """Says what is wrong with what was asked."""


@dataclass(frozen=True, slots=True)
class WantedEndpoint:
    """Of an endpoint that is to be. filter: of read_filter."""

    url: str
    filter: tuple[str, ...]
    ordered: bool
    personal: bool


@dataclass(frozen=True, slots=True)
class EndpointAdmin:
    """actor: who acts, as the audit log is to name them. random: bytes of resources.py. allowed, most: of the
    configuration. All raise RecordUnavailable, and EndpointRefused where there is no such endpoint.
    """

    acts: Acts
    actor: str
    random: Callable[[int], bytes]
    allowed: NetworkSet
    most: int

    async def add(self, wanted: WantedEndpoint) -> tuple[str, str]:
        """Its id, and its secret, which nothing else ever tells. Raises AddressMalformed or EndpointRefused."""
        endpoint_id, secret = id_of(self.random(ID_BYTES)), secret_of(self.random(SECRET_BYTES))
        new = NewWebhookEndpoint(
            id=endpoint_id,
            target=EndpointTarget(judged(wanted.url, self.allowed), secret),
            filter=wanted.filter,
            ordered=wanted.ordered,
            personal=wanted.personal,
        )
        async with self.acts.begin(operator=self.actor) as act:
            if not await act.endpoints.add(new, self.most):
                raise EndpointRefused(f"there are {self.most} endpoints, as many as webhooks.endpoints allows")
            act.record(EndpointAdded(None, new.id, new.filter, _options(wanted)))
        return endpoint_id, secret

    async def all(self) -> list[ListedEndpoint]:
        """The oldest first."""
        async with self.acts.begin() as act:
            levels = {one.id: one for one in await act.endpoints.levels()}
            return [(one, levels[one.id]) for one in await act.endpoints.all()]

    async def show(self, endpoint_id: str) -> ListedEndpoint:
        found = [one for one in await self.all() if one[0].id == endpoint_id]
        if not found:
            raise _unknown(endpoint_id)
        return found[0]

    async def pause(self, endpoint_id: str) -> bool:
        """False: it was paused before."""
        async with self.acts.begin(operator=self.actor) as act:
            if (await _locked(act, endpoint_id)).state == "paused":
                return False
            await act.endpoints.pause(endpoint_id, "by_operator")
            act.record(EndpointPaused(None, endpoint_id, "by_operator"))
        return True

    async def resume(self, endpoint_id: str) -> bool:
        """What waits is due at once, also of an endpoint that is only held because it fails. False: nothing to do."""
        async with self.acts.begin(operator=self.actor) as act:
            endpoint = await _locked(act, endpoint_id)
            if endpoint.state == "active" and not endpoint.failures and endpoint.held_s <= 0:
                return False
            await act.endpoints.resume(endpoint_id)
            await act.outbox.hurry(endpoint.destination)
            act.record(EndpointChanged(None, endpoint_id, "resumed"))
        return True

    async def rotate(self, endpoint_id: str, overlap_s: int) -> str:
        """The new secret. The one before signs too for so long."""
        secret = secret_of(self.random(SECRET_BYTES))
        async with self.acts.begin(operator=self.actor) as act:
            endpoint = await _locked(act, endpoint_id)
            await act.endpoints.rewrite(endpoint_id, endpoint.target.rotated(secret, act.now + overlap_s))
            act.record(EndpointChanged(None, endpoint_id, "secret"))
        return secret

    async def test(self, endpoint_id: str, post: Post) -> None:
        """Sends a message of no entry, whatever the state. Raises Undelivered."""
        async with self.acts.begin() as act:
            target = (await _locked(act, endpoint_id)).target
            body = sample_body(endpoint_id, act.now)
            message_id = f"ev_test{self.random(_SAMPLE_ID_BYTES).hex()}"
            headers = headers_of(message_id, act.now, body, target.secrets(act.now))
        await post(target.url, body, headers)

    async def deliveries(self, endpoint_id: str, states: tuple[MessageState, ...], most: int) -> list[Message]:
        """The newest first."""
        async with self.acts.begin() as act:
            endpoint = await _locked(act, endpoint_id)
            return await act.outbox.list(None, states, most, endpoint.destination)

    async def replay_from_position(self, endpoint_id: str, position: int) -> int:
        """As replay_from_time. position: the first that it gets. Raises EndpointRefused for one that is yet to come."""
        async with self.acts.begin(operator=self.actor) as act:
            newest = (await act.chain.head()).position
            if not 1 <= position <= newest + 1:
                raise EndpointRefused(f"position {position} is not in the log, which ends at {newest}")
            await _replay(act, endpoint_id, position - 1)
        return position

    async def replay_from_time(self, endpoint_id: str, time: int) -> int:
        """All that the log has from then on, in its order; what waits is a part of that. The first position.

        time: Unix seconds.
        """
        async with self.acts.begin(operator=self.actor) as act:
            first = await act.chain.first_since(time)
            if first is None:
                first = (await act.chain.head()).position + 1
            await _replay(act, endpoint_id, first - 1)
        return first

    async def remove(self, endpoint_id: str) -> None:
        async with self.acts.begin(operator=self.actor) as act:
            endpoint = await _locked(act, endpoint_id)
            await act.outbox.withdraw(endpoint.destination)
            await act.endpoints.remove(endpoint_id)
            act.record(EndpointRemoved(None, endpoint_id))


def state_words(endpoint: WebhookEndpoint) -> str:
    return "failing" if endpoint.state == "active" and endpoint.failures else endpoint.state


def _options(wanted: WantedEndpoint) -> tuple[str, ...]:
    given = {"ordered": wanted.ordered, "personal": wanted.personal}
    return tuple(name for name, chosen in given.items() if chosen)


async def _replay(act: Act, endpoint_id: str, after: int) -> None:
    endpoint = await _locked(act, endpoint_id)
    await act.outbox.withdraw(endpoint.destination)
    await act.endpoints.move(endpoint_id, after)
    act.record(DeliveriesReplayed(None, endpoint_id, after))


async def _locked(act: Act, endpoint_id: str) -> WebhookEndpoint:
    found = await act.endpoints.lock(endpoint_id)
    if found is None:
        raise _unknown(endpoint_id)
    return found


def _unknown(endpoint_id: str) -> EndpointRefused:
    return EndpointRefused(f"there is no endpoint {endpoint_id!r}; `bastion webhook list` shows them")
