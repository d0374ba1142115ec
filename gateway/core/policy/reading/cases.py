"""Reads the people and the requests of `tests:`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from gateway.core.addresses import Address
from gateway.core.assurance.model import UNKNOWN_RISK
from gateway.core.outcomes import OUTCOMES
from gateway.core.policy.canonical import TAKE_DESTINATION
from gateway.core.policy.cases import Expected, Person, PolicyTest
from gateway.core.policy.client import Client, own_user
from gateway.core.policy.facts import SESSION
from gateway.core.policy.grammar import ACTOR, KINDS, PERSON, TEST
from gateway.core.policy.networks import NetworkSet
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.legs import read_methods, unknown_client
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import day, duration, items, midnight, said, text, texts, whole, word
from gateway.core.policy.route import API_KEY, CREDENTIALS
from gateway.core.yaml_marks import Marked, MarkedList, MarkedMap, MarkedScalar

_REQUEST: Final = re.compile(r"(\S+) +(?:https?)://([^/?#\s]+)(/[^\s]*|\?[^\s]*)?")
_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_STATUS: Final = re.compile(r"[1-5][0-9]{2}")
_NOON_S: Final = 43200
_RENAMED: Final = {"slow_down": "limited", "refuse": "refused"}
_MOST_TIMES: Final = 100_000
# First one for benchmarks (RFC 2544), which no policy names, also not in place; then those of documentation.
_ELSEWHERE: Final = (
    "198.19.250.250",
    "203.0.113.250",
    "192.0.2.250",
    "198.51.100.250",
    "2001:db8:ffff::250",
    "233.252.0.250",
)


class Actors:
    """The actors of tests. clients: those of the files, read before a person is. names: also of those with mistakes."""

    def __init__(self, clients: Mapping[str, Client], names: frozenset[str]) -> None:
        self._clients = clients
        self._names = names
        self.named = Book("person", self._read, "people")

    def changed(self, page: Page, at: Marked, given: Mapping[str, Marked], person: Person) -> Person:
        """given: what is different from the person."""
        credential = _credential(page, given["credential"]) if "credential" in given else person.credential
        client = self._client(page, given["client"]) if "client" in given else person.client
        scopes = frozenset(texts(page, given["scopes"], "a scope")) if "scopes" in given else person.scopes
        if credential == SESSION and (client or scopes):
            page.say(at, "client and scopes are of tokens; expected credential: bearer, dpop or api_key beside them")
        elif credential == API_KEY and client:
            page.say(at, "an API key is of a person, and of no client; expected scopes alone beside it")
        elif credential not in (SESSION, API_KEY) and not client:
            known = ", ".join(sorted(self._names)) or "one that is declared"
            page.say(at, f"credential: {credential} without a client; expected client: NAME, of {known}")
        of_its_own = client in self._clients and self._clients[client].is_service
        user = own_user(client) if of_its_own else person.user
        if "user" in given:
            user = text(page, given["user"], "a user's name") or user
        return replace(_signed_in(page, given, person), user=user, credential=credential, client=client, scopes=scopes)

    def _read(self, page: Page, key: MarkedScalar, at: Marked) -> Person | None:
        given = keyed(page, at, PERSON)
        return None if given is None else self.changed(page, at, given, Person(key.text, frozenset()))

    def _client(self, page: Page, at: Marked) -> str:
        name = text(page, at, "a client's name") or ""
        if name and name not in self._names:
            page.say(at, unknown_client(name, self._names))
        return name


class Tests:
    """Of all files."""

    def __init__(self, people: Actors, networks: Book[NetworkSet]) -> None:
        self._people = people
        self._networks = networks
        self._elsewhere = _elsewhere(networks)
        self.read: list[PolicyTest] = []

    def add(self, page: Page, at: Marked) -> None:
        """The tests of one file."""
        if not isinstance(at, MarkedList):
            page.say(at, "expected a list of tests")
            return
        for item in at.items:
            given = keyed(page, item, TEST)
            if given is not None and "request" in given and "expect" in given:
                self.read.extend(self._test(page, item, given))

    def _test(self, page: Page, at: Marked, given: Mapping[str, Marked]) -> Iterator[PolicyTest]:
        request = text(page, given["request"], "METHOD URL")
        match = _REQUEST.fullmatch(request or "")
        if request is None or match is None:
            page.say(given["request"], "no request; expected METHOD URL, such as GET https://wiki.example.org/")
            return
        headers = {name.lower(): value for name, value in _headers(page, given.get("headers"))}
        if "destination" in given:
            headers["destination"] = _destination(page, given["destination"], match[1])
        last = day(page, given["at"], "at") if "at" in given else None
        times = whole(page, given["times"], "times", 1, _MOST_TIMES) if "times" in given else None
        target = match[3] or "/"
        yield PolicyTest(
            place=page.place(at),
            request=request,
            method=match[1],
            host=_PORT.sub("", match[2]),
            target=target if target.startswith("/") else f"/{target}",
            people=self._actors(page, given["as"]) if "as" in given else (None,),
            address=self._address(page, given["from"]) if "from" in given else self._elsewhere,
            at=None if last is None else midnight(last) + _NOON_S,
            headers=headers,
            kind=_kind(page, given.get("kind"), match[1], headers),
            times=times or 1,
            expected=_expected(page, given),
        )

    def _actors(self, page: Page, at: Marked) -> tuple[Person | None, ...]:
        each = (self._actor(page, item) for item in items(page, at, "a person"))
        return tuple(person for person in each if person is not None)

    def _actor(self, page: Page, at: Marked) -> Person | None:
        if isinstance(at, MarkedScalar):
            return None if text(page, at, "the name of a person") is None else self._people.named.get(page, at)
        given = keyed(page, at, ACTOR)
        if given is None:
            return None
        base = given.get("person")
        start: Person | None = Person("somebody", frozenset())
        if base is not None:
            start = self._people.named.get(page, base) if isinstance(base, MarkedScalar) else None
        return None if start is None else self._people.changed(page, at, given, start)

    def _address(self, page: Page, at: Marked) -> Address | None:
        written = text(page, at, "an address or the name of a network")
        if written is None or not isinstance(at, MarkedScalar):
            return None
        if not any(character in written for character in ".:"):
            network = self._networks.get(page, at)
            return _inside(network) if network else None
        try:
            return ip_address(written)
        except ValueError:
            page.say(at, f"from is {said(at)}; expected an address or the name of a network")
            return None


def _credential(page: Page, at: Marked) -> str:
    return word(page, at, "credential", CREDENTIALS) or SESSION


def _signed_in(page: Page, given: Mapping[str, Marked], person: Person) -> Person:
    groups = frozenset(texts(page, given["groups"], "a group's name")) if "groups" in given else person.groups
    since_s, mfa_s = person.authenticated_s, person.mfa_s
    if "authenticated" in given:
        since_s = duration(page, given["authenticated"], "authenticated") or 0
    if "mfa" in given:
        at = given["mfa"]
        none = isinstance(at, MarkedScalar) and at.text == "none"
        mfa_s = None if none else duration(page, at, "mfa")
    amr = read_methods(page, given["amr"]) if "amr" in given else person.amr
    risk = whole(page, given["risk"], "risk", 0, 100) if "risk" in given else person.risk
    return replace(
        person,
        groups=groups,
        authenticated_s=since_s,
        mfa_s=mfa_s,
        amr=amr,
        risk=UNKNOWN_RISK if risk is None else risk,
    )


def _headers(page: Page, at: Marked | None) -> Iterator[tuple[str, str]]:
    if at is None:
        return
    if not isinstance(at, MarkedMap):
        page.say(at, "expected a map of headers")
        return
    for key, value in at.entries:
        if isinstance(value, MarkedScalar):  # also numbers: a header is text on the wire
            yield key.text, value.text
        else:
            page.say(value, f"a header is {said(value)}; expected text")


def _destination(page: Page, at: Marked, method: str) -> str:
    if method not in TAKE_DESTINATION:
        page.say(at, f"destination is never of {method}; expected it beside {', '.join(sorted(TAKE_DESTINATION))}")
    return text(page, at, "a path or a URL") or ""


def _kind(page: Page, at: Marked | None, method: str, headers: Mapping[str, str]) -> str:
    if at is not None:
        return word(page, at, "kind", KINDS) or "api"
    if method == "OPTIONS" and {"origin", "access-control-request-method"} <= headers.keys():
        return "preflight"
    return "navigate" if method in ("GET", "HEAD") else "fetch"


def _expected(page: Page, given: Mapping[str, Marked]) -> Expected:
    at = given["expect"]
    outcome = at.text if isinstance(at, MarkedScalar) else ""
    if outcome in _RENAMED:
        page.say(at, f"expect is `{outcome}`; this outcome is called {_RENAMED[outcome]} now, as in metrics and log")
    elif not _STATUS.fullmatch(outcome):
        outcome = word(page, at, "expect", OUTCOMES) or ""
    return Expected(
        outcome,
        (text(page, given["route"], "app/route") or "") if "route" in given else "",
        text(page, given["identity"], "none or a user's name") if "identity" in given else None,
        {name.lower(): value for name, value in _headers(page, given.get("expect_headers"))},
    )


def _inside(network: NetworkSet) -> Address | None:
    return next((one.network_address + (one.num_addresses > 1) for one in network.networks), None)


def _elsewhere(networks: Book[NetworkSet]) -> Address | None:
    """None, an unknown address, where every candidate is in some network."""
    known = [network for _name, network in networks.each()]
    candidates = (ip_address(one) for one in _ELSEWHERE)
    return next((one for one in candidates if not any(one in network for network in known)), None)
