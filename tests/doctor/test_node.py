"""The doctor looks at this machine: its listeners, and whether Caddy gets to them."""

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.embedded import free_port
from gateway.flows.doctor.diagnosis import Health
from gateway.flows.doctor.node import Proxy, examine_listeners, examine_proxy_access, find_proxy
from gateway.stores.files.access import trouble_with

GROUP = 54_321


@pytest.fixture
def run(short_directory: Path) -> Path:
    """As /run/bastion is: for its account and its group."""
    directory = short_directory / uuid4().hex[:8]
    directory.mkdir(mode=0o750)
    return directory


@pytest.fixture
def sockets(run: Path) -> Iterator[Path]:
    path = run / "web.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o660)
        yield path


def proxy(*groups: int, uid: int = 12_345, runs: bool = False, privileged: bool = False) -> Proxy:
    return Proxy("caddy", uid, frozenset(groups), runs, privileged)


def test_listeners_that_are_free_are_fine_before_the_first_start(run: Path) -> None:
    listeners = {"server.web_listen": f"unix:{run}/web.sock", "server.ops_listen": f"127.0.0.1:{free_port()}"}

    found = list(examine_listeners(listeners, listeners["server.ops_listen"]))

    assert [(one.check, one.health) for one in found] == [(key, Health.OK) for key in listeners]
    assert all("is free" in one.detail for one in found)


def test_a_listener_of_another_program_is_told_with_its_holder(sockets: Path) -> None:
    (finding,) = examine_listeners({"server.web_listen": f"unix:{sockets}"}, f"127.0.0.1:{free_port()}")

    assert finding.health is Health.FAILED
    assert finding.detail == f"unix:{sockets} is served by pid {os.getpid()}"
    assert finding.advice == "end it or name other listeners"


def test_a_directory_for_sockets_that_cannot_be_made_is_told(run: Path) -> None:
    (run / "file").touch()

    (finding,) = examine_listeners({"server.web_listen": f"unix:{run}/file/web.sock"}, f"127.0.0.1:{free_port()}")

    assert finding.health is Health.FAILED


def test_caddy_gets_in_by_its_group(run: Path, sockets: Path) -> None:
    (finding,) = examine_proxy_access([f"unix:{sockets}", "127.0.0.1:1"], proxy(sockets.stat().st_gid))

    assert (finding.health, finding.detail) == (Health.OK, f"the account caddy may use {sockets}")
    assert run.exists()


@pytest.mark.parametrize(("runs", "restart"), [(False, ""), (True, " && systemctl restart caddy")])
def test_caddy_without_the_group_is_told_what_keeps_it_out(sockets: Path, restart: str, *, runs: bool) -> None:
    """A running one keeps the groups that it was started with."""
    (finding,) = examine_proxy_access([f"unix:{sockets}"], proxy(GROUP, runs=runs))

    group = subprocess.run(
        ["stat", "-c", "%G", sockets.parent], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert finding.health is Health.FAILED
    assert finding.detail == f"the account caddy of Caddy may not use {sockets.parent}"
    assert finding.advice == f"usermod -aG {group} caddy{restart}"


def test_a_socket_that_is_closed_to_the_group_is_told(sockets: Path) -> None:
    sockets.chmod(0o600)

    (finding,) = examine_proxy_access([f"unix:{sockets}"], proxy(sockets.stat().st_gid))

    assert finding.health is Health.FAILED
    assert finding.detail.endswith(f"may not use {sockets}")


def test_the_owner_counts_as_owner_and_root_as_root(sockets: Path) -> None:
    """The bits of the owner alone count for the owner, though the group may more; also for a root without powers."""
    sockets.chmod(0o060)
    status = sockets.stat()
    whose = {
        "owner": proxy(status.st_gid, uid=status.st_uid),
        "group": proxy(status.st_gid),
        "root": proxy(uid=0, privileged=True),
    }

    healths = {name: next(examine_proxy_access([f"unix:{sockets}"], one)).health for name, one in whose.items()}

    assert healths == {"owner": Health.FAILED, "group": Health.OK, "root": Health.OK}


def test_without_caddy_its_account_is_asked_for(sockets: Path) -> None:
    (finding,) = examine_proxy_access([f"unix:{sockets}"], None)

    assert (finding.health, "--caddy-account" in finding.advice) == (Health.WARNING, True)


def test_a_named_account_has_the_groups_of_the_machine() -> None:
    known = pwd.getpwnam("daemon")

    found = find_proxy("daemon")

    groups = frozenset(os.getgrouplist("daemon", known.pw_gid))
    assert found == Proxy("daemon", known.pw_uid, groups, runs=False, privileged=False)
    assert find_proxy("no-such-account") is None


def test_a_running_caddy_has_the_groups_that_it_was_started_with(tmp_path: Path) -> None:
    """Whichever Caddy runs on this machine besides, it is one that runs."""
    (tmp_path / "caddy").symlink_to("/bin/sleep")
    with subprocess.Popen([tmp_path / "caddy", "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "caddy\n":  # the kernel names it a moment later
            time.sleep(0.001)
        found = find_proxy()
        process.kill()

    assert found is not None
    assert found.runs
    assert found.privileged == (os.geteuid() == 0)


def test_directories_are_tried_for_what_they_are_needed_for(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert trouble_with(tmp_path, writes=True) == trouble_with(tmp_path, writes=False) == ""
    assert trouble_with(tmp_path / "a" / "b", writes=True) == ""
    assert trouble_with(tmp_path / "a" / "b", writes=False) == f"{tmp_path}/a/b does not exist"
    assert trouble_with(tmp_path / "file", writes=True) == f"{tmp_path}/file is no directory"
    assert "can't make it in" in trouble_with(tmp_path / "file" / "below", writes=True)
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes accounts")
@pytest.mark.parametrize(
    ("mode", "writes", "words"), [(0o755, True, "can't be written"), (0o700, False, "can't be read")]
)
def test_a_directory_that_is_closed_to_the_account_is_told(
    short_directory: Path, mode: int, words: str, *, writes: bool
) -> None:
    directory = short_directory / uuid4().hex[:8]
    directory.mkdir()
    directory.chmod(mode)
    child = os.fork()
    if not child:
        os.setuid(pwd.getpwnam("daemon").pw_uid)
        os._exit(words + " by the account daemon" not in trouble_with(directory, writes=writes))

    assert os.waitpid(child, 0)[1] == 0
