"""How many guesses a password withstands, by zxcvbn, and a hint where they are too few."""

import re
from typing import Final

_LOOKED_AT_CHARS: Final = 40  # its time grows with the cube of the length: 1.6 s at 1,024
_LEAST_WORD_CHARS: Final = 3
_PARTS: Final = re.compile(r"[\W_]+")
_ADVICE: Final = "Add a few uncommon words."


def guessed_by_few(chosen: str, words: list[str], least_score: int) -> str | None:
    """A hint in sentences; None where the score is enough. least_score: 0 to 4.

    chosen: only its first 40 characters count, so a long one is scored too low rather than too high.
    """
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415 - the configuration imports this module, and most commands no more

    found = zxcvbn(chosen[:_LOOKED_AT_CHARS], words)
    if int(found.score) >= least_score:
        return None
    weakness = found.feedback.warning if found.feedback is not None else None
    return f"{weakness} {_ADVICE}" if weakness is not None else _ADVICE


def related(words: tuple[str, ...]) -> list[str]:
    """The words, and the parts of them: who knows the person guesses these first."""
    lower = [word.lower() for word in words]
    found = {part for word in lower for part in (word, *_PARTS.split(word), _PARTS.sub("", word))}
    return sorted(part for part in found if len(part) >= _LEAST_WORD_CHARS)
