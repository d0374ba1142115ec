"""Who sends the requests, and what an app is to be told about them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Person:
    """shown: as the app is told, percent signs and all. opens: the routes that let this person in."""

    name: str
    groups: tuple[str, ...]
    shown: str
    email: str
    opens: frozenset[str]

    @property
    def identity(self) -> dict[str, str]:
        return {
            "REMOTE_USER": self.name,
            "REMOTE_GROUPS": ",".join(self.groups),
            "REMOTE_NAME": self.shown,
            "REMOTE_EMAIL": self.email,
        }


ANYONE: Final = frozenset({"public", "page", "form", "files"})  # and these know nobody's name
NOBODY: Final = Person("", (), "", "", ANYONE)
EVE: Final = Person(
    "eve", ("staff",), "Eve Moneypenny", "eve@example.org", ANYONE | {"staff", "api", "own", "post", "rest"}
)
ROOT: Final = Person("root", ("staff", "admins"), "Root", "root@example.org", EVE.opens | {"admin", "keys"})
PEOPLE: Final = (EVE, ROOT)
