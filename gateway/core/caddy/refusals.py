"""Says in plain words, and at the line of the Caddyfile, what `caddy adapt` refuses."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.places import Line, read_lines
from gateway.core.policy.places import did_you_mean

_AT: Final = re.compile(r"(?:at |^|\[|,)'?(?P<file>[^\s,'\[]+):(?P<line>\d+)")
_CHAINS: Final = re.compile(r"(?:, at \S+:\d+)?(?:,? import chain:? \[[^\]]*\])?")
_WITHIN: Final = re.compile(r"parsing caddyfile tokens for '[^']*': ")
_LEADING: Final = re.compile(r"^[^\s,]+:\d+: ")
_GUESS: Final = " - are you sure your Caddyfile structure (nesting and braces) is correct?"
_OURS: Final = ("bastion", "bastion_auth", "bastion_away")
# Of Caddy's own modules; what it does not know, and what is close to one of these, is a mistyped one.
_DIRECTIVES: Final = (
    "abort", "acme_server", "basic_auth", "bind", "encode", "error", "file_server", "forward_auth", "fs", "handle",
    "handle_errors", "handle_path", "header", "import", "intercept", "invoke", "log", "log_append", "log_name",
    "log_skip", "map", "method", "metrics", "php_fastcgi", "push", "redir", "request_body", "request_header",
    "respond", "reverse_proxy", "rewrite", "root", "route", "templates", "tls", "tracing", "try_files", "uri", "vars",
)  # fmt: skip
_INNER: Final = (
    "admin", "auto_https", "debug", "default_bind", "default_sni", "email", "grace_period", "http_port", "https_port",
    "local_certs", "log", "order", "persist_config", "servers", "skip_install_trust", "storage",
    "trusted_proxies", "trusted_proxies_strict", "protocols", "timeouts", "strict_sni_host", "client_ip_headers",
    "0rtt", "max_size", "stream_timeout", "stream_close_delay", "header_up", "header_down", "flush_interval",
    "transport", "dial_timeout", "to", "lb_policy", "health_uri", "handle_response", "rewrite", "copy_headers", "uri",
    "precompressed", "hide", "index", "browse", "gzip", "zstd", "minimum_length", "match",
)  # fmt: skip
_UNKNOWN_WORD: Final = re.compile(
    r"unrecognized (?P<kind>directive|subdirective|global option)(?: of \w+)?:? '?(?P<word>[^\s,']+)"
)
_NOT_FOUND: Final = re.compile(r"File to import not found: (?P<word>[^\s,]*)")
_TWICE: Final = re.compile(r"redeclaration of previously declared snippet (?P<word>[^\s,]+)")
_AMBIGUOUS: Final = re.compile(r"ambiguous site definition: (?P<word>\S+)")
_MATCHER: Final = re.compile(r"unrecognized matcher name: (?P<word>@?[^\s,]+)")
_GLUED: Final = re.compile(r"cannot end with a curly brace: '(?P<word>[^']+)'")
_CONVENTION: Final = re.compile(r"\[(?P<word>[^\]]+)\] scheme and port violate convention")
_NO_OPENING: Final = re.compile(r"(?P<word>Unexpected '\}'|certificate: '\}')")
_OPTIONS: Final = re.compile(r"(?P<word>server block without any key)")


def refusal(said: str, sources: Mapping[str, str], name: str) -> str:
    """said: by Caddy. sources: file name -> text, those that it imports among them. name: of the Caddyfile."""
    refused = _Refused(_message(said), tuple(read_lines(sources)), name)
    nginx = refused.first(lambda one: one.number == refused.nearest() and one.words[-1].endswith(";"))
    if nginx is not None:
        return refused.at(nginx, "a Caddyfile has no ; at the end of a line; drop it")
    for pattern, explain in _CAUSES:
        found = pattern.search(refused.message)
        told = None if found is None else explain(refused, found)
        if told is not None:
            return told
    return refused.at(refused.nearest(), f"caddy adapt refuses it: {_plain(refused.message)}")


@dataclass(frozen=True, slots=True)
class _Refused:
    message: str
    lines: tuple[Line, ...]
    name: str

    def at(self, line: int | Line | None, told: str) -> str:
        if line is None:
            return f"{self.name}: {told}"
        return f"{line.place}: {told}" if isinstance(line, Line) else f"{self.name}:{line}: {told}"

    def nearest(self) -> int | None:
        """The first place in the Caddyfile itself: others are in a snippet that it imports."""
        places = [found for found in _AT.finditer(self.message) if found["file"] in (self.name, "Caddyfile", "-")]
        return int(places[0]["line"]) if places else None

    def first(self, is_it: Callable[[Line], bool]) -> Line | None:
        return next(filter(is_it, self.lines), None)


def _message(said: str) -> str:
    """Of the last line that is an entry of Caddy's log, else all of it."""
    for line in reversed(said.splitlines()):
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(line.removeprefix("Error: "))["msg"])
    return said.strip().removeprefix("Error: ")


def _plain(message: str) -> str:
    without = _CHAINS.sub("", _WITHIN.sub("", message)).replace(_GUESS, "")
    return _LEADING.sub("", without)


def _unknown_word(refused: _Refused, found: "re.Match[str]") -> str | None:
    word = found["word"]
    line = refused.first(lambda one: one.words[0] == word)
    if word in ("}", "{"):
        return _one_line(refused)
    names = _DIRECTIVES if found["kind"] == "directive" else _INNER
    told = f"Caddy does not know {word}{_meant(word, names)}"
    return refused.at(line or refused.nearest(), told)


def _not_found(refused: _Refused, found: "re.Match[str]") -> str:
    word = found["word"]
    place = refused.first(lambda one: one.words[:2] == ("import", word)) or refused.nearest()
    if word.endswith("{"):
        return refused.at(place, f"a space is missing before the brace; write `import {word[:-1]} {{`")
    declared = [one.words[0].strip("()") for one in refused.lines if re.fullmatch(r"\(.+\)", one.words[0])]
    if word in _OURS:
        told = f"no snippet {word} is imported above; write `import bastion.caddy` at the top, a file that "
        return refused.at(place, f"{told}`bastion caddy snippet` prints")
    meant = _meant(word, (*declared, *_OURS))
    return refused.at(
        place, f"Caddy does not know {word}{meant}" if meant else f"there is no snippet and no file {word}"
    )


def _twice(refused: _Refused, found: "re.Match[str]") -> str:
    """The line that brings it the second time."""
    snippet = found["word"]
    files = {one.file for one in refused.lines if one.words[0] == f"({snippet})"}
    bringing = [one for one in refused.lines if one.words[0] == f"({snippet})" and one.file == refused.name]
    bringing += [one for one in refused.lines if _imports(one, files)]
    first, second = [*sorted(bringing, key=lambda one: one.number), None, None][:2]
    before = "" if first is None else f", first at {first.place}"
    return refused.at(second or refused.nearest(), f"the snippet {snippet} is there twice{before}; drop one of them")


def _imports(line: Line, files: Iterable[str]) -> bool:
    if line.words[0] != "import" or len(line.words) < 2 or line.within:  # noqa: PLR2004 - import FILE
        return False
    return any(file.endswith(line.words[1].strip('"').lstrip("./")) for file in files)


def _ambiguous(refused: _Refused, found: "re.Match[str]") -> str:
    sites = [
        one for one in refused.lines if not one.within and found["word"] in (word.rstrip(",") for word in one.words)
    ]
    first, second = [*sites, None, None][:2]
    before = "" if first is None else f", first at {first.place}"
    told = f"a second site for {found['word']}{before}; merge the two"
    return refused.at(second or refused.nearest(), told)


def _matcher(refused: _Refused, found: "re.Match[str]") -> str:
    word = found["word"]
    line = refused.first(lambda one: word in one.words[1:])
    told = f"no matcher {word} is defined in this site; write a line such as `{word} path /api/*` into it"
    return refused.at(line or refused.nearest(), told)


def _glued(refused: _Refused, found: "re.Match[str]") -> str:
    site = found["word"].removesuffix("{")
    return refused.at(refused.nearest(), f"a space is missing before the brace; write `{site} {{`")


def _convention(refused: _Refused, found: "re.Match[str]") -> str:
    word = found["word"]
    told = f"{word}: https is on port 443 and http on 80; write the host alone, and Caddy serves it over https"
    return refused.at(refused.first(lambda one: word in one.words) or refused.nearest(), told)


def _no_opening(refused: _Refused, _found: "re.Match[str]") -> str | None:
    return _one_line(refused) or refused.at(refused.nearest() or _closing(refused), "a } without its {; drop it")


def _one_line(refused: _Refused) -> str | None:
    line = refused.first(lambda one: "{" in one.words[:-1] or (one.words[-1] == "}" and len(one.words) > 1))
    if line is None:
        return None
    return refused.at(line, "a block on one line; write its content on lines of its own")


def _closing(refused: _Refused) -> Line | None:
    """The first brace that closes nothing."""
    return refused.first(lambda one: one.words == ("}",))


def _options(refused: _Refused, _found: "re.Match[str]") -> str:
    line = [one for one in refused.lines if one.words == ("{",) and not one.within][-1:]
    told = "the block of global options stands behind something else; move it to the top of the Caddyfile"
    return refused.at(line[0] if line else refused.nearest(), told)


def _meant(word: str, names: Iterable[str]) -> str:
    return did_you_mean(word.lower().rstrip(";"), names).replace("`", "")


_CAUSES: Final[tuple[tuple[re.Pattern[str], Callable[[_Refused, re.Match[str]], str | None]], ...]] = (
    (_UNKNOWN_WORD, _unknown_word),
    (_NOT_FOUND, _not_found),
    (_TWICE, _twice),
    (_AMBIGUOUS, _ambiguous),
    (_MATCHER, _matcher),
    (_GLUED, _glued),
    (_CONVENTION, _convention),
    (_NO_OPENING, _no_opening),
    (_OPTIONS, _options),
)
