"""The only table from errors to HTTP: which status each has, and what the person reads."""

from collections.abc import Mapping
from typing import Final

from gateway.core.errors import GatewayError, StoreUnavailable, TooManyAttempts, TooManyChanges
from gateway.core.forward.pages import Page
from gateway.core.oauth.request import Unaddressed
from gateway.core.token.signing_keys import NoSigningKey
from gateway.flows.people.issuing import LoginsStopped
from gateway.flows.people.passwords import PasswordsBusy
from gateway.flows.transaction import RecordUnavailable


class CrossSite(GatewayError):
    """A form that was not sent by our own page in this browser."""

    def __init__(self, why: str) -> None:
        """why: for the log."""
        super().__init__(why)


class FormExpired(CrossSite):
    """The request came from our own origin, but its token belongs to another csrf cookie than the browser has now.

    fields: of the form; they prove nothing. has_cookie: whether the browser sent one at all.
    """

    def __init__(self, fields: Mapping[str, str], *, has_cookie: bool) -> None:
        super().__init__("the form's token doesn't belong to the csrf cookie")
        self.fields = fields
        self.has_cookie = has_cookie


class BadForm(GatewayError):
    """The body is not the form that our page sends. The message is for the client too: it holds nothing of the body."""


class WrongHost(GatewayError):
    """The request names another host than the auth host, or came without one."""


class NotAPage(GatewayError):
    """The browser asked for a page from inside a frame, or before the person wanted it."""


class NoSuchPage(GatewayError):
    """The address is not for browsers, or names something that isn't there."""


STATUS: Final[dict[type[GatewayError], int]] = {
    BadForm: 400,
    Unaddressed: 400,
    CrossSite: 403,
    FormExpired: 403,
    NotAPage: 403,
    NoSuchPage: 404,
    WrongHost: 421,
    TooManyAttempts: 429,
    LoginsStopped: 503,
    PasswordsBusy: 503,
    NoSigningKey: 503,
    RecordUnavailable: 503,
    StoreUnavailable: 503,
}

_RETRY_AFTER_S: Final = 5

_OLD_FORM: Final = Page(
    "This page is out of date",
    "Somebody signed in or out in this browser since the page was opened, so nothing was changed. Open it again.",
)
_APP: Final = Page(
    "That app's request can't be answered",
    "Something is wrong with the link that brought you here. Go back to the app and start again.",
)
_STOPPED: Final = Page(
    "Sign-ins are stopped for the moment",
    "Sign-ins are stopped by whoever runs this site. Sites that are open already go on working.",
)
_OFTEN: Final = Page("That was too often", "You did this many times within a short time, so this one changed nothing.")
_UNKNOWN: Final = Page("Something went wrong", "It is our fault, not yours. The reference below helps us find it.")
WORDS: Final[dict[int, Page]] = {
    400: Page("That didn't work", "The request was not complete. Go back, reload the page and try again."),
    403: Page("That request was refused", "It didn't come from this site's own page. Open the page and try again."),
    404: Page("Page not found", "There is nothing at this address."),
    405: Page("That didn't work", "This address can't be used that way."),
    413: Page("That was too large", "The request was larger than anything this page expects."),
    421: Page("Wrong address", "This server doesn't answer for the name that you used."),
    429: Page("Too many attempts", "There were many sign-in attempts from your network."),
    500: _UNKNOWN,
    503: Page(
        "We can't do that right now",
        "A part that we depend on does not answer. Sites that are open already go on working. Try again shortly.",
    ),
}


def status_of(error: GatewayError) -> int:
    """500 for what nobody thought of."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def retry_after_s(error: Exception) -> int:
    """When to try again what may pass then."""
    return error.retry_after_s if isinstance(error, TooManyAttempts) else _RETRY_AFTER_S


def words_of_error(error: GatewayError) -> Page:
    """Where the reason is known it is said."""
    if isinstance(error, Unaddressed):
        return _APP
    if isinstance(error, LoginsStopped):
        return _STOPPED
    if isinstance(error, TooManyChanges):
        return _OFTEN
    return _OLD_FORM if isinstance(error, FormExpired) else words_of(status_of(error))


def words_of(status: int) -> Page:
    """What to say with a status; an unlisted one is said as our fault."""
    return WORDS.get(status, _UNKNOWN)
