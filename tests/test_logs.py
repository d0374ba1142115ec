"""The log is JSON and holds no secret."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs import redact

TOKEN = f"v1.{'t' * 16}.{'l' * 22}.{'s' * 43}.{'m' * 16}"
SECRET_NAMES = """
    password new_password passwd secret client_secret token Cookie authorization csrf pepper
    master_key root_key private_key code database_url credential
"""
PROGRAM = f"""
import logging, structlog
from gateway.logs import REQUEST_ID, start_logging
start_logging("info", "json")
REQUEST_ID.set("abc")
structlog.stdlib.get_logger("ours").info("one", user="u1", password="p", nested={{"cookie": "c", "list": ["{TOKEN}"]}})
logging.getLogger("theirs").warning("two %s", "{TOKEN}", extra={{"api_token": "t", "size": 3}})
logging.getLogger("theirs").debug("unseen")
try:
    raise ValueError("redis://user:pw@host/0 failed")
except ValueError:
    structlog.stdlib.get_logger("ours").exception("three")
"""


def test_both_kinds_of_logger_write_one_redacted_object_a_line() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    one, two, three = (json.loads(line) for line in run.stderr.splitlines())
    assert (one["event"], one["user"], one["password"]) == ("one", "u1", "[redacted]")
    assert one["nested"] == {"cookie": "[redacted]", "list": ["[redacted]"]}
    assert (two["event"], two["api_token"], two["size"]) == ("two [redacted]", "[redacted]", 3)
    assert "pw" not in three["exception"]
    assert "user:[redacted]@host" in three["exception"]
    assert {entry["request_id"] for entry in (one, two, three)} == {"abc"}
    assert {entry["logger"] for entry in (one, two, three)} == {"ours", "theirs"}
    assert all(entry["timestamp"].endswith("Z") for entry in (one, two, three))


@pytest.mark.parametrize(
    "name",
    SECRET_NAMES.split(),
)
def test_a_field_with_a_secret_name_is_redacted(name: str) -> None:
    assert redact(None, "", {name: "x"}) == {name: "[redacted]"}


@pytest.mark.parametrize("name", ["user", "host", "status_code", "event", "outcome", "policy_version", "key_id"])
def test_other_fields_stay(name: str) -> None:
    assert redact(None, "", {name: "x"}) == {name: "x"}


@given(st.text(), st.text())
def test_a_token_never_passes_wherever_it_stands(before: str, after: str) -> None:
    assert "s" * 43 not in str(redact(None, "", {"event": f"{before} {TOKEN} {after}"})["event"])
