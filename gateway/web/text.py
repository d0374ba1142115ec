"""Text from outside, as pages show it."""

from typing import Final

_CHARS: Final = 200


def shown(text: str) -> str:
    """Cut, and without what could change how the text around it reads (ui.md U8)."""
    cut = text[:_CHARS] + ("…" if len(text) > _CHARS else "")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)
