"""Who may keep an answer: where people are asked for nobody but their browser, unless the route says otherwise."""

import pytest

from tests.core.policy.build import HOST, app, policy_of, routed

PRIVATE = ("X-Bastion-Private", "1")
NO_STORE = ("X-Bastion-Set-Cache-Control", "no-store")


def said(settings: str) -> tuple[str, set[tuple[str, str]]]:
    route = routed(app(settings), "/").route
    return route.cache, set(route.response_block) & {PRIVATE, NO_STORE}


@pytest.mark.parametrize(
    ("settings", "cache", "block"),
    [
        ("allow: authenticated", "private", {PRIVATE}),
        ("allow: {networks: 10.0.0.0/8}", "private", {PRIVATE}),
        ("allow: anyone, identity: optional", "private", {PRIVATE}),
        ("allow: anyone, deny: {networks: 10.0.0.0/8}", "private", {PRIVATE}),
        ("allow: anyone", "shared", set()),
        ("allow: anyone, cache: private", "private", {PRIVATE}),
        ("allow: anyone, cache: none", "none", {PRIVATE, NO_STORE}),
        ("allow: authenticated, cache: private", "private", {PRIVATE}),
        ("allow: authenticated, cache: shared", "shared", set()),
        ("allow: authenticated, cache: none", "none", {PRIVATE, NO_STORE}),
        ("allow: authenticated, headers: off, cache: none", "none", {PRIVATE, NO_STORE}),
    ],
)
def test_a_route_says_who_may_keep_its_answers(settings: str, cache: str, block: set[tuple[str, str]]) -> None:
    assert said(settings) == (cache, block)


def test_the_nearest_level_replaces() -> None:
    policy = policy_of(
        f"""
defaults: {{cache: none}}
apps:
  a:
    hosts: {HOST}
    allow: authenticated
    routes:
      own: {{paths: /own, cache: shared}}
      open: {{paths: /open, allow: anyone}}
  b: {{hosts: b.t.example, allow: authenticated, cache: private}}
"""
    )

    assert routed(policy, "/").route.cache == "none"
    assert routed(policy, "/own").route.cache == "shared"
    assert routed(policy, "/open").route.cache == "none"
    assert routed(policy, "/", host="b.t.example").route.cache == "private"
