"""Owns what BASTION_* variables mean: BASTION_SECTION_KEY is a value, BASTION_SECTION_KEY_FILE names a file with it."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.config.fields import Key, all_keys
from gateway.core.yaml_marks import MarkedScalar

_NOT_SETTINGS: Final = ("BASTION_CONFIG", "BASTION_PG_BIN", "BASTION_VALKEY_BIN", "BASTION_CADDY_BIN")
# What an orchestrator sets for a service that is called bastion.
_SERVICE_LINKS: Final = re.compile(r"BASTION_(SERVICE_(HOST|PORT).*|PORT(_.*)?)")
_SEPARATORS: Final = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Override:
    """value: text, scalar, list or dict, as a file would have given it."""

    path: tuple[str, ...]
    variable: str
    value: object


@dataclass(frozen=True, slots=True)
class BadVariable:
    variable: str
    message: str


def overrides(environ: Mapping[str, str]) -> Iterator[Override | BadVariable]:
    """An empty variable counts as unset, because compose files cannot leave one out."""
    keys = {key.environment: key for key in all_keys() if key.path != ("limits",)}
    for variable in sorted(name for name in environ if name.startswith("BASTION_")):
        if variable in _NOT_SETTINGS or _SERVICE_LINKS.fullmatch(variable) or not environ[variable]:
            continue
        name = variable.removesuffix("_FILE")
        if variable in keys:
            yield _override(keys[variable], variable, environ[variable])
        elif name == "BASTION_LIMITS" or name.startswith("BASTION_LIMITS_"):
            yield BadVariable(
                variable, "is no setting; expected limits in the file, because the environment can't set them"
            )
        elif name not in keys:
            yield BadVariable(variable, f"is no setting{_hint(name, variable, list(keys))}")
        elif environ.get(name):
            yield BadVariable(variable, f"and {name} are both set; expected one of them")
        else:
            yield _from_file(keys[name], variable, Path(environ[variable]))


def _from_file(key: Key, variable: str, path: Path) -> Override | BadVariable:
    try:
        return _override(key, variable, path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        return BadVariable(variable, f"names {path}, which cannot be read: {error}")


def _override(key: Key, variable: str, text: str) -> Override:
    match key.kind:
        case "text":
            return Override(key.path, variable, text)
        case "scalar":
            return Override(key.path, variable, MarkedScalar(1, 1, text, plain=True).value)
        case "list":
            return Override(key.path, variable, _items(text))
        case "map":
            pairs = [item.partition("=") for item in _items(text)]
            return Override(key.path, variable, {name: value for name, _equals, value in pairs})


def _items(text: str) -> list[str]:
    """Separated by commas, spaces or new lines."""
    return [item for item in _SEPARATORS.split(text) if item]


def _hint(name: str, variable: str, known: list[str]) -> str:
    renamed = name.replace("BASTION_TOKENS_", "BASTION_JWT_")
    close = [renamed] if renamed in known else difflib.get_close_matches(name, known, n=1)
    suffix = "_FILE" if variable.endswith("_FILE") else ""
    return f"; did you mean {close[0]}{suffix}?" if close else ""
