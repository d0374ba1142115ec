"""The person who uses an app that a library makes, and names that the libraries have to resolve."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.apps import sign_in
from tests.staging import Stage


@pytest.fixture
def person(stage: Stage) -> Callable[[str], str]:
    """Opens the address that an app sends its person to, signs in, allows; gives where the browser came back to."""
    visitor = stage.visitor()

    def allow(address: str) -> str:
        page = visitor.visit(address)
        if page.url.startswith(f"{stage.auth}/login"):
            page = sign_in(stage, visitor, page)
        if 'id="consent-allow"' in page.text:
            fields = {name: page.field(name) for name in ("csrf", "i")}
            answer = visitor._post(page, "/oauth2/consent", decision="allow", **fields)
            return str(answer.headers["Location"])
        return page.url

    return allow


@pytest.fixture(autouse=True)
def local_names(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """*.localhost is this machine, as RFC 6761 says and not every resolver knows; and the CA of the demo's Caddy."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *more: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stage.summary["ca_file"]))
