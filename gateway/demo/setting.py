"""Owns the files of a demo: where they lie, and the configuration and policy that are written once and kept."""

import json
import os
import shutil
from base64 import b32encode, urlsafe_b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet

from gateway.embedded import home_of

USER: Final = "ada"
CONSOLE_OWNER: Final = "olivia"  # who may open the console
HELPER: Final = "sam"  # with the role support
APP_HOST: Final = "app.localhost"
APP2_HOST: Final = "app2.localhost"
API_HOST: Final = "api.localhost"
AUTH_HOST: Final = "auth.localhost"
CLIENT: Final = "spa"
CALLBACK: Final = "/public/callback"  # on APP_HOST, open to everybody
_TOTP_BYTES: Final = 20
_POLICY: Final = Path(__file__).with_name("policy.yaml")
_TOKENS: Final = Path(__file__).with_name("tokens.yaml")
_CONFIG: Final = """\
# Written by `bastion demo` at each start; BASTION_* variables win over it.
public_url: https://{auth_host}:{port}
profile: dev
data_dir: {directory}/data
server:
  web_listen: unix:{home}/web.sock
  decision_listen: unix:{home}/decision.sock
  ops_listen: unix:{home}/ops.sock
database:
  url: "{database_url}"
  owner_url: "{owner_url}"
redis:
  url: "{redis_url}"
policy:
  directory: {directory}/policies
audit:
  checkpoint_dir: {directory}/checkpoints
mail:
  directory: {directory}/mail
  from: bastion@{auth_host}
webhooks:
  allow_networks: [127.0.0.0/8]  # receivers on this machine
log:
  format: json
secrets: {secrets}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """directory: what the operator named. home: where sockets fit, mostly the same."""

    directory: Path
    home: Path
    port: int
    password: str
    owner_password: str
    owner_totp: str
    secrets: str

    @classmethod
    def prepare(cls, directory: Path, port: int) -> "Setting":
        """Makes what is missing; keeps secrets, password and policy of earlier runs, but for what has the port."""
        directory = directory.resolve()
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        kept = directory / "secrets.json"
        if not kept.exists():
            write_private(kept, json.dumps(_fresh_secrets()))
        secrets = json.loads(kept.read_text())
        if "owner" not in secrets:  # of an earlier version
            secrets["owner"] = _fresh_owner()
            write_private(kept, json.dumps(secrets))
        policies = directory / "policies"
        if not policies.exists():
            policies.mkdir()
            shutil.copyfile(_POLICY, policies / "demo.yaml")
        (policies / _TOKENS.name).write_text(_TOKENS.read_text().replace("<port>", str(port)))
        (directory / "checkpoints").mkdir(exist_ok=True)
        (directory / "data").mkdir(exist_ok=True)
        owner = secrets["owner"]
        secret_text = json.dumps(secrets["secrets"])
        return cls(
            directory, home_of(directory), port, secrets["password"], owner["password"], owner["totp"], secret_text
        )

    @property
    def config_file(self) -> Path:
        return self.directory / "config.yaml"

    @property
    def summary_file(self) -> Path:
        return self.directory / "demo.json"

    def url(self, host: str) -> str:
        return f"https://{host}:{self.port}"

    def socket(self, name: str) -> Path:
        return self.home / f"{name}.sock"

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def write_config(self, database_url: str, redis_url: str, owner_url: str = "") -> None:
        text = _CONFIG.format(
            auth_host=AUTH_HOST,
            port=self.port,
            directory=self.directory,
            home=self.home,
            database_url=database_url,
            owner_url=owner_url,
            redis_url=redis_url,
            secrets=self.secrets,
        )
        write_private(self.config_file, text)


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for us only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.rename(path)


def _fresh_secrets() -> dict[str, object]:
    def key() -> str:
        return Fernet.generate_key().decode()

    secrets = {"master_keys": [key()], "root_key": key(), "index_key": key(), "peppers": {"p1": key()}}
    return {"password": _word(), "owner": _fresh_owner(), "secrets": secrets}


def _fresh_owner() -> dict[str, str]:
    """totp: Base32, as an authenticator app takes it."""
    return {"password": _word(), "totp": b32encode(urlsafe_b64decode(Fernet.generate_key())[:_TOTP_BYTES]).decode()}


def _word() -> str:
    return Fernet.generate_key().decode()[:20].replace("-", "x").replace("_", "y")
