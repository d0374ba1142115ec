"""Who is signed in, of all people: /admin/sessions as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from pydantic import BeforeValidator, Field

from gateway.core.admin.acts import AdminAct
from gateway.core.assurance.model import UNKNOWN_RISK, amr_values
from gateway.core.base64url import b64, unb64
from gateway.flows.admin.sessions import PAGE, AdminSessions, SessionLine, SessionsWanted
from gateway.web.api.operation import AnyOperation, Call, Operation
from gateway.web.api.people import LiveSession
from gateway.web.api.shapes import ApiAnswer, Given, digits, whole

_AFTER: Final = r"^[0-9]{1,18}\.[A-Za-z0-9_-]{21}[AQgw]$"  # 16 bytes as base64url
_MOST_RISK: Final = 100
_YES_NO: Final = {"yes": True, "no": False, None: None}
AfterSession = Annotated[str, Field(pattern=_AFTER, description="`next` of the page before.")]
HostOrAll = Annotated[str, Field(max_length=253, description="A host where the session is open; empty for all.")]
KeptOrNot = Annotated[str, Field(pattern="^(yes|no)$", description="Whether the browser is kept signed in.")]
FactorOrNot = Annotated[str, Field(pattern="^(yes|no)$", description="Whether a second factor was proven.")]
_RISK: Final = Field(ge=0, le=_MOST_RISK, description="The least risk score.")
PersonOrAll = Annotated[
    str, Field(max_length=320, description="A whole user name or e-mail address; empty for everybody.")
]
AddressOrAll = Annotated[str, Field(max_length=64, description="The address of the sign-in; empty for all.")]


class SessionsAsked(Given):
    host: HostOrAll = ""
    kept: KeptOrNot | None = None
    factor: FactorOrNot | None = None
    risk: Annotated[int, _RISK, BeforeValidator(digits)] | None = None
    after: AfterSession | None = None


class SessionsLike(Given):
    """A name or an address stands in no URL."""

    person: PersonOrAll = ""
    address: AddressOrAll = ""
    host: HostOrAll = ""
    kept: KeptOrNot | None = None
    factor: FactorOrNot | None = None
    risk: Annotated[int, _RISK, BeforeValidator(whole)] | None = None
    after: AfterSession | None = None


class SessionOfPerson(LiveSession):
    """kept: the browser is kept signed in. amr: what was proven (RFC 8176). risk: of the sign-in, null: not known.

    may_end: whether your role may end it.
    """

    person: UUID
    username: str
    kept: bool
    amr: tuple[str, ...]
    risk: int | None
    may_end: bool


class SessionsOfAll(ApiAnswer):
    """The latest sign-in first."""

    sessions: tuple[SessionOfPerson, ...]
    next: str | None = Field(description="`after` of the next page; null on the last.")


@dataclass(frozen=True, slots=True)
class SessionOperations:
    sessions: AdminSessions

    def all(self) -> Sequence[AnyOperation]:
        look = AdminAct.LOOK
        return (
            Operation(
                "listAllSessions", "GET", "/sessions", "List live sessions of all people", look, SessionsAsked,
                SessionsOfAll, self.list,
            ),
            Operation(
                "findSessions", "POST", "/sessions/find", "List live sessions of a person or an address", look,
                SessionsLike, SessionsOfAll, self.find,
            ),
        )  # fmt: skip

    async def list(self, call: Call, asked: SessionsAsked) -> SessionsOfAll:
        return await self._page(call, asked, "", "")

    async def find(self, call: Call, wanted: SessionsLike) -> SessionsOfAll:
        return await self._page(call, wanted, wanted.person.strip(), wanted.address.strip())

    async def _page(self, call: Call, given: SessionsAsked | SessionsLike, person: str, address: str) -> SessionsOfAll:
        at, _, login_id = (given.after or "").partition(".")
        after = (int(at), unb64(login_id)) if at else None
        kept, factor = _YES_NO[given.kept], _YES_NO[given.factor]
        wanted = SessionsWanted(person, address, given.host, kept, factor, given.risk, after)
        lines = await self.sessions.page(call.who, wanted)
        last = lines[PAGE - 1].login if len(lines) > PAGE else None
        return SessionsOfAll(
            sessions=tuple(map(_session, lines[:PAGE])),
            next=None if last is None else f"{last.created_at}.{b64(last.id)}",
        )


def _session(one: SessionLine) -> SessionOfPerson:
    login = one.login
    return SessionOfPerson(
        id=b64(login.id),
        created_at=login.created_at,
        last_seen_at=login.last_seen_at,
        address=login.address,
        user_agent=login.user_agent,
        hosts=login.hosts,
        person=login.user_id,
        username=one.username,
        kept=login.persistent,
        amr=amr_values(login.assurance),
        risk=None if login.assurance.risk == UNKNOWN_RISK else login.assurance.risk,
        may_end=one.may_end,
    )
