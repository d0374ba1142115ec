"""Owns what the words of the language are made of: keys, maps with known keys, and schemas of their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Key:
    """meaning: for people who write policies. schema: of the value. built False: refused, never ignored."""

    name: str
    meaning: str
    schema: Schema
    required: bool = False
    built: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """A map with known keys. title: as messages say it."""

    name: str
    title: str
    meaning: str
    keys: tuple[Key, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys if key.built)

    def key(self, name: str) -> Key | None:
        return next((key for key in self.keys if key.name == name), None)


def ref(shape: str) -> Schema:
    return {"$ref": f"#/$defs/{shape}"}


def words(*names: object) -> Schema:
    return {"enum": list(names)}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def listed(item: Schema) -> Schema:
    """One or a list of them: a list of one needs no brackets."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def named(value: Schema, pattern: str | None = None) -> Schema:
    """A map with names that the author chooses. pattern: of the names; default NAME_PATTERN."""
    return {"type": "object", "additionalProperties": value, "propertyNames": {"pattern": pattern or NAME_PATTERN}}


def later(name: str, meaning: str) -> Key:
    return Key(name, meaning, {}, built=False)


NAME_PATTERN: Final = "^[a-z0-9][a-z0-9_-]{0,63}$"
DURATION_PATTERN: Final = "^[0-9]{1,9}[smhd]$"
TEXT: Final[Schema] = {"type": "string"}
TEXTS: Final = listed(TEXT)
BOOLEAN: Final[Schema] = {"type": "boolean"}
DURATION: Final[Schema] = {"type": "string", "pattern": DURATION_PATTERN}
DAY: Final[Schema] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
NOTHING: Final = words("none")
METADATA: Final = (
    Key("owner", "The person responsible. It decides nothing.", TEXT),
    Key("note", "The reason for the rule. It silences warnings about a route, or on an app about its `rest`.", TEXT),
    Key("review_by", "The day from which `bastion policy check` reports that a review is due.", DAY),
)
