"""Reads the file in which Authelia has its people (users_database.yml)."""

from dataclasses import dataclass

from gateway.core.errors import GatewayError
from gateway.core.yaml_marks import Marked, MarkedList, MarkedMap, MarkedScalar, load_marked


class NotAuthelia(GatewayError):
    """The file doesn't have the shape of Authelia's. The message names the place."""


@dataclass(frozen=True, slots=True, repr=False)
class AutheliaPerson:
    """password: as Authelia has it. name, email, password may be "". repr is left out: it is personal."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]
    password: str
    disabled: bool


def read_authelia(text: str, file: str) -> tuple[AutheliaPerson, ...]:
    """file: what to call it in messages. Keys that Bastion has no use for are left out.

    Raises NotAuthelia or YamlProblem.
    """
    top = load_marked(text, file)
    users = top.get("users") if isinstance(top, MarkedMap) else None
    if not isinstance(users, MarkedMap):
        raise NotAuthelia(f"{file}:1:1: expected `users:` with a map of people, as in Authelia's users_database.yml")
    return tuple(_arrival(file, key.text, one) for key, one in users.entries)


def _arrival(file: str, username: str, one: Marked) -> AutheliaPerson:
    if not isinstance(one, MarkedMap):
        raise NotAuthelia(
            f"{file}:{one.line}:{one.column}: expected a map with displayname, password, email and groups"
        )
    disabled = _text(file, one, "disabled")
    if disabled not in ("", "true", "false"):
        place = one.key("disabled") or one
        raise NotAuthelia(f"{file}:{place.line}:{place.column}: disabled is {disabled!r}; expected true or false")
    return AutheliaPerson(
        username,
        _text(file, one, "displayname"),
        _text(file, one, "email"),
        _texts(file, one.get("groups")),
        _text(file, one, "password"),
        disabled == "true",
    )


def _text(file: str, one: MarkedMap, key: str) -> str:
    found = one.get(key)
    if found is None:
        return ""
    if not isinstance(found, MarkedScalar):
        raise NotAuthelia(f"{file}:{found.line}:{found.column}: {key} is no text")
    return "" if found.value is None else found.text


def _texts(file: str, found: Marked | None) -> tuple[str, ...]:
    if found is None or (isinstance(found, MarkedScalar) and found.value is None):
        return ()
    if not isinstance(found, MarkedList):
        raise NotAuthelia(f"{file}:{found.line}:{found.column}: groups is no list")
    texts = []
    for item in found.items:
        if not isinstance(item, MarkedScalar):
            raise NotAuthelia(f"{file}:{item.line}:{item.column}: a group is no text")
        texts.append(item.text)
    return tuple(texts)
