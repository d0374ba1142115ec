"""The frozen table of what each act does to all that a person can be let in by (login-defence.md X2)."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class AccountAct(Enum):
    """The values are in stored rows, as the reason why something ended: they never change."""

    PASSWORD_RESET = "password_reset"  # by the person, with a mailed link
    DISOWNED = "disowned"
    FACTOR_RESET = "factor_reset"  # by an operator: all second factors, or one of them
    PASSWORD_SET = "password_changed"  # by an operator, or by the person at a login because it is breached
    DISABLED = "disabled"
    LOGINS_ENDED = "ended_by_operator"
    ENABLED = "enabled"
    ERASED = "erased"
    EMERGENCY = "emergency"  # an end of everybody's sessions
    RESTORED = "restored"  # the whole database, from a backup: of everybody


class Credential(Enum):
    """The values are the columns of the table in docs/users.md."""

    LOGIN = "login"
    ATTEMPT = "attempt"
    LINK = "link"  # that lets somebody in; what undoes an act stays
    CODE = "code"
    GRANT = "grant"
    OFFLINE_GRANT = "offline grant"
    API_KEY = "API key"
    OPERATOR_CODE = "operator's code"
    ADMIN_TOKEN = "admin token"  # made by commands alone, so who takes an account over has none


class Fate(Enum):
    ENDS = "ends"
    RESTS = "rests"  # until its person wakes it
    STAYS = "stays"


_E, _R, _S = Fate.ENDS, Fate.RESTS, Fate.STAYS
# In the order of Credential. Enabling wakes nothing that an act before it ended or put to rest.
_ROWS: Final = {
    AccountAct.PASSWORD_RESET: (_E, _E, _E, _E, _E, _E, _R, _E, _S),
    AccountAct.DISOWNED: (_E, _E, _E, _E, _E, _E, _R, _E, _E),
    AccountAct.FACTOR_RESET: (_E, _E, _E, _E, _E, _E, _R, _E, _S),
    AccountAct.PASSWORD_SET: (_E, _E, _E, _E, _E, _E, _R, _S, _S),
    AccountAct.DISABLED: (_E, _E, _E, _E, _E, _E, _R, _E, _E),
    AccountAct.LOGINS_ENDED: (_E, _E, _S, _E, _E, _E, _R, _S, _S),
    AccountAct.ERASED: (_E, _E, _E, _E, _E, _E, _E, _E, _E),
    AccountAct.EMERGENCY: (_E, _E, _S, _E, _E, _E, _R, _S, _S),
    AccountAct.RESTORED: (_E, _E, _E, _E, _E, _E, _R, _E, _E),
    AccountAct.ENABLED: (_S, _E, _S, _S, _S, _S, _S, _S, _S),
}
FATES: Final[Mapping[AccountAct, Mapping[Credential, Fate]]] = {
    act: dict(zip(Credential, row, strict=True)) for act, row in _ROWS.items()
}
# Where each is stored. A test asks of every other table with a person and a secret why it lets nobody in.
TABLES: Final[Mapping[str, tuple[Credential, ...]]] = {
    "logins": (Credential.LOGIN,),
    "attempts": (Credential.ATTEMPT,),
    "links": (Credential.LINK,),
    "codes": (Credential.CODE,),
    "grants": (Credential.GRANT, Credential.OFFLINE_GRANT),
    "api_keys": (Credential.API_KEY,),
    "recovery_codes": (Credential.OPERATOR_CODE,),
    "admin_tokens": (Credential.ADMIN_TOKEN,),
}
