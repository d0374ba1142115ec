"""A licence is shown, whatever it says, and nothing else asks for it."""

import ast
import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import ClientError, ClientSession, UnixConnector

import gateway
from gateway.core.audit.chain import Head
from gateway.core.units import DAY_S
from gateway.outbound.probe import probe
from gateway.stores.files.checkpoints import Checkpoints
from tests.cli.conftest import Bastion
from tests.cli.node_visitor import POLICY, journey
from tests.cli.test_audit_webhook import serving
from tests.conftest import Pool
from tests.exhaustive import sampled
from tests.receiver import receiving

# Who shows it, and what they are made of.
SHOWING = {
    "app/__init__.py",
    "app/licence.py",
    "cli/compliance.py",
    "cli/licence.py",
    "config/sections/licence.py",
    "config/model.py",
}
MADE_OF = {"core/licence.py", "flows/operate/licensing.py", "stores/files/licences.py", "flows/act.py"}
PASSWORD = "correct horse battery"
PERIOD = ("--from", "2026-01-01", "--until", "2100-01-01")


async def issued(bastion: Bastion, *period: str, key: str = "key") -> tuple[str, str]:
    """A licence and its public key."""
    file = bastion.directory / f"{key}.pem"
    if not file.exists():
        command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(file)]
        subprocess.run(command, check=True, capture_output=True)
    made = await bastion(
        "licence", "issue", "--key", str(file), "--holder", "Example plc", "--people", "500", *(period or PERIOD)
    )
    assert made.status == 0, made.err
    return made.out, made.err.split()[-1]


async def test_a_licence_is_verified_installed_and_shown(bastion: Bastion, pool: Pool) -> None:
    text, public = await issued(bastion)
    file = bastion.directory / "licence.jws"
    file.write_text(text)
    keys = {"BASTION_LICENCE_PUBLIC_KEYS": public}

    before = await bastion("licence", "show")
    strange = await bastion("licence", "verify", str(file))
    refused = await bastion("licence", "install", str(file))
    verified = await bastion("licence", "verify", str(file), **keys)
    installed = await bastion("licence", "install", str(file), **keys)
    shown = await bastion("licence", "show", **keys)
    as_json = json.loads((await bastion("licence", "show", "--json", **keys)).out)
    without = json.loads((await bastion("licence", "show", "--json")).out)
    report = json.loads((await bastion("compliance", "report", "--format", "json", **keys)).out)

    assert before.out.startswith("No licence is installed. All of Bastion works without one.\n0 people")
    assert (strange.status, refused.status) == (1, 1)
    assert "is signed with another key" in refused.err
    assert verified.out == (
        "Example plc, 500 people, from 2026-01-01 00:00:00Z to 2100-01-01 00:00:00Z;"
        " signed by a key of licence.public_keys, which an operator chose\n"
    )
    assert installed.out == "The licence for Example plc is installed.\n"
    assert shown.out.startswith("The licence is valid.\nExample plc, 500 people")
    assert (as_json["state"], as_json["signed_by"], as_json["seats"]) == ("valid", "licence.public_keys", 0)
    assert report["licence"] == shown.out.splitlines()
    assert without["state"] == "broken"
    async with pool.acquire() as connection:
        detail = await connection.fetchval("SELECT detail FROM audit_entries WHERE kind = 'licence_installed'")
    assert json.loads(detail)["people"] == 500


async def test_a_checkpoint_of_the_day_after_tomorrow_tells_that_the_clock_is_behind(bastion: Bastion) -> None:
    """The database may be an older one. What no key beside it has signed tells nothing."""
    text, public = await issued(bastion)
    file, directory = bastion.directory / "licence.jws", bastion.directory / "checkpoints"
    file.write_text(text)
    given = {"BASTION_LICENCE_PUBLIC_KEYS": public, "BASTION_LICENCE_FILE": str(file)}
    checkpoints = Checkpoints.open(directory, bastion.directory / "made")
    now = int(time.time())

    states = []
    for position, ahead_s in ((1, 0), (2, 2 * DAY_S)):
        assert checkpoints.write_if_due(Head(position, bytes([position] * 32)), now + ahead_s) is not None
        states.append(json.loads((await bastion("licence", "show", "--json", **given)).out)["state"])
    (key,) = directory.glob("*.pub.pem")
    key.unlink()
    states.append(json.loads((await bastion("licence", "show", "--json", **given)).out)["state"])

    assert states == ["valid", "clock_behind", "valid"]


async def test_who_logged_in_within_30_days_has_a_seat_once(bastion: Bastion, pool: Pool) -> None:
    await bastion("user", "add", "ada", "--email", "a@example.org", "--password-stdin", stdin="correct horse battery")
    async with pool.acquire() as connection:
        for number, days in enumerate((1, 29, 31)):
            await connection.execute(
                "INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)"
                " SELECT decode(lpad($1::text, 32, '0'), 'hex'), id, extract(epoch FROM now())::bigint - $2 * 86400,"
                " false, 60, 9999999999, 0, '' FROM users",
                f"{number}",
                days,
            )

    assert json.loads((await bastion("licence", "show", "--json")).out)["seats"] == 1


async def test_a_node_answers_the_same_whatever_the_licence_says(bastion: Bastion, short_directory: Path) -> None:
    """A start and a journey for each: none, one that is over; with EXHAUSTIVE a valid and a broken one too."""
    await bastion("user", "add", "ada", "--email", "a@example.org", "--password-stdin", stdin=PASSWORD)
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "app.yaml").write_text(POLICY)
    valid, public = await issued(bastion)
    over, _ = await issued(bastion, "--from", "2020-01-01", "--until", "2021-01-01")
    health, walked, said = [], list[Sequence[tuple[str, int, bool]]](), list[str]()
    given = sampled([("community", None), ("valid", valid), ("broken", "not.a.licence"), ("expired", over)])
    for _, text in given:
        directory, file = short_directory / uuid4().hex[:8], bastion.directory / "given.jws"
        directory.mkdir()
        more = {"BASTION_LICENCE_PUBLIC_KEYS": public}
        if text is not None:
            file.write_text(text)
            more["BASTION_LICENCE_FILE"] = str(file)
        async with receiving() as checkpoints, serving(bastion, directory, checkpoints, **more) as ops:
            health.append([await _answer(ops, path) for path in ("/healthz", "/readyz")])
            address = f"192.0.2.{len(walked)}"  # each has the limits for itself
            walked.append(await asyncio.to_thread(journey, directory, address, "ada", PASSWORD))
            said.append(await _state(ops))

    assert said == [state for state, _ in given]
    assert [status for status, _, _ in health[0]] == [200, 200]
    assert [status for _, status, _ in walked[0]] == [200, 403, 200, 200, 200, 200, 302]
    assert health == health[:1] * len(given)
    assert walked == walked[:1] * len(given)


async def _answer(listener: str, path: str) -> tuple[int, int, str]:
    """Status, length (a page has random bytes of one number), and where it leads."""
    async with ClientSession(connector=UnixConnector(listener.removeprefix("unix:"))) as session:
        for _ in range(300):
            with suppress(ClientError):
                async with session.get(f"http://auth.example.com{path}", allow_redirects=False) as answer:
                    text = await answer.text()
                    if path != "/readyz" or answer.status != 503:
                        return answer.status, len(text), answer.headers.get("Location", "")
            await asyncio.sleep(0.1)
    raise AssertionError(f"no answer at {path}")


async def _state(ops: str) -> str:
    for _ in range(300):
        _, text = await asyncio.to_thread(probe, ops, "/metrics")
        found = [line for line in text.splitlines() if line.startswith("bastion_licence{") and line.endswith(" 1.0")]
        if found:
            return found[0].split('"')[1]
        await asyncio.sleep(0.1)
    raise AssertionError("the metrics never told")


@pytest.mark.parametrize("file", sorted(Path(gateway.__file__).parent.rglob("*.py")), ids=lambda file: file.name)
def test_nothing_reads_the_licence_but_what_shows_it(file: Path) -> None:
    name = file.relative_to(Path(gateway.__file__).parent).as_posix()
    imported = [
        module
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    ]

    asks = any("licen" in module for module in imported)

    assert not asks or name in SHOWING | MADE_OF, name
