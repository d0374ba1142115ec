"""Nothing leaves the machine that the operator has not named: the wire is watched, and so is who asks for names."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _why_not() -> str:
    """Why no namespace can be had here; "": it can."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "unshare or ip is missing"
    command = ["unshare", "-n", "-m", "ip", "link", "add", "inner", "type", "veth", "peer", "name", "outer"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return tried.stderr.strip()


WHY_NOT = _why_not()
pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=f"network namespaces are not permitted: {WHY_NOT}"),
    pytest.mark.timeout(400),
]


def watched(directory: Path) -> dict[str, Any]:
    command = ["unshare", "-n", "-m", sys.executable, "-m", "tests.journeys.watched", str(directory)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_a_demo_sends_no_packet_and_asks_for_no_name(short_directory: Path) -> None:
    """A login through Caddy, another policy, a webhook to this machine. The demo starts and ends in it.

    A call at the end shows that this test can fail.
    """
    directory = short_directory / "watched"
    directory.mkdir()

    found = watched(directory)

    assert found["done"]["login"] == 200
    assert found["done"]["events"] == ["login"]
    assert found["done"]["policy"].startswith("asked all workers to read policy again")
    assert found["out"] == []
    assert "192.0.2.7:443" in found["called"], "one deliberate call is seen"
    assert "10.99.0.1:53" in found["called"]
