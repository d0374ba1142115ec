"""A typo in SQL fails here, against the migrated schema, and not at three in the morning."""

import importlib
import pkgutil

import pytest

from gateway.stores import postgres
from tests.conftest import Pool

WORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
STATEMENTS = [
    pytest.param(sql, id=f"{info.name}.{name}")
    for info in pkgutil.iter_modules(postgres.__path__)
    for name, sql in vars(importlib.import_module(f"{postgres.__name__}.{info.name}")).items()
    if name.isupper() and isinstance(sql, str) and sql.split() and sql.split()[0] in WORDS
]


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 25


@pytest.mark.parametrize("sql", STATEMENTS)
async def test_postgres_accepts_each_statement(pool: Pool, sql: str) -> None:
    async with pool.acquire() as connection:
        await connection.prepare(sql)
