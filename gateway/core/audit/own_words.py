"""Says in one sentence what an entry of the log means to the person it is about, for `/account/activity`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.assurance.model import NO_PROOF, Assurance, bits_of
from gateway.core.assurance.words import proof_words
from gateway.core.audit.entries import Kind


@dataclass(frozen=True, slots=True)
class Told:
    """reasons: of the risk score. may_be_others: it was done by whoever held the account, or knew its password."""

    sentence: str
    score: int | None
    reasons: tuple[str, ...]
    may_be_others: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """text: with {who} for the actor, and fields of the entry. why: instead of text, by the field `why` or `reason`."""

    text: str
    may_be_others: bool = False
    why: Mapping[str, str] | None = None


_TOLD: Final[Mapping[Kind, _Words]] = {
    Kind.LOGIN: _Words("{who} signed in with {proof}.", may_be_others=True),
    Kind.STEP_UP: _Words("{who} confirmed with {proof} that it's you.", may_be_others=True),
    Kind.LOGIN_FAILED: _Words(
        "A sign-in with a wrong password was refused.",
        why={"locked": "A sign-in was refused, because there had been too many wrong passwords."},
    ),
    Kind.LOGIN_BLOCKED: _Words(
        "A sign-in with the right password was refused.",
        may_be_others=True,
        why={
            "breached": "A sign-in was refused, because the right password is in lists that leaked elsewhere.",
            "risk": "A sign-in with the right password was refused, because it looked too risky.",
        },
    ),
    Kind.LOGIN_STEP_UP: _Words("Somebody typed the right password, and was asked for more.", may_be_others=True),
    Kind.LOGIN_ABANDONED: _Words("Somebody typed the right password, and never finished.", may_be_others=True),
    Kind.LOGIN_RELEASED: _Words("{who} said by a mailed link that a refused sign-in was yours.", may_be_others=True),
    Kind.FACTOR_FAILED: _Words(
        "A wrong code or passkey was refused.",
        may_be_others=True,
        why={"locked": "A code was refused, because there had been too many wrong ones."},
    ),
    Kind.RECOVERY_CODE_USED: _Words("{who} used a one-time code as second factor.", may_be_others=True),
    Kind.PASSKEY_SUSPENDED: _Words("A passkey no longer counts: there may be a copy of it.", may_be_others=True),
    Kind.PASSWORD_DISABLED: _Words("Your password was disabled: it is in lists that leaked elsewhere."),
    Kind.PASSWORD_DOUBTED: _Words("Somebody else may know your password.", may_be_others=True),
    Kind.LOCKED: _Words("Sign-ins were locked, because there were too many wrong passwords or codes."),
    Kind.UNLOCKED: _Words("{who} unlocked your account."),
    Kind.LOGOUT: _Words("{who} signed out."),
    Kind.SESSION_ENDED: _Words("{who} signed out a device."),
    Kind.SESSIONS_ENDED: _Words("{who} signed out your devices."),
    Kind.DEVICE_FORGOTTEN: _Words("{who} made Bastion forget a device or a habit."),
    Kind.DISOWNED: _Words("{who} said 'This wasn't me': everybody was signed out, and your password was disabled."),
    Kind.USER_ADDED: _Words("{who} made your account."),
    Kind.USER_INVITED: _Words("{who} invited you."),
    Kind.USER_IMPORTED: _Words("{who} took your account over from another system."),
    Kind.USER_DISABLED: _Words("{who} disabled your account."),
    Kind.USER_ENABLED: _Words("{who} enabled your account."),
    Kind.USER_CHANGED: _Words(
        "{who} changed your {changed}.",
        may_be_others=True,
        why={"undone": "{who} took back a change of your e-mail address."},
    ),
    Kind.GROUPS_CHANGED: _Words("{who} changed your groups: {before}; now {after}."),
    Kind.EMAIL_ASKED: _Words("{who} asked for another e-mail address.", may_be_others=True),
    Kind.PASSWORD_CHANGED: _Words("{who} set a new password.", may_be_others=True),
    Kind.PASSWORD_RESET_ASKED: _Words("{who} asked for a link to a new password."),
    Kind.PASSWORD_RESET: _Words("{who} set a new password with a mailed link.", may_be_others=True),
    Kind.FACTOR_ADDED: _Words("{who} added a second factor: {factor}.", may_be_others=True),
    Kind.FACTOR_REMOVED: _Words("{who} removed a second factor: {factor}.", may_be_others=True),
    Kind.FACTOR_RESET_ANNOUNCED: _Words("{who} will have your second factors removed."),
    Kind.FACTOR_RESET_STOPPED: _Words("The removal of your second factors was stopped."),
    Kind.RECOVERY_CODES_MADE: _Words("{who} made new recovery codes.", may_be_others=True),
    Kind.OPERATOR_CODE_MADE: _Words("{who} made a one-time code for you."),
    Kind.ERASURE_ASKED: _Words("{who} asked to delete your account.", may_be_others=True),
    Kind.ERASURE_WITHDRAWN: _Words("{who} took back the request to delete your account."),
    Kind.DATA_EXPORTED: _Words("{who} took a copy of your data.", may_be_others=True),
    Kind.DOCUMENT_ACCEPTED: _Words("{who} accepted {document}."),
    Kind.DOCUMENT_DECLINED: _Words("{who} declined {document}."),
    Kind.DOCUMENT_WITHDRAWN: _Words("{who} withdrew {document}."),
    Kind.PERSON_VIEWED: _Words("{who} looked at your account."),
    Kind.AUDIT_READ: _Words("{who} looked at what happened to your account."),
    Kind.ADMIN_ENTERED: _Words("{who} opened the console.", may_be_others=True),
    Kind.ROLE_GRANTED: _Words("{who} gave you the role {after} in the console."),
    Kind.ROLE_REVOKED: _Words("{who} took your role in the console."),
    Kind.ACCESS_DENIED: _Words("{who} asked for {route} and were refused, {times} times."),
    Kind.APP_CONSENT_GIVEN: _Words("{who} gave the app {client} access.", may_be_others=True),
    Kind.GRANT_ENDED: _Words("The access of the app {client} ended."),
    Kind.CODE_REUSED: _Words("The access of the app {client} ended: somebody may have stolen it."),
    Kind.REFRESH_REUSED: _Words("The access of the app {client} ended: somebody may have stolen it."),
    Kind.API_KEY_CREATED: _Words("{who} made an app password.", may_be_others=True),
    Kind.API_KEY_REVOKED: _Words("An app password was ended."),
    Kind.REVIEW_DECIDED: _Words("{who} reviewed your access: {decision}."),
    Kind.ADMIN_TOKEN_CREATED: _Words("{who} made a token for which you answer: a script may act as {role}."),
    Kind.ADMIN_TOKEN_REVOKED: _Words("{who} ended a token for which you answered."),
}
TOLD_KINDS: Final = tuple(_TOLD)
# Routine, or not about what a person could do something about; a hold is not told to whom it is about.
UNTOLD_KINDS: Final = frozenset(
    {Kind.SESSION_OPENED, Kind.GRANT_ISSUED, Kind.HOLD_ADDED, Kind.HOLD_LIFTED, Kind.USER_ERASED}
)
_SELF: Final = "You"
_STRANGER: Final = "Somebody"
_GATEWAY: Final = "Bastion"
# By the names of core/risk/score.py.
_REASONS: Final[Mapping[str, str]] = {
    "first_login": "first sign-in",
    "new_device": "new device",
    "new_ip": "new address",
    "new_network": "new network",
    "new_country": "new country",
    "odd_hours": "unusual hour",
    "impossible_travel": "too far away for the time between",
    "failures": "wrong passwords before",
    "breached": "leaked password",
    "doubted": "password that others may know",
    "anonymising": "network that hides who uses it",
}
_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "factor": {"totp": "authenticator app"},
    "changed": {"email": "e-mail address", "username": "user name", "name": "display name"},
}


class _Fields(dict[str, str]):
    """An entry of an earlier version may lack a field."""

    def __missing__(self, name: str) -> str:
        return "none" if name in ("before", "after") else f"({name.replace('_', ' ')} not known)"


def told(kind: Kind, actor: str, subject: UUID, detail: Mapping[str, object]) -> Told:
    """kind: of TOLD_KINDS. actor: as entries have it. detail: of the stored entry."""
    words, who = _TOLD[kind], _who(actor, subject)
    why = detail.get("why", detail.get("reason"))
    text = (words.why or {}).get(str(why), words.text)
    factors, score = detail.get("factors"), detail.get("score")
    values = {name: _word(name, value) for name, value in detail.items()}
    return Told(
        text.format_map(_Fields(values, who=who, proof=_proof(detail.get("amr")))),
        score if isinstance(score, int) else None,
        tuple(_REASONS.get(one, one.replace("_", " ")) for one in factors) if isinstance(factors, list) else (),
        words.may_be_others and who in (_SELF, _STRANGER, _GATEWAY),
    )


def _who(actor: str, subject: UUID) -> str:
    if actor == str(subject):
        return _SELF
    if actor in ("", "gateway"):
        return _GATEWAY if actor else _STRANGER
    return f"The app {actor.removeprefix('client:')}" if actor.startswith("client:") else "An administrator"


def _proof(amr: object) -> str:
    """Entries of earlier versions do not say it."""
    proven = Assurance(0, 0, bits_of(map(str, amr))) if isinstance(amr, list) else NO_PROOF
    return proof_words(proven) if proven.amr else "a proof that the log does not name"


def _word(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return _NAMES.get(name, {}).get(str(value), str(value).replace("_", " "))
