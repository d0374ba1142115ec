"""One request has one form, and a path one meaning or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.canonical import canonical_host, folded, is_plain, plain_segments, readings
from gateway.core.policy.compile import PolicyRejected
from gateway.core.policy.facts import Refused
from gateway.core.policy.model import Routed
from tests.core.policy.build import HOST, app, policy_of, refused, routed

PIECES = [
    *["a", "admin", "Admin", "b", "x", "users", "/", "/", "//", "%2f", "%2F", "%252f", "%25252f", "%5c", "\\", ";"],
    *[";x=1", "%3b", "%253b", ".", "..", "%2e", "%2e%2e", "%252e", "%20", "%ff", "%c3%a9", "%61", "%00", "%0a", "%"],
]
ODD_PATHS = st.lists(st.sampled_from(PIECES), max_size=9).map(lambda pieces: "/" + "".join(pieces))
GUARDED = """
apps:
  a:
    hosts: a.t.example
    allow: authenticated
    path_accepts: [encoded_slash, encoded_percent, double_slash, semicolon, backslash, not_utf8]
    routes:
      admin: {paths: [/admin/**, /*/admin/**], allow: nobody}
      users: {paths: "/users/{who}/**", allow: {users: "{who}"}}
      exact: {paths: /a/b}
      number: {paths: "/x/{n:[ab]+}"}
"""

AGREEING = policy_of(GUARDED)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("", "doesn't start"),
        ("admin", "doesn't start"),
        ("http://a.t.example/", "doesn't start"),
        ("/a b", "visible ASCII"),
        ("/a#b", "visible ASCII"),
        ("/a\x00", "visible ASCII"),
        ("/caf\xe9", "visible ASCII"),
        ("/%", "percent sign"),
        ("/%4", "percent sign"),
        ("/%u0041", "percent sign"),
        ("/a%00", "control byte"),
        ("/a%0d%0aX: y", "visible ASCII"),
        ("/a%0d%0aX", "control byte"),
        ("/a%250a", "control byte"),
        ("/.", "dot segment"),
        ("/a/../b", "dot segment"),
        ("/a/%2e%2E/b", "dot segment"),
        ("/a/%252e%252e/b", "dot segment"),
        ("/a/..;/b", "dot segment"),
        ("/a/..%3bx/b", "dot segment"),
        ("/a%2f..%2fb", "dot segment"),
        ("/a%5c..%5cb", "dot segment"),
        ("/a\\..\\b", "dot segment"),
        ("/a/.. /b".replace(" ", "%20"), "dot segment"),
        ("/a/.../b", "dot segment"),
        ("/a%c0%afb", "overlong"),
        ("/a%e0%80%afb", "overlong"),
        ("/" + "a" * 9000, "characters"),
        ("/%" + "25" * 80 + "2f", "readings"),
    ],
)
def test_some_paths_are_refused_for_everyone(path: str, what: str) -> None:
    found = refused(app("allow: anyone, path_accepts: [semicolon, encoded_slash, encoded_percent]"), path)

    assert (found.status, found.reason) == (400, "bad_path")
    assert what in found.detail


@pytest.mark.parametrize(
    ("path", "oddity"),
    [
        ("/x%2Fy", "encoded_slash"),
        ("/x%252fy", "encoded_percent"),
        ("//x", "double_slash"),
        ("/x//", "double_slash"),
        ("//", "double_slash"),
        ("/x;y", "semicolon"),
        ("/x%3By", "semicolon"),
        ("/x\\y", "backslash"),
        ("/x%5cy", "backslash"),
        ("/x%ff", "not_utf8"),
    ],
)
def test_an_odd_path_is_refused_unless_the_route_accepts_it(path: str, oddity: str) -> None:
    every = ("encoded_slash", "encoded_percent", "double_slash", "semicolon", "backslash", "not_utf8")
    others = ", ".join(one for one in every if one != oddity)

    assert refused(app("allow: anyone"), path).reason == "odd_path"
    assert oddity in refused(app(f"allow: anyone, path_accepts: [{others}]"), path).detail
    assert routed(app(f"allow: anyone, path_accepts: [{', '.join(every)}]"), path).route.name == "a/rest"


@pytest.mark.parametrize(
    "path",
    [
        "/api/admin%2Fkeys",
        "/api/admin%252Fkeys",
        "/api//admin/keys",
        "/api/admin;x/keys",
        "/api/admin%3bx/keys",
        "/api/admin%5ckeys",
        "/api\\admin\\keys",
        "/api/admin./keys",
        "/api/admin%20/keys",
        "/api/x;%2f/admin",
    ],
)
def test_what_an_app_may_take_for_another_route_is_refused(path: str) -> None:
    """The opt-in of the wider route doesn't choose the route that grants it (threats.md Y1)."""
    every = "[encoded_slash, encoded_percent, double_slash, semicolon, backslash]"
    policy = app(
        f"allow: anyone, path_accepts: {every}, routes: {{api: {{paths: /api/**}}, "
        "admin: {paths: [/api/admin/**, /api/x/admin], allow: nobody}}"
    )

    assert refused(policy, path).reason == "ambiguous_path"
    assert "a/admin" in refused(policy, path).detail


@pytest.mark.parametrize("path", ["/%61dmin/x", "/a%64min", "/u/%72oot/x", "/n/%37", "/%40me", "/%7Eroot/x"])
def test_a_letter_encoded_without_need_is_refused_where_it_makes_a_difference(path: str) -> None:
    """Express compares before it decodes: to it /%61dmin is any page, so this one is guarded by another route."""
    policy = app(
        "allow: authenticated, routes: {admin: {paths: /admin/**, allow: nobody}, "
        'root: {paths: [/u/root/**, "/~root/**"]}, number: {paths: "/n/{n:[0-9]+}"}, me: {paths: "/@me"}}'
    )

    assert refused(policy, path).reason == "ambiguous_path"
    assert "a/rest" in refused(policy, path).detail


@pytest.mark.parametrize("path", ["/%7Eeve/x", "/admin/%61%2E%62", "/caf%C3%A9", "/a%20b", "/u/eve%40t.example"])
def test_elsewhere_it_is_the_letter_that_it_is(path: str) -> None:
    policy = app(
        'allow: authenticated, routes: {admin: {paths: /admin/**}, drinks: {paths: ["/caf\u00e9", "/a b"]}'
        ', own: {paths: "/u/{who}", allow: {users: "{who}"}}}'
    )

    assert routed(policy, path).captures == ({"who": "eve@t.example"} if path.startswith("/u/") else {})


@pytest.mark.parametrize(
    "path", ["/admin//x", "/admin/%2fx", "/admin/%252fx", "/admin//", "/admin//x//y", "/admin/;/x"]
)
def test_an_empty_segment_may_hide_a_tree_from_an_app(path: str) -> None:
    """To Flask /admin//x is not below /admin: a handler of the wider route would answer."""
    policy = app(
        "allow: anyone, path_accepts: [encoded_slash, encoded_percent, double_slash, semicolon], "
        "routes: {admin: {paths: /admin/**, allow: nobody}}"
    )

    assert refused(policy, path).reason == "ambiguous_path"
    assert routed(policy, path.replace("/admin", "/admin/deeper")).route.name == "a/admin"
    assert routed(policy, path.replace("/admin", "/other")).route.name == "a/rest"


def test_an_expression_does_not_judge_what_apps_read_differently() -> None:
    policy = app('allow: nobody, path_accepts: semicolon, routes: {f: {paths: "/f/{name:.+}", allow: anyone}}')

    assert refused(policy, "/f/a;b").reason == "ambiguous_path"


def test_parameters_may_be_cut_off_before_or_after_decoding() -> None:
    """Here both extremes, nothing cut and all cut, end at `wide`, and a server that cuts first asks for `secret`."""
    policy = app(
        "path_accepts: semicolon, routes: {wide: {paths: [/*/*, /a/*], allow: anyone}, "
        "secret: {paths: /*/secret, allow: nobody}}"
    )

    assert refused(policy, "/a%3bb/secret;c").reason == "ambiguous_path"


def test_an_accepted_oddity_never_changes_what_is_captured() -> None:
    policy = app(
        'allow: nobody, path_accepts: encoded_slash, routes: {own: {paths: "/h/{who}/**", allow: {users: "{who}"}}}'
    )

    assert refused(policy, "/h/ada%2feve").reason == "ambiguous_path"
    assert routed(policy, "/h/ada/x%2fy").captures == {"who": "ada"}


@pytest.mark.parametrize(
    "path",
    [
        "/group%2Fproject/x",
        "/@scope%2fname",
        "/job/feature%252Fx/12",
        "/app;jsessionid=1",
        "/queue/%2F/get",
        "/a%253Bb",
    ],
)
def test_real_paths_pass_where_they_are_accepted(path: str) -> None:
    policy = app("allow: anyone, path_accepts: [encoded_slash, encoded_percent, semicolon]")

    assert routed(policy, path).route.name == "a/rest"


@given(ODD_PATHS)
def test_all_readings_of_a_routed_path_end_at_its_route(path: str) -> None:
    """What an app makes of the path, by a second way of reading it, is decided by the same route."""
    found = AGREEING.find(HOST, "GET", path)

    if isinstance(found, Routed):
        for reading in app_readings(path):
            again = AGREEING.find(HOST, "GET", reading)
            assert isinstance(again, Routed), reading
            assert (again.route.name, again.captures) == (found.route.name, found.captures), reading


def app_readings(path: str) -> list[str]:
    """Plain paths that servers make of it: each of some orders of decoding, cutting and collapsing."""
    found = set()
    for cuts_first in (False, True):
        for decodings in (1, 2, 3):
            text = cut(path) if cuts_first else path
            for _ in range(decodings):
                text = decode(text)
            text = cut(text.replace("\\", "/"))
            segments = [segment for segment in text.split("/") if segment]
            if all(segment.isascii() and segment.isalnum() for segment in segments):
                found.add("/" + "/".join(segments))
    return sorted(found)


def cut(path: str) -> str:
    return "/".join(segment.partition(";")[0] for segment in path.split("/"))


def decode(path: str) -> str:
    octets, at = bytearray(), 0
    raw = path.encode("latin-1", "replace")
    while at < len(raw):
        if raw[at : at + 1] == b"%" and all(chr(octet) in "0123456789abcdefABCDEF" for octet in raw[at + 1 : at + 3]):
            octets.append(int(raw[at + 1 : at + 3], 16))
            at += 3
        else:
            octets.append(raw[at])
            at += 1
    return octets.decode("latin-1")


@given(st.text(max_size=60) | ODD_PATHS)
def test_reading_a_path_never_crashes(path: str) -> None:
    found = readings(path)

    if not isinstance(found, Refused):
        assert 1 <= len(found.each) <= 66
        for segments in found.each:
            assert ".." not in segments
            assert "." not in segments


@given(st.from_regex(r"/[a-zA-Z0-9._~!$&'()*+,=:@/-]{0,30}", fullmatch=True))
def test_a_plain_path_is_read_as_step_by_step(path: str) -> None:
    if is_plain(path):
        found = readings(path)
        assert not isinstance(found, Refused)
        assert found.each == (plain_segments(path),)
        assert not found.oddities


@pytest.mark.parametrize("host", ["A.T.EXAMPLE", "a.t.example:8443", "a.t.example:", "A.t.example:1"])
def test_the_case_and_the_port_of_a_host_do_not_matter(host: str) -> None:
    policy = app("allow: anyone")

    assert routed(policy, "/", host=host).route.name == "a/rest"
    assert policy.knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *["", ".", "a.t.example.", "a..example", "-a.t.example", "a-.t.example", "a_b.t.example", "a.t.example/x"],
        *["127.0.0.1", "[::1]", "a.t.example:x", "a.t.example:80:80", "a@a.t.example", "a.t.example\\x", "0x7f.1"],
        *[
            "\uff41.t.example",
            "a\u3002t.example",
            "a.t.example\n",
            "a.t.example ",
            "x" * 64 + ".example",
            "a." * 127 + "a",
        ],
    ],
)
def test_what_is_no_host_name_is_refused(host: str) -> None:
    policy = policy_of('apps: {a: {hosts: "**.example", allow: anyone}}')

    assert (refused(policy, "/", host=host).status, refused(policy, "/", host=host).reason) == (400, "bad_host")
    assert not policy.knows_host(host)


@given(st.text(max_size=40))
def test_canonical_hosts_stay_as_they_are(host: str) -> None:
    name = canonical_host(host)

    assert name is None or canonical_host(name) == name


@pytest.mark.parametrize("method", ["get", "Get", "GET ", "", "G\u00c9T", "GET/1", "-GET", "GET-", "G_T", "A" * 40])
def test_a_method_is_of_capital_letters_and_hyphens_inside(method: str) -> None:
    assert refused(app("allow: anyone"), "/", method).status == 400


def test_only_ascii_letters_have_two_cases() -> None:
    assert folded("Ädmin\u212a") == "Ädmin\u212a".replace("A", "a")
    assert folded("ADMIN") == "admin"


def test_paths_of_bastion_are_never_the_apps() -> None:
    policy = app("allow: anyone, path_accepts: [encoded_slash, semicolon]")

    for path in ("/.bastion", "/.bastion/x", "/.bastion/", "/%2ebastion/x", "/.bastion;/x", "/.bastion%2fx"):
        assert refused(policy, path).reason == "no_route"


@pytest.mark.parametrize("method", ["VERSION-CONTROL", "BASELINE-CONTROL"])
def test_a_registered_method_with_a_hyphen_is_one(method: str) -> None:
    """RFC 3253."""
    listed = app(f"allow: anyone, routes: {{r: {{paths: /x, methods: [{method}]}}}}")

    assert routed(app("allow: anyone"), "/", method).route.name == "a/rest"
    assert routed(listed, "/x", method).route.name == "a/r"
    assert (refused(listed, "/x", "GET").allow, refused(listed, "/x", "X-OTHER").status) == ((method,), 405)


@pytest.mark.parametrize("host", ["my_app.t.example", "_x.t.example:8443", "a.x_.example:"])
def test_a_host_with_an_underscore_is_known_where_it_is_written_out(host: str) -> None:
    hosts = "[my_app.t.example, _x.t.example, a.x_.example]"
    policy = policy_of(f'apps: {{a: {{hosts: {hosts}, allow: anyone}}, b: {{hosts: "**.example", allow: nobody}}}}')

    assert routed(policy, "/", host=host).route.name == "a/rest"
    assert policy.knows_host(host)
    assert refused(policy, "/", host=f"other_{host}").reason == "bad_host"


@pytest.mark.parametrize("host", ["*.my_app.example", "**.my_app.example", "{who}.my_app.example"])
def test_an_underscore_beside_a_wildcard_is_refused(host: str) -> None:
    with pytest.raises(PolicyRejected, match="expected each host with _ written out"):
        policy_of(f'apps: {{a: {{hosts: "{host}", allow: anyone}}}}')
