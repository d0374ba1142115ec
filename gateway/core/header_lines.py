"""Writes header lines: whatever a value holds, it ends no line and begins no other (threats.md P9)."""

from functools import lru_cache
from urllib.parse import quote


def header_value(text: str) -> str:
    """The one encoder of header values (threats.md P9).

    Visible ASCII and spaces pass; other characters become percent-encoded UTF-8; a control character empties it all.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    if any(character < " " or character == "\x7f" for character in text):
        return ""
    return "".join(
        character if " " <= character <= "~" else quote(character.encode("utf-8", "replace")) for character in text
    ).strip(" ")


def header_line(name: str, value: str) -> bytes:
    return f"{name}: {header_value(value)}\r\n".encode("ascii")


@lru_cache(65_536)
def header_lines(pairs: tuple[tuple[str, str], ...]) -> bytes:
    """A block, joined once."""
    return b"".join(header_line(name, value) for name, value in pairs)
