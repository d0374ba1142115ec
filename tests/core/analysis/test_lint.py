"""What is loaded, but hardly meant, is warned of; a note says that it is meant."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.analysis.lint import lint
from gateway.core.analysis.warning import PolicyWarning
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from tests.core.policy.build import HOST, NOW, app, policy_of

ROOT: Final = Path(__file__).resolve().parents[3]
ADMIN: Final = "admin: {paths: /admin/**, allow: {groups: ops}, require: {mfa: true, authenticated_within: 10m}}"
OPS: Final = "allow: {groups: ops}, require: {mfa: true, authenticated_within: 10m}"


def warnings_of(policy: Policy, now: int = NOW) -> tuple[PolicyWarning, ...]:
    return lint(policy, now)


def warned(routes: str, *, allow: str = "authenticated") -> list[tuple[str, str]]:
    """Code and message of each, of an app with these routes."""
    return [(one.code, one.message) for one in warnings_of(app(f"allow: {allow}, routes: {{{routes}}}"))]


def codes(routes: str, *, allow: str = "authenticated") -> list[str]:
    return [code for code, _ in warned(routes, allow=allow)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("allow: anyone", "lets anyone in"),
        ("allow: [anyone, {groups: ops}]", "lets anyone in"),
        ("allow: authenticated", "lets in everybody who is logged in"),
        ("allow: {groups: ops}", "asks for no second factor"),
        ("allow: {groups: ops}, require: {mfa: true}", "accepts an older login"),
        ("allow: {groups: ops}, require: {mfa: true, authenticated_within: 601s}", "accepts an older login"),
        ("allow: [{groups: ops}, {groups: ops, require: {mfa: true}}]", "asks for no second factor"),
    ],
)
def test_a_route_inside_a_guarded_place_that_asks_less_is_named_with_both(settings: str, said: str) -> None:
    found = warned(f"{ADMIN}, help: {{paths: /admin/help, {settings}}}")

    inside = [message for code, message in found if code == "looser-inside" and "a/admin" in message]
    assert len(inside) == 1, found
    assert inside[0].startswith("a/help (/admin/help) is inside a/admin (/admin/**), p.yaml:1:")
    assert f", and {said}; " in inside[0]


@pytest.mark.parametrize(
    "settings",
    [
        OPS,
        "allow: nobody",
        "allow: {groups: [ops, staff]}, require: {mfa: true, authenticated_within: 10m}",
        "allow: {users: ada}, require: {mfa: true, authenticated_within: 1m}",
        f"{OPS}, deny: {{networks: 192.0.2.0/24}}",
        "allow: anyone, note: the help is public",
        "allow: {networks: 192.0.2.0/24}",
    ],
)
def test_what_asks_as_much_is_noted_or_cant_be_compared_is_not_named(settings: str) -> None:
    assert codes(f"{ADMIN}, help: {{paths: /admin/help, {settings}}}") == []


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [
        ("/admin", True),
        ("/ADMIN/x", True),
        ("/admin/x/**", True),
        ("/admin/*/y", True),
        ("/admin/{n:[0-9]+}", True),
        ("/administration", False),
        ("/x/admin", False),
        ("/*/x", False),
    ],
)
def test_inside_is_what_the_wider_pattern_takes(path: str, *, is_inside: bool) -> None:
    found = warned(f'{ADMIN}, in: {{paths: "{path}", allow: authenticated}}')

    assert bool(found) == is_inside, found


def test_the_nearest_place_around_counts_and_a_pattern_of_any_segment_is_one() -> None:
    tenant = '"/*/admin/**"'
    nearer = f"{ADMIN}, public: {{paths: /admin/open/**, allow: anyone, note: meant}}"

    assert codes(f"{nearer}, in: {{paths: /admin/open/x, allow: authenticated}}") == []
    assert codes(f"t: {{paths: {tenant}, allow: {{groups: ops}}}}, in: {{paths: /acme/admin/x}}") == ["looser-inside"]


def test_denials_that_a_route_does_not_have_are_less_and_those_of_the_app_are_everybodys() -> None:
    inner, outer = "in: {paths: /a/b}", "out: {paths: /a/**, deny: {networks: 192.0.2.0/24}}"

    assert [message.partition(", and ")[2] for _, message in warned(f"{inner}, {outer}")] == [
        "lacks its deny; ask as much, or say why in `note`"
    ]
    assert codes(f"{outer[:-1]}, allow: anyone, note: meant}}, {inner}") == ["looser-inside"]
    assert codes(f"in: {{paths: /a/b/**, allow: nobody}}, {outer}") == []
    assert warnings_of(app(f"allow: authenticated, deny: {{networks: 192.0.2.0/24}}, routes: {{{inner}}}")) == ()


def test_a_place_that_takes_an_old_login_by_one_of_its_legs_asks_for_no_new_one() -> None:
    either = "allow: [{groups: ops, require: {authenticated_within: 10m}}, {groups: staff}]"

    assert codes(f"out: {{paths: /a/**, {either}}}, in: {{paths: /a/b, allow: {{groups: ops}}}}", allow="nobody") == []


def test_a_base_and_a_path_may_have_more_segments_together_than_either_may() -> None:
    deep = f"base: {'/b' * 30}, routes: {{x: {{paths: {'/p' * 30}, allow: anyone}}}}"

    assert [one.code for one in warnings_of(app(f"allow: authenticated, {deep}"))] == ["looser-inside"]


def test_other_methods_of_the_place_are_no_place_around() -> None:
    place = "read: {paths: /a/**, methods: GET, allow: {groups: ops}}, write: {paths: /a/**, methods: PUT}"

    assert codes(f"{place}, in: {{paths: /a/b, methods: GET}}") == ["looser-inside"]
    assert codes(f"{place}, in: {{paths: /a/b, methods: PUT}}") == []


@pytest.mark.parametrize(
    ("page", "allow", "said", "instead"),
    [
        (
            "paths: /admin, allow: nobody",
            "authenticated",
            (
                "a/x (/admin) covers that path alone: a/rest (/**), p.yaml:1:8, decides the paths below it and lets in "
                "everybody who is logged in; end the path in /**, or say why in `note`"
            ),
            "paths: /admin/**, allow: nobody",
        ),
        ("paths: /admin, allow: nobody", "authenticated", "", "paths: /admin, allow: nobody, note: a page alone"),
        ("paths: /admin/, allow: {groups: ops}", "authenticated", "", "paths: /admin/**, allow: {groups: ops}"),
        (
            "paths: /, allow: {groups: ops}",
            "authenticated",
            "a/x (/) covers that path",
            "paths: /**, allow: {groups: ops}",
        ),
        ('paths: "/admin/*", allow: nobody', "authenticated", "a/x (/admin/*)", "paths: /admin/**, allow: nobody"),
        ("paths: /admin, methods: [GET, POST], allow: nobody", "authenticated", "", "paths: /admin/**, allow: nobody"),
        ("paths: /x.php, allow: nobody", "anyone", "and lets anyone in; end", "paths: /x.php/**, allow: nobody"),
        (
            "paths: /admin, allow: {groups: ops}, require: {mfa: true}",
            "{groups: ops}",
            "and asks for no second factor",
            "paths: /admin/**, allow: {groups: ops}, require: {mfa: true}",
        ),
    ],
)
def test_a_path_that_is_guarded_alone_is_named_where_what_is_below_it_is_open(
    page: str, allow: str, said: str, instead: str
) -> None:
    below = [message for code, message in warned(f"x: {{{page}}}", allow=allow) if code == "open-below"]

    assert len(below) == 1
    assert said in below[0]
    assert "open-below" not in codes(f"x: {{{instead}}}", allow=allow)


@pytest.mark.parametrize(
    "routes",
    [
        "x: {paths: /admin, allow: nobody}, y: {paths: /admin/**, allow: authenticated}",
        "x: {paths: [/admin, /admin/**], allow: nobody}",
        'x: {paths: [/admin, "/admin/*/**"], allow: nobody}, y: {paths: "/admin/*", allow: nobody, note: meant}',
        "x: {paths: /transfer, methods: POST, allow: {groups: ops}}",
        "x: {paths: /, allow: {users: a}, require: {authenticated_within: 5m}}, y: {paths: /**, allow: {users: a}}",
        "x: {paths: /admin, allow: {networks: 192.0.2.0/24}}",
        "x: {paths: /help, allow: anyone}, y: {paths: /**, allow: nobody, note: meant}",
    ],
)
def test_what_is_below_a_page_is_not_named_where_it_is_said_or_can_be_meant(routes: str) -> None:
    assert "open-below" not in codes(routes)


def test_a_page_alone_is_named_with_the_base_of_its_app() -> None:
    (found,) = warnings_of(app("base: /wiki, allow: authenticated, routes: {x: {paths: /admin, allow: nobody}}"))

    assert found.message.startswith("a/x (/wiki/admin) covers that path alone: a/rest (/wiki/**), p.yaml:1:8, decides")


@pytest.mark.parametrize(
    ("post", "other", "is_named"),
    [
        ("methods: [GET, POST]", "methods: DELETE, allow: {groups: ops}", True),
        ("methods: POST, allow: anyone, note: meant", "methods: DELETE", False),
        ("methods: POST", "allow: {groups: ops}", True),
        ("allow: authenticated", "methods: [PUT, DELETE], allow: {groups: ops}", True),
        ("methods: POST", "methods: [GET, HEAD], allow: {groups: ops}", False),
        ("methods: POST, allow: {groups: ops}", "methods: DELETE, allow: {groups: ops}", False),
        ("methods: POST, allow: {groups: ops}", "methods: DELETE", False),
        ("methods: PUT", "methods: DELETE, allow: {groups: ops}", False),
    ],
)
def test_a_post_that_asks_less_than_another_method_of_its_path_is_named(
    post: str, other: str, *, is_named: bool
) -> None:
    found = warned(f'post: {{paths: "/o/{{n:[0-9]+}}", {post}}}, other: {{paths: "/o/{{m:[0-9]+}}", {other}}}')

    assert [code for code, _ in found if code == "method"] == ["method"] * is_named, found
    assert all(
        message.startswith("a/post (/o/{n:[0-9]+}) takes POST and ") for code, message in found if code == "method"
    )


def test_who_takes_other_methods_only_or_other_paths_takes_no_post() -> None:
    ops = "methods: DELETE, allow: {groups: ops}"

    assert (
        codes(f"any: {{paths: /o}}, post: {{paths: /o, methods: POST, allow: nobody}}, del: {{paths: /o, {ops}}}") == []
    )
    assert (
        codes(f'post: {{paths: "/{{n:[0-9]}}", methods: POST, priority: 1}}, del: {{paths: "/{{n:[a-z]}}", {ops}}}')
        == []
    )


@pytest.mark.parametrize(
    ("path", "is_named"),
    [
        ('"/{dir}/{file:.+[.]css}"', True),
        ('"/*/{file:.+[.]css}"', True),
        ('"/index.php/{file:.+[.]css}"', True),
        ('"/x/{dir:[a-z.]+}/{file:.+[.]css}/**"', True),
        ('"/static/{file:.+[.]css}"', False),
        ('"/{file:.+[.]css}"', False),
        ('"/*/style.css"', False),
        ("/static/**", False),
    ],
)
def test_paths_that_are_open_by_how_they_end_are_named_where_a_script_may_stand_before(
    path: str, *, is_named: bool
) -> None:
    found = warned(f"css: {{paths: {path}, allow: anyone}}")

    assert ("path-info" in [code for code, _ in found]) == is_named, found


def test_paths_that_are_open_by_how_they_end_are_fine_where_nothing_is_guarded() -> None:
    css, php = 'css: {paths: "/*/{f:.+[.]css}", allow: anyone}', "php: {paths: /x.php, allow: {groups: ops}}"
    rest = "rest: {paths: /y/z, allow: anyone, note: the rest}"

    assert warnings_of(app(f"routes: {{{css}, {rest}}}")) == ()
    assert [one.code for one in warnings_of(app(f"routes: {{{css}, {rest}, {php}}}"))] == ["path-info"]
    for beside in ("/s/x.php", "/x.php/y/z"):
        assert warnings_of(app(f"routes: {{{css}, php: {{paths: {beside}, allow: {{groups: ops}}}}}}")) == (), beside
    named = 'css: {paths: "/index.php/{f:.+[.]css}", allow: anyone}'
    assert warnings_of(app(f"routes: {{{named}, {php}}}")) == ()
    assert [one.code for one in warnings_of(app(f"routes: {{{named}, {php.replace('x.php', 'INDEX.php')}}}"))] == [
        "path-info"
    ]
    deeper = 'css: {paths: "/s/{d}/{f:.+[.]css}", allow: anyone}'
    assert warnings_of(app(f"routes: {{{deeper}, s: {{paths: /s, allow: {{groups: ops}}}}}}")) == ()
    assert warnings_of(app(f"routes: {{{css[:-1]}, note: no PHP here}}, {rest}, {php}}}")) == ()


def test_an_app_that_is_open_to_anyone_has_a_note_or_a_warning() -> None:
    assert [(one.code, str(one.place)) for one in warnings_of(app("allow: anyone"))] == [("open", "p.yaml:1:8")]
    assert [one.code for one in warnings_of(app("allow: anyone, base: /shop"))] == ["open"]
    assert [one.code for one in warnings_of(app("allow: anyone, base: '/my shöp'"))] == ["open"]
    assert warnings_of(app("allow: anyone, note: the home page")) == ()
    assert warnings_of(app("allow: anyone, deny: {networks: 192.0.2.0/24}")) == ()
    assert codes("all: {paths: /**, allow: anyone, methods: GET}") == []


@pytest.mark.parametrize(
    ("settings", "at", "said"),
    [
        ("allow: authenticated, review_by: 2026-12-31", "2026", "the review was due on 2026-12-31"),
        ("allow: nobody, routes: {x: {paths: /x, note: meant, review_by: 2026-12-31}}", "2026", "the review was due"),
        (
            "allow: {groups: staff, until: 2026-12-30}",
            "{groups",
            "this leg lets nobody in any more: it held until 2026",
        ),
        (
            "allow: nobody, deny: {networks: 10.0.0.0/8, until: 2026-12-30}",
            "{net",
            "this denies nothing any more: it held",
        ),
    ],
)
def test_a_day_that_is_past_is_told_from_its_first_second_and_once(settings: str, at: str, said: str) -> None:
    begins = 1_798_675_200  # of 2026-12-31, in UTC
    policy = app(settings)

    assert warnings_of(policy, begins - 1) == ()
    (found,) = warnings_of(policy, begins)
    assert (found.code, found.place.column) == (
        "expired",
        len(f"apps: {{a: {{hosts: {HOST}, ") + settings.index(at) + 1,
    )
    assert found.message.startswith(said)


def test_a_day_that_opens_something_is_not_told() -> None:
    past = app("allow: authenticated, deny: {not: {until: 2026-01-01}}")
    either = app("allow: authenticated, deny: {any: [{networks: 10.0.0.0/8}, {until: 2026-01-01}]}")

    assert warnings_of(past) == warnings_of(either) == ()


def test_an_app_of_many_hosts_is_warned_of_once_and_hosts_are_apart() -> None:
    many = (
        "apps: {a: {hosts: [a.t.example, b.t.example], allow: authenticated, routes: {x: {paths: /x, allow: anyone}}}}"
    )
    apart = (
        "apps: {a: {hosts: a.t.example, allow: authenticated}, b: {hosts: '*.t.example', allow: authenticated, "
        "routes: {x: {paths: /x, allow: anyone, note: meant}}}, "
        "c: {hosts: c.t.example, routes: {x: {paths: /x, allow: anyone}}}}"
    )
    together = (
        "apps: {a: {hosts: a.t.example, allow: authenticated}, "
        "c: {hosts: a.t.example, base: /c, routes: {x: {paths: /x, allow: anyone}}}}"
    )

    assert [one.code for one in warnings_of(policy_of(many))] == ["looser-inside"]
    assert warnings_of(policy_of(apart)) == ()
    assert [one.message.partition(",")[0] for one in warnings_of(policy_of(together))] == [
        "c/x (/c/x) is inside a/rest (/**)"
    ]


def test_it_says_place_message_and_code() -> None:
    (found,) = warnings_of(app("allow: anyone"))

    assert str(found) == (
        "p.yaml:1:8: warning: a/rest (/**) lets anyone in on every path without a rule; set allow, or say why in "
        "`note` [open]"
    )


def test_what_we_ship_is_meant() -> None:
    for directory in (ROOT / "policies", ROOT / "gateway" / "demo"):
        # The demo writes its port into one of them.
        sources = {file.name: file.read_text().replace("<port>", "8443") for file in directory.glob("*.yaml")}
        assert sources
        assert warnings_of(compile_policy(sources, Site("auth.example.com", "https", 8443))) == ()


SEGMENTS: Final = st.sampled_from(["a", "b.php", "*", "{x}", "{y:[a-z.]+}", "{z:.+}"])
PATHS: Final = st.lists(SEGMENTS, max_size=3, unique=True).map("/".join)
ALLOWED: Final = st.sampled_from(["anyone", "authenticated", "nobody", "{groups: ops}", "{networks: 192.0.2.0/24}"])
METHODS: Final = st.sampled_from(["", ", methods: GET", ", methods: [POST, PUT]", ", methods: DELETE"])


@given(
    routes=st.lists(st.tuples(PATHS, st.sampled_from(["", "/**"]), ALLOWED, METHODS), max_size=6), noted=st.booleans()
)
def test_it_has_a_word_for_every_policy_and_none_where_all_is_noted(
    routes: list[tuple[str, str, str, str]], *, noted: bool
) -> None:
    note = ", note: meant" if noted else ""
    written = ", ".join(
        f'r{at}: {{paths: "/{path}{rest if path else rest[1:]}", priority: {at}, allow: {allow}{methods}{note}}}'
        for at, (path, rest, allow, methods) in enumerate(routes)
    )
    found = warnings_of(app(f"allow: authenticated, routes: {{{written}}}"))

    assert not noted or [one for one in found if " a/rest " not in f" {one.message}"] == []
    assert len({str(one) for one in found}) == len(found)
