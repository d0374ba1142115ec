"""`bastion client`: an operator registers an app, changes it, and ends its access."""

import json
from hashlib import sha256

import pytest

from tests.cli.conftest import Bastion
from tests.conftest import Pool

POLICY = """
define: {scopes: {notes.read: Read your notes}}
apps: {api: {hosts: api.example.com, credentials: [session, bearer], allow: [authenticated, {scopes: notes.read}]}}
clients: {spa: {name: Notes, type: spa, redirect_uris: "https://spa.example.com/cb", scopes: openid}}
"""
SET = ("--set", "name=Nightly job", "--set", "type=service", "--set", "scopes=[notes.read]")
WIKI = "name: Team wiki\ntype: web\nredirect_uris: https://wiki.example.com/cb\nscopes: [openid, profile]\n"


@pytest.fixture
async def here(bastion: Bastion) -> Bastion:
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "clients.yaml").write_text(POLICY)
    (bastion.directory / "wiki.yaml").write_text(WIKI)
    return bastion


async def test_a_client_is_added_shown_changed_and_disabled(here: Bastion, pool: Pool) -> None:
    added = await here("client", "add", "job", *SET)
    assert added.status == 0, added.err
    assert await pool.fetchval("SELECT secret_hash FROM clients") == sha256(added.out.strip().encode()).digest()

    rotated = await here("client", "rotate-secret", "job")
    assert await pool.fetchval("SELECT secret_hash FROM clients") == sha256(rotated.out.strip().encode()).digest()

    changed = await here("client", "change", "job", *SET[2:], "--set", "name=Daily job")
    assert (changed.status, changed.out) == (0, "")
    shown = await here("client", "show", "job")
    found = json.loads(shown.out)
    assert (found["state"], found["version"], found["secret"]) == ("active", 3, True)
    assert found["settings"] == {"type": "service", "scopes": ["notes.read"], "name": "Daily job"}
    assert not any(secret.out.strip() in shown.out for secret in (added, rotated))

    assert (await here("client", "disable", "job")).out == "job is disabled.\n"
    assert (await here("client", "disable", "job")).out == "job was disabled already.\n"
    assert (await here("client", "list")).out.split()[:3] == ["job", "disabled", "service"]
    assert (await here("client", "enable", "job")).out == "job is enabled.\n"
    entries = (await here("audit", "list")).out
    for kind in ("client_added", "client_secret_rotated", "client_changed", "client_disabled"):
        assert kind in entries


async def test_settings_from_a_file_and_a_client_without_a_secret(here: Bastion) -> None:
    settings = {"name": "x", "type": "spa", "redirect_uris": ["https://x.example.com/"], "scopes": ["openid"]}
    (here.directory / "spa.json").write_text(json.dumps(settings))
    wiki = await here("client", "add", "wiki", "--file", "wiki.yaml")
    spa = await here("client", "add", "page", "--file", "spa.json")

    assert (wiki.status, len(wiki.out.strip())) == (0, 43)
    assert (spa.status, spa.out) == (0, "")
    assert [one["id"] for one in json.loads((await here("client", "list", "--json")).out)] == ["page", "wiki"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "spa", "--file", "wiki.yaml"), "`spa` is declared at clients.yaml:4:"),
        (("add", "job", *SET, "--set", "scope=x"), "--set:4:1: `scope` is no key of a client"),
        (("add", "job", "--set", "name"), "--set 'name' has no value"),
        (("add", "job", *SET, "--file", "wiki.yaml"), "expected the settings by --file, or by --set for each"),
        (("show", "job"), "no client 'job' is registered"),
    ],
)
async def test_what_is_wrong_is_said(here: Bastion, arguments: tuple[str, ...], says: str) -> None:
    ran = await here("client", *arguments)

    assert ran.status != 0
    assert says in ran.err
