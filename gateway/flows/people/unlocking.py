"""Lets one browser try again while its person is locked out: the link of the notice that told them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.core.keys import Keys
from gateway.core.login.attempt import DEVICE_BYTES, parse_device, remember
from gateway.flows.people.issuing import Visit
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.named_links import NamedLinks


@dataclass(frozen=True, slots=True)
class Unlocking:
    """Raises as NamedLinks does. Whoever guesses elsewhere stays locked out."""

    links: NamedLinks
    lockouts: Lockouts
    keys: Keys
    random: Callable[[int], bytes]

    async def unlock(self, token: str, name: str, visit: Visit) -> str | None:
        """The device cookie that this browser is to have from now on. None: the link works no more.

        Raises WrongName.
        """
        meant = await self.links.meant(token, name, visit)
        if meant is None:
            return None
        device = remember(self.keys.device, parse_device(visit.device), meant.user.username, self.random(DEVICE_BYTES))
        async with self.links.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(meant.user.id)
            if not await act.links.use(meant.hash, act.now):
                return None
            await self.lockouts.open(act, meant.user.id, replace(visit, device=device).source)
        return device
