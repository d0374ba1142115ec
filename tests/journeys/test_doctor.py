"""`bastion doctor` beside a whole node, and before the first start of one."""

import json
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.flows.doctor.diagnosis import Diagnosis, Health
from gateway.flows.doctor.network import examine_hosts
from tests.staging import Stage
from tests.zygote import bastion

HOSTS = ("auth.localhost", "app.localhost", "app2.localhost")


def doctor(*arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return bastion("doctor", *arguments, cwd=cwd)


def hosts(stage: Stage, *names: str, later_s: int = 0, trusted: bool = True, port: int = 0) -> list[Diagnosis]:
    trust = ssl.create_default_context(cafile=stage.summary["ca_file"] if trusted else None)
    return list(examine_hosts(names, port or stage.demo.port, trust, int(time.time()) + later_s))


def test_a_whole_node_is_found_healthy(stage: Stage, tmp_path: Path) -> None:
    config = stage.demo.directory / "config.yaml"

    ended = doctor("--config", config, "--ca", stage.summary["ca_file"], "--json", cwd=tmp_path)

    told = json.loads(ended.stdout)
    assert (ended.returncode, told["healthy"]) == (0, True), told
    details = {finding["check"]: finding["detail"] for finding in told["checks"] if finding["health"] == "ok"}
    pid = stage.summary["pids"]["bastion"]
    for name in ("web", "decision", "ops"):
        assert details[f"server.{name}_listen"].endswith(f"/{name}.sock is served by pid {pid}")
    assert details["server"] == "is ready"
    assert {"configuration", "directories", "policy", "postgres", "schema", "redis", "clock of redis"} <= details.keys()
    for host in HOSTS:
        assert details[f"dns {host}"] == "127.0.0.1"
        assert details[f"certificate {host}"].startswith("is trusted for another")
    assert all(details[f"caddy to {name}.sock"].startswith("the account ") for name in ("web", "decision"))


def test_before_anything_is_there_each_thing_has_a_line_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "profile: dev\npublic_url: https://auth.localhost:1\n"
        "database: {url: 'postgresql://bastion:hunter2@/bastion?host=/nowhere'}\n"
        "redis: {url: 'redis://bastion:hunter2@127.0.0.1:1/0'}\n"
    )

    ended = doctor(cwd=tmp_path)

    failed = {line.split()[1]: line for line in ended.stdout.splitlines() if line.startswith("failed")}
    assert (ended.returncode, ended.stderr) == (1, "")
    assert {"policy.directory", "postgres", "redis", "policy", "certificate"} <= failed.keys()
    assert "start Postgres, or correct the directory" in failed["postgres"]
    assert "connection refused; start Redis" in failed["redis"]
    assert "start Caddy" in failed["certificate"]
    assert ended.stdout.splitlines()[-1].split()[1:] == [
        "checks,",
        str(len(failed)),
        "failed,",
        *ended.stdout.split()[-2:],
    ]
    assert "hunter2" not in ended.stdout


def test_a_configuration_that_is_refused_is_the_only_finding(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profile: dev\nserver: {workers: 0}\nlog: {level: loud}\n")

    ended = doctor(cwd=tmp_path)

    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["failed", "configuration"]] * 2
    assert "config.yaml:2:19: `server.workers` is `0`" in lines[0]


def test_a_certificate_that_nobody_trusts_is_told(stage: Stage) -> None:
    name, certificate = hosts(stage, "app.localhost", trusted=False)

    assert (name.health, certificate.health) == (Health.OK, Health.FAILED)
    assert "is not trusted" in certificate.detail
    assert "--ca" in certificate.advice


def test_a_certificate_that_ends_soon_is_a_warning(stage: Stage) -> None:
    """Caddy's own live for 12 hours, and are renewed when 4 are left."""
    fresh, late, over = (hosts(stage, "app.localhost", later_s=hours * 3_600)[1] for hours in (0, 11, 13))

    assert [fresh.health, late.health, over.health] == [Health.OK, Health.WARNING, Health.WARNING]
    assert "was not renewed" in late.advice


def test_what_is_no_caddy_is_told(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
    _, nobody = hosts(stage, "app.localhost", port=port)

    assert (nobody.health, nobody.detail) == (
        Health.FAILED,
        f"no connection to app.localhost:{port}: Connection refused",
    )


def test_a_server_that_speaks_no_tls_is_told(stage: Stage) -> None:
    def answer(plain: socket.socket) -> None:
        with plain.accept()[0] as channel:
            channel.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as threads:
        threads.submit(answer, plain)
        _, certificate = hosts(stage, "app.localhost", port=plain.getsockname()[1])

    assert certificate.health is Health.FAILED
    assert "no TLS at app.localhost:" in certificate.detail


def test_a_host_without_a_name_is_told_and_a_wildcard_by_one_that_it_covers(stage: Stage) -> None:
    findings = hosts(stage, "no-such-host.invalid", "*.localhost")

    assert [(one.check, one.health) for one in findings[:2]] == [
        ("dns no-such-host.invalid", Health.FAILED),
        ("dns *.localhost", Health.OK),
    ]
    assert findings[0].advice == ("add a record for no-such-host.invalid that leads to Caddy, in DNS or in /etc/hosts")


@pytest.mark.parametrize("broken", ["no such file", "no certificate"])
def test_an_authority_that_cannot_be_read_is_said(tmp_path: Path, broken: str) -> None:
    authority = tmp_path / "ca.crt"
    if broken == "no certificate":
        authority.write_text("no PEM")

    ended = doctor("--ca", authority, cwd=tmp_path)

    assert (ended.returncode, str(authority) in ended.stderr, "Traceback" in ended.stderr) == (2, True, False)


def test_what_is_only_doubtful_about_the_configuration_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "profile: dev\npublic_url: https://auth.localhost:1\nserver: {ops_listen: '0.0.0.0:1'}\n"
        "database: {url: 'postgresql://bastion@/bastion?host=/nowhere'}\nredis: {url: 'redis://127.0.0.1:1/0'}\n"
    )

    ended = doctor(cwd=tmp_path)

    (doubt,) = (line for line in ended.stdout.splitlines() if "`server.ops_listen`" in line)
    assert doubt.startswith("warning  configuration")
    assert "faces" in doubt
