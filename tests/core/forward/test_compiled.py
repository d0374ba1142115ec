"""`dev.py test --compiled` runs these tests on machine code: then all of the decision path is that."""

import asyncio
import importlib
import tomllib
from pathlib import Path

import pytest

import gateway
from gateway.stores.redis import pipeline
from gateway.web.forward_auth.connection import Connection

ROOT = Path(__file__).resolve().parents[3]
MODULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["bastion"]["compiled"]


def test_all_of_the_decision_path_is_compiled_or_nothing_is() -> None:
    names = [module.removesuffix(".py").replace("/", ".") for module in MODULES]
    files = [Path(importlib.import_module(name).__file__ or "") for name in names]

    compiled = Path(gateway.__file__).is_relative_to(ROOT / "build")
    assert len(files) > 20
    assert {file.suffix == ".py" for file in files} == {not compiled}
    assert all((ROOT / module).is_file() for module in MODULES)


@pytest.mark.parametrize("connection", [pipeline._Connection, Connection])
def test_a_protocol_without_the_base_class_has_all_that_a_loop_calls(connection: type) -> None:
    called = {name for name in dir(asyncio.Protocol) if name[0] != "_"}

    assert called == {"connection_made", "connection_lost", "data_received", "eof_received"} | {
        "pause_writing",
        "resume_writing",
    }
    assert called <= set(dir(connection))
