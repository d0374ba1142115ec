"""Owns the section `database`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from gateway.config.sections._stores import store_findings
from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import PostgresUrl


class Database(Section):
    """Postgres 16 or newer, the record of truth."""

    url: PostgresUrl = setting(
        "",
        "May name several hosts; Bastion uses the primary.",
        "a URL that starts with postgresql://",
        secret=True,
        example="postgresql://bastion@db.internal/bastion",
    )
    owner_url: PostgresUrl = setting(
        "",
        "Only `bastion migrate` uses it: the role that owns the tables. Without it, the role of `url` has to own them.",
        "a URL that starts with postgresql://",
        secret=True,
        example="postgresql://bastion_owner@db.internal/bastion",
    )
    owner_serves: StrictBool = setting(
        False,
        "Allows a role in `url` that can change or delete audit entries, such as the owner of the tables.",
        "true or false",
        kind="scalar",
    )
    pool_size: Annotated[StrictInt, Field(ge=1, le=200)] = setting(
        10, "The most connections of each worker.", "a whole number from 1 to 200", kind="scalar"
    )
    accept_loss: StrictBool = setting(
        False,
        "Allows several hosts without synchronous_standby_names: a failover may undo a logout or a disabled account.",
        "true or false",
        kind="scalar",
    )

    def findings(self) -> Iterator[Finding]:
        yield from store_findings("database.url", self.url)
        if self.owner_url:
            yield from store_findings("database.owner_url", self.owner_url)
        if self.owner_serves:
            message = "whoever takes over a node can change and delete audit entries; expected false"
            yield Finding("database.owner_serves", message, Grade.DOUBTFUL)
