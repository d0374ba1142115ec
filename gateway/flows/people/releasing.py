"""Lets the browser of a blocked login try again, once its person said by mail that it was them (threats.md L5)."""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.login_events import LoginReleased
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import NamedLinks

RELEASED_S: Final = 900


@dataclass(frozen=True, slots=True)
class Releasing:
    """links: of LinkKind.RELEASE; their content is the attempt that was blocked. Raises as NamedLinks does."""

    links: NamedLinks

    async def release(self, token: str, name: str, visit: Visit) -> bool:
        """The browser that was blocked, and no other, may try again for RELEASED_S; nobody is signed in by that.

        The password is doubted no more. False: the link works no more. Raises WrongName.
        """
        meant = await self.links.meant(token, name, visit)
        if meant is None:
            return False
        async with self.links.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(meant.user.id)
            if not await act.links.use(meant.hash, act.now):
                return False
            attempt = bytes.fromhex(meant.link.content["attempt"])
            if not await act.attempts.release(attempt, act.now, act.now + RELEASED_S):
                return False
            await act.doubts.remove(meant.user.id)
            act.record(LoginReleased(meant.user.id, visit.address_text, visit.user_agent))
        return True
