"""compose.yaml as Compose reads it, with the sets that its services refer to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.container.dockerfile import ROOT, parse


@dataclass(frozen=True)
class Mount:
    """source: a volume's name, or a path that begins with a dot."""

    source: str
    target: str
    read_only: bool


@cache
def composition() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)
    keys = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    assert len(keys) == len(set(keys)), "PyYAML would keep the last of two"
    return found


@cache
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composition()["services"]
    return found


def mounts(service: str) -> dict[str, Mount]:
    """By source."""
    found = {}
    for text in services()[service].get("volumes", []):
        source, target, *options = text.split(":")
        assert options in ([], ["ro"]), text
        found[source] = Mount(source, target, options == ["ro"])
    return found


def writable(service: str) -> set[str]:
    """Directories that the service may write in."""
    volumes = {mount.target for mount in mounts(service).values() if not mount.read_only}
    return volumes | set(services()[service].get("tmpfs", []))


def composed_environment(secrets: Path, keys: Mapping[str, str]) -> dict[str, str]:
    """Bastion's settings, with its secrets written into that directory. keys: root, index, master, pepper."""
    image = parse((ROOT / "Dockerfile").read_text())[-1].environment
    values = {
        "database_url": "postgresql://bastion:x@postgres/bastion",
        "root_key": keys["root"],
        "index_key": keys["index"],
        "master_keys": keys["master"],
        "peppers": f"p1={keys['pepper']}",
    }
    for name in services()["bastion"]["secrets"]:
        (secrets / name).write_text(values[name])
    settings = {**image, **services()["bastion"]["environment"]}
    return {
        name: value.replace("/run/secrets", str(secrets))
        for name, value in settings.items()
        if name.startswith("BASTION_")
    }
