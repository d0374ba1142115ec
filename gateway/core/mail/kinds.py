"""The kinds of mail that people get, and the words of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.mail.links import LinkKind

_DISOWN_BUTTON: Final = "This wasn't me"
_DISOWN: Final = (
    "If this was you, you do not have to do anything. If it was not, open the link: it signs everybody out of your "
    "account and disables your password."
)

_ALL_TOO: Final = "There you can also sign everybody out of your account and disable your password."


class MailKind(Enum):
    """The values are in stored rows: they never change."""

    TEST = "test"  # that an operator asked for
    RESET_LINK = "reset_link"
    INVITATION = "invitation"
    SIGN_IN_CODE = "sign_in_code"
    NEW_DEVICE = "new_device"
    NEW_COUNTRY = "new_country"
    LOGIN_BLOCKED = "login_blocked"
    LOGIN_RELEASE = "login_release"  # a login was blocked, and its person can say that it is theirs
    PASSWORD_KNOWN = "password_known"  # the right password came, and the rest of the login did not
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_DISABLED = "password_disabled"
    PASSWORD_RESET = "password_reset"
    LOGINS_ENDED = "logins_ended"  # by an operator
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_LOW = "recovery_codes_low"
    OPERATOR_CODE_MADE = "operator_code_made"
    FACTOR_RESET_ANNOUNCED = "factor_reset_announced"
    LOCKED = "locked"
    REFRESH_REUSED = "refresh_reused"
    DISOWNED = "disowned"
    EMAIL_CONFIRM = "email_confirm"  # to the new address
    EMAIL_TAKEN = "email_taken"  # to the address that somebody else wanted (login-defence.md L26)
    EMAIL_CHANGED = "email_changed"  # to the old address
    API_KEY_MADE = "api_key_made"
    APP_ADMITTED = "app_admitted"  # for longer than the login
    DATA_EXPORTED = "data_exported"
    ERASURE_ASKED = "erasure_asked"
    INACTIVE_DISABLED = "inactive_disabled"  # nobody has used the account for long
    INACTIVE_ERASED = "inactive_erased"
    FAREWELL = "farewell"  # the person is erased
    EMERGENCY = "emergency"  # to owners of the console
    DIGEST = "digest"  # of notices that were too many for a day

    @property
    def is_waited_for(self) -> bool:
        """Codes, links, and what a person can undo: in a lane of their own, without a cap (login-defence.md X8)."""
        return self is MailKind.SIGN_IN_CODE or WORDING[self].link is not None


@dataclass(frozen=True, slots=True)
class Wording:
    """subject: it is shown on locked screens, so it holds no name and no secret. happened, advice: paragraphs.

    link: what button leads to; None: the mail has none.
    """

    subject: str
    happened: str
    advice: str
    link: LinkKind | None = None
    button: str = ""


def _undoable(subject: str, happened: str) -> Wording:
    return Wording(subject, happened, _DISOWN, LinkKind.DISOWN, _DISOWN_BUTTON)


WORDING: Final[Mapping[MailKind, Wording]] = {
    MailKind.TEST: Wording(
        "Test message",
        "The operator of this site sent this message to see whether mail arrives.",
        "You do not have to do anything.",
    ),
    MailKind.RESET_LINK: Wording(
        "Choose a new password",
        "Somebody asked for a new password for your account. The link works once.",
        "If you did not ask, you do not have to do anything: your password stays as it is.",
        LinkKind.RESET,
        "Choose a new password",
    ),
    MailKind.INVITATION: Wording(
        "Your account",
        "An account was made for you. Choose your password to use it. The link works once.",
        "If you do not expect this, you do not have to do anything.",
        LinkKind.INVITATION,
        "Choose your password",
    ),
    MailKind.SIGN_IN_CODE: Wording(
        "Your code to sign in",
        "Enter this code on the page that asks for it. It works once, in that browser only.",
        "Nobody will ever ask you for this code. If you are not signing in, somebody knows your password: change it.",
    ),
    MailKind.NEW_DEVICE: _undoable(
        "Sign-in on a new device", "Your account was signed in on a device that is new to it."
    ),
    MailKind.NEW_COUNTRY: _undoable(
        "Sign-in from another country", "Your account was signed in from a country that is new to it."
    ),
    MailKind.LOGIN_BLOCKED: Wording(
        "A sign-in was blocked",
        "Somebody entered your password, and the sign-in was blocked because much about it was unusual.",
        "If this was not you, somebody knows your password: change it.",
    ),
    MailKind.LOGIN_RELEASE: Wording(
        "A sign-in was blocked",
        "Somebody entered your password, and the sign-in was blocked because much about it was unusual.",
        "If this was you, open the link: that browser, and no other, can try again for 15 minutes. If it was not you, "
        "do not open the link. Somebody knows your password: change it.",
        LinkKind.RELEASE,
        "This was me",
    ),
    MailKind.PASSWORD_KNOWN: _undoable(
        "Somebody entered your password",
        "Somebody entered the right password for your account and did not complete the sign-in.",
    ),
    MailKind.PASSWORD_DISABLED: Wording(
        "Your password was disabled",
        "Your password was entered on a device that is new to your account. It is in lists of passwords that leaked "
        "elsewhere, so others may know it. Nobody can sign in with it any more.",
        'Choose a new password: open the sign-in page and follow "Forgot your password?".',
    ),
    MailKind.PASSWORD_CHANGED: _undoable(
        "Your password was changed", "The password of your account was changed. Other devices were signed out."
    ),
    MailKind.PASSWORD_RESET: _undoable(
        "Your password was reset", "A mailed link was used to choose a new password. All devices were signed out."
    ),
    MailKind.LOGINS_ENDED: Wording(
        "You were signed out",
        "An operator of this site signed your account out.",
        "You can sign in again. If you do not know why this happened, ask the operator.",
    ),
    MailKind.FACTOR_ADDED: _undoable(
        "A second factor was added",
        "A second factor was added to your account. It is asked for at sign-ins from now on.",
    ),
    MailKind.FACTOR_REMOVED: _undoable(
        "A second factor was removed", "A second factor was removed from your account. It is not asked for any more."
    ),
    MailKind.RECOVERY_CODE_USED: _undoable(
        "A recovery code was used", "A recovery code of your account was used in place of a second factor."
    ),
    MailKind.RECOVERY_CODES_LOW: Wording(
        "Few recovery codes are left",
        "Your account has 3 recovery codes left at most.",
        "Make new ones on the page of your account before you run out.",
    ),
    MailKind.OPERATOR_CODE_MADE: _undoable(
        "A code was made for your account",
        "An operator of this site made a code that stands in for your second factor, or for a mailed code, once.",
    ),
    MailKind.FACTOR_RESET_ANNOUNCED: Wording(
        "Your second factors will be removed",
        "An operator of this site will remove all second factors of your account, 24 hours after this message left.",
        "If you asked for this, you do not have to do anything. If not, open the link: it keeps your second factors.",
        LinkKind.KEEP_FACTORS,
        "Keep my second factors",
    ),
    MailKind.LOCKED: Wording(
        "Sign-ins are locked for a while",
        "There were many wrong passwords or codes for your account, so sign-ins are locked for a while where they came "
        "from: on one device, or on all that you have not used before.",
        "You do not have to do anything: other devices and passkeys still sign you in. To sign in where it is locked, "
        "open the link in that browser. It can then try again for 15 minutes.",
        LinkKind.UNLOCK,
        "Sign in in this browser",
    ),
    MailKind.REFRESH_REUSED: _undoable(
        "An app was signed out",
        "Two copies of an app's access to your account were in use, so one may be stolen. The app was signed out.",
    ),
    MailKind.DISOWNED: Wording(
        "Your account was signed out everywhere",
        'The link "This wasn\'t me" was used. Everybody was signed out of your account and the password is disabled.',
        'Choose a new password: open the sign-in page and follow "Forgot your password?".',
    ),
    MailKind.EMAIL_CONFIRM: Wording(
        "Confirm this address",
        "Somebody wants to use this address for their account. Open the link in the browser that is signed in there.",
        "If you do not expect this, you do not have to do anything.",
        LinkKind.EMAIL_CONFIRM,
        "Confirm this address",
    ),
    MailKind.EMAIL_TAKEN: Wording(
        "Somebody wants to use this address",
        "Somebody wanted to use this address for another account. It belongs to yours, so nothing was changed.",
        "You do not have to do anything.",
    ),
    MailKind.EMAIL_CHANGED: Wording(
        "Your address was changed",
        "Mail for your account goes to another address from now on. This message went to the old one.",
        "If this was you, you do not have to do anything. If it was not, open the link: it brings this address back, "
        "signs everybody out of your account and disables your password.",
        LinkKind.EMAIL_UNDO,
        _DISOWN_BUTTON,
    ),
    MailKind.API_KEY_MADE: Wording(
        "An app password was made",
        "An app password (API key) was made for your account. Whoever has it uses these sites as you, without signing "
        "in.",
        "If you expected this, you do not have to do anything. If not, open the link: it ends this app password. "
        f"{_ALL_TOO}",
        LinkKind.END_KEY,
        "End this app password",
    ),
    MailKind.APP_ADMITTED: Wording(
        "An app can use your account",
        "An app got access to your account that goes on after you sign out.",
        "If this was you, you do not have to do anything. If it was not, open the link: it ends this access of the "
        f"app. {_ALL_TOO}",
        LinkKind.END_APP,
        "End this access",
    ),
    MailKind.DATA_EXPORTED: Wording(
        "A copy of your data was made",
        "Somebody who is signed in took a copy of what is stored about you.",
        "If this was you, you do not have to do anything. If it was not, somebody else is signed in to your account: "
        "change your password, which signs everybody else out.",
    ),
    MailKind.ERASURE_ASKED: Wording(
        "Your account will be deleted",
        "Somebody who is signed in asked to delete your account. Until then, each sign-in can take that back.",
        "If you want this, you do not have to do anything. If you do not, open the link: it keeps your account. "
        f"{_ALL_TOO}",
        LinkKind.KEEP_ACCOUNT,
        "Keep my account",
    ),
    MailKind.INACTIVE_DISABLED: Wording(
        "Your unused account will be disabled",
        "Nobody has used your account for a long time, so it will be disabled.",
        "To keep it, sign in before that day. If you do not need it any more, you do not have to do anything.",
    ),
    MailKind.INACTIVE_ERASED: Wording(
        "Your unused account will be deleted",
        "Nobody has used your account for a long time, so it and what is stored about you will be deleted.",
        "To keep it, sign in before that day. If you do not need it any more, you do not have to do anything.",
    ),
    MailKind.FAREWELL: Wording(
        "Your account was deleted",
        "Your account and what was stored about you were deleted. This cannot be undone.",
        "You do not have to do anything. This is the last message to this address.",
    ),
    MailKind.EMERGENCY: Wording(
        "An emergency measure",
        "Somebody who runs this site began an emergency measure. You hear of it because you are an owner.",
        "If you do not know why, look at the emergency page of the console.",
    ),
    MailKind.DIGEST: Wording(
        "More happened on your account",
        "There were so many messages for you within a day that some were not sent. This is what they said.",
        "If you do not know why, change your password.",
    ),
}
