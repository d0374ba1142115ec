"""What must hold for every answer and for everything that an app is told, whatever was sent."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.hostile.cases import MARK
from tests.hostile.people import NOBODY, Person
from tests.hostile.policy import route_in
from tests.hostile.wire import Reply

_ODD: Final = re.compile("[^A-Z0-9]")
_ALONE: Final = ("REMOTE_USER", "REMOTE_GROUPS", "REMOTE_NAME", "REMOTE_EMAIL")
_NEVER: Final = (
    "X_FORWARDED_", "X_BASTION", "X_AUTH_REQUEST", "X_ORIGINAL", "X_REWRITE", "X_HTTP_METHOD", "X_METHOD_OVERRIDE",
    "X_REAL_IP", "FORWARDED", "REMOTE", "PROXY",
)  # fmt: skip
_REDIRECTS: Final = (302, 303)
# What Caddy says by itself to some cases, and is no 4xx: word of `expect` -> status.
CADDYS_OWN: Final = {"empty": 200, "501": 501, "505": 505}


@dataclass(frozen=True, slots=True)
class Place:
    """auth: the auth host's origin. host: of the app. port: of both."""

    auth: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def forwarded(self) -> dict[str, str]:
        return {
            "X_FORWARDED_FOR": "127.0.0.1",
            "X_FORWARDED_HOST": self.host,
            "X_FORWARDED_PROTO": "https",
        }


def route_of(reply: Reply) -> str:
    """The route that Bastion chose, if it let the request pass; else ""."""
    return route_in(reply.header("content-security-policy-report-only"))


def outcome(reply: Reply | None) -> str:
    """In the words of a case's `expect`."""
    if reply is None:
        return "nothing"
    if route := route_of(reply):
        return route
    if (reply.status, reply.body, reply.header("x-handler")) == (200, b"", ""):
        return "empty"
    if reply.status == 401 or reply.status in _REDIRECTS:
        return "login"
    if reply.status == 403:
        return "denied"
    return "refused" if is_refusal(reply) else str(reply.status)


def is_refusal(reply: Reply) -> bool:
    return 400 <= reply.status < 500


def faults_of_reply(reply: Reply, person: Person, place: Place, *, known: int = 0) -> Iterator[str]:
    """An allowed request is answered by the handler of its route, or by none; any other by 4xx or the way to log in.

    known: another status, of CADDYS_OWN, which this request is known to get.
    """
    route, handler = route_of(reply), reply.header("x-handler")
    if route:
        if route not in person.opens:
            yield f"the route {route} let {person.name or 'nobody'} in"
        if handler and handler != route:
            yield f"the handler {handler} answered where the route {route} was chosen"
        if reply.status >= 500:
            yield f"the app was made to answer {reply.status}"
        return
    if handler or b"answered by" in reply.body:
        yield f"the handler {handler} answered without a route"
    if reply.status in _REDIRECTS:
        if not reply.header("location").startswith(place.auth + "/"):
            yield f"a redirect to {reply.header('location')}"
    elif not is_refusal(reply) and reply.status != known:
        yield f"a status of {reply.status}"


def faults_of_record(
    line: Mapping[str, object], person: Person, place: Place, secrets: tuple[str, ...]
) -> Iterator[str]:
    """line: of Told. secrets: what stands in our cookies, and is nobody else's business."""
    handler = str(line["handler"])
    if handler not in person.opens:
        yield f"the handler {handler} ran for {person.name or 'nobody'}"
    if handler == "own" and line["person"] != person.name:
        yield f"the page of {line['person']} was shown to {person.name}"
    pairs = variables(line)
    names = Counter(name for name, _ in pairs)
    known = NOBODY if handler in NOBODY.opens else person
    told = dict(pairs)
    told["X_FORWARDED_HOST"] = told.get("X_FORWARDED_HOST", "").partition(":")[0]  # with the port that was asked for
    for name, value in {**known.identity, **place.forwarded}.items():
        if names[name] > 1 or told.get(name, "") != value:
            yield f"{name} is {[value for known, value in pairs if known == name]} for {person.name or 'nobody'}"
    for name in names.keys() - known.identity.keys() - place.forwarded.keys():
        if name.startswith(_NEVER):
            yield f"{name} reached the app"
    if any(secret in json.dumps(dict(line)) for secret in secrets):
        yield "a cookie of ours reached the app"


def variables(line: Mapping[str, object]) -> list[tuple[str, str]]:
    """Headers as CGI names them, in the order in which the app has them."""
    headers = line["headers"]
    assert isinstance(headers, list)
    return [(_ODD.sub("_", name.upper()), value) for name, value in headers]


def mark_of(line: Mapping[str, object]) -> str:
    """By whom and in which case it was sent, "" where the request did not say."""
    return dict(variables(line)).get(_ODD.sub("_", MARK.upper()), "")
