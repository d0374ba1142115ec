"""Owns what `caddy adapt` prints, as far as the lint looks at it: servers, routes, handlers, and where each stands."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import GatewayError

_HTTP_PORT: Final = 80
_HTTPS_PORT: Final = 443
Fields = Mapping[str, object]


class NotAdapted(GatewayError):
    """The text is not a configuration of Caddy's in JSON; the message says where it stops to be one."""


@dataclass(frozen=True, slots=True)
class Handler:
    """at: its path in the JSON. routes: of a subroute. errors: of a subroute that catches its own."""

    kind: str
    fields: Fields
    at: str
    routes: "tuple[Route, ...]"
    errors: "tuple[Route, ...]"


@dataclass(frozen=True, slots=True)
class Route:
    """matchers: any of them has to match, each with all its keys; none: everything matches."""

    matchers: tuple[Fields, ...]
    handlers: tuple[Handler, ...]
    terminal: bool
    at: str


@dataclass(frozen=True, slots=True)
class Server:
    """named: the routes that `invoke` calls."""

    name: str
    at: str
    listen: tuple[str, ...]
    routes: tuple[Route, ...]
    errors: tuple[Route, ...]
    named: Mapping[str, Route]
    fields: Fields

    @property
    def automatic_https(self) -> Fields:
        return mapping_in(self.fields, "automatic_https")


@dataclass(frozen=True, slots=True)
class Adapted:
    """admin: the `admin` object, empty where it says nothing."""

    servers: tuple[Server, ...]
    http_port: int
    https_port: int
    admin: Fields


def read_adapted(text: str) -> Adapted:
    """Raises NotAdapted."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAdapted(f"no JSON: {error}") from error
    config = _mapping(found, "the configuration")
    http = mapping_in(mapping_in(config, "apps"), "http")
    servers = mapping_in(http, "servers")
    return Adapted(
        tuple(_server(name, _mapping(fields, name)) for name, fields in servers.items()),
        _port(http, "http_port", _HTTP_PORT),
        _port(http, "https_port", _HTTPS_PORT),
        mapping_in(config, "admin"),
    )


def mapping_in(fields: Fields, key: str) -> Fields:
    """Empty where it is absent. Raises NotAdapted."""
    found = fields.get(key)
    return {} if found is None else _mapping(found, key)


def items_in(fields: Fields, key: str) -> tuple[object, ...]:
    """Empty where it is absent. Raises NotAdapted."""
    found = fields.get(key)
    if found is not None and not isinstance(found, list):
        raise NotAdapted(f"{key} is no list")
    return tuple(found or ())


def texts_in(fields: Fields, key: str) -> tuple[str, ...]:
    """Raises NotAdapted."""
    return tuple(str(item) for item in items_in(fields, key))


def port_of(address: str) -> int | None:
    """Of a listen address, the first one of a range. None: a socket, or no number."""
    port = address.rpartition(":")[2].partition("/")[0].partition("-")[0]
    return int(port) if not address.startswith("unix") and port.isdigit() else None


def handlers_below(routes: tuple[Route, ...]) -> Iterator[Handler]:
    """All of them, in the order of the file; each subroute before what is in it."""
    for route in routes:
        for handler in route.handlers:
            yield handler
            yield from handlers_below(handler.routes)


def _server(name: str, fields: Fields) -> Server:
    at = f"apps.http.servers.{name}"
    errors = mapping_in(fields, "errors")
    named = mapping_in(fields, "named_routes")
    return Server(
        name,
        at,
        texts_in(fields, "listen"),
        _routes(fields, f"{at}.routes"),
        _routes(errors, f"{at}.errors.routes"),
        {key: _route(_mapping(found, key), f"{at}.named_routes.{key}") for key, found in named.items()},
        fields,
    )


def _routes(fields: Fields, at: str) -> tuple[Route, ...]:
    found = items_in(fields, "routes")
    return tuple(_route(_mapping(one, at), f"{at}[{number}]") for number, one in enumerate(found))


def _route(fields: Fields, at: str) -> Route:
    handlers = (_mapping(one, at) for one in items_in(fields, "handle"))
    return Route(
        tuple(_mapping(one, at) for one in items_in(fields, "match")),
        tuple(_handler(one, f"{at}.handle[{number}]") for number, one in enumerate(handlers)),
        fields.get("terminal") is True,
        at,
    )


def _handler(fields: Fields, at: str) -> Handler:
    kind = str(fields.get("handler", ""))
    if kind != "subroute":
        return Handler(kind, fields, at, (), ())
    return Handler(
        kind, fields, at, _routes(fields, f"{at}.routes"), _routes(mapping_in(fields, "errors"), f"{at}.errors.routes")
    )


def _mapping(found: object, what: str) -> Fields:
    if not isinstance(found, dict):
        raise NotAdapted(f"{what} is no object")
    return found


def _port(http: Fields, key: str, otherwise: int) -> int:
    port = http.get(key, otherwise)
    return port if isinstance(port, int) else otherwise
