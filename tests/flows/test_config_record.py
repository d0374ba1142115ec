"""Each change of the configuration is in the audit log, sealed, and no secret is."""

from collections.abc import Mapping

import pytest

from gateway.config.describe import secret_keys, settings_lines
from gateway.config.fields import Key, all_keys
from gateway.config.model import Config
from gateway.core.audit.changes import changes
from gateway.core.audit.settings_events import ConfigLoaded
from gateway.flows.evidence.config_record import ConfigRecord
from gateway.stores.postgres.audit import Audit
from tests.acting import acts_of
from tests.conftest import Pool
from tests.flows.test_policies import entries

KEYS = [key for key in all_keys() if key.path != ("limits",)]


def other(config: Config, key: Key) -> Config:
    """With another value of this key, whether it may have that or not."""
    *sections, last = key.attributes
    holders: list[object] = [config]
    for name in sections:
        holders.append(getattr(holders[-1], name))
    old = getattr(holders[-1], last)
    value: object = (b"" if old else b"new") if key.secret else "another-value"
    for holder, name in zip(reversed(holders), reversed([*sections, last]), strict=True):
        value = holder.model_copy(update={name: value})  # type: ignore[attr-defined]  # a section of the model
    assert isinstance(value, Config)
    return value


def values(config: Config) -> Mapping[str, str]:
    return dict(line.split(": ", 1) for line in settings_lines(config))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.dotted)
def test_a_change_of_each_setting_is_found(key: Key) -> None:
    before, after = Config.model_construct(), other(Config.model_construct(), key)

    found = changes(values(before), values(after), secret_keys())

    assert {line.lstrip("+-").split(": ")[0] for line in found} == {key.dotted}
    assert any("another-value" in line for line in found) != key.secret


async def test_a_change_is_told_once_and_nothing_of_it_is_in_clear(pool: Pool) -> None:
    acts, secrets = acts_of(pool), frozenset({"mail.password"})
    first = ["mail.from: Grace Hopper", "mail.password: not set"]
    for lines in (first, first, ["mail.from: Ada Lovelace", "mail.password: set"]):
        await ConfigRecord(acts, lines, secrets).announce()

    told = [fields for _, fields in await entries(pool)]

    assert [one["changed"] for one in told] == [["mail.from"], ["mail.from", "mail.password"]]
    assert told[1]["diff"] == ["-mail.from: Grace Hopper", "+mail.from: Ada Lovelace", "mail.password: set"]
    rows = " ".join(str(tuple(row)) for row in await pool.fetch("SELECT * FROM audit_entries"))
    assert not any(word in rows for word in ("Grace", "Ada"))


async def test_an_entry_of_an_earlier_version_is_what_the_next_one_is_compared_with(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)"
        """ VALUES ('config_loaded', 1, 'gateway', NULL, '{"settings":["a: 1","b: 2"],"version":"v"}', '', '')"""
    )

    await ConfigRecord(acts_of(pool), ["a: 1", "b: 3"], ()).announce()

    async with pool.acquire() as connection:
        last = await Audit(connection, acts_of(pool).vault).last(ConfigLoaded.kind)
    assert last is not None
    assert (last.detail["changed"], last.personal["diff"]) == (["b"], ["-b: 2", "+b: 3"])
