"""Who asks to be erased: the person, who may take it back until it is done, or an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.core.assurance.change import Lacking
from gateway.core.audit.privacy_events import OWN, ErasureAsked, ErasureWithdrawn
from gateway.core.errors import GatewayError
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import ABOUT
from gateway.core.privacy.erasure import ErasureReason
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.may_change import lacking_for_change, require_change
from gateway.flows.people.issuing import Visit
from gateway.stores.postgres.erasure_requests import ErasureRequest
from gateway.stores.postgres.users import UnknownUser

ErasureMode = Literal["request", "direct", "off"]


class NotOffered(GatewayError):
    """The configuration lets nobody ask to be erased."""


class NoRequest(GatewayError):
    """Nobody has asked for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person sees. request None: nobody asked. lacks: what asking needs that this login has not proven."""

    request: ErasureRequest | None
    lacks: Lacking | None


@dataclass(frozen=True, slots=True)
class OwnErasure:
    """mode: of the configuration. wait_s: from asking to being due. All of it raises RecordUnavailable."""

    acts: Acts
    mode: ErasureMode
    wait_s: int
    notices: Notices = NO_NOTICES

    async def look(self, live: LiveLogin) -> Asked:
        user_id = live.person.user_id
        async with self.acts.begin() as act:
            lacks = await lacking_for_change(act, live)
            return Asked(await act.erasure_requests.find(user_id), lacks)

    async def ask(self, live: LiveLogin, visit: Visit) -> None:
        """Nothing is changed where somebody has asked already. Raises NotOffered, MayNotChange or UnknownUser."""
        if self.mode == "off":
            raise NotOffered("privacy.erasure is off")
        user_id = live.person.user_id
        async with self.acts.begin(request_id=visit.request_id) as act:
            if not await act.users.hold(user_id):
                raise UnknownUser("the person is not active")
            await require_change(act, live)
            due_at = act.now + self.wait_s
            if await act.erasure_requests.add(user_id, "asked", act.now, due_at, own=True):
                act.record(ErasureAsked(user_id, OWN, due_at))
                facts = NoticeFacts(visit.address_text, visit.user_agent, link={ABOUT: str(act.now)})
                await self.notices.tell(act, user_id, MailKind.ERASURE_ASKED, facts)

    async def withdraw(self, live: LiveLogin, request_id: str) -> None:
        """On any login, however old. What an operator has decided stays."""
        async with self.acts.begin(request_id=request_id) as act:
            if await act.erasure_requests.withdraw(live.person.user_id, own=True):
                act.record(ErasureWithdrawn(live.person.user_id, OWN))


@dataclass(frozen=True, slots=True)
class Pending:
    request: ErasureRequest
    username: str


@dataclass(frozen=True, slots=True)
class ErasureAdmin:
    """actor: who acts, as the audit log names them. All of it raises RecordUnavailable and UnknownUser."""

    acts: Acts
    actor: str

    async def schedule(self, name: str, reason: ErasureReason, after_s: int) -> int:
        """When it is due, in Unix seconds. In place of what was asked before."""
        async with self.acts.begin(operator=self.actor) as act:
            user_id, due_at = (await act.users.named(name)).id, act.now + after_s
            if not await act.erasures.lock(user_id):
                raise UnknownUser(f"no person has the user name or e-mail {name!r}")
            await act.erasure_requests.add(user_id, reason, act.now, due_at, own=False)
            act.record(ErasureAsked(user_id, None, due_at))
        return due_at

    async def withdraw(self, name: str) -> None:
        """Whoever asked. Raises NoRequest."""
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            if not await act.erasure_requests.withdraw(user.id, own=False):
                raise NoRequest(f"nobody has asked to erase {user.username}")
            act.record(ErasureWithdrawn(user.id, None))

    async def pending(self) -> Sequence[Pending]:
        """The next that is due first."""
        async with self.acts.begin() as act:
            found = [(one, await act.users.find(one.user_id)) for one in await act.erasure_requests.list()]
        return [Pending(one, user.username) for one, user in found if user is not None]
