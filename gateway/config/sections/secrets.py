"""Owns the section `secrets`."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, StrictStr

from gateway.config.development import DEVELOPMENT_SECRETS
from gateway.config.setting import Finding, Section, setting
from gateway.config.values import SecretBytes

_LEAST_DISTINCT_BYTES: Final = 12  # of 32; random bytes have fewer once in 10^17


class Secrets(Section):
    """Each is 32 bytes as base64url. `bastion config secrets` prints new ones. Set them with _FILE variables."""

    master_keys: tuple[SecretBytes, ...] = setting(
        (),
        "Encrypt the key of each person's data. New people get the first. Keep the old ones: people still need them.",
        "a list of secrets from `bastion config secrets`",
        kind="list",
        secret=True,
    )
    root_key: SecretBytes | None = setting(
        None,
        "Signs tokens and cookies. Changing it logs everybody out.",
        "a secret from `bastion config secrets`",
        secret=True,
    )
    index_key: SecretBytes | None = setting(
        None,
        "Finds people by name without storing names. After a change Bastion finds nobody.",
        "a secret from `bastion config secrets`",
        secret=True,
    )
    peppers: dict[Annotated[StrictStr, Field(pattern=r"^[a-z0-9]{1,16}$")], SecretBytes] = setting(
        {},
        "Go into password hashes. New hashes use the first. Remove one when no hash uses it any more.",
        "a map of short names to secrets from `bastion config secrets`",
        kind="map",
        secret=True,
    )

    def findings(self) -> Iterator[Finding]:
        named = {
            "master_keys": self.master_keys,
            "root_key": () if self.root_key is None else (self.root_key,),
            "index_key": () if self.index_key is None else (self.index_key,),
            "peppers": tuple(self.peppers.values()),
        }
        seen: dict[bytes, str] = {}
        for name, values in named.items():
            key = f"secrets.{name}"
            if not values:
                yield Finding(key, "is missing; `bastion config secrets` prints new ones")
            for value in values:
                yield from _secret(key, value)
                if value in seen:
                    yield Finding(key, f"repeats a secret of {seen[value]}; expected one for each purpose")
                seen[value] = key


def _secret(key: str, value: bytes) -> Iterator[Finding]:
    if value in DEVELOPMENT_SECRETS.values():
        yield Finding(key, "is a default secret that everybody knows; expected one from `bastion config secrets`")
    elif len(set(value)) < _LEAST_DISTINCT_BYTES:
        yield Finding(key, "is not random; expected one from `bastion config secrets`")
