"""Owns the walk over the model: every key by its dotted name, for messages, environment names and documentation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.model import Config
from gateway.config.sections.limits import DEFAULT_LIMITS, LimitSetting, NetworkSetting
from gateway.config.values import Kind

_LIMIT_PATH: Final = 2  # limits.<name>.<key>
_NETWORK_PATH: Final = 4  # limits.<name>.networks.<network>.<key>


@dataclass(frozen=True, slots=True)
class Key:
    """One key that can be set. attributes: where the model has it; a key may be a word that Python keeps for itself."""

    path: tuple[str, ...]
    attributes: tuple[str, ...]
    expected: str
    kind: Kind
    secret: bool
    description: str
    example: str
    default: object

    @property
    def dotted(self) -> str:
        return ".".join(self.path)

    @property
    def environment(self) -> str:
        return "BASTION_" + "_".join(self.path).upper()


def all_keys() -> tuple[Key, ...]:
    """In the order of the model; a limit's own keys are not among them, they live under a name."""
    return tuple(_walk(Config, ()))


def limit_keys() -> tuple[Key, ...]:
    return tuple(_walk(LimitSetting, ("limits", "<NAME>")))


def network_keys() -> tuple[Key, ...]:
    return tuple(_walk(NetworkSetting, ("limits", "<NAME>", "networks", "<network>")))


def sections() -> Mapping[str, type[BaseModel]]:
    return {name: section for name, field in Config.model_fields.items() if (section := _section(field))}


def key_at(path: tuple[str, ...]) -> Key | None:
    """The key that a place in the document belongs to: items of lists and maps belong to their key."""
    if path[:1] == ("limits",) and len(path) >= _LIMIT_PATH:
        keys, at = (network_keys(), _NETWORK_PATH) if _in_network(path) else (limit_keys(), _LIMIT_PATH)
        return next((key for key in keys if path[at : at + 1] == key.path[-1:]), None)
    return next((key for key in all_keys() if path[: len(key.path)] == key.path), None)


def names_at(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that may stand in the map at path."""
    if not path:
        return tuple(Config.model_fields)
    if path == ("limits",):
        return tuple(DEFAULT_LIMITS)
    if path[0] == "limits":
        return tuple((NetworkSetting if _in_network(path) else LimitSetting).model_fields)
    return tuple(field.alias or name for name, field in section_at(path).model_fields.items())


def section_at(path: tuple[str, ...]) -> type[BaseModel]:
    """The model of the map at path."""
    section = sections()[path[0]]
    for name in path[1:]:
        below = _section(section.model_fields[name])
        assert below is not None
        section = below
    return section


def _in_network(path: tuple[str, ...]) -> bool:
    """Whether path is a network of a limit, or below one."""
    return len(path) >= _NETWORK_PATH and path[_LIMIT_PATH] == "networks"


def _walk(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        section = _section(field)
        if section is not None:
            yield from _walk(section, (*above, name))
        else:
            yield _key((*above, field.alias or name), (*above, name), field)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _key(path: tuple[str, ...], attributes: tuple[str, ...], field: FieldInfo) -> Key:
    extra = cast("Mapping[str, object]", field.json_schema_extra or {})
    return Key(
        path=path,
        attributes=attributes,
        expected=str(extra["expected"]),
        kind=cast("Kind", extra["kind"]),
        secret=bool(extra["secret"]),
        description=field.description or "",
        example=str(extra.get("example", "")),
        default=None if field.is_required() else field.get_default(),
    )
