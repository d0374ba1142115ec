"""Links that ask for the user name: mail scanners submit forms, and do not know it (login-defence.md L12)."""

from dataclasses import dataclass

from gateway.core.errors import GatewayError
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.privacy.names import spelled
from gateway.flows.act import Acts
from gateway.flows.people.issuing import Visit
from gateway.flows.people.recovery import LinkLimits
from gateway.stores.postgres.links import LinkRow
from gateway.stores.postgres.users import UserRow


class WrongName(GatewayError):
    """The link is another person's, or a scanner submits the form."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A link that works, and whose it is. Who uses it locks the person first."""

    hash: bytes
    link: LinkRow
    user: UserRow


@dataclass(frozen=True, slots=True)
class NamedLinks:
    """Of some kinds. All of it raises RecordUnavailable, StoreUnavailable and TooManyAttempts."""

    acts: Acts
    limits: LinkLimits
    kinds: tuple[LinkKind, ...]

    async def works(self, token: str, visit: Visit) -> bool:
        """Whether the link still opens its form. Nothing is changed."""
        await self.limits.at_link(visit.address)
        return await self._find(token) is not None

    async def meant(self, token: str, name: str, visit: Visit) -> Meant | None:
        """name: the user name or address, as a proof that a person asks. None: the link works no more.

        Raises WrongName.
        """
        await self.limits.at_link(visit.address)
        found = await self._find(token)
        if found is None:
            return None
        names = (found.user.username, found.user.email, found.link.content.get("email"))
        if spelled(name) not in {spelled(one) for one in names if one}:
            raise WrongName("the name does not belong to the link")
        return found

    async def _find(self, token: str) -> Meant | None:
        hash_ = link_hash(token)
        if hash_ is None:
            return None
        async with self.acts.begin() as act:
            link = await act.links.find(hash_, act.now)
            if link is None or link.kind not in self.kinds:
                return None
            user = await act.users.find(link.user_id)
        return None if user is None else Meant(hash_, link, user)
