"""Owns the section `database`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from gateway.config.sections._stores import store_findings
from gateway.config.setting import Finding, Section, setting
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
        return store_findings("database.url", self.url)
