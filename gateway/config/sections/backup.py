"""Owns the section `backup`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway.config.setting import Section, setting
from gateway.config.values import Duration, PostgresUrl


class BackupSection(Section):
    """What `bastion backup` does. Run it from cron or a timer; no worker makes backups."""

    directory: Path | None = setting(
        None,
        "Where `bastion backup` writes if its command line names no directory.",
        "a directory",
        example="/var/backups/bastion",
    )
    scratch_url: PostgresUrl = setting(
        "",
        "An empty database in which `bastion backup verify` restores a backup, and which it empties again. Empty means "
        "that it makes a database on the same server, which takes a role with CREATEDB.",
        "a URL that starts with postgresql://",
        secret=True,
        example="postgresql://bastion_owner@db.internal/bastion_scratch",
    )
    keep_keys: Annotated[Duration, Field(ge=86_400)] = setting(
        "30d",
        "The next backup removes key files that are older. From then on no backup of that time shows the words of "
        "people who were erased since. A later key file opens it for all others.",
        "a duration of at least 1d",
    )
