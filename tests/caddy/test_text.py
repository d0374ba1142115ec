"""What Caddy and the command line say of the text."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.caddy.caddyfile import EXAMPLE, DemoSite, ProtectedSite, demo_caddyfile, example_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.headers import SET_HEADERS
from gateway.embedded import Binaries, caddy_binary
from tests.identities import BOTH, X_AUTH_REQUEST
from tests.zygote import bastion as run

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "caddy.md").read_text()
SITES = (ProtectedSite("app.localhost", "127.0.0.1:1"),)
TEXTS = {
    "example": example_caddyfile(EXAMPLE),
    "both": example_caddyfile(Snippet(identity=BOTH)),
    "console": example_caddyfile(Snippet(console="unix//run/a.sock", console_from=("10.20.0.0/24", "fd00::/8"))),
    "console from everywhere": example_caddyfile(Snippet(console="unix//run/a.sock")),
    "no identity": example_caddyfile(Snippet(identity=())),
    "demo": demo_caddyfile(DemoSite("auth.localhost", 8443, "unix//run/w.sock", snippet_text(Snippet()), SITES)),
}

OWN, OFFICE = "unix//srv/a.sock", "10.20.0.0/24"
OURS = {"unix//run/bastion/decision.sock", "unix//run/bastion/web.sock", "unix//run/w.sock", "unix//run/a.sock"}


def caddy(binaries: Binaries, directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    argv = [str(caddy_binary(binaries)), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=directory, env=home, timeout=60)


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_caddy_takes_it_and_has_nothing_to_say(tmp_path: Path, binaries: Binaries, text: str) -> None:
    (tmp_path / "Caddyfile").write_text(text)

    done = caddy(binaries, tmp_path, "adapt", "--validate")
    fmt = caddy(binaries, tmp_path, "fmt")

    assert done.returncode == 0, done.stderr
    notes = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [note["msg"] for note in notes if note["level"] in ("warn", "error")] in ([], ["admin endpoint disabled"])
    assert fmt.stdout == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_early_data_is_off(tmp_path: Path, binaries: Binaries, text: str) -> None:
    (tmp_path / "Caddyfile").write_text(text)

    config = json.loads(caddy(binaries, tmp_path, "adapt").stdout)

    assert [server["allow_0rtt"] for server in config["apps"]["http"]["servers"].values()] == [False]


GUIDED = re.findall(r"^```caddyfile\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", [*TEXTS.values(), GUIDED[0]], ids=[*TEXTS, "guide"])
def test_what_was_handed_over_ends_a_quarter_of_an_hour_after_the_logout(
    tmp_path: Path, binaries: Binaries, text: str
) -> None:
    """Wherever Caddy passes anything on but to us (threats.md H7)."""
    (tmp_path / "Caddyfile").write_text(text)
    (tmp_path / "bastion.caddy").write_text(snippet_text(Snippet()))

    config = json.loads(caddy(binaries, tmp_path, "adapt").stdout)

    apps = [proxy for proxy in proxies(config) if not {one["dial"] for one in proxy["upstreams"]} & OURS]
    assert apps
    assert {proxy.get("stream_timeout") for proxy in apps} == {15 * 60 * 1_000_000_000}


def proxies(config: Any) -> Iterator[dict[str, Any]]:
    """Any: the JSON of Caddy."""
    if isinstance(config, dict) and config.get("handler") == "reverse_proxy":
        yield config
    if isinstance(config, dict | list):
        for part in config.values() if isinstance(config, dict) else config:
            yield from proxies(part)


def test_the_guides_example_is_one(tmp_path: Path, binaries: Binaries) -> None:
    (tmp_path / "Caddyfile").write_text(GUIDED[0])
    (tmp_path / "bastion.caddy").write_text(snippet_text(Snippet()))

    done = caddy(binaries, tmp_path, "adapt", "--validate")

    assert done.returncode == 0, done.stderr


def test_the_guide_names_every_header_of_the_contract() -> None:
    for name in SET_HEADERS:
        assert f"`{name}`" in GUIDE
    for name in set(re.findall(r"\{rp\.header\.X-Bastion-([A-Za-z-]+)\}", TEXTS["example"])):
        known = name.lower().removeprefix("set-")
        assert known in GUIDE.lower()


def bastion(config: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("caddy", *arguments, env={**os.environ, "BASTION_CONFIG": str(config)})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        "profile: dev\n"
        "server: {decision_listen: 'unix:/srv/d.sock', web_listen: '127.0.0.1:9001'}\n"
        "identity_headers: {remote: false, x_auth_request: true}\n"
        "admin: {listen: 'unix:/srv/a.sock', networks: [10.20.0.0/24]}\n"
    )
    return path


def test_the_command_prints_what_is_configured(config: Path) -> None:
    done = bastion(config, "snippet", "--dev")

    expected = Snippet(
        "unix//srv/d.sock", "127.0.0.1:9001", identity=X_AUTH_REQUEST, console=OWN, console_from=(OFFICE,)
    )
    assert (done.returncode, done.stdout) == (0, snippet_text(expected)), done.stderr


def test_the_command_may_name_another_way_to_the_sockets(config: Path) -> None:
    done = bastion(config, "snippet", "--dev", "--decision", "10.0.0.5:9000", "--web", "unix:/other.sock")

    expected = Snippet(
        "10.0.0.5:9000", "unix//other.sock", identity=X_AUTH_REQUEST, console=OWN, console_from=(OFFICE,)
    )
    assert done.stdout == snippet_text(expected)


@pytest.mark.parametrize("web", ["/other.sock", "unix:/other.sock } respond", "unix:/{env.HOME}", "host"])
def test_what_is_no_upstream_is_refused(config: Path, web: str) -> None:
    done = bastion(config, "snippet", "--dev", "--web", web)

    assert (done.returncode, done.stdout) == (2, "")
    assert web in done.stderr


def test_the_example_needs_no_configuration(config: Path) -> None:
    config.write_text("nonsense: [")

    done = bastion(config, "example")

    assert (done.returncode, done.stdout) == (0, TEXTS["example"])
