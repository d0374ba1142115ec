"""Paths that apps may read in more than one way, made from a seed."""

import random
from collections.abc import Iterator
from typing import Final

_WORDS: Final = ("public", "staff", "admin", "api", "keys", "u", "root", "eve", "page", "form", "x", "1")
_FIRST: Final = (
    "/public/x", "/staff/x", "/admin/x", "/api/x", "/api/admin/x", "/u/root/x", "/u/eve/x", "/page/1", "/form", "/x",
    "/",
)  # fmt: skip
_BETWEEN: Final = (
    "/", "/", "/", "/", "//", "///", "%2f", "%2F", "%252f", "%252F", "%25252f", "\\", "%5c", "%5C", "%255c", "/;", ";/",
    "/;x=1/", "/%2f", "%2f/", "/./", "/../", "/%2e/", "/%2e%2e/", "/..;/", "/%09/", "%c0%af",
)  # fmt: skip
_AFTER: Final = (
    "", "", "", "/", "//", ";", ";x=1", ";x=1;y=2", "%3b", "%3bx", "%253b", ".", "..", "%2e", "%20", "%20%20", "+",
    "%00", "%ff", "%c3%a9", ".css", ".json", "?x=1", "?", "%3f", "%23", "~", "%7e", "%2a", "!", "%21",
)  # fmt: skip


def odd_paths(count: int, seed: int) -> Iterator[str]:
    """count different ones. Most are near to a path of the policy; each is one that Caddy takes."""
    rng, seen = random.Random(seed), set[str]()
    while len(seen) < count:
        path = _changed(rng, rng.choice(_FIRST)) if rng.random() < 0.6 else _put_together(rng)
        if path not in seen:
            seen.add(path)
            yield path


def _put_together(rng: random.Random) -> str:
    words = [_dressed(rng, rng.choice(_WORDS)) for _ in range(rng.randint(1, 4))]
    return "/" + "".join(word + rng.choice(_BETWEEN) for word in words[:-1]) + words[-1] + rng.choice(_AFTER)


def _changed(rng: random.Random, path: str) -> str:
    """One or two things at one place each."""
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(1, len(path) + 1)
        what = rng.randrange(4)
        if what == 0:
            path = path[:at] + rng.choice(_AFTER) + path[at:]
        elif what == 1 and path[at - 1] == "/" and at > 1:
            path = path[: at - 1] + rng.choice(_BETWEEN) + path[at:]
        elif path[at - 1].isalnum():
            path = path[: at - 1] + _dressed(rng, path[at - 1]) + path[at:]
    return path if path.startswith("/") else "/" + path


def _dressed(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word))
    code = f"%{ord(word[at]):02x}"
    return rng.choice(
        (
            word,
            word,
            word,
            word[:at] + code + word[at + 1 :],
            word[:at] + "%25" + code[1:] + word[at + 1 :],
            word.upper(),
            word.capitalize(),
            "".join(f"%{ord(letter):02X}" for letter in word),
            word + rng.choice(_AFTER[3:]).partition("?")[0],
        )
    )
