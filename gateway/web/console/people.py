"""/admin/people: finds a person, shows where they are signed in and what happened, and confirms each act on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.core.admin.acts import AdminAct, AdminRole
from gateway.core.base64url import b64
from gateway.core.browsers import browser_name
from gateway.flows.admin.console import Administrator
from gateway.flows.admin.decisions import AdminDecisions
from gateway.flows.admin.people import PAGE, AdminPeople, NobodyThere, PersonShown
from gateway.flows.evidence.audit_entries import Listed
from gateway.web.account import ago, iso
from gateway.web.browser import see_other
from gateway.web.console.decisions import DECISIONS_PATH, reference_of
from gateway.web.console.entries import line_of
from gateway.web.console.frame import AdminForm, AdminPage, Frame
from gateway.web.cursors import whole_number
from gateway.web.errors import BadForm
from gateway.web.middleware import REQUEST_ID
from gateway.web.spans import counted
from gateway.web.text import shown
from gateway.web.ways import CONSOLE_PATH

_PATH: Final = f"{CONSOLE_PATH}/people"
_FIND_CHARS: Final = 320
_NOBODY: Final = (
    "Nobody has this name, address or id, and no refusal with this reference is kept. Names are encrypted, so only a"
    " whole one finds its person."
)


@dataclass(frozen=True, slots=True)
class _Deed:
    """A page that confirms an act. says: what will happen to whom."""

    act: AdminAct
    title: str
    says: str
    button: str
    danger: bool = True


_DEEDS: Final = {
    "end-sessions": _Deed(
        AdminAct.END_SESSIONS,
        "End all sessions",
        "Every browser of this person is signed out on all sites, and their keys rest.",
        "End all sessions",
    ),
    "end-session": _Deed(
        AdminAct.END_SESSIONS, "End a session", "This browser is signed out on all sites.", "End this session"
    ),
    "disable": _Deed(
        AdminAct.DISABLE,
        "Disable",
        "All their sessions end, their keys rest, and they can't sign in any more until they are enabled.",
        "Disable this person",
    ),
    "enable": _Deed(
        AdminAct.DISABLE,
        "Enable",
        "This person may sign in again. Sessions that have ended stay ended, and keys go on resting.",
        "Enable this person",
        danger=False,
    ),
    "unlock": _Deed(
        AdminAct.UNLOCK,
        "Unlock",
        "All locks after wrong passwords and codes open. Whoever guesses has new tries, too.",
        "Unlock this person",
        danger=False,
    ),
    "groups": _Deed(
        AdminAct.GROUPS, "Change groups", "The groups decide which sites let this person in.", "Change groups", False
    ),
    "rename": _Deed(
        AdminAct.NAMES,
        "Rename",
        "Apps get the new user name with the next request, and may take this person for a new one. Nobody else gets the"
        " old name for three years. Sessions go on.",
        "Rename this person",
    ),
    "role": _Deed(
        AdminAct.ROLES, "Change role", "The role decides what this person may do in the console.", "Change role"
    ),
}


def routes(frame: Frame, people: AdminPeople, decisions: AdminDecisions) -> list[web.RouteDef]:
    pages = _PeoplePages(frame, people, decisions)
    found = [
        web.get(_PATH, frame.page(pages.list)),
        web.post(f"{_PATH}/find", frame.finds(pages.find)),
        web.get(f"{_PATH}/{{id}}", frame.page(pages.show)),
    ]
    for name, deed in _DEEDS.items():
        path = f"{_PATH}/{{id}}/{name}" + ("/{login}" if name == "end-session" else "")
        found.append(web.get(path, frame.page(pages.confirm(name, deed), deed.act, fresh=True)))
        found.append(web.post(path, frame.form(pages.act(name))))
    return found


@dataclass(frozen=True, slots=True)
class _PeoplePages:
    frame: Frame
    people: AdminPeople
    decisions: AdminDecisions

    async def list(self, request: web.Request, who: Administrator) -> web.Response:
        lines = await self.people.page(_after(request.query.get("after", "")))
        more = lines[PAGE - 1] if len(lines) > PAGE else None
        return self.frame.render(
            request,
            who,
            "people.html",
            people=[
                {
                    "id": one.user.id,
                    "name": shown(one.user.username),
                    "display": shown(one.user.name),
                    "state": one.user.state,
                    "role": "" if one.role is None else one.role.value,
                    "groups": shown(", ".join(one.user.groups)),
                }
                for one in lines[:PAGE]
            ],
            after="" if more is None else f"{more.created_at}.{more.user.id}",
            not_found="",
            may_invite=who.may(AdminAct.INVITE),
        )

    async def find(self, request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.Response:
        text = fields.get("who", "")[:_FIND_CHARS].strip()
        found, reference = await self.people.find(text), reference_of(text)
        if found is not None:
            return see_other(f"{_PATH}/{found}")
        if reference and await self.decisions.is_kept(reference):
            return see_other(f"{DECISIONS_PATH}/{reference}")
        return self.frame.render(
            request, who, "people.html", 404, people=[], after="", not_found=_NOBODY, may_invite=False
        )

    async def show(self, request: web.Request, who: Administrator) -> web.Response:
        found = await self.people.view(who, _id(request), request[REQUEST_ID])
        if found is None:
            raise NobodyThere("nobody has this id")
        target = await self.people.target(who, found.user.id)
        assert target is not None
        now = self.frame.browser.clock()
        deeds = [
            (name, deed.title)
            for name, deed in _DEEDS.items()
            if who.may(deed.act, target[1]) and _applies(name, found)
        ]
        return self.frame.render(
            request,
            who,
            "person.html",
            person=_plain(found),
            logins=[
                {
                    "id": b64(one.id),
                    "browser": shown(browser_name(one.user_agent)),
                    "address": one.address,
                    "seen": ago(now - one.last_seen_at),
                    "seen_iso": iso(one.last_seen_at),
                    "hosts": ", ".join(one.hosts),
                }
                for one in found.logins
            ],
            locks=[
                f"{one.door.proving.value}, {one.door.place} devices, until {iso(one.lockout.until)}"
                for one in found.locks
            ],
            entries=[line_of(one, now) for one in reversed(_readable(found, who))],
            deeds=deeds,
            may_end=who.may(AdminAct.END_SESSIONS, target[1]),
            is_self=target[1].is_self,
        )

    def confirm(self, name: str, deed: _Deed) -> AdminPage:
        async def page(request: web.Request, who: Administrator) -> web.Response:
            found = await self.people.target(who, _id(request))
            if found is None:
                raise NobodyThere("nobody has this id")
            user, target = found
            who.require(deed.act, target)
            return self.frame.render(
                request,
                who,
                "confirm.html",
                deed=deed,
                kind=name,
                person=shown(user.name or user.username),
                username=shown(user.username),
                path=request.path,
                back=f"{_PATH}/{user.id}",
                groups=" ".join(user.groups),
                role="" if target.role is None else target.role.value,
                roles=[role.value for role in AdminRole],
            )

        return page

    def act(self, name: str) -> AdminForm:
        async def do(request: web.Request, fields: Mapping[str, str], who: Administrator) -> web.StreamResponse:
            user_id = _id(request)
            done = await self._do(name, request, fields, who, user_id)
            return see_other(f"{_PATH}/{user_id}?done={done}")

        return do

    async def _do(
        self, name: str, request: web.Request, fields: Mapping[str, str], who: Administrator, user_id: UUID
    ) -> str:
        """The word that the next page says it by."""
        reason, request_id = fields.get("reason", "").strip(), request[REQUEST_ID]
        match name:
            case "end-sessions" | "end-session":
                login = request.match_info.get("login", "")
                ended = await self.people.end_sessions(who, user_id, login, reason, request_id)
                return "ended" if ended else "same"
            case "disable":
                return "disabled" if await self.people.disable(who, user_id, reason, request_id) else "same"
            case "enable":
                return "enabled" if await self.people.enable(who, user_id, reason, request_id) else "same"
            case "unlock":
                return "unlocked" if await self.people.unlock(who, user_id, reason, request_id) else "same"
            case "rename":
                username = fields.get("username", "").strip()
                return "renamed" if await self.people.rename(who, user_id, username, reason, request_id) else "same"
            case "groups":
                await self.people.set_groups(who, user_id, _groups(fields), reason, request_id)
                return "groups"
            case _:
                changed = await self.people.set_role(who, user_id, _role(fields), reason, request_id)
                return "role" if changed else "same"


def _applies(name: str, found: PersonShown) -> bool:
    match name:
        case "disable":
            return found.user.state == "active"
        case "enable":
            return found.user.state == "disabled"
        case "unlock":
            return bool(found.locks)
        case "end-session":
            return False  # beside each
        case _:
            return True


def _plain(found: PersonShown) -> Mapping[str, object]:
    user = found.user
    return {
        "id": user.id,
        "username": shown(user.username),
        "name": shown(user.name),
        "email": shown(user.email),
        "state": user.state,
        "groups": shown(", ".join(user.groups)),
        "role": "" if found.role is None else found.role.value,
        "factors": ", ".join(one.replace("_", " ") for one in found.factors),
        "sessions": counted(len(found.logins), "session"),
    }


def _readable(found: PersonShown, who: Administrator) -> list[Listed]:
    return list(found.entries) if who.may(AdminAct.LOOK_AUDIT) else []


def _groups(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(fields.get("groups", "").replace(",", " ").split())


def _role(fields: Mapping[str, str]) -> AdminRole | None:
    """None: it is to be taken. Raises BadForm."""
    try:
        return AdminRole(fields["role"]) if fields["role"] else None
    except (KeyError, ValueError) as error:
        raise BadForm("There is no such role.") from error


def _id(request: web.Request) -> UUID:
    """Raises NobodyThere."""
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NobodyThere("no id") from error


def _after(text: str) -> tuple[int, UUID] | None:
    """The last of the page before; None for what is none."""
    at, _, user_id = text.partition(".")
    created_at = whole_number(at)
    try:
        return None if created_at is None else (created_at, UUID(user_id))
    except ValueError:
        return None
