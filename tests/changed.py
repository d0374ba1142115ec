"""Compares and changes values of the plain classes that requests are made of; compiled, they have no __dict__."""

from typing import Any, TypeVar

V = TypeVar("V")


def parts(value: object) -> object:
    """What two such values are compared by."""
    if isinstance(value, tuple):
        return tuple(map(parts, value))
    names = _names(value)
    return (type(value), {name: parts(getattr(value, name)) for name in names}) if names else value


def _names(value: object) -> list[str]:
    kind: Any = type(value)
    plain = kind.__module__.startswith("gateway.") and "__init__" in vars(kind) and "__eq__" not in vars(kind)
    return [name for name in getattr(kind, "__mypyc_attrs__", None) or vars(value) if name[0] != "_"] if plain else []


def changed(value: V, **changes: object) -> V:
    """Of a class whose attributes are what its __init__ takes; compiled, it has no __dict__ that would name them."""
    kind: Any = type(value)
    given = {name: getattr(value, name) for name in _names(value)}
    made: V = kind(**given | changes)
    return made
