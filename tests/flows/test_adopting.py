"""What was taken away after a copy of the database stays taken away when the copy is brought back (threats.md X1)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.core.admin.acts import AdminRole
from gateway.core.audit.taken import Loss, TakenAway
from gateway.core.base64url import b64
from gateway.core.login.password import DISABLED
from gateway.core.passkeys.passkey import Passkey
from gateway.embedded import EmbeddedPostgres
from gateway.flows.act import Acts
from gateway.flows.admin.people import put_role
from gateway.flows.backup.adopting import Adopting
from gateway.flows.backup.restore import RestoreRefused
from gateway.flows.evidence.audit_log import CheckpointLost, Linker, refuse_lost, verify
from gateway.flows.mail.notices import NO_NOTICES
from gateway.flows.oauth.client_admin import ClientAdmin
from gateway.flows.people.api_keys import ApiKeyAdmin
from gateway.flows.people.factor_resets import FactorRemoval
from gateway.flows.people.users import Newcomer
from gateway.flows.privacy.erasure import NodeFiles
from gateway.flows.privacy.ledger import LedgerKeeper
from gateway.stores.files.checkpoints import public_key_files, read_checkpoints, read_public_keys
from gateway.stores.files.ledger import FILE_NAME, read_ledger
from gateway.stores.files.restores import read_restores
from gateway.stores.postgres.api_keys import NewApiKey
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.databases import copy_files, execute, serving_url
from tests.flows.conftest import KEYS, PASSWORD, Stage

LOST = Passkey(b"lost", b"its public key", "aa-guid", 0, device_bound=True, alone=True)
KEY_ID = b"0123456789abcdef"
KEPT_S = 30 * 86_400
PEOPLE = ("ada", "bob", "carl", "dora", "erin", "finn", "gina")
# The authenticator app of finn. A client that is told of logouts.
ROWS = """
    INSERT INTO totp (id, user_id, sealed, created_at, confirmed_at) VALUES (substr(sha256('t'), 1, 16), $1, '', 1, 1);
    INSERT INTO clients VALUES ('gone', 'active', 1, '{}', NULL, 1, 1), ('kept', 'active', 1, '{}', sha256('s'), 1, 1);
    INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr, jkt,
                        generation, rotated_at, created_at, expires_at, idle_s, last_used_at)
    SELECT substr(sha256('g'), 1, 16), 'login', 'kept', user_id, id, '{openid}', '', 1, 0, '{}', '', 1, 1, 1,
           9999999999, 9, 1 FROM logins LIMIT 1;
"""
FACTS = """
    SELECT (SELECT count(*) FROM logins WHERE ended_at IS NULL) AS logins,
           (SELECT count(*) FROM grants WHERE ended_at IS NULL) AS grants,
           (SELECT count(*) FROM totp) AS apps,
           (SELECT count(*) FROM passkeys WHERE hash = sha256('lost')) AS passkeys,
           (SELECT count(*) FROM passkeys) AS all_passkeys,
           (SELECT count(*) FROM api_keys WHERE ended_at IS NULL) AS keys,
           (SELECT count(*) FROM admin_roles) + (SELECT count(*) FROM resting_roles WHERE role = 'support') AS roles,
           (SELECT count(*) FROM clients WHERE state = 'active') AS clients,
           (SELECT count(*) FROM clients WHERE secret_hash = sha256('s')) AS secrets,
           (SELECT count(*) FROM outbox WHERE kind = 'logout') AS logouts
"""


@dataclass(frozen=True, slots=True)
class CopiedBack:
    """acts: on the copy that was brought back."""

    acts: Acts
    people: dict[str, UUID]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Nobody else is connected when it is copied."""
    return own_database_url


async def link(stage: Stage, files: NodeFiles, acts: Acts) -> None:
    stage.clock.now += 61
    await Linker(acts.pool, files.data_dir, files.directory, stage.clock.seconds).work()


@pytest.fixture
async def copied_back(
    stage: Stage, files: NodeFiles, postgres_server: EmbeddedPostgres, database_url: str
) -> AsyncIterator[CopiedBack]:
    """Copied, then everything was taken away, and the ledger of the node has it."""
    people = {name: await stage.admin.add(Newcomer(name, name, "", ("staff", "ops")), PASSWORD) for name in PEOPLE}
    assert await stage.sign_in(people["ada"])
    async with stage.pool.acquire() as connection:
        await connection.execute(ROWS.replace("$1", f"'{people['finn']}'"))
    async with stage.admin.acts.begin(operator="cli:root") as act:
        for one in (LOST, replace(LOST, id=b"kept")):
            assert await act.passkeys.add(people["finn"], one, "phone", act.now)
        key = NewApiKey(KEY_ID, people["gina"], "laptop", bytes(32), (), ("app.example.com",), (), None)
        assert await act.api_keys.add(key, act.now)
        await put_role(act, people["dora"], AdminRole.SUPPORT, None, "helps")
    await link(stage, files, stage.admin.acts)
    copy = f"copy_{uuid4().hex}"
    await copy_files(postgres_server, urlsplit(database_url).path.strip("/"), copy)
    stage.clock.now += 3_600
    await take_away(stage, people)
    await link(stage, files, stage.admin.acts)
    await LedgerKeeper(stage.admin.acts, files, KEPT_S).work()
    async with asyncpg.create_pool(serving_url(postgres_server, copy), min_size=1, max_size=4) as pool:
        yield CopiedBack(replace(stage.admin.acts, pool=pool), people)
    await execute(postgres_server, f'DROP DATABASE "{copy}" WITH (FORCE)')


async def take_away(stage: Stage, people: dict[str, UUID]) -> None:
    acts = stage.admin.acts
    await stage.admin.disable("bob")
    await stage.admin.change_groups("carl", (), ("ops",))
    await stage.admin.set_password("erin", "another battery staple")
    removal, clients = FactorRemoval(KEYS, NO_NOTICES), ClientAdmin(acts, KEYS, "cli:root", stage.random)
    async with acts.begin(operator="cli:root") as act:
        await put_role(act, people["dora"], None, None, "left")
        await removal.app(act, people["finn"], "phone lost")
        assert await removal.passkey(act, people["finn"], sha256(LOST.id).digest(), "lost")
    await ApiKeyAdmin(acts, KEYS, "cli:root").revoke(KEY_ID)
    await clients.disable("gone")
    await clients.rotate_secret("kept")


@pytest.fixture
def adopting(copied_back: CopiedBack, files: NodeFiles, pipeline: Pipeline) -> Adopting:
    return Adopting(copied_back.acts, files, KEYS.tag, FunctionCalls(pipeline, library()), "cli:root")


async def test_nothing_that_was_taken_away_works_in_a_copy_that_was_brought_back(
    stage: Stage, copied_back: CopiedBack, adopting: Adopting, files: NodeFiles
) -> None:
    admin, people = replace(stage.admin, acts=copied_back.acts), copied_back.people
    with pytest.raises(CheckpointLost, match="bastion restore --adopt"):
        await refuse_lost(copied_back.acts.pool, files.directory, files.data_dir)

    report = await adopting.adopt(files.directory / FILE_NAME)

    await refuse_lost(copied_back.acts.pool, files.directory, files.data_dir)
    users = {user.username: user for user in await admin.list()}
    facts = dict(await copied_back.acts.pool.fetchrow(FACTS) or {})
    assert facts == {
        "logins": 0,
        "grants": 0,
        "apps": 0,
        "passkeys": 0,
        "all_passkeys": 1,
        "keys": 0,
        "roles": 0,
        "clients": 1,
        "secrets": 0,
        "logouts": 1,
    }
    assert [users["bob"].state, users["ada"].state] == ["disabled", "active"]
    assert (users["carl"].groups, users["ada"].groups) == (("staff",), ("staff", "ops"))
    assert users["erin"].password == DISABLED
    assert users["ada"].password != DISABLED
    assert report.again.taken == 9
    assert people.keys() == users.keys()


async def test_no_checkpoint_is_signed_before_the_copy_is_adopted_and_the_log_is_whole_then(
    stage: Stage, copied_back: CopiedBack, adopting: Adopting, files: NodeFiles
) -> None:
    file = files.directory / "checkpoints.jsonl"
    before = file.read_text()
    await link(stage, files, copied_back.acts)
    refused = file.read_text()
    await adopting.adopt(files.directory / FILE_NAME)
    await link(stage, files, copied_back.acts)

    keys = read_public_keys(public_key_files(files.directory))
    found = await verify(
        copied_back.acts.pool,
        stage.clock.now,
        read_checkpoints(file, keys),
        restores=read_restores(files.directory, keys),
    )

    assert refused == before
    assert file.read_text() != before
    assert found.fault is None
    assert [one.backup for one in found.restored] == ["adopted"]


async def test_a_database_that_lacks_nothing_is_not_adopted(stage: Stage, adopting: Adopting, files: NodeFiles) -> None:
    with pytest.raises(RestoreRefused, match="nothing to adopt"):
        await replace(adopting, acts=stage.admin.acts).adopt(None)

    await refuse_lost(stage.pool, files.directory, files.data_dir)


async def test_the_ledger_holds_ids_and_what_is_recent(stage: Stage, copied_back: CopiedBack, files: NodeFiles) -> None:
    keys, people = read_public_keys(public_key_files(files.directory)), copied_back.people
    lines = read_ledger(files.directory / FILE_NAME, keys)
    late = replace(files, directory=files.data_dir / "late")
    stage.clock.now += KEPT_S + 8 * 86_400
    await LedgerKeeper(stage.admin.acts, late, KEPT_S).work()

    taken = {(one.loss, one.whose, one.what) for one in lines if isinstance(one, TakenAway)}
    assert taken == {
        (Loss.PERSON, str(people["bob"]), ""),
        (Loss.GROUP, str(people["carl"]), "ops"),
        (Loss.PASSWORD, str(people["erin"]), ""),
        (Loss.ROLE, str(people["dora"]), ""),
        (Loss.TOTP, str(people["finn"]), ""),
        (Loss.PASSKEY, str(people["finn"]), b64(sha256(LOST.id).digest())),
        (Loss.API_KEY, str(people["gina"]), b64(KEY_ID)),
        (Loss.CLIENT, "gone", ""),
        (Loss.CLIENT_SECRET, "kept", ""),
    }
    assert not (late.directory / FILE_NAME).exists(), "all of it is too old"
