"""Links that end one thing which outlasts the login that made it: an API key, an app's access, or a request to be
erased (login-defence.md X3).
"""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.privacy_events import OWN, ErasureWithdrawn
from gateway.core.base64url import unb64
from gateway.core.keys import Keys
from gateway.core.mail.links import ABOUT, LinkKind
from gateway.flows.act import Act
from gateway.flows.oauth.grants import end_grant
from gateway.flows.people.api_keys import end_key
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import NamedLinks
from gateway.stores.postgres.links import LinkRow

_WHY: Final = "ended_by_link"


@dataclass(frozen=True, slots=True)
class EndLinks:
    """Of one kind. Raises as NamedLinks does."""

    links: NamedLinks
    keys: Keys

    async def end(self, token: str, name: str, visit: Visit) -> bool:
        """False: the link works no more, or the thing has ended. Raises WrongName, and RedisBehind after the commit."""
        meant = await self.links.meant(token, name, visit)
        if meant is None:
            return False
        async with self.links.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(meant.user.id)
            return await act.links.use(meant.hash, act.now) and await end_linked(act, self.keys.tag, meant.link)


async def end_linked(act: Act, tag_key: bytes, link: LinkRow) -> bool:
    """What a link of ENDS is about, and nothing else. False: it had ended before, or the link is of another kind.

    The caller has locked the person.
    """
    about = link.content.get(ABOUT, "")
    if not about:
        return False  # of a mail that an older release wrote
    match link.kind:
        case LinkKind.END_KEY:
            key = await act.api_keys.find(unb64(about))
            return key is not None and key.user_id == link.user_id and await end_key(act, tag_key, key, _WHY)
        case LinkKind.END_APP:
            grant = await act.grants.find(unb64(about))
            return grant is not None and grant.user_id == link.user_id and await end_grant(act, tag_key, grant, _WHY)
        case LinkKind.KEEP_ACCOUNT:
            withdrawn = await act.erasure_requests.withdraw(link.user_id, own=True, asked_at=int(about))
            if withdrawn:
                act.record(ErasureWithdrawn(link.user_id, OWN))
            return withdrawn
        case _:
            return False
