"""Owns the `(bastion)` wrapper that operators put around a site, and `(bastion_auth)` for the auth host."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.headers import REMOVE, SET_HEADERS

_REMOTE: Final = ("Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email")
_X_AUTH_REQUEST: Final = (
    "X-Auth-Request-User",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Email",
)
_CORS: Final = {
    "X-Bastion-Acao": "Access-Control-Allow-Origin",
    "X-Bastion-Acac": "Access-Control-Allow-Credentials",
    "X-Bastion-Acexpose": "Access-Control-Expose-Headers",
}
_RATE_LIMIT: Final = {"X-Bastion-RateLimit": "RateLimit", "X-Bastion-RateLimit-Policy": "RateLimit-Policy"}
_ADD_CSP: Final = "X-Bastion-Add-Content-Security-Policy"
_CORS_SWITCH: Final = "X-Bastion-Cors"
_PRIVATE: Final = "X-Bastion-Private"

# What a client may not tell the app. CGI-like servers read every other character of a name as a hyphen, so names with
# one of them go too (threats.md P7).
_STRIPPED: Final = (
    *(f"*{odd}*" for odd in "!#$%&'*+.^_`|~"),
    "Remote*",
    "X-Bastion*",
    "X-Auth-Request*",
    "X-Forwarded*",
    "X-Original*",
    "X-Rewrite*",
    "X-Http-Method*",
    "X-Method-Override",
    "X-Real-Ip",
    "Forwarded",
    "Proxy",  # HTTP_PROXY to CGI, which many libraries take for the way out (httpoxy)
)

# What browsers send and no decision reads: the gateway need not take it in for every request. The app gets it.
# User-Agent stays, because Go would write its own in its place.
UNREAD: Final = (
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "Content-Type",
    "Dnt",
    "If-Modified-Since",
    "If-None-Match",
    "Pragma",
    "Priority",
    "Range",
    "Sec-Ch-Ua",
    "Sec-Ch-Ua-Mobile",
    "Sec-Ch-Ua-Platform",
    "Sec-Fetch-User",
    "Upgrade-Insecure-Requests",
)

# Any other token hides a header from whoever is asked next; any other upgrade is a tunnel that nobody looks into (P3).
# Expressions, because a regexp matcher is content with one line of several, and Caddy would forward the other.
_ONLY_CONNECTION: Final = r"(?i)^[ \t,]*((keep-alive|close|upgrade)[ \t,]*)*$"
_ONLY_UPGRADE: Final = "(?i)^(websocket)?$"

# `respond`, not `error`: an operator's handle_errors must not see these (P2). HTTP/2 and 3 upgrade by CONNECT, with
# the protocol where each of Caddy's servers puts it.
_REFUSE: Final = f"""
@bastion_connection expression `!{{http.request.header.Connection}}.matches("{_ONLY_CONNECTION}")`
respond @bastion_connection 400
@bastion_upgrade expression `!{{http.request.header.Upgrade}}.matches("{_ONLY_UPGRADE}")`
respond @bastion_upgrade 400
@bastion_connect {{
    method CONNECT
    not header :protocol websocket
    not expression `{{http.request.proto}} == "websocket"`
}}
respond @bastion_connect 400
"""

# Written before each proxy looks: it would keep what came from a trusted proxy, which passes on its client's (P5).
_FORWARDED: Final = """
request_header X-Forwarded-Host {http.request.hostport}
request_header X-Forwarded-Proto {http.request.scheme}
header {
    -Via
    -X-Bastion*
}
"""

# The rewrite has to change something, or Caddy would send the client's body along (P4). A connection header of the
# client's has no meaning to the gateway, and hides headers from it.
_ASK: Final = r"""
reverse_proxy <decision> {
    method GET
    rewrite /decide?{http.request.uuid}
    header_up X-Request-Id {http.request.uuid}
    header_up X-Forwarded-Method {http.request.orig_method}
    header_up X-Forwarded-Uri {http.request.orig_uri}
    header_up X-Forwarded-For {client_ip}
    header_up X-Bastion-Upgrade {http.request.header.Upgrade}
    header_up -Connection
    header_up -Upgrade
    <unread>
    transport http {
        dial_timeout 1s
        response_header_timeout 3s
        compression off
        keepalive_idle_conns_per_host 256
    }
    @answered header X-Bastion-Answer *
    handle_response @answered {
        copy_response
    }
    @allowed status 200
    handle_response @allowed {
        vars {
            <remembered>
        }
    }
}
"""

_TELL_THE_APP: Final = r"""
<identity>
request_header X-Request-Id {http.request.uuid}
request_header X-Forwarded-For {client_ip}
request_header Cookie "(^|;)[ \t]*__Host-bastion[^=;]*=[^;]*" ""
request_header Cookie "^;[ \t]*" ""
@bastion_nocookie expression `{http.request.header.Cookie}.matches("^[ \t,]*$")`
request_header @bastion_nocookie -Cookie
"""

# Everything here is deferred, and what stands later in the file acts earlier on the response. A nameless cookie whose
# value looks like ours would come back as ours, so the equals sign is looked through.
_TELL_THE_CLIENT: Final = r"""
header {
    Set-Cookie "(?i)^[\s=]*__Host-bastion.*" "bastion-refused=; Max-Age=0"
    defer
}
<rate limit>
<add csp>
<set or remove>
@bastion_private not vars bastion_private ""
header @bastion_private {
    Cache-Control "(?i)\b(public|private|immutable|s-maxage)\b([ \t]*=[ \t]*(\"[^\"]*\"|[^,]*))?[ \t]*,?[ \t]*" ""
    Cache-Control "^" "private, "
    Cache-Control ",[ \t]*$" ""
    -*-Cache-Control
    -Surrogate-Control
    +Vary "Cookie, Authorization"
}
header @bastion_private ?Cache-Control "private, no-cache"
<cors>
@bastion_cors not vars bastion_cors ""
header @bastion_cors {
    +Vary Origin
    defer
}
header @bastion_cors -Access-Control-*
"""

_WRAPPER: Final = """
(bastion) {
    route {
        <refuse>
        <strip>
        <forwarded>
        <ask>
        <tell the app>
        <tell the client>
        handle {
            {block}
        }
        respond 404
    }
}
"""

_AUTH: Final = """
(bastion_auth) {
    route {
        <refuse>
        <strip>
        <forwarded>
        header -Server
        request_body {
            max_size 64KiB
        }
        reverse_proxy <web> {
            header_up X-Request-Id {http.request.uuid}
            header_up X-Forwarded-For {client_ip}
            transport http {
                dial_timeout 1s
                response_header_timeout 30s
            }
        }
    }
}
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """What the text depends on. decision, web: upstreams as Caddy writes them (unix//run/x.sock, 127.0.0.1:9000)."""

    decision: str = "unix//run/bastion/decision.sock"
    web: str = "unix//run/bastion/web.sock"
    remote: bool = True
    x_auth_request: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        return (_REMOTE if self.remote else ()) + (_X_AUTH_REQUEST if self.x_auth_request else ())


def snippet_text(snippet: Snippet) -> str:
    """The two snippets, ready to be imported by a Caddyfile; as `caddy fmt` writes it."""
    return f"{_wrapper(snippet)}\n{_auth(snippet)}"


def indented(text: str) -> str:
    """Four spaces become a tab, as `caddy fmt` has it."""
    lines = (line.rstrip() for line in text.strip("\n").split("\n"))
    return "".join("\t" * (_indent(line) // 4) + line.lstrip(" ") + "\n" for line in lines)


def filled(template: str, **parts: str) -> str:
    """Each `<part name>` on a line of its own becomes that part's lines, as deep as it stood itself."""
    for name, part in parts.items():
        mark = f"<{name.replace('_', ' ')}>"
        lines = []
        for line in template.split("\n"):
            if line.strip() == mark:
                lines += [" " * _indent(line) + inner for inner in part.strip("\n").split("\n") if inner]
            else:
                lines.append(line.replace(mark, part))
        template = "\n".join(lines)
    return template


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _wrapper(snippet: Snippet) -> str:
    text = filled(
        _WRAPPER,
        refuse=_REFUSE,
        strip=_lines(f"request_header -{name}" for name in _STRIPPED),
        forwarded=_FORWARDED,
        ask=filled(
            _ASK,
            decision=snippet.decision,
            unread=_lines(f"header_up -{name}" for name in UNREAD),
            remembered=_lines(_remembered(snippet)),
        ),
        tell_the_app=filled(_TELL_THE_APP, identity=_lines(_identity(snippet))),
        tell_the_client=filled(
            _TELL_THE_CLIENT,
            rate_limit=_lines(_sets(_RATE_LIMIT)),
            add_csp=_lines(_adds(_ADD_CSP, "Content-Security-Policy")),
            set_or_remove=_lines(_sets_or_removes()),
            cors=_lines(_sets(_CORS)),
        ),
    )
    return indented(text)


def _auth(snippet: Snippet) -> str:
    strip = _lines(f"request_header -{name}" for name in _STRIPPED)
    return indented(filled(_AUTH, refuse=_REFUSE, strip=strip, forwarded=_FORWARDED, web=snippet.web))


def _remembered(snippet: Snippet) -> Iterator[str]:
    """The next proxy forgets the decision's headers, and one that did not come would stay as literal text.

    Caddy knows them by Go's spelling of their names only.
    """
    answered = (*snippet.identity, *map(_set_name, SET_HEADERS), _ADD_CSP, *_CORS, _CORS_SWITCH, _PRIVATE, *_RATE_LIMIT)
    for name in answered:
        spelled = "-".join(word.capitalize() for word in name.split("-"))
        yield f"{_variable(name)} {{rp.header.{spelled}}}"


def _identity(snippet: Snippet) -> Iterator[str]:
    for name in snippet.identity:
        yield f"request_header {name} {{vars.{_variable(name)}}}"


def _sets_or_removes() -> Iterator[str]:
    for header in SET_HEADERS:
        variable = _variable(_set_name(header))
        yield f'@{variable} not vars {variable} "" {REMOVE}'
        yield f"header @{variable} >{header} {{vars.{variable}}}"
        yield f"@{variable}_gone vars {variable} {REMOVE}"
        yield f"header @{variable}_gone -{header}"


def _sets(headers: dict[str, str]) -> Iterator[str]:
    for name, header in headers.items():
        variable = _variable(name)
        yield f'@{variable} not vars {variable} ""'
        yield f"header @{variable} >{header} {{vars.{variable}}}"


def _adds(name: str, header: str) -> Iterator[str]:
    variable = _variable(name)
    yield f'@{variable} not vars {variable} ""'
    yield f"header @{variable} {{"
    yield f"    +{header} {{vars.{variable}}}"
    yield "    defer"
    yield "}"


def _set_name(header: str) -> str:
    return f"X-Bastion-Set-{header}"


def _variable(name: str) -> str:
    return "bastion_" + name.removeprefix("X-Bastion-").lower().replace("-", "_")


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
