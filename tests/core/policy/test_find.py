"""What is most specific decides, whatever the order, and nothing falls through to what is wider."""

import sys
from collections.abc import Callable
from functools import cache
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.compile import Policy, compile_policy
from gateway.core.policy.model import Refused, Routed
from gateway.core.policy.places import PolicyRejected
from tests.core.policy.build import HOST, SITE, app, mistakes, policy_of, refused, routed

PATTERNS = (
    st.lists(st.sampled_from(["a", "b", "ab", "*"]), max_size=3)
    .flatmap(lambda steps: st.sampled_from([steps, [*steps, "**"]]))
    .map(lambda steps: "/" + "/".join(steps))
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "c"]), max_size=4).map(lambda steps: "/" + "/".join(steps))


def with_paths(patterns: list[str]) -> Policy:
    """One route for each pattern, named by its place in the list."""
    routes = ", ".join(f'r{number}: {{paths: "{pattern}", allow: anyone}}' for number, pattern in enumerate(patterns))
    return policy_of(f"apps: {{a: {{hosts: {HOST}, routes: {{{routes}}}}}}}")


def takes(pattern: str, path: str) -> bool:
    """The second opinion: one pattern against one path, segment by segment."""
    steps, segments = pattern.strip("/").split("/"), [one for one in path.strip("/").split("/") if one]
    steps = [step for step in steps if step]
    rest = steps[-1:] == ["**"]
    steps = steps[: len(steps) - rest]
    fits = len(segments) >= len(steps) if rest else len(segments) == len(steps)
    return fits and all(step in ("*", segment) for step, segment in zip(steps, segments, strict=False))


def specificity(pattern: str) -> list[int]:
    """Smaller is more specific: segment by segment, and the end before `**`."""
    steps = [step for step in pattern.strip("/").split("/") if step]
    return [{"*": 2, "**": 4}.get(step, 1) for step in steps] + ([] if steps[-1:] == ["**"] else [3])


@given(st.lists(PATTERNS, min_size=1, max_size=6, unique_by=lambda pattern: pattern.rstrip("/")), PATHS)
def test_the_most_specific_pattern_decides(patterns: list[str], path: str) -> None:
    fitting = [pattern for pattern in patterns if takes(pattern, path)]

    found = with_paths(patterns).find(HOST, "GET", path)

    if not fitting:
        assert isinstance(found, Refused)
        assert found.reason == "no_route"
    else:
        assert isinstance(found, Routed)
        best = min(fitting, key=specificity)
        assert found.route.name == f"a/r{patterns.index(best)}"


@given(st.lists(PATTERNS, min_size=2, max_size=4, unique_by=lambda pattern: pattern.rstrip("/")), PATHS)
def test_the_order_of_routes_decides_nothing(patterns: list[str], path: str) -> None:
    found = set()
    for order in permutations(patterns):
        decided = with_paths(list(order)).find(HOST, "GET", path)
        found.add(order[int(decided.route.name[3:])] if isinstance(decided, Routed) else decided.reason)

    assert len(found) == 1


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("/", ["/"], ["/x"]),
        ("/**", ["/", "/x", "/x/y/"], []),
        ("/x", ["/x", "/x/"], ["/", "/xy", "/x/y"]),
        ("/x/", ["/x", "/x/"], ["/x/y"]),
        ("/x/**", ["/x", "/x/", "/x/y", "/x/y/z"], ["/", "/xy"]),
        ("/*", ["/x", "/x/"], ["/", "/x/y"]),
        ("/x/*", ["/x/y", "/x/y/"], ["/x", "/x/y/z"]),
        ("/{n:[0-9]+}", ["/7", "/77/"], ["/7b", "/b7", "/"]),
        ("/a b", ["/a%20b"], ["/ab", "/a+b"]),
        ("/caf\u00e9", ["/caf%c3%a9"], ["/cafe", "/caf%e9"]),
        ("/a.css", ["/a.css"], ["/axcss"]),
    ],
)
def test_patterns_take_whole_segments(pattern: str, fits: list[str], does_not: list[str]) -> None:
    policy = policy_of(f'apps: {{a: {{hosts: {HOST}, routes: {{r: {{paths: "{pattern}", allow: anyone}}}}}}}}')

    for path in fits:
        assert routed(policy, path).route.name == "a/r"
    for path in does_not:
        assert refused(policy, path).reason in ("no_route", "odd_path")


ORDERED = """
apps:
  a:
    hosts: a.t.example
    allow: nobody
    routes:
      literal: {paths: /x/new}
      expression: {paths: "/x/{n:[a-z]+}"}
      one: {paths: /x/*}
      wide: {paths: /x/**}
      late: {paths: /*/new/**}
"""


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/x/new", "literal"),
        ("/x/abc", "expression"),
        ("/x/7", "one"),
        ("/x", "wide"),
        ("/x/new/7", "wide"),
        ("/y/new/7", "late"),
        ("/y", "rest"),
        ("/", "rest"),
    ],
)
def test_a_literal_comes_before_an_expression_before_a_star_before_two(path: str, route: str) -> None:
    assert routed(policy_of(ORDERED), path).route.name == f"a/{route}"


METHODS = "allow: anyone, routes: {r: {paths: /x, methods: GET, allow: nobody}, p: {paths: /x, methods: [PUT, DELETE]}}"


@pytest.mark.parametrize(("method", "route"), [("GET", "a/r"), ("HEAD", "a/r"), ("PUT", "a/p"), ("DELETE", "a/p")])
def test_the_method_decides_among_routes_with_one_path(method: str, route: str) -> None:
    assert routed(app(METHODS), "/x", method).route.name == route


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "PROPFIND", "TRACE", "CONNECT", "FOO"])
def test_a_method_that_nobody_wrote_for_a_path_is_405_and_not_the_wider_route(method: str) -> None:
    found = refused(app(METHODS), "/x", method)

    assert (found.status, found.allow) == (405, ("DELETE", "GET", "HEAD", "PUT"))
    assert refused(app("allow: anyone"), "/x", "FOO").status == 405


def test_a_route_without_methods_takes_those_that_nobody_lists() -> None:
    policy = app("allow: anyone, routes: {r: {paths: /x, methods: POST}, other: {paths: /x}}")

    assert routed(policy, "/x", "POST").route.name == "a/r"
    assert routed(policy, "/x", "REPORT").route.name == "a/other"
    assert refused(policy, "/x", "TRACE").status == 405


HOSTS = """
apps:
  exact: {hosts: a.b.t.example, routes: {only: {paths: /only, allow: anyone}}}
  one: {hosts: "*.b.t.example", allow: anyone}
  deep: {hosts: "**.t.example", allow: anyone}
  named: {hosts: "{who}.n.t.example", allow: {users: "{who}"}}
  middle: {hosts: "x.*.m.t.example", allow: anyone}
"""


@pytest.mark.parametrize(
    ("host", "route"),
    [
        ("c.b.t.example", "one/rest"),
        ("d.c.b.t.example", "deep/rest"),
        ("b.t.example", "deep/rest"),
        ("ada.n.t.example", "named/rest"),
        ("x.y.m.t.example", "middle/rest"),
        ("z.y.m.t.example", "deep/rest"),
    ],
)
def test_the_most_specific_host_decides(host: str, route: str) -> None:
    assert routed(policy_of(HOSTS), "/", host=host).route.name == route


def test_a_host_written_out_replaces_the_wildcards_around_it_as_a_whole() -> None:
    assert refused(policy_of(HOSTS), "/other", host="a.b.t.example").reason == "no_route"


@pytest.mark.parametrize("host", ["t.example", "example", "t.example.evil.example", "xt.example", "auth.t.example"])
def test_a_host_that_nobody_has_is_refused(host: str) -> None:
    policy = policy_of(HOSTS)

    assert (refused(policy, "/", host=host).status, refused(policy, "/", host=host).reason) == (403, "no_host")
    assert not policy.knows_host(host)


def test_what_a_host_captures_goes_along() -> None:
    assert routed(policy_of(HOSTS), "/", host="Ada.N.T.example").captures == {"who": "ada"}


def test_two_apps_share_a_host_by_their_bases() -> None:
    policy = policy_of(
        f"apps: {{w: {{hosts: {HOST}, base: /wiki, allow: anyone}}, s: {{hosts: {HOST}, base: /shop/, allow: nobody}}}}"
    )

    assert routed(policy, "/wiki").route.name == "w/rest"
    assert routed(policy, "/shop/x").route.name == "s/rest"
    assert refused(policy, "/").reason == "no_route"
    assert refused(policy, "/wikis").reason == "no_route"


@pytest.mark.parametrize(
    ("case", "spelled", "differently"),
    [("guarded", "a/r", "case"), ("sensitive", "a/r", "a/rest"), ("insensitive", "a/r", "a/r")],
)
def test_case_is_guarded_unless_the_app_says_what_it_means(case: str, spelled: str, differently: str) -> None:
    policy = app(f'allow: anyone, case: {case}, routes: {{r: {{paths: "/Admin/{{v:v[0-9]+}}/x", allow: nobody}}}}')

    def decided(path: str) -> str:
        found = policy.find(HOST, "GET", path)
        return found.reason if isinstance(found, Refused) else found.route.name

    assert decided("/Admin/v7/x") == spelled
    assert {decided("/admin/v7/x"), decided("/Admin/V7/x"), decided("/ADMIN/v7/X")} == {differently}


def test_a_priority_decides_between_expressions_that_can_take_one_segment() -> None:
    policy = app(
        'allow: nobody, routes: {number: {paths: "/{n:[0-9]+}", priority: 1}, '
        'hex: {paths: "/{n:[0-9a-f]+}", methods: GET}}'
    )

    assert routed(policy, "/77").route.name == "a/number"
    assert routed(policy, "/7f").route.name == "a/hex"
    assert refused(policy, "/7f", "POST").status == 405


def test_a_priority_decides_between_routes_of_one_path() -> None:
    policy = app(
        "allow: nobody, routes: {r: {paths: /x, priority: 1, methods: GET}, s: {paths: /x, methods: [GET, PUT]}}"
    )

    assert routed(policy, "/x").route.name == "a/r"
    assert routed(policy, "/x", "PUT").route.name == "a/s"


def two(first: str, second: str, settings: str = "") -> str:
    return f"apps: {{a: {{hosts: {HOST}, allow: nobody, {settings} routes: {{x: {{{first}}}, y: {{{second}}}}}}}}}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("paths: /x", "paths: /x"),
        ("paths: /x", "paths: /x/"),
        ("paths: /x", "paths: /X"),
        ("paths: /*", 'paths: "/{n}"'),
        ('paths: "/{n:[a-z]+}"', 'paths: "/{m:[a-z]+}"'),
        ('paths: "/{n:[a-z]+}"', 'paths: "/{m:[0-9]+}"'),
        ('paths: "/{n:[a-z]+}", methods: GET', 'paths: "/{m:[0-9]+}", methods: PUT'),
        ("paths: /x, methods: [GET, PUT]", "paths: /x, methods: [PUT]"),
        ("paths: /x, methods: GET", "paths: /x, methods: HEAD"),
        ("paths: /x, priority: 2", "paths: /x, priority: 2"),
        ("paths: [/x, /X]", "paths: /y"),
    ],
)
def test_a_tie_is_refused(first: str, second: str) -> None:
    assert any("expected one" in one or "priorities" in one for one in mistakes(two(first, second)))


@pytest.mark.parametrize(
    ("first", "second", "settings"),
    [
        ("paths: /x, methods: GET", "paths: /x, methods: PUT", ""),
        ("paths: /x, methods: GET", "paths: /x", ""),
        ("paths: /x, priority: 1", "paths: /x", ""),
        ("paths: /x", "paths: /X", "case: sensitive,"),
        ("paths: /x/*", "paths: /*/x", ""),
        ("paths: /x", "paths: /x/**", ""),
        ('paths: "/{n:[a-z]+}", priority: 1', 'paths: "/{m:[0-9]+}"', ""),
    ],
)
def test_what_is_no_tie_is_accepted(first: str, second: str, settings: str) -> None:
    assert policy_of(two(first, second, settings)).routes


def test_ties_are_found_across_files_and_apps() -> None:
    one = f"apps: {{a: {{hosts: {HOST}, allow: nobody}}, b: {{hosts: {HOST}, base: /x, allow: nobody}}}}"
    other = f"apps: {{c: {{hosts: {HOST}, allow: nobody}}}}"

    with pytest.raises(PolicyRejected) as rejected:
        policies(one, other)

    assert [str(problem) for problem in rejected.value.problems] == [
        (
            f"2.yaml:1:8: c/rest and a/rest (1.yaml:1:8) both decide {HOST}/**; "
            "expected one; give one a base, other methods, a priority, or drop it"
        )
    ]


def policies(*texts: str) -> Policy:
    return compile_policy({f"{number}.yaml": text for number, text in enumerate(texts, 1)}, SITE)


def calls_of(act: Callable[[], object]) -> int:
    """How many Python functions it enters."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@cache
def ten_thousand_routes() -> Policy:
    """100 for each of 100 apps."""
    routes = ", ".join(f"r{number}: {{paths: /v{number}/*/x}}" for number in range(100))
    text = ", ".join(
        f"a{number}: {{hosts: h{number}.t.example, allow: nobody, routes: {{{routes}}}}}" for number in range(100)
    )
    return policy_of(f"apps: {{{text}}}")


@pytest.mark.parametrize("path", ["/v7/y/x", "/v7/y/z", "/other", "/v7/%79/x"])
def test_ten_thousand_routes_cost_what_ten_cost(path: str) -> None:
    few, many = with_paths([f"/v{number}/*/x" for number in range(10)] + ["/**"]), ten_thousand_routes()
    few.find(HOST, "GET", "/%79")  # urllib makes its table of digits with the first

    cost = calls_of(lambda: few.find(HOST, "GET", path))

    assert calls_of(lambda: many.find("h7.t.example", "GET", path)) == cost
