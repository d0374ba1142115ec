"""Owns the section `jwt`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration
from gateway.core.units import DAY_S

_ADVISED_TTL_S: Final = 900


class Jwt(Section):
    """Tokens for apps, and the keys that sign them."""

    algorithm: Literal["ES256", "EdDSA", "RS256", "PS256", "HS256"] = setting(
        "ES256",
        "Signs access tokens, and ID tokens of clients that don't name another. Keys make themselves.",
        "ES256, EdDSA, RS256 or PS256",
    )
    access_ttl: Annotated[Duration, Field(ge=60, le=3600)] = setting(
        "15m", "How long an access token is good for, unless its client says otherwise.", "a duration from 1m to 60m"
    )
    rotate_every: Annotated[Duration, Field(ge=DAY_S, le=400 * DAY_S)] = setting(
        "90d", "How old a signing key gets before another takes its place.", "a duration from 1d to 400d"
    )
    keys_dir: Path | None = setting(
        None,
        "Where this node keeps encrypted copies of the signing keys; empty means keys in data_dir.",
        "a directory",
        example="/var/lib/bastion/keys",
    )
    keys_passphrase: Annotated[StrictStr, Field(pattern=r"^(|.{16,1024})$")] = setting(
        "",
        "Encrypts those copies; empty means a key from the first master key. Give it by the _FILE variable.",
        "16 to 1024 characters",
        secret=True,
    )

    def findings(self) -> Iterator[Finding]:
        if self.algorithm == "HS256":
            message = "HS256 is not available: whoever verifies such a token could also sign one; expected ES256"
            yield Finding("jwt.algorithm", message, Grade.WRONG)
        if self.access_ttl > _ADVISED_TTL_S:
            message = "is longer than 15m: an app that does not ask Bastion about a token takes it for that long"
            yield Finding("jwt.access_ttl", message, Grade.DOUBTFUL)
