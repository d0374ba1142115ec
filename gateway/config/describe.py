"""Says what a configuration is, without its secrets, one line for each key."""

import json

from gateway.config.fields import all_keys
from gateway.config.model import Config


def secret_keys() -> frozenset[str]:
    return frozenset(key.dotted for key in all_keys() if key.secret)


def settings_lines(config: Config) -> list[str]:
    """`section.key: value`, in the order of the model; a secret says only whether it is set."""
    lines = []
    for key in all_keys():
        value: object = config
        for name in key.attributes:
            value = getattr(value, name)
        if key.secret:
            value = "set" if value else "not set"
        if key.path != ("limits",):
            lines.append(f"{key.dotted}: {_text(value)}")
    lines += [f"limits.{name}: {_text(limit.model_dump(mode='json'))}" for name, limit in sorted(config.limits.items())]
    return lines


def _text(value: object) -> str:
    """As a file could have it: maps and lists as JSON, all else in words."""
    return json.dumps(value, default=str) if isinstance(value, dict | list | tuple | bool | None) else str(value)
