"""`bastion breach` builds the index, describes it, and says of a password whether it is known."""

from pathlib import Path

import pytest

from tests.breached import ordered_file, range_server
from tests.cli.conftest import Bastion

KNOWN = {"correct horse battery": 3, "summerviolin1987": 1}
CHECK = ("breach", "check", "--password-stdin")


BY_INDEX = {"BASTION_BREACH_SOURCE": "index", "BASTION_BREACH_INDEX": "breached"}


async def test_an_index_is_built_described_and_asked(bastion: Bastion, tmp_path: Path) -> None:
    source = ordered_file(tmp_path / "hashes", KNOWN)

    before = await bastion(*CHECK, stdin="correct horse battery", **BY_INDEX)
    built = await bastion("breach", "import", str(source), **BY_INDEX)
    shown = await bastion("breach", "info", **BY_INDEX)
    found = await bastion(*CHECK, stdin="correct horse battery\n", **BY_INDEX)
    clear = await bastion(*CHECK, stdin="plum violin cabin zephyr\n", **BY_INDEX)

    assert (before.status, "was not looked up" in before.err) == (1, True)
    assert (built.status, shown.out) == (0, built.out)
    assert built.out.startswith(f"{bastion.directory}/breached: 2 passwords, 67 MB, built 20")
    assert (found.status, found.out) == (0, "found: it is in lists of breached passwords\n")
    assert (clear.status, clear.out) == (0, "not found\n")


async def test_rare_passwords_are_left_out_where_that_is_asked_for(bastion: Bastion, tmp_path: Path) -> None:
    built = await bastion("breach", "import", str(ordered_file(tmp_path / "hashes", KNOWN)), "--min-count", "2")

    assert "data/breached-passwords.index: 1 passwords, each seen 2 times or more" in built.out


async def test_the_api_is_asked_where_it_is_the_source(bastion: Bastion) -> None:
    async with range_server(KNOWN) as server:
        by_api = {
            "BASTION_BREACH_SOURCE": "api",
            "BASTION_BREACH_API": server.url,
            "BASTION_BREACH_ALLOW_NETWORKS": "127.0.0.1",
        }
        assert (await bastion(*CHECK, "--dev", stdin="correct horse battery", **by_api)).out.startswith("found")

        refused = await bastion(
            "user", "add", "ada", "--dev", "--password-stdin", stdin="correct horse battery", **by_api
        )
        assert (refused.status, "lists of passwords that leaked" in refused.err) == (1, True)
        server.broken = "status"
        added = await bastion(
            "user", "add", "ada", "--dev", "--password-stdin", stdin="plum violin cabin zephyr", **by_api
        )
        assert (added.status, "could not be looked up" in added.err) == (0, True)


@pytest.mark.parametrize("command", [("breach", "info"), CHECK])
async def test_without_an_index_the_command_says_what_makes_one(bastion: Bastion, command: tuple[str, ...]) -> None:
    said = await bastion(*command, stdin="x")

    assert said.status == 1
    assert "breach.source is off" in said.err or "breached-passwords.index can't be read" in said.err


async def test_what_is_no_corpus_is_refused_with_its_reason(bastion: Bastion, tmp_path: Path) -> None:
    (tmp_path / "hashes").write_text("5F4DCC3B5AA765D61D8327DEB882CF99:3\n")

    refused = await bastion("breach", "import", str(tmp_path / "hashes"))

    assert (refused.status, "40 hex digits of SHA-1" in refused.err) == (1, True)
