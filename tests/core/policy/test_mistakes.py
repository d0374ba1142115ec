"""All mistakes are said at once, each with its place, what was expected, and where possible what to write."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.client_grammar import CLIENT
from gateway.core.policy.compile import PolicyRejected, Site, compile_policy
from gateway.core.policy.grammar import SHAPES
from tests.core.policy.build import mistakes, policy_of

WIKI = "apps: {wiki: {hosts: wiki.example.org, allow: authenticated, "


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("alow: anyone", "`alow` is no key of an app; expected allow, app_cookies, assertion, base, cache"),
        ("alow: anyone", "did you mean `allow`?"),
        ("cors: partnr", "no CORS profile `partnr`; expected none, app"),
        ("headers: strikt", "did you mean `strict`?"),
        ("limits: GENERAL", "no limit `GENERAL`"),
        ("limits: 60/minute", "rate is `60/minute`; expected a number with /s, /min, /h or /d"),
        ("limits: 0/s", "rate is `0/s`; expected from 1"),
        ("limits: {rate: 1/s, burst: 0}", "burst is `0`; expected a whole number from 1"),
        ("limits: {rate: 1/d, burst: 36501}", "burst is 36501, which takes over 100 years to refill; expected at most"),
        ("limits: {burst: 2}", "a limit needs `rate`"),
        ("limits: {rate: 1/s, per: user}", "per is `user`; expected caller, principal, ip, everyone"),
        ("require: {mfa: yes}", "mfa is `yes`; expected true or false; write true"),
        ("require: {authenticated_within: 12:30}", "a number with s, m, h or d; 12 h 30 m is 750m"),
        ("require: {authenticated_within: 0s}", "which nobody can meet"),
        ("require: {}", "an empty require"),
        ("deny: {networks: 10.8.0.1/16}", "did you mean 10.8.0.0/16, or the address 10.8.0.1?"),
        ("deny: {networks: offce}", "no network `offce`; expected an address, CIDR"),
        ("deny: {networks: 10.8.0.256}", "`10.8.0.256` is no address and no CIDR"),
        ("deny: anyone", "`anyone` is no condition of deny"),
        ("deny: {}", "no condition; expected at least one of users, groups"),
        ("deny: {groups: []}", "an empty list"),
        ("deny: {until: 2026-02-30}", "which is in no calendar"),
        ("deny: {until: 31.12.2026}", "expected a day as 2026-12-31"),
        ("deny: {groups: 7}", "`7` is no text"),
        ("deny: {users: {who}}", 'is a map in YAML; expected a user\'s name; write "{who}"'),
        ("deny: {users: '{who}'}", "{who} is captured by no host or path of wiki/rest"),
        ("deny: {users: 'x{who}'}", "has braces inside"),
        ("deny: {not: {groups: x, networks: 10.0.0.0/8}}", "`not` over people and something else"),
        ("deny: {any: [{groups: x}, {until: 2026-01-01}]}", "`any` over people and something else"),
        ("deny: {groups: x, require: {mfa: true}}", "`require` is no key of a condition"),
        ("path_accepts: slash", "path_accepts is `slash`; expected encoded_slash"),
        ("respond: {denied: 401}", "denied is `401`; expected 403, 404, 503"),
        ("respond: {message: " + "x" * 301 + "}", "a message of 301 characters"),
        ("respond: {message: 'a\\nb'}".replace("'", '"'), "a control character"),
        ("identity: optional", "identity: optional without anyone"),
        ("cross_origin: true", "cross_origin is `true`; expected refuse, allow"),
        ("case: upper", "case is `upper`; expected guarded, sensitive, insensitive"),
        ("base: wiki", "wiki is no path; expected one that starts with /; write /wiki"),
        ("base: /*", "base /* is a pattern"),
        ("base: /.bastion", "is Bastion's own on every host"),
        ("cache: public", "cache is `public`; expected private, shared, none"),
        ("cache: privte", "did you mean `private`?"),
        ("cahce: none", "did you mean `cache`?"),
        ("app_cookie: sid", "did you mean `app_cookies`?"),
        ("app_cookies: []", "an empty list; expected the name of a cookie"),
        ("app_cookies: 'a=b'", "`a=b` is no name of a cookie"),
        ("app_cookies: a;b", "`a;b` is no name of a cookie; expected 1 to 64 visible characters without ; and ="),
        ("app_cookies: 'a b'", "`a b` is no name of a cookie"),
        ("app_cookies: sïd", "`sïd` is no name of a cookie"),
        (f"app_cookies: {'x' * 65}", "is no name of a cookie"),
        ("app_cookies: 7", "`7` is no text"),
        ("app_cookies: __HOST-bastion-way", "is Bastion's own; expected a cookie of the app"),
        ("app_cookies: {path: /x}", "a cookie of the app needs `name`"),
        ("app_cookies: {nam: sid}", "did you mean `name`?"),
        ("app_cookies: {name: sid, path: shop}", "`shop` is no path of a cookie; expected one that starts with /"),
        ("app_cookies: {name: sid, path: /a;b}", "is no path of a cookie"),
        (f"app_cookies: {{name: sid, path: /{'x' * 128}}}", "of at most 128 visible characters"),
        ("app_cookies: {name: __Host-sid, path: /shop}", "__Host-sid lies at / in every browser"),
        ("require: {amr: [hkw]}", "a method is `hkw`; expected"),
        ("require: {amr: []}", "an empty list"),
        ("require: {risk_below: 0}", "risk_below is `0`; expected"),
        ("require: {risk_below: 101}", "risk_below is `101`; expected"),
        ("require: {risk_below: low}", "risk_below is `low`; expected"),
        ("credentials: cookie", "credentials is `cookie`; expected session"),
        ("review_by: soon", "review_by is `soon`; expected a day"),
        ("routes: {X: {paths: /x}}", "`X` is no name; expected small letters"),
        ("routes: {x: {}}", "a route needs `paths`"),
        ("routes: {x: {paths: x}}", "write /x"),
        ("routes: {x: {paths: '/feed/*.ics'}}", "expected whole segments"),
        ("routes: {x: {paths: '/job/**/build'}}", "expected ** last"),
        ("routes: {x: {paths: '/x?action=admin'}}", "policy never sees queries"),
        ("routes: {x: {paths: '/x%20y'}}", "percent-encoded"),
        ("routes: {x: {paths: '/x;y'}}", "no request matches"),
        ("routes: {x: {paths: /./x}}", "has a dot segment"),
        ("routes: {x: {paths: //x}}", "has an empty segment"),
        ("routes: {x: {paths: '/{n:(}'}}", "has a broken expression"),
        ("routes: {x: {paths: '/{n}/{n}'}}", "captures n twice"),
        ("routes: {x: {paths: /hook/{id}}}", "expected ',' or '}'"),
        ("routes: {x: {paths: /x, methods: GTE}}", "did you mean `GET`?"),
        ("routes: {x: {paths: /x, methods: TRACE}}", "`TRACE` is never passed on"),
        ("routes: {x: {paths: /x, priority: high}}", "priority is `high`"),
        ("routes: {rest: {paths: /x}}", "`rest` is the route of wiki for all other paths"),
        ("routes: {x: {paths: /x, allow: {networks: 10.0.0.0/8}, require: {mfa: true}}}", "require asks nobody"),
        (
            "routes: {x: {paths: /x, allow: [{networks: 10.0.0.0/8, require: {mfa: true}}]}}",
            "require asks nobody",
        ),
        ("routes: {x: {paths: /x, allow: [{groups: x, require: none}]}}", "on top of the route's"),
        ("routes: {x: {paths: /x, allow: anyone, deny: {users: mallory}}}", "they only have to log out"),
        ("routes: {x: {paths: /x, allow: duty}}", "no condition `duty`; expected anyone, authenticated"),
        ("routes: {x: {paths: /x, allow: {not: inherited}}}", "`inherited` stands for legs"),
        ("cors: {origins: https://x.example/}", "did you mean https://x.example?"),
        ("cors: {origins: 'https://x.example:443'}", "a port that browsers leave out"),
        ("cors: {origins: null}", "nothing; expected an origin"),
        ("cors: {origins: 'null'}", "`null` is no origin"),
        ("cors: {origins: '*', credentials: true}", 'origins "*" with credentials: true'),
        ("cors: {origins: https://x.example, headers: '*'}", "is no name of a header"),
        ("cors: {origins: https://x.example, methods: get}", "did you mean `GET`?"),
        ("headers: {csp: {script-scr: self}}", "did you mean `script-src`?"),
        ("""headers: {csp: {script-src: "'self'"}}""", "has inner quotes; expected self"),
        ("headers: {csp: {img-src: [self, data:]}}", "without its colon (data, not data:)"),
        ("headers: {csp: {img-src: slef}}", "did you mean `self`?"),
        ("headers: {csp: {img-src: 'a;b'}}", "is no source"),
        ("headers: {csp: {img-src: 'nonce-abc'}}", "a nonce that is the same for every answer"),
        ("headers: {csp: {img-src: [none, self]}}", "none beside other sources"),
        ("headers: {csp: {frame-ancestors: self}}", "expected frame_ancestors beside csp"),
        ("headers: {csp: 'img-src x, y'}", "without commas"),
        ("headers: {csp: 'img-src x; img-src y'}", "comes twice"),
        ('headers: {csp: "img-src x\\r\\nX: y"}', "a control character"),
        ("headers: {hsts: {subdomains: true}}", "hsts needs `max_age`"),
        ("headers: {coop: same}", "coop is `same`"),
        ("headers: {permissions_policy: {camera: https}}", "`https` is no origin"),
        ("headers: {permissions_policy: {'x\"y': none}}", "is no feature"),
        ("headers: {remove: X-Other}", "expected Server, X-Powered-By"),
        ("headers: {extends: nothing}", "no header profile `nothing`"),
        ("hosts: x", "`hosts` again, first at 1:15; expected once"),
    ],
)
def test_a_mistake_says_what_was_expected(settings: str, said: str) -> None:
    found = mistakes(f"{WIKI}{settings}}}}}")

    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("'*'", "hosts of every domain"),
        ("'*.com'", "everybody can register names under com"),
        ("'**.co.uk'", "everybody can register names under co.uk"),
        ("'x.*.github.io'", "everybody can register names under github.io"),
        ("auth.t.example", "is the auth host; expected another host"),
        ("wiki.example.org:8443", "has a port"),
        ("192.0.2.7", "no host name"),
        ("b\u00fccher.example", "write xn--bcher-kva.example"),
        ("'wiki*.example.org'", "whole labels"),
        ("'a.**.example.org'", "whole labels"),
        ("wiki+1.example.org", "no host name"),
        ("'*.wiki_1.example.org'", "expected each host with _ written out"),
        ("[w.example.org, W.example.org]", "expected each host once"),
        ("[]", "an empty list; expected a host"),
        ("*.example.org", "alias"),
    ],
)
def test_a_host_that_nobody_should_have_is_refused(host: str, said: str) -> None:
    found = mistakes(f"apps:\n  wiki:\n    hosts: {host}\n    allow: nobody\n")

    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app: {}", "1:1: `app` is no key of a policy; expected apps, clients, defaults, define, tests"),
        ("- x", "1:1: expected a policy as a map of keys"),
        ("apps: {wiki: {hosts: w.example.org}}", "1:8: app wiki has neither allow nor routes"),
        ("apps: {wiki: {hosts: w.example.org, routes: {x: {paths: /x}}}}", "wiki/x has no allow"),
        ("apps: {wiki: {hosts: w.example.org, allow: inherited}}", "`inherited` has nothing above"),
        ("apps: {wiki: {allow: nobody}}", "an app needs `hosts`"),
        ("apps: {wiki: }", "expected an app as a map of keys"),
        ("apps: [wiki]", "expected a map of apps by name"),
        ("defaults: {allow: anyone}", "`allow` is no key of defaults"),
        ("defaults: {identity: optional}", ""),
        ("define: {networks: {a: b, b: a}}", "is defined by itself: "),
        ("define: {conditions: {a: {not: a}}}", "is defined by itself: a -> a"),
        ("define: {headers: {strict: {}}}", "`strict` has a meaning already"),
        ("define: {conditions: {anyone: {groups: x}}}", "`anyone` has a meaning already"),
        ("define: {networks: {unused: 300.0.0.0/8}}", "is no address and no CIDR"),
        ("tests: {}", "expected a list of tests"),
        ("tests: [{request: GET /x, expect: deny}]", "no request; expected METHOD URL"),
        ("tests: [{request: GET https://x.example/}]", "a test needs `expect`"),
        ("tests: [{request: GET https://x.example/, expect: allowed}]", "did you mean `allow`?"),
        ("tests: [{request: GET https://x.example/{a}, expect: deny}]", "needs quotes"),
        ("tests: [{request: GET https://x.example/, as: ada, expect: deny}]", "no person `ada`"),
        ("tests: [{request: GET https://x.example/, from: home, expect: deny}]", "no network `home`"),
        ("apps: {a: {hosts: a.example.org, allow: &x anyone}}", "&x is an anchor"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("{", "1:"),
    ],
)
def test_a_file_that_is_no_policy_says_why(text: str, said: str) -> None:
    if not said:
        assert policy_of(text).routes == ()
        return

    found = mistakes(text)

    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    ("shape", "key"), [(shape.name, key.name) for shape in SHAPES for key in shape.keys if not key.built]
)
def test_what_is_not_built_yet_is_refused_and_never_ignored(shape: str, key: str) -> None:
    places = {
        "define": "define: {{{}: {{}}}}",
        "defaults": "defaults: {{{}: true}}",
        "app": "apps: {{a: {{hosts: a.example.org, allow: nobody, {}: x}}}}",
        "route": "apps: {{a: {{hosts: a.example.org, routes: {{x: {{paths: /x, allow: nobody, {}: x}}}}}}}}",
        "leg": "apps: {{a: {{hosts: a.example.org, allow: {{{}: x}}}}}}",
        "condition": "apps: {{a: {{hosts: a.example.org, allow: nobody, deny: {{{}: x}}}}}}",
        "require": "apps: {{a: {{hosts: a.example.org, allow: authenticated, require: {{{}: x}}}}}}",
        "key_header": "defaults: {{credentials: {{api_key: {{{}: x}}}}}}",
        "client": "clients: {{a: {{name: x, type: web, {}: x}}}}",
        "person": "define: {{people: {{ada: {{{}: x}}}}}}",
        "actor": "tests: [{{request: GET https://a.example.org/, as: {{{}: x}}, expect: deny}}]",
        "test": "tests: [{{request: GET https://a.example.org/, {}: x, expect: deny}}]",
    }

    found = mistakes(places[shape].format(key))

    assert any(f"`{key}` is part of the language but not built yet" in one for one in found), found


def test_all_mistakes_of_all_files_are_said_at_once_and_in_order() -> None:
    sources = {
        "b.yaml": "apps:\n  x:\n    hosts: x.example.org\n    alow: anyone\n    require: {mfa: 1}\n",
        "a.yaml": "define:\n  networks:\n    home: 1\n",
        "c.yaml": "{",
    }

    with pytest.raises(PolicyRejected) as rejected:
        compile_policy(sources, Site("auth.example.org"))

    lines = str(rejected.value).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "a.yaml:3:11:",
        "b.yaml:2:3:",
        "b.yaml:4:5:",
        "b.yaml:5:20:",
        "c.yaml:2:1:",
    ]


def test_a_name_is_defined_once_over_all_files() -> None:
    text = "define: {networks: {home: 10.0.0.0/8}}"

    with pytest.raises(PolicyRejected) as rejected:
        compile_policy({"a.yaml": text, "b.yaml": text}, Site("auth.example.org"))

    assert str(rejected.value) == "b.yaml:1:21: `home` again, first at a.yaml:1:21; expected once"


def test_an_app_and_the_defaults_stand_in_one_file() -> None:
    text = "defaults: {headers: strict}\napps: {a: {hosts: a.example.org, allow: nobody}}"

    with pytest.raises(PolicyRejected) as rejected:
        compile_policy({"a.yaml": text, "b.yaml": text}, Site("auth.example.org"))

    assert "defaults again, first in a.yaml" in str(rejected.value)
    assert "app `a` again, first at a.yaml:2:8" in str(rejected.value)


WORDS = sorted(
    {key.name for shape in SHAPES for key in shape.keys} | {"anyone", "none", "x", "/x", "10.0.0.0/8", "a.b"}
)
TREES = st.recursive(
    st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers(-1, 700),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from(["apps", "clients", "define", "defaults", "tests"]), TREES, max_size=4),
    st.text(max_size=40),
)
def test_reading_a_policy_never_crashes(tree: dict[str, object], text: str) -> None:
    for source in (flow(tree), text):
        with contextlib.suppress(PolicyRejected):
            compile_policy({"p.yaml": source}, Site("auth.example.org"))


@given(TREES)
def test_settings_of_any_form_never_crash(tree: object) -> None:
    for place in ("allow", "deny", "require", "headers", "cors", "limits", "respond", "routes", "hosts"):
        with contextlib.suppress(PolicyRejected):
            policy_of(f"apps: {{a: {{base: /a, {place}: {flow(tree)}}}}}")


@given(TREES)
def test_keys_of_clients_of_any_form_never_crash(tree: object) -> None:
    for key in CLIENT.keys:
        with contextlib.suppress(PolicyRejected):
            policy_of(f"clients: {{a: {{name: A, type: web, scopes: openid, {key.name}: {flow(tree)}}}}}")
            policy_of(f"clients: {{a: {{name: A, type: native, profile: oidc, {key.name}: {flow(tree)}}}}}")


def flow(tree: object) -> str:
    match tree:
        case dict():
            return (
                "{"
                + ", ".join(f"{key if key.isidentifier() else repr(key)}: {flow(value)}" for key, value in tree.items())
                + "}"
            )
        case list():
            return "[" + ", ".join(map(flow, tree)) + "]"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[tree]
        case _:
            return str(tree)
