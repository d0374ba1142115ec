"""Copies of signing keys on a node's disk: of what is published, and of nothing else."""

from pathlib import Path

import pytest

from gateway.core.token.signing_keys import SOON_S
from gateway.flows.act import Acts
from gateway.flows.keys.key_copies import KeyCopies
from gateway.flows.keys.key_ring import KeyRing
from gateway.stores.files.key_files import KeyFiles
from tests.acting import acts_of
from tests.conftest import Clock, Pool
from tests.flows.key_rings import first_boot, key_acts


@pytest.fixture
def acts(pool: Pool, clock: Clock) -> Acts:
    return acts_of(pool, clock)


@pytest.fixture
async def ring(acts: Acts) -> KeyRing:
    return await first_boot(acts)


async def test_a_node_keeps_copies_of_what_is_published_and_of_nothing_else(
    ring: KeyRing, acts: Acts, clock: Clock, tmp_path: Path
) -> None:
    told: list[int] = []
    copies = KeyCopies(ring, KeyFiles(tmp_path, b"p" * 16), told.append)
    await copies.look()
    assert {path.stem.removeprefix("jwt-") for path in tmp_path.iterdir()} == set(ring.published())

    await key_acts(acts).compromise(ring.signer("ES256").kid)
    clock.advance(SOON_S)
    await ring.refresh()
    await copies.look()

    assert {path.stem.removeprefix("jwt-") for path in tmp_path.iterdir()} == set(ring.published())
    assert told == [0, 0]


async def test_a_directory_that_cannot_be_written_is_told_and_harms_nothing(ring: KeyRing, tmp_path: Path) -> None:
    told: list[int] = []
    (tmp_path / "file").touch()
    copies = KeyCopies(ring, KeyFiles(tmp_path / "file" / "keys", b"p" * 16), told.append)

    await copies.look()
    (tmp_path / "file").unlink()
    await copies.look()

    assert told == [3, 0]
    assert ring.signer("ES256").kid in ring.published()


async def test_a_key_on_disk_that_no_row_knows_is_not_used(
    ring: KeyRing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jwt-planted.pem").touch()
    copies = KeyCopies(ring, KeyFiles(tmp_path, b"p" * 16), lambda _: None)

    await copies.look()
    await copies.look()

    assert "planted" not in ring.published()
    assert (tmp_path / "jwt-planted.pem").exists()
    assert capsys.readouterr().out.count("jwt-planted.pem") == 1
