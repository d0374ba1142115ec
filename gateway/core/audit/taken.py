"""What was taken away from a person or a client, as the ledger keeps it: a restore takes it away again (X1)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.audit.entries import Kind

MARGIN_S: Final = 7 * 86_400  # longer than key files of backups stay, so that the next backup may be late
CLOCKS_S: Final = 300  # by how much the clocks of nodes may differ


class Loss(Enum):
    """The values are in files of others: they never change."""

    PERSON = "person"
    GROUP = "group"
    ROLE = "role"
    PASSWORD = "password"
    TOTP = "totp"
    PASSKEY = "passkey"
    API_KEY = "api_key"
    CLIENT = "client"
    CLIENT_SECRET = "client_secret"


@dataclass(frozen=True, slots=True)
class TakenAway:
    """whose: the id of a person or a client. what: a group, or the id of a passkey or an API key; "" for all there is.

    at: Unix seconds. It holds no words.
    """

    loss: Loss
    whose: str
    what: str
    at: int


Details = Mapping[str, object]


def _text(detail: Details, name: str) -> str:
    return str(detail.get(name) or "")


def _groups(detail: Details) -> Sequence[tuple[Loss, str]]:
    before, after = detail.get("before"), detail.get("after")
    assert isinstance(before, list)
    assert isinstance(after, list)
    return [(Loss.GROUP, one) for one in before if one not in after]


def _factor(detail: Details) -> Sequence[tuple[Loss, str]]:
    return [(Loss(_text(detail, "factor")), _text(detail, "passkey"))]


def _password(_detail: Details) -> Sequence[tuple[Loss, str]]:
    return [(Loss.PASSWORD, "")]


_LOSSES: Final[Mapping[str, Callable[[Details], Sequence[tuple[Loss, str]]]]] = {
    Kind.USER_DISABLED.value: lambda _detail: [(Loss.PERSON, "")],
    Kind.GROUPS_CHANGED.value: _groups,
    Kind.ROLE_REVOKED.value: lambda _detail: [(Loss.ROLE, "")],
    Kind.ROLE_GRANTED.value: lambda detail: [(Loss.ROLE, "")] if "before" in detail else [],
    Kind.PASSWORD_CHANGED.value: _password,
    Kind.PASSWORD_RESET.value: _password,
    Kind.PASSWORD_DISABLED.value: _password,
    Kind.DISOWNED.value: _password,
    Kind.FACTOR_REMOVED.value: _factor,
    Kind.FACTOR_ADDED.value: lambda detail: _factor(detail) if "replaced" in detail else [],
    Kind.API_KEY_REVOKED.value: lambda detail: [(Loss.API_KEY, _text(detail, "key"))],
    Kind.CLIENT_DISABLED.value: lambda _detail: [(Loss.CLIENT, "")],
    Kind.CLIENT_SECRET_ROTATED.value: lambda _detail: [(Loss.CLIENT_SECRET, "")],
}
KINDS: Final = tuple(_LOSSES)


def taken_by(kind: str, subject: object, detail: Details, at: int) -> list[TakenAway]:
    """By an entry of one of KINDS. subject: the id of a person, None where it is about a client."""
    whose = _text(detail, "client") if subject is None else str(subject)
    return [TakenAway(loss, whose, what, at) for loss, what in _LOSSES[kind](detail)]
