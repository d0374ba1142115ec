"""Owns the `(bastion)` wrapper for a site, `(bastion_auth)` for the auth host, and `(bastion_away)` for both.

The gateway decides and says in a word what Caddy has to do. A short way is taken only at that word: what is absent,
unknown or doubled ends in a refusal, or goes the long and complete way.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.auth_site import auth_text
from gateway.core.caddy.templates import filled, indented
from gateway.core.forward.answer import CORS_OF_OURS, NONCE_OF_OURS
from gateway.core.forward.names import MOST_TAKEN
from gateway.core.forward.proxy import ONE_BY_ONE, VERSION, said_by
from gateway.core.header_lines import header_value
from gateway.core.policy.cross_origin import TAKE_AWAY
from gateway.core.policy.header_sets import HeaderSet
from gateway.core.policy.headers import CACHE_CONTROL, CSP, PRIVATE, REMOVE, SET_HEADERS
from gateway.core.principal.identity import identity_headers

MOST_SHORT_WAYS: Final = 4
# By what the gateway calls them, after X-Bastion-.
_RATE_LIMIT: Final = {"RateLimit": "RateLimit", "RateLimit-Policy": "RateLimit-Policy"}
_ONCE_IN_A_WHILE: Final = {**CORS_OF_OURS, **NONCE_OF_OURS}
_TOLD: Final = {**_RATE_LIMIT, **{name.removeprefix("X-Bastion-"): it for name, it in _ONCE_IN_A_WHILE.items()}}
_SET: Final = "X-Bastion-Set-"
_ADD_CSP: Final = f"X-Bastion-Add-{CSP}"
# What a Caddyfile takes between quotes as it is: no placeholder, no quote, no escape.
_PLAIN: Final = re.compile(r'[^{}"\\`]*')

# Of a trusted proxy Caddy would keep them, and it passes on its client's (P5).
_FORWARDED: Final = """
request_header X-Forwarded-Host {http.request.hostport}
request_header X-Forwarded-Proto {http.request.scheme}
"""

# The rewrite has to change something, or Caddy would send the client's body along (P4). A connection header of the
# client's has no meaning to the gateway, and hides headers from it: the gateway judges it by X-Bastion-Connection.
_ASK: Final = r"""
# Before each proxy looks: it would keep what came from a trusted one, which passes on its client's.
<forwarded>

# Ask Bastion. What is said here replaces what the client said by the same name.
reverse_proxy <decision> {
    method GET
    rewrite /decide?{http.request.uuid}
    header_up X-Bastion-Snippet <said>
    header_up X-Bastion-Connection {http.request.header.Connection}
    header_up X-Bastion-Upgrade {http.request.header.Upgrade}
    header_up X-Bastion-Protocol "{http.request.proto} {http.request.header.:protocol}"
    header_up X-Request-Id {http.request.uuid}
    header_up X-Forwarded-Method {http.request.orig_method}
    header_up X-Forwarded-Uri {http.request.orig_uri}
    header_up X-Forwarded-For {client_ip}
    header_up -Connection
    header_up -Upgrade
    transport http {
        dial_timeout 1s
        response_header_timeout 3s
        compression off
        keepalive_idle_conns_per_host 256
    }

    # Bastion answers by itself, such as a preflight.
    @bastion_answered header X-Bastion-Answer *
    handle_response @bastion_answered {
        import bastion_ours
    }
    <usual>

    # Allowed, and the app's answer gets what no block above is for, header by header.
    @bastion_one_by_one {
        status 200
        header X-Bastion-Allow <long>
    }
    handle_response @bastion_one_by_one {
        route {
            import bastion_one_by_one
        }
    }

    # Any other success is of a Bastion that does not know this snippet.
    @bastion_unknown status 200
    handle_response @bastion_unknown {
        respond 502
    }

    # Not allowed: what Bastion answers goes to the client.
    @bastion_refused status 2xx 3xx 4xx 5xx
    handle_response @bastion_refused {
        import bastion_ours
    }
}
"""

_USUAL: Final = """

# Allowed, and the app's answer gets the header profile <profile>.
@bastion_<name> {
    status 200
    header X-Bastion-Allow <name>
}
handle_response @bastion_<name> {
    route {
        <rated>
        header {
            <changes>
        }
        <default>
    }
}
"""

_TELL_THE_APP: Final = r"""

# Take away what only proxies may tell an app: whatever Bastion names of what the client sent.
@bastion_taken not vars {rp.header.X-Bastion-Taken} nothing
route @bastion_taken {
    @bastion_unsaid not vars {rp.header.X-Bastion-Taken} some
    respond @bastion_unsaid 502
    <taken>
    <forwarded>
}
request_header -X-Bastion*
request_header -X-Forwarded-Method
request_header -X-Forwarded-Uri

# Tell the app who it is and where the request came from, and keep our cookies from it.
<identity>
request_header X-Request-Id {http.request.uuid}
request_header X-Forwarded-For {client_ip}
request_header Cookie "(^|;)[ \t]*__Host-bastion[^=;]*=[^;]*" ""
request_header Cookie "^;[ \t]*" ""
@bastion_no_cookie not header_regexp Cookie "[^ \t,]"
request_header @bastion_no_cookie -Cookie
"""

# What every answer of an app loses. A nameless cookie whose value looks like ours would come back as ours, so the
# equals sign is looked through.
_ALWAYS: Final = r"""
Set-Cookie "(?i)^[\s=]*__Host-bastion.*" "bastion-refused=; Max-Age=0"
-Via
-X-Bastion*
"""

_PRIVATE: Final = r"""
Cache-Control "(?i)\b(public|private|immutable|s-maxage)\b([ \t]*=[ \t]*(\"[^\"]*\"|[^,]*))?[ \t]*,?[ \t]*" ""
Cache-Control "^" "private, "
Cache-Control ",[ \t]*$" ""
-*-Cache-Control
-Surrogate-Control
+Vary "Cookie, Authorization"
"""
_OF_PRIVATE: Final = tuple(line for line in _PRIVATE.strip().split("\n") if not line.startswith(CACHE_CONTROL))
_PRIVATE_DEFAULT: Final = 'header ?Cache-Control "private, no-cache"'

# All of it is deferred, and what stands later in the file acts earlier on the response.
_ONE_BY_ONE: Final = r"""
header {
    import bastion_always
}
<told>
vars bastion_add_csp {rp.header.X-Bastion-Add-Content-Security-Policy}
@bastion_add_csp not vars bastion_add_csp ""
header @bastion_add_csp {
    +Content-Security-Policy {vars.bastion_add_csp}
    defer
}
<set or remove>
@bastion_private vars {rp.header.X-Bastion-Private} 1
route @bastion_private {
    header {
        import bastion_private
    }
    header ?Cache-Control "private, no-cache"
}
@bastion_cors vars {rp.header.X-Bastion-Cors} 1
route @bastion_cors {
    header {
        +Vary Origin
        defer
    }
    header -Access-Control-*
}
"""

_WRAPPER: Final = """
# A site stands inside `import bastion { ... }`. Snippet version <version>; print it again with `bastion caddy snippet`.
(bastion) {
    route {
        <ask>
        <tell the app>

        # The site.
        handle {
            {block}
        }
        respond 404
    }
}

# Of Bastion's own answers.
(bastion_ours) {
    header {
        -Via
        -X-Bastion*
    }
    copy_response
}

# Of each answer of an app, in every way.
(bastion_always) {
    <always>
}

# Of answers for one person: no shared cache keeps them.
(bastion_private) {
    <private>
}

# The long way: each header that Bastion names, set, added or removed. What stands later acts earlier on the answer.
(bastion_one_by_one) {
    <one by one>
}

# A header of the answer: as Bastion says, gone for <remove>, the app's own where Bastion says nothing.
(bastion_set) {
    vars bastion_{args[1]} {rp.header.X-Bastion-{args[1]}}
    @bastion_{args[1]} not vars bastion_{args[1]} "" <remove>
    header @bastion_{args[1]} >{args[0]} {vars.bastion_{args[1]}}
    @bastion_{args[1]}_gone vars bastion_{args[1]} <remove>
    header @bastion_{args[1]}_gone -{args[0]}
}
"""


# Caddy's own answer is empty. `respond` alone: whoever comes here was not asked about (P2).
_AWAY: Final = """
# Beside the wrapper: what people read while Bastion or the app can't be reached.
(bastion_away) {
    handle_errors 502 503 504 {
        header Cache-Control no-store
        header Retry-After 5
        respond "This site can't answer right now ({err.status_code}). Try again in a few seconds." {err.status_code}
    }
}
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """What the text depends on. decision, web: upstreams as Caddy writes them (unix//run/x.sock, 127.0.0.1:9000).

    identity: headers for apps. header_sets: for each there is a short way. console: as web, "" where it has no upstream
    of its own. console_from: networks, none for all.
    """

    decision: str = "unix//run/bastion/decision.sock"
    web: str = "unix//run/bastion/web.sock"
    identity: tuple[str, ...] = tuple(identity_headers(remote=True, x_auth_request=False, also={}))
    header_sets: tuple[HeaderSet, ...] = ()
    console: str = ""
    console_from: tuple[str, ...] = ()


def snippet_text(snippet: Snippet) -> str:
    """The snippets, ready to be imported by a Caddyfile; as `caddy fmt` writes it."""
    auth = auth_text(snippet.web, snippet.console, snippet.console_from)
    return f"{_wrapper(snippet)}\n{auth}\n{indented(_AWAY)}"


def _wrapper(snippet: Snippet) -> str:
    usual = [one for one in map(_usual, snippet.header_sets[:MOST_SHORT_WAYS]) if one is not None]
    known = tuple(name for name, _text in usual)
    return indented(
        filled(
            _WRAPPER,
            ask=filled(
                _ASK,
                forwarded=_FORWARDED,
                decision=snippet.decision,
                long=ONE_BY_ONE,
                said=f'"{said_by(snippet.identity, known)}"',
                usual="\n".join(text for _name, text in usual),
            ),
            tell_the_app=filled(
                _TELL_THE_APP,
                forwarded=_FORWARDED,
                taken=_lines(
                    f"request_header -{{rp.header.X-Bastion-Taken-{number}}}" for number in range(1, MOST_TAKEN + 1)
                ),
                identity=_lines(f"request_header {name} {{rp.header.{_as_go(name)}}}" for name in snippet.identity),
            ),
            always=_ALWAYS,
            private=_PRIVATE,
            one_by_one=filled(
                _ONE_BY_ONE,
                set_or_remove=_lines(f"import bastion_set {name} Set-{name}" for name in SET_HEADERS),
                told=_lines(f"import bastion_set {header} {_as_go(name)}" for name, header in _TOLD.items()),
            ),
            remove=REMOVE,
            version=str(VERSION),
        )
    )


def _usual(header_set: HeaderSet) -> tuple[str, str] | None:
    """Its name, and all that it says in one block; None where that can't be written into a Caddyfile."""
    said, changes = dict(header_set.block), list[str]()
    private, sets_cache = PRIVATE in header_set.block, f"{_SET}{CACHE_CONTROL}" in said
    for name, value in header_set.block:
        header = name.removeprefix(_SET)
        if not _PLAIN.fullmatch(header_value(value)):
            return None
        if name.startswith(_SET) and value:
            changes.append(f"-{header}" if value == REMOVE else f'>{header} "{header_value(value)}"')
    if _ADD_CSP in said:
        if f"{_SET}{CSP}" in said:
            return None  # one operation would undo the other
        changes.append(f'+{CSP} "{header_value(said[_ADD_CSP])}"')
    if header_set.rated:
        changes += [f">{header} {{vars.bastion_{_as_go(name)}}}" for name, header in _RATE_LIMIT.items()]
    if TAKE_AWAY in header_set.block:
        changes += ["-Access-Control-*", "+Vary Origin"]
    if private:
        # What the route sets wins over what would be made of the app's.
        changes += _OF_PRIVATE if sets_cache else ["import bastion_private"]
    text = filled(
        _USUAL,
        name=header_set.name,
        profile=header_set.name.rpartition("-")[0],
        rated=_lines(_remembered_rates()) if header_set.rated else "",
        changes=_lines(["import bastion_always", *changes]),
        default=_PRIVATE_DEFAULT if private and not sets_cache else "",
    )
    return header_set.name, text


def _remembered_rates() -> Iterator[str]:
    """The next proxy forgets the decision's headers."""
    yield "vars {"
    yield from (f"    bastion_{_as_go(name)} {{rp.header.X-Bastion-{_as_go(name)}}}" for name in _RATE_LIMIT)
    yield "}"


def _as_go(name: str) -> str:
    """Caddy knows a header of an answer by this spelling only."""
    return "-".join(word.capitalize() for word in name.split("-"))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
