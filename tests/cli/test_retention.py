"""An operator sees what retention would take and what it keeps, and approves what the brake has stopped."""

import json

from tests.cli.conftest import Bastion
from tests.conftest import Pool

NEVER_USED = {"BASTION_RETENTION_NEVER_USED": "1d"}


async def people(pool: Pool, count: int) -> None:
    """Who never used their accounts."""
    await pool.execute(
        "INSERT INTO users (id, state, username_index, sealed, password, groups, version, created_at, changed_at)"
        " SELECT gen_random_uuid(), 'active', sha256(n::text::bytea), '', '', '{}', 1, 0, 0"
        " FROM generate_series(1, $1::int) n",
        count,
    )


async def test_an_operator_looks_and_approves_what_the_brake_stopped(bastion: Bastion, pool: Pool) -> None:
    await people(pool, 21)
    ids = {str(row["id"]) for row in await pool.fetch("SELECT id FROM users")}

    too_early = await bastion("retention", "approve", "never_used", **NEVER_USED)
    dry = await bastion("retention", "run", "--dry-run", **NEVER_USED)
    named = json.loads((await bastion("retention", "run", "--dry-run", "--json", **NEVER_USED)).out)
    stopped = await bastion("retention", "run", **NEVER_USED)
    status = await bastion("retention", "status", **NEVER_USED)
    approved = await bastion("retention", "approve", "never_used", **NEVER_USED)

    assert (too_early.status, "nothing of never_used waits for an approval" in too_early.err) == (1, True)
    assert "never_used       would take 21, of before " in dry.out
    assert "and 1 more (--json names all)" in dry.out
    assert "but would stop: it would take or tell 21 of 21 people" in dry.out
    assert "inactive         off" in dry.out
    assert {one for rule in named if rule["rule"] == "never_used" for one in rule["ids"]} == ids
    assert stopped.status == 1
    assert "it waits for `bastion retention approve never_used`" in stopped.out
    assert "it waits for `bastion retention approve never_used`" in status.out
    assert approved.out == "The next run of never_used may take 21. The leader runs it within 5 minutes.\n"
    entry = await pool.fetchrow("SELECT actor, detail FROM audit_entries WHERE kind = 'retention_approved'")
    assert entry is not None
    assert entry["actor"].startswith("cli:")
    assert entry["detail"] == '{"rule":"never_used","wanted":21}'


async def test_the_status_shows_what_is_kept_elsewhere_and_what_is_kept_too_short(bastion: Bastion) -> None:
    shown = (await bastion("retention", "status", BASTION_RETENTION_AUDIT_PERSONAL="90d")).out

    for line in (
        "ended_logins     90d    never ran",
        "deliveries       30d    never ran",
        "audit_personal   90d    never ran  below the 365d that docs/privacy.md names",
        "control_results  1095d  never ran",
        "inactive         off    never ran",
        "risk.remember    180d   devices and habits; set and taken there",
        "backup.keep_keys 30d    keys of backups; `bastion backup` takes them",
    ):
        assert line in shown
