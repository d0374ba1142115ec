"""What apps are told by which headers, and which headers of clients reach them all the same."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from tests.config.test_load import GOOD, problems, written

WRONG_HEADERS = {
    "no header name": ({"also": {"X User": "user"}}, "identity_headers.also"),
    "nothing that we know": ({"also": {"X-WebAuth-User": "login"}}, "user, groups, name or email"),
    "ours": ({"also": {"X-Bastion-User": "user"}}, "names X-Bastion-User, which the proxy itself sets"),
    "a forwarded one": ({"also": {"x-forwarded-for": "user"}}, "names x-forwarded-for, which the proxy itself sets"),
    "twice": ({"also": {"remote-user": "user"}}, "names a header twice"),
    "what comes anyway": ({"pass": ["X-Api-Key"]}, "names X-Api-Key, which reaches apps anyway"),
    "what we write": ({"pass": ["Remote-User"]}, "names Remote-User, which Bastion itself sets"),
    "what we write by configuration": (
        {"also": {"X-WebAuth-User": "user"}, "pass": ["x-webauth-user"]},
        "names x-webauth-user, which Bastion itself sets",
    ),
    "a family": ({"pass": ["X-Forwarded-*"]}, "identity_headers.pass"),
}


@pytest.mark.parametrize(("headers", "message"), WRONG_HEADERS.values(), ids=list(WRONG_HEADERS))
def test_identity_headers_that_can_not_be_are_refused(tmp_path: Path, headers: dict[str, Any], message: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "identity_headers": headers}))

    assert message in problem


def test_more_names_and_those_that_pass_are_read(tmp_path: Path) -> None:
    headers = {"remote": False, "also": {"X-WebAuth-User": "user", "X-Mail": "email"}, "pass": ["X-Forwarded-Prefix"]}
    loaded = load_config(written(tmp_path, {**GOOD, "identity_headers": headers}), environ={})
    config = loaded.config

    assert ["lets every client forge X-Forwarded-Prefix" in str(one) for one in loaded.doubts] == [True]
    assert config.identity_headers.by_name() == {"X-WebAuth-User": "user", "X-Mail": "email"}
    assert config.identity_headers.let_through() == frozenset({b"x-forwarded-prefix"})
