"""The map of data has every column of the schema, and no other."""

from gateway.core.privacy.inventory_tables import TABLES
from tests.conftest import Pool


async def test_the_map_of_data_has_every_column_of_the_schema_and_no_other(pool: Pool) -> None:
    rows = await pool.fetch(
        "SELECT table_name || '.' || column_name AS place FROM information_schema.columns WHERE table_schema = 'public'"
    )

    assert {item.place for table in TABLES for item in table.items()} == {row["place"] for row in rows}
