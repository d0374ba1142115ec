"""Sends an entry of the audit log to an endpoint, and judges what its receiver makes of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.audit.delivery_events import EndpointPaused
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.core.webhooks.endpoint import AWAY_AFTER, PROBES, is_given_up
from gateway.core.webhooks.message import Place, body_of, headers_of
from gateway.core.webhooks.retry_after import retry_after_s
from gateway.flows.act import Act, Acts
from gateway.flows.operate.dead_letters import bury
from gateway.outbound.undelivered import Answered, Delayed, Undeliverable, Undelivered
from gateway.stores.postgres.endpoints import WebhookEndpoint
from gateway.stores.postgres.outbox import Claimed

Post: TypeAlias = Callable[[str, bytes, Mapping[str, str]], Awaitable[None]]
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """For Delivery. post: sends a body with headers to an address, and raises Undelivered.

    The body is made at each attempt: what an erased person's entry said is in no later one.
    """

    acts: Acts
    post: Post
    probes: Pauses = PROBES

    async def send(self, text: str) -> None:
        """Raises Undelivered or RecordUnavailable. An endpoint that was removed needs to hear nothing."""
        place = Place.read(text)
        async with self.acts.begin() as act:
            endpoint = await act.endpoints.find(place.endpoint_id)
            if endpoint is None:
                return
            body = await _body(act, place, endpoint)
            headers = headers_of(place.message_id, act.now, body, endpoint.target.secrets(act.now))
        try:
            await self.post(endpoint.target.url, body, headers)
        except Undelivered as error:
            raise await self._failed(endpoint.id, error) from error
        if endpoint.failures:
            async with self.acts.begin() as act:
                await act.endpoints.passed(endpoint.id)

    async def bury(self, claimed: Claimed, status: str) -> None:
        """Raises RecordUnavailable."""
        await bury(self.acts, MessageKind.WEBHOOK, claimed, status)

    async def _failed(self, endpoint_id: str, error: Undelivered) -> Undelivered:
        """What the outbox is to hear of it. Where all fails, no message's tries count: none becomes a dead letter."""
        async with self.acts.begin() as act:
            endpoint = await act.endpoints.failed(endpoint_id)
            if endpoint is None:
                return error
            why = _given_up(endpoint, error)
            if why and endpoint.state == "active":
                await act.endpoints.pause(endpoint.id, why)
                act.record(EndpointPaused(None, endpoint.id, why))
            is_away = bool(why) or endpoint.failures >= AWAY_AFTER
            pause_s = self._pause_s(endpoint, error, act.now)
            if pause_s:
                await act.endpoints.hold(endpoint.id, pause_s)
        return Delayed(str(error), pause_s, counts=not is_away)

    def _pause_s(self, endpoint: WebhookEndpoint, error: Undelivered, now: int) -> float:
        """Before anything is sent to this endpoint again."""
        asked_s = retry_after_s(error.retry_after, now) if isinstance(error, Answered) else 0
        probes = endpoint.failures - AWAY_AFTER + 1
        return max(asked_s, self.probes.after(probes) if probes > 0 else 0)


async def _body(act: Act, place: Place, endpoint: WebhookEndpoint) -> bytes:
    found = await act.audit.find_linked(place.position, place.hash)
    if found is None:
        raise Undeliverable("the audit log has another entry at this position, as after a restore")
    return body_of(found.entry, found.position, found.personal if endpoint.personal else None)


def _given_up(endpoint: WebhookEndpoint, error: Undelivered) -> str:
    """Why it is paused; "": it is not."""
    if isinstance(error, Answered) and error.status == _GONE:
        return "gone"
    return "failing" if is_given_up(endpoint.failing_s) else ""
