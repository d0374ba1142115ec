"""Owns what a handler of Caddy's does to a request that nobody was asked about."""

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from gateway.core.caddy.adapted import Handler, Route, items_in, mapping_in, texts_in
from gateway.core.caddy.guards import upstreams

_REDIRECTS: Final = range(300, 400)
_REFUSALS: Final = range(400, 600)
_OWN_ORIGIN: Final = re.compile(r"https://\{http\.request\.(host|hostport)\}(?=[:/{?]|$)")
_ORIGIN: Final = re.compile(r"https?://([^/:{}?#]+)")
_OF_THE_ERROR: Final = re.compile(r"\{http\.error\.[a-z_]+\}")
_QUIET: Final = frozenset({"encode", "request_body", "tracing", "log_append", "authentication"})
_LOG_VARIABLES: Final = frozenset({"log_skip", "access_logger_names"})
_ENDS: Final = frozenset({"reverse_proxy", "file_server", "static_response", "acme_server", "metrics"})


class Kind(Enum):
    """What a handler is, for the judge."""

    REDIRECT = "sends to a host of ours, or to another path"
    ELSEWHERE = "sends to another host"
    REFUSAL = "refuses"
    SILENT = "changes nothing"
    QUIET = "answers nothing by itself"
    SERVES = "answers, or changes what is asked"


def kind_of(handler: Handler, ours: Callable[[str], bool]) -> Kind:
    """ours: whether a host is one of policy's or the auth host."""
    if handler.kind == "static_response":
        return _answer_kind(handler, ours)
    if handler.kind == "error":
        return Kind.REFUSAL
    if handler.kind == "vars" and not handler.fields.keys() - _LOG_VARIABLES - {"handler"}:
        return Kind.SILENT
    only_root = handler.kind == "vars" and not handler.fields.keys() - {"root", "handler"}
    return Kind.QUIET if handler.kind in _QUIET or only_root else Kind.SERVES


def redirects_to_https(handler: Handler) -> bool:
    return _is_redirect(handler) and _location(handler).startswith("https://")


def ends(handler: Handler) -> bool:
    """Whether nothing after it in its route is reached."""
    return handler.kind in _ENDS and handler.fields.get("pass_thru") is not True


def streams_without_end(handler: Handler) -> bool:
    """Whether a connection that was upgraded there lives as long as both sides want. FastCGI has none."""
    proxies = handler.kind == "reverse_proxy" and mapping_in(handler.fields, "transport").get("protocol") != "fastcgi"
    return proxies and not handler.fields.get("stream_timeout")


def told(handler: Handler) -> str:
    """As a Caddyfile calls it."""
    fields = handler.fields
    match handler.kind:
        case "reverse_proxy":
            fast = mapping_in(fields, "transport").get("protocol") == "fastcgi"
            name = "php_fastcgi" if fast else "reverse_proxy"
            return f"{name} {' '.join(upstreams(handler))}".rstrip()
        case "static_response":
            if _is_redirect(handler):
                return f"redir {_location(handler)}"
            return f"respond {fields.get('status_code', 200)}"
        case "rewrite":
            what = fields.get("uri") or fields.get("strip_path_prefix") or fields.get("strip_path_suffix") or ""
            return f"rewrite {what}".rstrip()
        case "headers":
            return "request_header" if "request" in fields else "header"
        case "vars":
            return f"root {fields['root']}" if "root" in fields else "vars"
        case _:
            return handler.kind or "a handler without a name"


def directive_of(handler: Handler) -> str:
    """The first word of told(), for looking it up in a Caddyfile."""
    return told(handler).partition(" ")[0]


def condition_of(route: Route) -> str:
    """What has to match besides the host; empty: nothing."""
    for matcher in route.matchers:
        paths = texts_in(matcher, "path")
        if paths:
            return f"path {' '.join(paths)}"
        narrowing = sorted(matcher.keys() - {"host"})
        if narrowing:
            return f"a matcher by {', '.join(narrowing)}"
    return ""


def is_fixed_page(handler: Handler) -> bool:
    """A rewrite to a path that the error alone decides, and no client."""
    uri = str(handler.fields.get("uri", ""))
    return handler.kind == "rewrite" and uri.startswith("/") and "{" not in _OF_THE_ERROR.sub("", uri)


def _answer_kind(handler: Handler, ours: Callable[[str], bool]) -> Kind:
    if _is_redirect(handler):
        return Kind.REDIRECT if _stays(_location(handler), ours) else Kind.ELSEWHERE
    status = handler.fields.get("status_code")
    if handler.fields.get("abort") is True or (str(status).isdigit() and int(str(status)) in _REFUSALS):
        return Kind.REFUSAL
    return Kind.SERVES


def _stays(location: str, ours: Callable[[str], bool]) -> bool:
    if location.startswith("/") and not location.startswith(("//", "/\\")):
        return True
    if location.startswith(("{http.request.uri", "{http.request.orig_uri")):
        return True
    found = _ORIGIN.match(location)
    return _OWN_ORIGIN.match(location) is not None or (found is not None and ours(found[1]))


def _is_redirect(handler: Handler) -> bool:
    status = str(handler.fields.get("status_code", ""))
    return handler.kind == "static_response" and status.isdigit() and int(status) in _REDIRECTS


def _location(handler: Handler) -> str:
    headers = {name.lower(): name for name in mapping_in(handler.fields, "headers")}
    found = items_in(mapping_in(handler.fields, "headers"), headers.get("location", "Location"))
    return str(found[0]) if found else ""
