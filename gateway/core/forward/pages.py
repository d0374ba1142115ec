"""The words of our pages on protected hosts, for whoever renders them."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Link:
    """top: leaves a frame that shows the page."""

    label: str
    href: str
    top: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a person reads. detail: the operator's own words, or "". who: the user name that is signed in, or ""."""

    title: str
    text: str
    request_id: str = ""
    host: str = ""
    detail: str = ""
    who: str = ""
    links: tuple[Link, ...] = ()

    def on(self, host: str, request_id: str, *links: Link) -> "Page":
        return replace(self, host=host, request_id=request_id, links=links)


START: Final = Link("Go to the start page", "/")
OTHER_ACCOUNT: Final = "Use another account"
SIGN_IN_AGAIN: Final = "Sign in again"
ACCOUNT: Final = "Your account"

DENIED: Final = Page("You don't have access to this page", "You are signed in, but this page is for others.")
DENIED_BY_RULE: Final = Page(
    "You don't have access to this page", "You are signed in, but a rule closes this page to you or to where you are."
)
DENIED_HERE: Final = Page("You don't have access to this page", "It is not open from where you are.")
TOO_RISKY: Final = Page(
    "This sign-in looks unusual",
    "You may use this page, but only after a sign-in that looks usual: from a device and a place that you use often. "
    "Sign in again, and it is judged anew.",
)
NEEDS_FACTOR: Final = Page(
    "A second factor is needed",
    "This page asks for a second factor, and your account has none that it takes. Set one up, then come back.",
)
NOBODY_CAN: Final = Page(
    "This page asks for more than anybody can prove here",
    "Tell whoever runs this site; if it was updated just now, open the page again.",
)
CROSS_ORIGIN: Final = Page(
    "That request was refused", "It was sent by another site. Open the page itself and try again."
)
LIMITED: Final = Page("Too many requests", "There were more requests than this site allows. Wait a moment.")
UNAVAILABLE: Final = Page(
    "We can't check who you are right now", "A part that we depend on does not answer. It is not your fault."
)
MALFORMED: Final = Page("That address can't be used", "It is written in a way that could mean two things.")
BAD_HOST: Final = Page("That address can't be used", "Its host name is not one that a site can have.")
BAD_METHOD: Final = Page("That didn't work", "The method of the request is not one that Bastion passes on.")
NO_ROUTE: Final = Page("There is nothing here for anybody", "No rule opens this address.")
NOT_FOUND: Final = Page("Page not found", "There is nothing at this address.")
METHOD: Final = Page("That didn't work", "This address can't be used that way.")
MISDIRECTED: Final = Page("Wrong address", "This server doesn't protect the site that you asked for.")
PREFETCHED: Final = Page("Not loaded ahead", "Pages behind a login are not loaded before you open them.")
TOO_EARLY: Final = Page("Please send that again", "The request came before the connection was ready.")
IN_FRAME: Final = Page("Please sign in", "The sign-in page can't be shown inside another page.")
NEEDS_TOKEN: Final = Page("This address is for programs", "It opens with an access token of an app.")
BAD_TOKEN: Final = Page("The access token does not open this", "The app that sent it has to ask for another one.")
SIGN_IN: Final = Page("Please sign in", "This page is for people who are signed in.")
LOOP: Final = Page(
    "Signing in doesn't get through",
    "You were sent to the sign-in page many times in a row. Cookies may be off for this site, or a clock may be wrong.",
)
BROKEN_JOURNEY: Final = Page("That link doesn't work here", "It belongs to another site, or a part of it is missing.")
OTHER_BROWSER: Final = Page(
    "Please begin in this browser", "The sign-in began in another browser, or cookies are off for this site."
)
OTHER_SNIPPET: Final = Page(
    "This site's proxy needs an update",
    "Its configuration is of another version than Bastion. Whoever runs the site prints it again with"
    " `bastion caddy snippet`.",
)
OTHER_DESTINATION: Final = Page("That request was refused", "It names a destination on another site.")
TRICK: Final = Page("That request was refused", "It says things about its connection that only a proxy may say.")
CLOSED: Final = Page("Closed for the moment", "This page is not available right now.")
