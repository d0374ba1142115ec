"""Owns how the snippets look once Caddy has adapted them, and what a site's own differs in."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.adapted import Adapted, Fields, Handler, Route, items_in, mapping_in
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.forward.proxy import ONE_BY_ONE

WRAPPED: Final = "http://wrapped.invalid"
AUTH: Final = "http://auth.invalid"
_DECIDE: Final = "/decide"
_SNIPPET: Final = "X-Bastion-Snippet"
_ALLOW: Final = "X-Bastion-Allow"
_BLOCK: Final = '"{block}"'
_MOST_CHARACTERS: Final = 140
_MOST_CHANGES: Final = 3


@dataclass(frozen=True, slots=True)
class Guards:
    """As this Caddy adapts what `bastion caddy snippet` prints. decision, web: the upstreams that they ask.

    short_ways: what the wrapper does for each header set that it knows, by the name of the set; policy decides which.
    """

    wrapper: tuple[str, ...]
    short_ways: Mapping[str, str]
    auth: tuple[str, ...]
    decision: str
    web: str

    def is_wrapper(self, handler: Handler) -> bool:
        """Whether it is meant to be one, of whatever version: it asks the decision listener itself."""
        return any(self.is_question(inner) for inner in _own(handler))

    def is_auth(self, handler: Handler) -> bool:
        return any(self.web in upstreams(inner) for inner in _own(handler))

    def is_question(self, handler: Handler) -> bool:
        """Whether this proxy asks Bastion for a decision."""
        rewritten = str(mapping_in(handler.fields, "rewrite").get("uri", ""))
        return rewritten.partition("?")[0] == _DECIDE or self.decision in upstreams(handler)


@dataclass(frozen=True, slots=True)
class Difference:
    """Runs of atoms. unexpected: what the site has; missing: what it should have in that place."""

    unexpected: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """In Caddyfile words as far as there are any."""
        if len(self.unexpected) == len(self.missing) == 1:
            pairs = list(_changes(json.loads(self.missing[0]), json.loads(self.unexpected[0]), ""))
            if len(pairs) <= _MOST_CHANGES:
                return " and ".join(f"has {has} instead of {wanted}" for wanted, has in pairs)
        has = f"has {'; '.join(map(_told, self.unexpected))}" if self.unexpected else ""
        lacks = f"lacks {'; '.join(map(_told, self.missing))}" if self.missing else ""
        return " and ".join(filter(None, (has, lacks)))


def reference_caddyfile(snippet: Snippet) -> str:
    """A Caddyfile with each of the snippets around nothing, for `caddy adapt`."""
    sites = f"{WRAPPED} {{\n\timport bastion\n}}\n{AUTH} {{\n\timport bastion_auth\n}}\n"
    return f"{snippet_text(snippet)}\n{sites}"


def read_guards(reference: Adapted, snippet: Snippet) -> Guards:
    """reference: of reference_caddyfile(snippet), adapted by the Caddy that adapts the sites."""
    found: dict[str, Handler] = {}
    for server in reference.servers:
        for route in server.routes:
            # site -> its subroute -> the snippet's `route`
            found[str(items_in(route.matchers[0], "host")[0])] = route.handlers[0].routes[0].handlers[0]
    wrapper, auth = (found[site.removeprefix("http://")] for site in (WRAPPED, AUTH))
    return Guards(atoms(wrapper), short_ways(wrapper), atoms(auth), snippet.decision, snippet.web)


def short_ways(wrapper: Handler) -> dict[str, str]:
    """By the word that Bastion asks for each with."""
    responses = (one for handler in _own(wrapper) for one in items_in(handler.fields, "handle_response"))
    return {word: json.dumps(one, sort_keys=True) for one in responses if (word := _short_way(one))}


def is_earlier(wrapper: Handler) -> bool:
    """Whether it is of a version that does not say which it is."""
    return not any(_SNIPPET in _said(one.fields) for one in _own(wrapper))


def atoms(guard: Handler) -> tuple[str, ...]:
    """Each handler with its matchers, as text, in their order; what stands inside the wrapper is one of them."""
    found = [(route, handler) for route in guard.routes for handler in route.handlers]
    return tuple(
        _BLOCK if handler.kind == "subroute" and not route.matchers else _atom(route, handler)
        for route, handler in found
    )


def differences(expected: tuple[str, ...], guard: Handler) -> Iterator[Difference]:
    has = atoms(guard)
    compared = difflib.SequenceMatcher(None, expected, has, autojunk=False)
    for change, wanted_from, wanted_to, from_, to in compared.get_opcodes():
        if change != "equal":
            yield Difference(has[from_:to], expected[wanted_from:wanted_to])


def upstreams(handler: Handler) -> tuple[str, ...]:
    """Whom a proxy dials."""
    found = items_in(handler.fields, "upstreams")
    return tuple(str(one.get("dial", "")) for one in found if isinstance(one, dict))


def _own(guard: Handler) -> Iterator[Handler]:
    """The handlers of a `route`, not of what is nested in it."""
    for route in guard.routes:
        yield from (handler for handler in route.handlers if handler.kind == "reverse_proxy")


def _atom(route: Route, handler: Handler) -> str:
    """Without the short ways, which policy decides."""
    fields = json.loads(json.dumps(handler.fields))
    if _SNIPPET in _said(fields):
        fields["handle_response"] = [one for one in items_in(fields, "handle_response") if not _short_way(one)]
        request = fields["headers"]["request"]["set"]
        request[_SNIPPET] = [str(one).rpartition(";")[0] for one in items_in(request, _SNIPPET)]
    return json.dumps([list(route.matchers), fields], sort_keys=True)


def _said(fields: Fields) -> Fields:
    """What a proxy writes into the headers of its question."""
    return mapping_in(mapping_in(mapping_in(fields, "headers"), "request"), "set")


def _short_way(response: object) -> str:
    """The word that asks for it; empty for what is none."""
    match = mapping_in(response, "match") if isinstance(response, dict) else {}
    words = items_in(mapping_in(match, "headers"), _ALLOW)
    return str(words[0]) if len(words) == 1 and words[0] != ONE_BY_ONE else ""


def _changes(wanted: object, has: object, path: str) -> Iterator[tuple[str, str]]:
    """The smallest parts that differ, each with where it stands."""
    if wanted == has:
        return
    if isinstance(wanted, dict) and isinstance(has, dict):
        for key in sorted(wanted.keys() | has.keys()):
            yield from _changes(wanted.get(key), has.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(has, list) and len(wanted) == len(has):
        for one, other in zip(wanted, has, strict=True):
            yield from _changes(one, other, path)
    else:
        yield _shortened(f"{path} {json.dumps(wanted)}"), _shortened(f"{path} {json.dumps(has)}")


def _told(atom: str) -> str:
    """A Caddyfile line for what the snippet is mostly made of; JSON for the rest."""
    if atom == _BLOCK:
        return "the directives inside the wrapper"
    matchers, fields = json.loads(atom)
    told = _directive(fields)
    return _shortened(f"{told} for {json.dumps(matchers, separators=(',', ':'))}" if matchers else told)


def _directive(fields: Fields) -> str:
    match fields.get("handler"):
        case "headers":
            return "; ".join(_headers(fields))
        case "static_response":
            return f"respond {fields.get('status_code', 200)}"
        case "reverse_proxy":
            dialled = (str(one.get("dial")) for one in items_in(fields, "upstreams") if isinstance(one, dict))
            return f"reverse_proxy {' '.join(dialled)} of this form"
        case _:
            return json.dumps(fields, separators=(",", ":"))


def _headers(fields: Fields) -> Iterator[str]:
    for key, word in (("request", "request_header"), ("response", "header")):
        change = mapping_in(fields, key)
        yield from (f"{word} -{name}" for name in items_in(change, "delete"))
        for operation, sign in (("add", "+"), ("set", "")):
            for name, values in mapping_in(change, operation).items():
                told = " ".join(map(str, values)) if isinstance(values, list) else str(values)
                yield f"{word} {sign}{name} {told}"
        for name, found in mapping_in(change, "replace").items():
            yield f"{word} {name} {json.dumps(found)}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
