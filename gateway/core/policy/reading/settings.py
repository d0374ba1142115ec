"""Reads the settings that stand on an app, on a route, or in the defaults: one level of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from gateway.core.policy import grammar
from gateway.core.policy.app_cookies import AppCookie
from gateway.core.policy.canonical import Oddity
from gateway.core.policy.conditions import Condition
from gateway.core.policy.cors import Cors, CorsProfile
from gateway.core.policy.grammar import RESPOND
from gateway.core.policy.headers import Profile
from gateway.core.policy.networks import NetworkSet
from gateway.core.policy.places import Page, Place
from gateway.core.policy.reading.app_cookies import read_app_cookies
from gateway.core.policy.reading.app_tokens import app_token_book
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.cors import cors_book, read_cors
from gateway.core.policy.reading.credentials import Accepted, key_scope_book, read_credentials
from gateway.core.policy.reading.headers import header_book, read_headers
from gateway.core.policy.reading.legs import (
    Asked,
    Conditions,
    Draft,
    Inherited,
    conditions_over,
    read_asked,
    read_denials,
    read_legs,
)
from gateway.core.policy.reading.limits import OwnLimit, limit_book, read_limits
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.networks import network_book
from gateway.core.policy.reading.scopes import scope_book
from gateway.core.policy.reading.words import boolean, day, duration, items, midnight, text, word
from gateway.core.policy.route import Cache, Respond, Review
from gateway.core.ratelimit.gcra import Limit
from gateway.core.yaml_marks import Marked, MarkedScalar

Identity = Literal["sent", "none", "optional"]
_MOST_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that is used by name."""

    networks: Book[NetworkSet]
    conditions: Conditions
    limits: Book[Limit]
    headers: Book[Profile]
    cors: Book[CorsProfile]
    scopes: Book[str]
    key_scopes: Book[tuple[Condition, ...]]

    @classmethod
    def over(cls, limits: Mapping[str, Limit], clients: Iterable[str]) -> "Definitions":
        """limits: of the configuration. clients: names of those that the files declare."""
        networks = network_book()
        conditions = conditions_over(networks, app_token_book(), clients)
        return cls(
            networks,
            conditions,
            limit_book(limits),
            header_book(),
            cors_book(),
            scope_book(),
            key_scope_book(conditions),
        )

    def book(self, kind: str) -> Book[Any]:
        """kind: a key of `define`, other than people."""
        books: Mapping[str, Book[Any]] = {
            "networks": self.networks,
            "conditions": self.conditions.named,
            "app_tokens": self.conditions.app_tokens,
            "limits": self.limits,
            "headers": self.headers,
            "cors": self.cors,
            "scopes": self.scopes,
            "key_scopes": self.key_scopes,
        }
        return books[kind]

    def read_all(self) -> None:
        """Also what nobody uses, so that its mistakes are said."""
        for kind in ("networks", "app_tokens", "conditions", "limits", "headers", "cors", "scopes", "key_scopes"):
            list(self.book(kind).each())


@dataclass(frozen=True, slots=True)
class Level:
    """None: not said on this level. deny: what it adds."""

    place: Place
    allow: tuple[Draft | Inherited, ...] | None = None
    deny: tuple[Draft, ...] = ()
    asked: Asked | None = None
    identity: Identity | None = None
    cross_origin_allow: bool | None = None
    cors: Cors | None = None
    headers: Profile | None = None
    cache: Cache | None = None
    app_cookies: tuple[AppCookie, ...] | None = None
    limits: tuple[Limit | OwnLimit, ...] | None = None
    path_accepts: frozenset[Oddity] | None = None
    respond: Respond | None = None
    credentials: Accepted | None = None
    forward_credentials: bool | None = None
    assertion: bool | None = None
    note: str = ""
    review: Review | None = None


def read_level(page: Page, place: Place, given: Mapping[str, Marked], names: Definitions) -> Level:
    """given: by key; what is no setting is not looked at."""
    read_text(page, given, "owner")  # for people only
    cross_origin = _word(page, given, "cross_origin", ("refuse", "allow"))
    return Level(
        place=place,
        allow=read_legs(page, given["allow"], names.conditions) if "allow" in given else None,
        deny=read_denials(page, given["deny"], names.conditions) if "deny" in given else (),
        asked=read_asked(page, given["require"]) if "require" in given else None,
        identity=cast("Identity | None", _word(page, given, "identity", ("sent", "none", "optional"))),
        cross_origin_allow=None if cross_origin is None else cross_origin == "allow",
        cors=read_cors(page, given["cors"], names.cors) if "cors" in given else None,
        headers=read_headers(page, given["headers"], names.headers) if "headers" in given else None,
        cache=cast("Cache | None", _word(page, given, "cache", ("private", "shared", "none"))),
        app_cookies=read_app_cookies(page, given["app_cookies"]) if "app_cookies" in given else None,
        limits=read_limits(page, given["limits"], names.limits) if "limits" in given else None,
        path_accepts=_path_accepts(page, given["path_accepts"]) if "path_accepts" in given else None,
        respond=_respond(page, given["respond"]) if "respond" in given else None,
        credentials=read_credentials(page, given["credentials"]) if "credentials" in given else None,
        forward_credentials=_flag(page, given, "forward_credentials"),
        assertion=_flag(page, given, "assertion"),
        note=read_text(page, given, "note"),
        review=read_review(page, given["review_by"]) if "review_by" in given else None,
    )


def read_text(page: Page, given: Mapping[str, Marked], key: str) -> str:
    """ "" where it is not said, or wrong."""
    return text(page, given[key], f"text for {key}") or "" if key in given else ""


def read_review(page: Page, at: Marked) -> Review | None:
    due = day(page, at, "review_by")
    return None if due is None else Review(due.isoformat(), midnight(due), page.place(at))


def _flag(page: Page, given: Mapping[str, Marked], key: str) -> bool | None:
    return boolean(page, given[key], key) if key in given else None


def _word(page: Page, given: Mapping[str, Marked], key: str, choices: tuple[str, ...]) -> str | None:
    return word(page, given[key], key, choices) if key in given else None


def _path_accepts(page: Page, at: Marked) -> frozenset[Oddity]:
    if isinstance(at, MarkedScalar) and at.text == "none":
        return frozenset()
    each = (word(page, item, "path_accepts", grammar.ODDITIES) for item in items(page, at, "an oddity"))
    return frozenset(Oddity(one) for one in each if one is not None)


def _respond(page: Page, at: Marked) -> Respond:
    given = keyed(page, at, RESPOND) or {}
    anonymous = _word(page, given, "anonymous", ("auto", "401", "404"))
    denied = _word(page, given, "denied", ("403", "404", "503"))
    message = text(page, given["message"], "text for people") if "message" in given else None
    return Respond(
        anonymous=cast('Literal["auto", "401", "404"]', anonymous or "auto"),
        denied=cast("Literal[403, 404, 503]", int(denied or 403)),
        retry_after_s=(duration(page, given["retry_after"], "retry_after") or 0) if "retry_after" in given else 0,
        message=_short(page, given["message"], message) if message else "",
    )


def _short(page: Page, at: Marked, message: str) -> str:
    if len(message) > _MOST_CHARACTERS:
        page.say(at, f"a message of {len(message)} characters; expected at most {_MOST_CHARACTERS}")
    return message
