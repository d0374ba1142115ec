"""The app's own cookies: which a host forgets is the union over all its apps."""

import pytest

from gateway.core.policy.compile import PolicyRejected
from tests.core.policy.build import HOST, app, policy_of


def named(settings: str) -> dict[str, tuple[str, ...]]:
    return dict(app(settings).cookies_of(HOST).named)


def test_a_name_alone_is_enough_and_a_path_is_taken_with_and_without_its_slash() -> None:
    cookies = "[PHPSESSID, {name: sid, path: /shop}, {name: tid, path: /shop/}, {name: sid, path: /old}]"

    assert named(f"allow: authenticated, app_cookies: {cookies}") == {
        "PHPSESSID": (),
        "sid": ("/shop", "/shop/", "/old", "/old/"),
        "tid": ("/shop", "/shop/"),
    }


def test_cookies_are_forgotten_at_the_root_at_every_base_and_at_their_own_path() -> None:
    policy = policy_of(
        f"""
apps:
  a: {{hosts: {HOST}, base: /shop, allow: authenticated, app_cookies: {{name: sid, path: /till}}}}
  b: {{hosts: {HOST}, base: "/c a", allow: authenticated}}
  c: {{hosts: other.t.example, base: /else, allow: authenticated, app_cookies: other}}
"""
    )

    found = policy.cookies_of(HOST)

    assert found.paths == ("/", "/shop", "/shop/", "/c%20a", "/c%20a/")
    assert found.paths_of("sid") == (*found.paths, "/till", "/till/")
    assert found.paths_of("anything") == found.paths
    assert set(policy.cookies_of("other.t.example").named) == {"other"}


def test_the_nearest_level_replaces_and_all_routes_of_a_host_count() -> None:
    routes = "routes: {x: {paths: /x, app_cookies: near}, y: {paths: /y, app_cookies: none}, z: {paths: /z}}"

    assert set(named(f"allow: authenticated, app_cookies: far, {routes}")) == {"near", "far"}
    assert set(named(f"allow: authenticated, app_cookies: none, {routes}")) == {"near"}


def test_defaults_count_where_an_app_says_nothing() -> None:
    policy = policy_of(
        f"""
defaults: {{app_cookies: [far]}}
apps:
  a: {{hosts: {HOST}, allow: authenticated}}
  b: {{hosts: b.t.example, allow: authenticated, app_cookies: [near]}}
"""
    )

    assert set(policy.cookies_of(HOST).named) == {"far"}
    assert set(policy.cookies_of("b.t.example").named) == {"near"}


def test_a_host_of_a_wildcard_has_the_wildcards_cookies_unless_it_stands_by_itself() -> None:
    policy = policy_of(
        """
apps:
  any: {hosts: "*.t.example", allow: authenticated, app_cookies: wide}
  one: {hosts: one.t.example, allow: authenticated, app_cookies: narrow}
"""
    )

    assert set(policy.cookies_of("two.t.example").named) == {"wide"}
    assert set(policy.cookies_of("one.t.example").named) == {"narrow"}
    assert not policy.cookies_of("nowhere.example").named
    assert not policy.cookies_of("auth.t.example").named


def sixteen_and(more: str) -> str:
    names = ", ".join(f"c{number}" for number in range(16))
    return f"""
apps:
  a: {{hosts: {HOST}, allow: authenticated, app_cookies: [{names}]}}
  b: {{hosts: {HOST}, base: /b, allow: authenticated, app_cookies: [{more}]}}
"""


def test_sixteen_cookies_of_a_host_are_taken_and_each_counts_once() -> None:
    assert len(policy_of(sixteen_and("c0, c15")).cookies_of(HOST).named) == 16


def test_one_more_is_refused_with_its_place() -> None:
    with pytest.raises(PolicyRejected) as rejected:
        policy_of(sixteen_and("c0, c16"))

    assert [str(one) for one in rejected.value.problems] == [
        "p.yaml:4:77: `c16` is one too many for a.t.example; expected at most 16 app_cookies of a host"
    ]


def test_names_and_paths_of_full_length_are_taken() -> None:
    name, path = "n" * 64, "/" + "p" * 127

    assert named(f"allow: authenticated, app_cookies: {{name: {name}, path: {path}}}") == {name: (path, path + "/")}


def test_a_host_cookie_may_say_where_it_lies_anyway() -> None:
    assert named("allow: authenticated, app_cookies: {name: __Host-sid, path: /}") == {"__Host-sid": ("/",)}
