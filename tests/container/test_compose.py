"""The composition refers to what exists, no service may do more than it has to, and its commands work."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.embedded import Binaries, Children, EmbeddedPostgres
from gateway.embedded.binaries import postgres_binaries, valkey_binary
from gateway.stores.redis.access import excesses, risks
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from gateway.worker import DRAIN_S
from tests.cli.conftest import SECRETS
from tests.container.composition import composed_environment, composition, mounts, services, writable
from tests.container.dockerfile import ROOT, parse
from tests.running import running

NAMES = ("bastion", "migrate", "postgres", "valkey", "caddy")
OURS = ("bastion", "migrate")
KNOWN = {
    "build", "image", "user", "command", "environment", "secrets", "volumes", "networks", "network_mode", "ports",
    "tmpfs", "healthcheck", "depends_on", "read_only", "cap_drop", "cap_add", "security_opt", "group_add", "restart",
    "stop_grace_period", "profiles",
}  # fmt: skip
FINAL = parse((ROOT / "Dockerfile").read_text())[-1]


def test_every_key_is_one_and_every_name_is_declared_and_used() -> None:
    composed = composition()
    used_volumes = {source for name in NAMES for source in mounts(name) if not source.startswith(".")}
    used_networks = {network for one in services().values() for network in one.get("networks", [])}
    used_secrets = {secret for one in services().values() for secret in one.get("secrets", [])}

    assert composed.keys() == {"x-contained", "services", "networks", "volumes", "secrets"}
    assert set(services()) == set(NAMES)
    assert {key for one in services().values() for key in one} <= KNOWN
    assert used_volumes == composed["volumes"].keys()
    assert used_networks == composed["networks"].keys()
    assert used_secrets == composed["secrets"].keys()


def test_every_secret_is_a_file_that_the_head_explains() -> None:
    head = (ROOT / "compose.yaml").read_text().partition("services:")[0]

    for name, secret in composition()["secrets"].items():
        assert secret == {"file": f"secrets/{name}"}
        assert f"secrets/{name}" in head
    for one in services().values():
        files = {value for key, value in one.get("environment", {}).items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in one.get("secrets", [])}


def test_every_path_of_the_host_is_in_the_tree_or_explained() -> None:
    head = (ROOT / "compose.yaml").read_text().partition("services:")[0]
    paths = {source for name in NAMES for source in mounts(name) if source.startswith(".")}

    assert paths == {"./policies", "./caddy"}
    assert (ROOT / "policies").is_dir()
    assert "caddy/Caddyfile" in head
    assert (ROOT / services()["bastion"]["build"] / "Dockerfile").is_file()
    assert all(mounts(name)[path].read_only for name in NAMES for path in paths if path in mounts(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_service_may_not_gain_anything_and_writes_only_where_it_has_to(name: str) -> None:
    one = services()[name]

    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert "/tmp" in one["tmpfs"]
    if name in OURS:
        assert FINAL.one("USER").words == ("bastion",)
    elif name == "caddy":
        assert one["group_add"] == ["10001"], "root without capabilities, and the group of the sockets"
    else:
        assert one["user"] == name


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OURS])
def test_an_image_of_others_is_of_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(/[a-z]+)?:\d+(\.\d+)*", services()[name]["image"])


def test_a_service_waits_until_those_that_it_needs_are_healthy() -> None:
    for name, one in services().items():
        asked = one.get("healthcheck", {}).get("test", [])
        assert asked[:1] == ["CMD"] if name not in OURS else FINAL.of("HEALTHCHECK")
        for needed, how in one.get("depends_on", {}).items():
            assert needed in NAMES
            assert how == {"condition": "service_healthy"}
    assert services()["bastion"]["depends_on"].keys() == {"postgres", "valkey"}
    assert services()["caddy"]["depends_on"].keys() == {"bastion"}


def test_only_caddy_can_be_reached_and_nobody_beside_it_reaches_the_apps() -> None:
    networks = {name: one.get("networks") for name, one in services().items()}

    assert [name for name, one in services().items() if "ports" in one] == ["caddy"]
    assert networks["migrate"] == networks["bastion"]
    assert {name: networks[name] for name in NAMES if name != "migrate"} == {
        "bastion": ["database"],
        "postgres": ["database"],
        "valkey": None,
        "caddy": ["edge", "apps"],
    }
    assert services()["valkey"]["network_mode"] == "none"
    assert composition()["networks"] == {"edge": None, "apps": {"internal": True}, "database": {"internal": True}}


def test_bastion_writes_where_it_may_and_finds_valkey_and_caddy(tmp_path: Path) -> None:
    loaded = load_config(None, environ=composed_environment(tmp_path, SECRETS))
    config = loaded.config

    assert (loaded.warnings, config.profile) == ((), "production")
    assert config.audit.checkpoint_dir is not None
    for path in (config.data_dir, config.audit.checkpoint_dir, Path(config.server.decision_listen[5:])):
        assert any(path.is_relative_to(place) for place in writable("bastion")), path
    assert str(config.policy.directory) == mounts("bastion")["./policies"].target
    command = services()["valkey"]["command"]
    socket = Path(command[command.index("--unixsocket") + 1]).relative_to(mounts("valkey")["valkey"].target)
    assert config.redis.url == f"unix://default@{mounts('bastion')['valkey'].target}/{socket}"
    assert mounts("caddy")["sockets"].target == mounts("bastion")["sockets"].target == "/run/bastion"
    assert f"unix/{config.server.decision_listen[5:]}" in (ROOT / "Caddyfile").read_text()


def test_only_migrate_has_the_url_of_the_owner_and_differs_in_nothing_else() -> None:
    bastion, migrate = services()["bastion"], services()["migrate"]
    own = {"BASTION_DATABASE_OWNER_URL_FILE": "/run/secrets/owner_url"}

    assert migrate["environment"] == {**bastion["environment"], **own}
    assert set(migrate["secrets"]) - set(bastion["secrets"]) == {"owner_url"}
    changed = {"command": ["migrate"], "profiles": ["by-hand"], "restart": "no"}
    assert {name: one for name, one in migrate.items() if bastion.get(name) != one} == {
        **changed, "environment": migrate["environment"], "secrets": migrate["secrets"],
    }  # fmt: skip


def test_bastion_has_longer_to_end_than_it_takes() -> None:
    grace = services()["bastion"]["stop_grace_period"]

    assert grace.endswith("s")
    assert int(grace[:-1]) > DRAIN_S + 5


async def test_valkey_takes_its_command_answers_its_health_check_and_allows_what_production_does(
    short_directory: Path, children: Children, binaries: Binaries
) -> None:
    """valkey-cli is not among our servers; what it would send is."""
    data = short_directory / "composed"
    data.mkdir()
    command = [word.replace("/data", str(data)) for word in services()["valkey"]["command"]]
    check = services()["valkey"]["healthcheck"]["test"]
    assert check[1:3] == ["valkey-cli", "-e"]
    log = short_directory / "composed.log"

    process = children.spawn([valkey_binary(binaries), *command[1:]], log=log, env={"PATH": "/usr/bin:/bin"})
    socket = Path(check[check.index("-s") + 1].replace("/data", str(data)))
    for _ in range(500):
        if socket.exists() or process.poll() is not None:
            break
        await asyncio.sleep(0.02)
    assert socket.exists(), log.read_text()
    async with running(Pipeline(f"unix://{socket}", 5)) as pipeline:
        pong = await pipeline.ask((check[-1],))
        await Revocations(FunctionCalls(pipeline, library())).end("login", "t" * 16, "l" * 22)
        too_wide, advised_against = await excesses(pipeline), await risks(pipeline)
    process.terminate()
    process.wait(20)

    assert pong == b"PONG"
    assert (too_wide, advised_against) == ((), ())


def test_the_health_check_of_postgres_tells_a_server_from_none(
    postgres_server: EmbeddedPostgres, binaries: Binaries, short_directory: Path
) -> None:
    """Ours listens on a socket, so its host is put in the place of the composition's."""
    check = services()["postgres"]["healthcheck"]["test"]
    program = postgres_binaries(binaries, short_directory) / check[1]

    def asked(host: str) -> int:
        words = [word.replace("--host=127.0.0.1", f"--host={host}") for word in check[2:]]
        return subprocess.run([program, *words], check=False, timeout=30).returncode

    assert check[0] == "CMD"
    assert asked(str(postgres_server.home)) == 0
    assert asked(str(short_directory / "nowhere")) != 0
    options = {word.partition("=")[0]: word.partition("=")[2] for word in check[2:]}
    environment = services()["postgres"]["environment"]
    assert (options["--username"], options["--dbname"]) == (environment["POSTGRES_USER"], environment["POSTGRES_DB"])


def test_the_health_check_of_caddy_asks_what_the_example_leaves_on() -> None:
    check = services()["caddy"]["healthcheck"]["test"]

    assert check == ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2019/config/"]
    assert "admin" not in (ROOT / "Caddyfile").read_text()
