"""A command imports only what it needs: `bastion health` runs every few seconds in each container."""

import pkgutil
import subprocess
import sys

import pytest

from gateway import cli
from tests.exhaustive import sampled

SLOW = ("webauthn", "zxcvbn_rs_py", "argon2", "segno", "maxminddb", "aiosmtplib")
COMMANDS = [module.name for module in pkgutil.iter_modules(cli.__path__) if not module.name.startswith("_")]
NEEDS = {  # mail starts what sends, which a worker is made of; user resets second factors
    "mail": {"webauthn", "segno", "maxminddb", "aiosmtplib"},
    "user": {"webauthn", "maxminddb"},
}
STORES = {"maxminddb"}  # of commands that open the stores of a worker


def imported_by(command: str) -> set[str]:
    told = f"import sys, gateway.cli.{command}; print(*[one for one in {SLOW} if one in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("command", sampled(COMMANDS, 10))
def test_no_command_imports_what_it_has_no_use_for(command: str) -> None:
    """Half a second each: a process of its own shows what is imported."""
    assert imported_by(command) <= NEEDS.get(command, STORES)


def test_health_opens_no_store() -> None:
    assert imported_by("health") == set()
