"""One Caddy for each test module, as its WISH says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import Binaries, Children
from tests.caddy.doubles import App, Decision, RawApp
from tests.caddy.front import Front
from tests.caddy.rig import Rig, Wish
from tests.staging import Stage


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, short_directory: Path, children: Children, binaries: Binaries
) -> Iterator[Rig]:
    wish = getattr(request.module, "WISH", Wish())
    rig = Rig(short_directory / request.module.__name__.rpartition("_")[2], wish, children, binaries)
    yield rig
    rig.close()


@pytest.fixture
def rig(running: Rig) -> Rig:
    """Nothing was asked, and everything is allowed."""
    running.doubles.forget()
    return running


@pytest.fixture
def decision(rig: Rig) -> Decision:
    return rig.doubles.decision


@pytest.fixture
def app(rig: Rig) -> App:
    return rig.doubles.app


@pytest.fixture
def raw(rig: Rig) -> RawApp:
    return rig.doubles.raw


@pytest.fixture
def front(
    stage: Stage, tmp_path: Path, short_directory: Path, children: Children, binaries: Binaries
) -> Iterator[Front]:
    directory = short_directory / tmp_path.name[-20:]
    directory.mkdir()
    front = Front(stage, directory, children, binaries)
    yield front
    front.stop()
