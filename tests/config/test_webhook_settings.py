"""Where checkpoints are posted, and that nobody reads the address or the bearer."""

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.config.describe import settings_lines
from tests.config.test_load import GOOD, problems, written


def test_a_webhook_needs_a_directory_and_https_and_its_secrets_are_not_shown(tmp_path: Path) -> None:
    hook = {"checkpoint_webhook": "https://keep.example.org/s3cret", "webhook_bearer": "t0ken" * 8}
    audit = {**hook, "checkpoint_dir": "checkpoints"}

    config = load_config(written(tmp_path, {**GOOD, "audit": audit}), environ={}).config
    assert config.audit.checkpoint_webhook == hook["checkpoint_webhook"]
    for shown in (repr(config), "\n".join(settings_lines(config))):
        assert "s3cret" not in shown
        assert "t0ken" not in shown
    assert "audit.checkpoint_webhook: set" in settings_lines(config)

    for wrong, message in {
        "checkpoint_dir": (
            "`audit.checkpoint_webhook` needs audit.checkpoint_dir, because it posts those checkpoints; expected both"
        ),
        "checkpoint_webhook": "`audit.webhook_bearer` has no effect without audit.checkpoint_webhook; expected both",
    }.items():
        left = {key: value for key, value in audit.items() if key != wrong}
        assert [line.partition(": ")[2] for line in problems(written(tmp_path, {**GOOD, "audit": left}))] == [message]


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "https://", "https://user:s3cret@x/", "https://x/#part", "https://x:0/", "https://x:s3cret/", "x"],
)
def test_a_webhook_is_a_plain_url_and_a_wrong_one_is_not_shown(tmp_path: Path, url: str) -> None:
    audit = {"checkpoint_dir": "checkpoints", "checkpoint_webhook": url}

    (problem,) = problems(written(tmp_path, {**GOOD, "audit": audit}))

    assert "`audit.checkpoint_webhook` is of the wrong form (not shown); expected a URL such as https://" in problem
    assert "s3cret" not in problem


def test_a_bearer_that_is_too_short_is_not_shown(tmp_path: Path) -> None:
    audit = {"checkpoint_dir": "x", "checkpoint_webhook": "https://keep.example.org/", "webhook_bearer": "s3cret"}

    (problem,) = problems(written(tmp_path, {**GOOD, "audit": audit}))

    assert "`audit.webhook_bearer` is of the wrong form (not shown); expected 16 to 512 of letters" in problem
    assert "s3cret" not in problem


def test_plain_http_to_the_webhook_is_for_development(tmp_path: Path) -> None:
    audit = {"checkpoint_dir": "checkpoints", "checkpoint_webhook": "http://127.0.0.1:9/"}
    path = written(tmp_path, {**GOOD, "audit": audit})

    (problem,) = problems(path)
    warnings = load_config(path, environ={}, dev=True).warnings

    assert "`audit.checkpoint_webhook` sends its path and its bearer token in clear text; expected https://" in problem
    assert [str(one) for one in warnings] == [f"{path}:{problem}"]


def test_the_bearer_of_the_webhook_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "bearer").write_text("b" * 40 + "\n")
    audit = {"checkpoint_dir": "checkpoints", "checkpoint_webhook": "https://keep.example.org/"}
    path = written(tmp_path, {**GOOD, "audit": audit})

    environ = {"BASTION_AUDIT_WEBHOOK_BEARER_FILE": str(tmp_path / "bearer")}

    assert load_config(path, environ=environ).config.audit.webhook_bearer == "b" * 40
