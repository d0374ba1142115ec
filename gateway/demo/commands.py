"""Runs Bastion's own commands on the files of a demo, as an operator would."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from gateway.core.errors import GatewayError
from gateway.demo.setting import Setting
from gateway.embedded import Children
from gateway.outbound.probe import is_ready

_READY_WITHIN_S: Final = 60.0
_TAIL: Final = 3000


class DemoFailed(GatewayError):
    """A part of the demo did not start."""


@dataclass(frozen=True, slots=True)
class Commands:
    """environment: the whole one of each command; its BASTION_* variables win over the setting's configuration."""

    setting: Setting
    environment: Mapping[str, str]

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What it prints. Raises DemoFailed."""
        done = subprocess.run(
            self._argv(*arguments), input=stdin, capture_output=True, text=True, check=False, env=self.environment
        )
        if done.returncode != 0:
            raise DemoFailed(f"bastion {' '.join(arguments[:2])} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def seed(self) -> None:
        """The people of the console. Raises DemoFailed."""
        setting = self.setting
        argv = [sys.executable, "-m", "gateway.demo.seed", str(setting.config_file)]
        given = json.dumps({"password": setting.owner_password, "totp": setting.owner_totp})
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env=self.environment)
        if done.returncode != 0:
            raise DemoFailed(f"the people of the console could not be added:\n{done.stdout}{done.stderr}")

    def serve(self, children: Children) -> "subprocess.Popen[bytes]":
        """It may not be ready yet."""
        return children.spawn(self._argv("serve"), log=self.setting.log("bastion"), env=self.environment)

    def await_ready(self, served: "subprocess.Popen[bytes]") -> None:
        """Raises DemoFailed."""
        deadline = monotonic() + _READY_WITHIN_S
        while served.poll() is None and monotonic() < deadline:
            if is_ready(f"unix:{self.setting.socket('ops')}"):
                return
            sleep(0.02)
        log = self.setting.log("bastion")
        raise DemoFailed(f"bastion serve did not become ready; end of {log}:\n{log.read_text()[-_TAIL:]}")

    def _argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gateway", *arguments, "--config", str(self.setting.config_file)]
