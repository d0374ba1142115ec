"""`bastion api-key`: an operator makes a key, sees which there are, and ends one."""

import json

import pytest

from gateway.core.base64url import b64
from tests.cli.conftest import Bastion

POLICY = """
define: {scopes: {read: Read your files}, key_scopes: {read: {groups: staff}}}
apps: {files: {hosts: files.example.com, credentials: [session, api_key], allow: [authenticated, {scopes: read}]}}
"""
CREATE = ("api-key", "create", "ada", "--name", "backup", "--scope", "read", "--host", "files.example.com")


@pytest.fixture
async def here(bastion: Bastion) -> Bastion:
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "files.yaml").write_text(POLICY)
    ran = await bastion("user", "add", "ada", "--group", "staff", "--password-stdin", stdin="correct horse battery\n")
    assert ran.status == 0, ran.err
    return bastion


async def test_a_key_is_made_listed_and_ended(here: Bastion) -> None:
    made = await here(*CREATE, "--network", "192.0.2.0/24", "--expires", "never")
    assert made.status == 0, made.err
    assert (made.out[:4], len(made.out.strip())) == ("bst_", 101)

    listed = await here("api-key", "list", "--user", "ada")
    assert made.out.strip() not in listed.out
    assert "backup" in listed.out
    (one,) = json.loads((await here("api-key", "list", "--json")).out)
    assert (one["user"], one["scopes"], one["networks"], one["expires_at"]) == ("ada", ["read"], ["192.0.2.0/24"], None)

    assert (await here("api-key", "revoke", one["id"])).out == f"{one['id']} is ended.\n"
    assert (await here("api-key", "revoke", one["id"])).out == f"{one['id']} had ended already.\n"
    assert (await here("api-key", "list")).out == ""
    entries = (await here("audit", "list")).out
    assert "api_key_created" in entries
    assert "api_key_revoked" in entries


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*CREATE, "--scope", "write"), "the scope 'write' is not one that this person may give a key; expected read"),
        ((*CREATE, "--host", "evil.example"), "'evil.example' is no host of the policy"),
        ((*CREATE, "--expires", "soon"), "expected days, such as 30d, or never"),
        (("api-key", "revoke", "x"), "'x' is no id"),
        (("api-key", "revoke", b64(b"n" * 16)), "there is no such key"),
        (("api-key", "revoke", b64(b"\xfb" * 16)), "there is no such key"),  # it begins with a hyphen
        (("api-key", "revoke", b64(b"\xfa\x10" + b"n" * 14)), "there is no such key"),  # with -h
        (("api-key", "list", "--user", "bob"), "no person has the user name or e-mail 'bob'"),
    ],
)
async def test_what_is_wrong_is_said(here: Bastion, arguments: tuple[str, ...], says: str) -> None:
    ran = await here(*arguments)

    assert ran.status != 0
    assert says in ran.err
