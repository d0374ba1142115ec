"""Decides which act of the console a role may do, and on whom. Pure: roles are rows of their own and no groups."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class AdminRole(Enum):
    """The values are in the database and on the command line: they never change. The strongest comes first."""

    OWNER = "owner"
    ADMIN = "admin"
    SUPPORT = "support"
    AUDITOR = "auditor"


class AdminAct(Enum):
    """The values are words for people: "may ..."."""

    LOOK = "look at people, sessions, limits and workers"
    LOOK_SOURCE = "look at the policy's source"
    LOOK_AUDIT = "look at the audit log"
    LOOK_LISTS = "look at clients, keys, webhooks, compliance, reviews and consents"
    END_SESSIONS = "end sessions"
    UNLOCK = "unlock people"
    DISABLE = "disable and enable people"
    GROUPS = "change groups"
    NAMES = "rename people"
    INVITE = "invite people"
    PROTECTED_NAMES = "give a user name that the policy or admin.protected_names has"
    PROTECTED_GROUPS = "give and take groups of admin.protected_groups"
    LIMITS = "change rate limits"
    LIMITS_FAR = "change the limits of logins beyond ten times the file's value"
    ROLES = "give and take roles"
    EMERGENCY = "close apps and stop sign-ins"
    EMERGENCY_OF_ALL = "ask everybody for a second factor and end everybody's sessions"


_ON_PEOPLE: Final = frozenset(
    {AdminAct.END_SESSIONS, AdminAct.UNLOCK, AdminAct.DISABLE, AdminAct.GROUPS, AdminAct.NAMES}
)
_ADMINS: Final = frozenset({AdminRole.OWNER, AdminRole.ADMIN})
_HELPERS: Final = _ADMINS | {AdminRole.SUPPORT}
_READERS: Final = _ADMINS | {AdminRole.AUDITOR}
_OWNERS: Final = frozenset({AdminRole.OWNER})
_MAY: Final[dict[AdminAct, frozenset[AdminRole]]] = {
    AdminAct.LOOK: frozenset(AdminRole),
    AdminAct.LOOK_SOURCE: _READERS,
    AdminAct.LOOK_AUDIT: _READERS,
    AdminAct.LOOK_LISTS: _READERS,
    AdminAct.END_SESSIONS: _HELPERS,
    AdminAct.UNLOCK: _HELPERS,
    AdminAct.DISABLE: _ADMINS,
    AdminAct.GROUPS: _ADMINS,
    AdminAct.NAMES: _ADMINS,
    AdminAct.INVITE: _ADMINS,
    AdminAct.PROTECTED_NAMES: _OWNERS,
    AdminAct.PROTECTED_GROUPS: _OWNERS,
    AdminAct.LIMITS: _ADMINS,
    AdminAct.LIMITS_FAR: _OWNERS,
    AdminAct.ROLES: _OWNERS,
    AdminAct.EMERGENCY: _ADMINS,
    AdminAct.EMERGENCY_OF_ALL: _OWNERS,
}
_ON_SUPPORT: Final = frozenset({AdminAct.END_SESSIONS, AdminAct.UNLOCK})


@dataclass(frozen=True, slots=True)
class ActTarget:
    """Whom an act is on. role: None for most people. is_self: the one who acts."""

    role: AdminRole | None = None
    is_self: bool = False


def permits(role: AdminRole, act: AdminAct, on: ActTarget | None = None) -> bool:
    """on None: the act is on nobody. Nobody changes their own role, state, groups or sessions in the console."""
    if role not in _MAY[act]:
        return False
    if act is AdminAct.ROLES:
        return on is None or not on.is_self
    if act not in _ON_PEOPLE or on is None:
        return True
    if on.is_self:
        return False
    if on.role is None or role is AdminRole.OWNER:
        return True
    return role is AdminRole.ADMIN and on.role is AdminRole.SUPPORT and act in _ON_SUPPORT


def covers(role: AdminRole, other: AdminRole) -> bool:
    """Whether role may all that other may: support and auditor cover themselves alone."""
    return all(role in roles for roles in _MAY.values() if other in roles)


def who_may(act: AdminAct) -> str:
    """For the page that refuses: "owner or admin"."""
    roles = [role.value for role in AdminRole if role in _MAY[act]]
    return " or ".join([", ".join(roles[:-1]), roles[-1]] if len(roles) > 1 else roles)
