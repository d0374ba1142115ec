"""Ends grants of clients that policy no longer has, and consents to them, so that one who comes back begins anew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.model import Policy
from gateway.flows.act import Acts
from gateway.flows.oauth.grants import end_grant
from gateway.flows.policy.policy_fleet import PolicyFleet

_AT_ONCE: Final = 100
_NO_WISH: Final = 0


@dataclass(frozen=True, slots=True)
class RemovedClients:
    """Their tokens pass on no worker any more, from its own reload on. Rows end only when the whole fleet has the same
    policy: a node with older files would end the grants of newer clients (oauth.md O6).
    """

    acts: Acts
    fleet: PolicyFleet
    policy: Callable[[], Policy]
    tag_key: bytes

    async def work(self) -> None:
        """One round. Raises RecordUnavailable or RedisBehind; the next round goes on."""
        policy = self.policy()
        if not (await self.fleet.progress(policy.version, _NO_WISH)).is_done:
            return
        ended = _AT_ONCE
        while ended == _AT_ONCE:
            async with self.acts.begin() as act:
                found = await act.grants.list_of_others(policy.clients, act.now, _AT_ONCE)
                for grant in found:
                    await end_grant(act, self.tag_key, grant, "client_removed")
            ended = len(found)
        withdrawn = _AT_ONCE
        while withdrawn == _AT_ONCE:
            async with self.acts.begin() as act:
                withdrawn = await act.app_consents.withdraw_of_others(policy.clients, act.now, _AT_ONCE)
