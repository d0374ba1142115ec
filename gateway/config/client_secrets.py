"""Reads the secrets of clients that policy names: a file, or a variable of the environment."""

import os
from pathlib import Path
from typing import Final

from gateway.core.policy.secrets import SecretSource, SecretUnusable, secret_hash

_MOST_BYTES: Final = 4096


def client_secret(source: SecretSource) -> bytes:
    """Its SHA-256. Raises SecretUnusable."""
    return secret_hash(_variable(source.name) if source.kind == "env" else _file(Path(source.name)))


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretUnusable("is not there; expected the variable to be set where Bastion is started")
    return value


def _file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SecretUnusable(f"can't be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise SecretUnusable(f"has more than {_MOST_BYTES} bytes; expected one line of text")
    return content.decode("latin-1")
