"""What our pages on protected hosts link to is on that host."""

from dataclasses import replace

import pytest

from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.decide import Ask
from gateway.core.forward.pages import Page
from gateway.core.forward.request import read_request
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from tests.core.forward.setting import CONTEXT, NOW, RANDOM, TOKEN

POLICY = compile_policy(
    {"x.yaml": "apps: {x: {hosts: x.example.org, allow: authenticated, path_accepts: [double_slash]}}"},
    Site("auth.example.org"),
)
ELSEWHERE = ["//evil.example/", "//evil.example/login?x=1", "///evil.example/"]
FRAMED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
SEEN = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def linked(target: str, headers: dict[str, str]) -> list[str]:
    """The addresses that the page shows while Redis does not answer."""
    pages: list[Page] = []

    def render(page: Page) -> bytes:
        pages.append(page)
        return b""

    sent = {
        "host": "x.example.org",
        "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
        "x-forwarded-method": "GET",
        "x-forwarded-uri": target,
        "x-forwarded-host": "x.example.org",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.51.100.7",
        **headers,
    }
    request = read_request((name.encode(), value.encode()) for name, value in sent.items())
    asked = prepare(request, replace(CONTEXT, policy=POLICY, render=render), NOW * 1_000_000, RANDOM, 7)
    if isinstance(asked, Ask):
        conclude(asked, None, NOW * 1_000_000)
    return [link.href for page in pages for link in page.links]


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("headers", [SEEN | {"cookie": f"__Host-bastion={TOKEN.text}"}, FRAMED])
def test_no_page_of_ours_leads_to_another_host(target: str, headers: dict[str, str]) -> None:
    assert linked(target, headers) == ["/"]


@pytest.mark.parametrize("headers", [SEEN | {"cookie": f"__Host-bastion={TOKEN.text}"}, FRAMED])
def test_a_page_leads_back_to_where_it_was_asked_for(headers: dict[str, str]) -> None:
    assert linked("/notes?x=1", headers) == ["/notes?x=1"]
