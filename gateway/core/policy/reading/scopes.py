"""Reads `define: scopes:`, what clients may ask for, each with a sentence for the person who consents."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.core.policy.client_grammar import SCOPE_PATTERN
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.words import text
from gateway.core.yaml_marks import Marked, MarkedScalar

BUILT_IN: Final[Mapping[str, str]] = {
    "openid": "Know that it is you",
    "profile": "Read your name",
    "email": "Read your e-mail address",
    "groups": "Read which groups you are in",
    "offline_access": "Go on when you have signed out, until you end its access",
}
SCOPE: Final = re.compile(SCOPE_PATTERN)
SCOPES_ARE: Final = "letters, digits and . _ : / -, at most 128 of them"
_MOST_CHARACTERS: Final = 200


def scope_book() -> Book[str]:
    def read(page: Page, _key: MarkedScalar, at: Marked) -> str | None:
        sentence = text(page, at, "a sentence for the person who consents")
        if sentence is not None and len(sentence) > _MOST_CHARACTERS:
            page.say(at, f"a sentence of {len(sentence)} characters; expected at most {_MOST_CHARACTERS}")
        return sentence

    return Book("scope", read, "scopes", shipped=BUILT_IN, pattern=SCOPE, names_are=SCOPES_ARE)
