"""Owns the section `licence`."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, StrictStr

from gateway.config.setting import Section, setting
from gateway.core.licence import public_keys_of


def parse_public_key(text: object) -> str:
    """Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    public_keys_of([text])
    return text


class LicenceSection(Section):
    """A licence says who is supported until when. Bastion does the same with any licence and with none."""

    file: Path | None = setting(
        None,
        "A licence for this node alone. Empty means the one of `bastion licence install`.",
        "a file",
        example="/etc/bastion/licence.jws",
    )
    public_keys: tuple[Annotated[StrictStr, BeforeValidator(parse_public_key)], ...] = setting(
        (),
        "Keys that licences may be signed with, beside the vendor's of this build.",
        "a list of Ed25519 keys, each 32 bytes in base64url without padding",
        kind="list",
    )
