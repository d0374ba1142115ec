"""Owns what the lint of a Caddyfile says: one finding for one thing to mend."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

SNIPPET: Final = "(bastion)"  # the directive of what is wrong with a snippet itself


class Level(Enum):
    """An ERROR fails the lint."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """code: names the kind of mistake. site: the address, "" for all. at: the path in the adapted JSON.

    directive: what to look for in the Caddyfile, "" for the site itself. why: what it makes possible.
    is_repeated: the last of such directives is meant.
    """

    code: str
    level: Level
    site: str
    at: str
    what: str
    why: str
    way_out: str
    directive: str = ""
    is_repeated: bool = False

    def told(self, place: str) -> str:
        """place: file and line, "" where they are not known."""
        begins = f"{place}: " if place else ""
        site = f"{self.site}: " if self.site else ""
        return f"{begins}{self.level.value}: {site}{self.what}: {self.why}; {self.way_out} [{self.code}, {self.at}]"
