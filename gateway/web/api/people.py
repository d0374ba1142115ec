"""People and their sessions: the pages at /admin/people as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from gateway.core.admin.acts import AdminAct
from gateway.core.base64url import b64
from gateway.flows.admin.people import PAGE, AdminPeople, NobodyThere, PersonShown
from gateway.flows.people.users import Newcomer
from gateway.web.api.audit import EntryLine, entries_of
from gateway.web.api.operation import AnyOperation, Call, Operation
from gateway.web.api.shapes import ApiAnswer, Given, Nothing, ReasonGiven

_AFTER: Final = r"^[0-9]{1,18}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_NO_ID: Final = "nobody has this id"
_ACT: Final = (409, 429)


class PeopleAsked(Given):
    after: Annotated[str, Field(pattern=_AFTER, description="`next` of the page before.")] | None = None


class PersonWanted(Given):
    """Names are encrypted, so only a whole one finds its person."""

    who: Annotated[
        str, Field(min_length=1, max_length=320, description="A whole user name or e-mail, a person's or session's id.")
    ]


class WithReason(Given):
    reason: ReasonGiven


class GroupsWanted(Given):
    """All groups that the person is to have."""

    groups: tuple[str, ...]
    reason: ReasonGiven


class UsernameWanted(Given):
    username: Annotated[str, Field(max_length=64)]
    reason: ReasonGiven


class NewcomerGiven(Given):
    """Who is to be invited by mail. Nobody types a password for them."""

    username: Annotated[str, Field(max_length=64)]
    name: Annotated[str, Field(max_length=200, description="For people; may be empty.")] = ""
    email: Annotated[str, Field(min_length=1, max_length=254)]
    groups: tuple[str, ...] = ()
    reason: ReasonGiven


class Person(ApiAnswer):
    id: UUID
    username: str
    name: str
    state: str
    groups: tuple[str, ...]
    role: Literal["owner", "admin", "support", "auditor"] | None


class PeopleFound(ApiAnswer):
    """The newest first."""

    people: tuple[Person, ...]
    next: str | None = Field(description="`after` of the next page; null on the last.")


class PersonFound(ApiAnswer):
    id: UUID


class LockLine(ApiAnswer):
    """where: devices that the person signed in from before are known."""

    what: Literal["password", "factor"]
    where: Literal["known", "strange"]
    until: int


class PersonDetail(Person):
    """entries: the latest of the audit log, the newest first; none for a role that may not read it."""

    email: str
    factors: tuple[str, ...]
    locks: tuple[LockLine, ...]
    sessions: int
    entries: tuple[EntryLine, ...]


class LiveSession(ApiAnswer):
    id: str
    created_at: int
    last_seen_at: int
    address: str
    user_agent: str
    hosts: tuple[str, ...]


class SessionsFound(ApiAnswer):
    """The latest seen first."""

    sessions: tuple[LiveSession, ...]


class SessionsEndedNow(ApiAnswer):
    ended: int


class StateChangedNow(ApiAnswer):
    """changed: false where it was so already."""

    changed: bool


class InvitedNow(ApiAnswer):
    """is_new: false where they were invited before and get another link."""

    is_new: bool


class UnlockedNow(ApiAnswer):
    """unlocked: how many locks."""

    unlocked: int


class GroupsNow(ApiAnswer):
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeopleOperations:
    people: AdminPeople

    def all(self) -> Sequence[AnyOperation]:
        return (*self._reading(), *self._acts())

    def _reading(self) -> Sequence[AnyOperation]:
        look = AdminAct.LOOK
        return (
            Operation("listPeople", "GET", "/people", "List people", look, PeopleAsked, PeopleFound, self.list),
            Operation(
                "findPerson", "POST", "/people/find", "Find a person", look, PersonWanted, PersonFound, self.find
            ),
            Operation(
                "getPerson", "GET", "/people/{id}", "Look at a person, once an hour an entry of the audit log", look,
                Nothing, PersonDetail, self.show,
            ),
            Operation(
                "listSessions", "GET", "/people/{id}/sessions", "List a person's live sessions", look, Nothing,
                SessionsFound, self.sessions,
            ),
        )  # fmt: skip

    def _acts(self) -> Sequence[AnyOperation]:
        return (
            Operation(
                "endSessions", "POST", "/people/{id}/sessions/end", "End all sessions of a person; their keys rest",
                AdminAct.END_SESSIONS, WithReason, SessionsEndedNow, self.end_all, may=_ACT,
            ),
            Operation(
                "endSession", "POST", "/people/{id}/sessions/{session}/end", "End one session", AdminAct.END_SESSIONS,
                WithReason, SessionsEndedNow, self.end_one, may=_ACT,
            ),
            Operation(
                "disablePerson", "POST", "/people/{id}/disable", "Disable a person", AdminAct.DISABLE, WithReason,
                StateChangedNow, self.disable, may=_ACT,
            ),
            Operation(
                "enablePerson", "POST", "/people/{id}/enable", "Enable a person; what has ended stays ended",
                AdminAct.DISABLE, WithReason, StateChangedNow, self.enable, may=_ACT,
            ),
            Operation(
                "unlockPerson", "POST", "/people/{id}/unlock", "Open all locks of a person", AdminAct.UNLOCK,
                WithReason, UnlockedNow, self.unlock, may=_ACT,
            ),
            Operation(
                "setGroups", "PUT", "/people/{id}/groups", "Set a person's groups", AdminAct.GROUPS, GroupsWanted,
                GroupsNow, self.set_groups, may=_ACT,
            ),
            Operation(
                "renamePerson", "PUT", "/people/{id}/username", "Give a person another user name", AdminAct.NAMES,
                UsernameWanted, StateChangedNow, self.rename, may=_ACT,
            ),
            Operation(
                "invitePerson", "POST", "/people", "Invite somebody by mail", AdminAct.INVITE, NewcomerGiven,
                InvitedNow, self.invite, may=_ACT,
            ),
        )  # fmt: skip

    async def list(self, _call: Call, asked: PeopleAsked) -> PeopleFound:
        at, _, user_id = (asked.after or "").partition(".")
        lines = await self.people.page((int(at), UUID(user_id)) if at else None)
        last = lines[PAGE - 1] if len(lines) > PAGE else None
        people = tuple(
            Person(
                id=one.user.id,
                username=one.user.username,
                name=one.user.name,
                state=one.user.state,
                groups=one.user.groups,
                role=None if one.role is None else one.role.value,
            )
            for one in lines[:PAGE]
        )
        return PeopleFound(people=people, next=None if last is None else f"{last.created_at}.{last.user.id}")

    async def find(self, _call: Call, wanted: PersonWanted) -> PersonFound:
        found = await self.people.find(wanted.who.strip())
        if found is None:
            raise NobodyThere("nobody has this name, address or id; only a whole name finds its person")
        return PersonFound(id=found)

    async def show(self, call: Call, _asked: Nothing) -> PersonDetail:
        found = await self._viewed(call)
        user = found.user
        readable = found.entries if call.who.may(AdminAct.LOOK_AUDIT) else ()
        return PersonDetail(
            id=user.id,
            username=user.username,
            name=user.name,
            email=user.email,
            state=user.state,
            groups=user.groups,
            role=None if found.role is None else found.role.value,
            factors=found.factors,
            locks=tuple(
                LockLine(what=one.door.proving.value, where=one.door.place, until=one.lockout.until)
                for one in found.locks
            ),
            sessions=len(found.logins),
            entries=entries_of(readable[::-1]),
        )

    async def sessions(self, call: Call, _asked: Nothing) -> SessionsFound:
        found = await self._viewed(call)
        return SessionsFound(
            sessions=tuple(
                LiveSession(
                    id=b64(one.id),
                    created_at=one.created_at,
                    last_seen_at=one.last_seen_at,
                    address=one.address,
                    user_agent=one.user_agent,
                    hosts=one.hosts,
                )
                for one in found.logins
            )
        )

    async def end_all(self, call: Call, wanted: WithReason) -> SessionsEndedNow:
        ended = await self.people.end_sessions(call.who, _id(call), "", wanted.reason, call.request_id)
        return SessionsEndedNow(ended=ended)

    async def end_one(self, call: Call, wanted: WithReason) -> SessionsEndedNow:
        login = call.path["session"]
        ended = await self.people.end_sessions(call.who, _id(call), login, wanted.reason, call.request_id)
        return SessionsEndedNow(ended=ended)

    async def disable(self, call: Call, wanted: WithReason) -> StateChangedNow:
        return StateChangedNow(changed=await self.people.disable(call.who, _id(call), wanted.reason, call.request_id))

    async def enable(self, call: Call, wanted: WithReason) -> StateChangedNow:
        return StateChangedNow(changed=await self.people.enable(call.who, _id(call), wanted.reason, call.request_id))

    async def unlock(self, call: Call, wanted: WithReason) -> UnlockedNow:
        return UnlockedNow(unlocked=await self.people.unlock(call.who, _id(call), wanted.reason, call.request_id))

    async def set_groups(self, call: Call, wanted: GroupsWanted) -> GroupsNow:
        groups = await self.people.set_groups(call.who, _id(call), wanted.groups, wanted.reason, call.request_id)
        return GroupsNow(groups=groups)

    async def rename(self, call: Call, wanted: UsernameWanted) -> StateChangedNow:
        changed = await self.people.rename(call.who, _id(call), wanted.username, wanted.reason, call.request_id)
        return StateChangedNow(changed=changed)

    async def invite(self, call: Call, given: NewcomerGiven) -> InvitedNow:
        newcomer = Newcomer(given.username, given.name, given.email, given.groups)
        return InvitedNow(is_new=await self.people.invite(call.who, newcomer, given.reason, call.request_id))

    async def _viewed(self, call: Call) -> PersonShown:
        found = await self.people.view(call.who, _id(call), call.request_id)
        if found is None:
            raise NobodyThere(_NO_ID)
        return found


def _id(call: Call) -> UUID:
    """Raises NobodyThere."""
    try:
        return UUID(call.path["id"])
    except ValueError as error:
        raise NobodyThere(_NO_ID) from error
