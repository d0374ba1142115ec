"""Every setting that is marked secret can be given by a variable and by a file, and is shown by neither."""

from pathlib import Path

import pytest
import yaml

from gateway.config import load_config
from gateway.config.fields import Key, all_keys
from tests.config.test_load import GOOD, MASTER, PEPPER, ROOT_KEY

SECRET = [key for key in all_keys() if key.secret]
VALUES = {
    "secrets.master_keys": f"{ROOT_KEY},{MASTER}",
    "secrets.root_key": PEPPER,
    "secrets.index_key": PEPPER,
    "secrets.peppers": f"p2={ROOT_KEY}",
    "database.url": "postgresql://bastion:Zq81hg@db.internal/bastion",
    "backup.scratch_url": "postgresql://bastion_owner:Zq81hg@db.internal/scratch",
    "database.owner_url": "postgresql://bastion_owner:Zq81hg@db.internal/bastion",
    "redis.url": "rediss://bastion:Zq81hg@redis.internal",
}
_HOOK = {"BASTION_AUDIT_CHECKPOINT_DIR": "checkpoints"}
BESIDE = {
    "mail.password": {"BASTION_MAIL_USER": "bastion"},
    "audit.checkpoint_webhook": _HOOK,
    "audit.webhook_bearer": {**_HOOK, "BASTION_AUDIT_CHECKPOINT_WEBHOOK": "https://siem.example.org/hook"},
}


def value_at(config: object, key: Key) -> object:
    for name in key.attributes:
        config = getattr(config, name)
    return config


def written(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**GOOD, "profile": "dev"}))
    return path


@pytest.mark.parametrize("key", SECRET, ids=[key.dotted for key in SECRET])
def test_a_secret_comes_by_a_variable_or_by_a_file_and_shows_in_no_repr(key: Key, tmp_path: Path) -> None:
    text, path = VALUES.get(key.dotted, "Zq81hg-webhook-or-passphrase"), written(tmp_path)
    if key.dotted.endswith(("webhook", "api")):
        text = "https://siem.example.org/Zq81hg"
    beside = BESIDE.get(key.dotted, {})
    (tmp_path / "secret").write_text(text + "\n")

    default = value_at(load_config(path, environ={}).config, key)
    given = load_config(path, environ={**beside, key.environment: text}).config
    filed = load_config(path, environ={**beside, f"{key.environment}_FILE": str(tmp_path / "secret")}).config

    assert value_at(given, key) == value_at(filed, key)
    assert value_at(given, key) != default
    assert "Zq81hg" not in repr(given)
    assert repr(value_at(given, key)) not in repr(given)


def test_there_are_secrets_to_try() -> None:
    assert VALUES.keys() <= {key.dotted for key in SECRET}
