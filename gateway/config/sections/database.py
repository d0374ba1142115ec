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
        "Several hosts may be named; the primary is used.",
        "a URL that starts with postgresql://",
        secret=True,
        example="postgresql://bastion@db.internal/bastion",
    )
    pool_size: Annotated[StrictInt, Field(ge=1, le=200)] = setting(
        10, "Connections of each worker, at most.", "a whole number from 1 to 200", kind="scalar"
    )
    accept_loss: StrictBool = setting(
        False,
        "Several hosts without synchronous_standby_names: a failover may bring back who was signed out or disabled.",
        "true or false",
        kind="scalar",
    )

    def findings(self) -> Iterator[Finding]:
        return store_findings("database.url", self.url)
