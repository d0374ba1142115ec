"""`bastion admin token`: an operator makes a token for scripts, sees which there are, and ends one."""

import pytest

from tests.cli.conftest import Bastion

CREATE = ("admin", "token", "create", "ada", "--role", "auditor", "--network", "192.0.2.0/24")


@pytest.fixture
async def console(bastion: Bastion) -> Bastion:
    added = await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery\n")
    assert added.status == 0, added.err
    assert (await bastion("admin", "grant", "ada", "owner")).status == 0
    return bastion


async def test_a_token_is_made_listed_and_revoked(console: Bastion) -> None:
    made = await console(*CREATE, "--days", "30", "--reason", "nightly")
    assert made.status == 0, made.err
    assert (made.out[:4], len(made.out.strip())) == ("bst_", 101)

    listed = (await console("admin", "token", "list")).out
    token_id = listed.split()[0]
    assert made.out.strip() not in listed
    assert "ada" in listed
    assert "auditor" in listed
    assert "never used" in listed
    assert "192.0.2.0/24" in listed

    assert (await console("admin", "token", "revoke", token_id)).out == f"{token_id} is revoked.\n"
    assert (await console("admin", "token", "revoke", token_id)).out == f"{token_id} was revoked before.\n"
    assert (await console("admin", "token", "list")).out == ""
    entries = (await console("audit", "list")).out
    assert "admin_token_created" in entries
    assert "admin_token_revoked" in entries


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*CREATE, "--days", "366"), "--days"),
        ((*CREATE[:4], "--role", "owner", *CREATE[6:]), "'owner' is not one of"),
        (CREATE[:6], "Missing option '--network'"),
        (("admin", "token", "create", "bob", *CREATE[4:]), "no person has the user name or e-mail 'bob'"),
        (("admin", "token", "revoke", "x"), "'x' is no id"),
    ],
)
async def test_what_is_wrong_with_a_token_is_said(console: Bastion, arguments: tuple[str, ...], says: str) -> None:
    ran = await console(*arguments)

    assert ran.status != 0
    assert says in ran.err
