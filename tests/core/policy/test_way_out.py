"""What people write who know another gateway is refused in one message, and the way out that it names is one."""

import re
from typing import Final

import pytest

from gateway.core.policy.places import PolicyRejected
from tests.core.policy.build import mistakes, policy_of

ADVICE: Final = re.compile(r"(?:did you mean|; write| m is) `?([^`,?]+)")
WRONG: Final = re.compile(r"^1:[0-9]+: (?:[^`]*`([^`]+)`|(\S+))")
LOST_SEMICOLON: Final = "a ; is missing; write `default-src 'self'; script-src 'none'`"
# Settings of an app that is open to nobody, what is said of them, and what is written instead.
SETTINGS: Final = {
    "lost semicolon": (
        "headers: {csp: \"default-src 'self' script-src 'none'\"}",
        f"script-src stands among the sources of default-src: {LOST_SEMICOLON}",
        "headers: {csp: \"default-src 'self'; script-src 'none'\"}",
    ),
    "lost semicolon before ancestors": (
        "headers: {csp: \"img-src x frame-ancestors 'self'\"}",
        "frame-ancestors has a key of its own; expected frame_ancestors beside csp",
        'headers: {csp: "img-src x", frame_ancestors: self}',
    ),
    "lost semicolon behind a flag": (
        'headers: {csp: "upgrade-insecure-requests img-src x"}',
        "write `upgrade-insecure-requests; img-src x`",
        'headers: {csp: "upgrade-insecure-requests; img-src x"}',
    ),
    "keyword without quotes": (
        'headers: {csp: "default-src self"}',
        "self without quotes is a host to browsers; write 'self'",
        "headers: {csp: \"default-src 'self'\"}",
    ),
    "misspelled keyword": (
        "headers: {csp: \"default-src 'slef'\"}",
        "'slef' is no source, and browsers ignore it; expected a keyword in quotes; did you mean `self`?",
        "headers: {csp: \"default-src 'self'\"}",
    ),
    "none beside others": (
        "headers: {csp: \"img-src 'none' x\"}",
        "'none' beside other sources of img-src means nothing",
        "headers: {csp: \"img-src 'none'\"}",
    ),
    "host with a scheme": (
        "base: /x, hosts: https://b.example.com",
        "https://b.example.com has a scheme; expected a host name alone; write b.example.com",
        "base: /x, hosts: b.example.com",
    ),
    "host with a scheme, port and path": (
        "hosts: 'https://b.example.com:8443/x'",
        "has a scheme; expected a host name alone; write b.example.com",
        "hosts: b.example.com",
    ),
    "host with a path": ("hosts: b.example.com/x", "; write b.example.com", "hosts: b.example.com"),
    "host with a port": ("hosts: 'b.example.com:8443'", "; write b.example.com", "hosts: b.example.com"),
    "host with a dot": ("hosts: .example.com", "write **.example.com for", "hosts: '**.example.com'"),
    "expression": (
        "routes: {x: {paths: '^/api/.*$'}}",
        "^/api/.*$ is a regular expression or a prefix; expected whole segments; write /api/**",
        "routes: {x: {paths: /api/**}}",
    ),
    "a group": ("routes: {x: {paths: '/api(/.*)?$'}}", "write /api/**", "routes: {x: {paths: /api/**}}"),
    "a dot": ("routes: {x: {paths: '^/v1\\.0/.+'}}", "write /v1.0/**", "routes: {x: {paths: /v1.0/**}}"),
    "expression to its end": ("routes: {x: {paths: '^/api/?$'}}", "write /api", "routes: {x: {paths: /api}}"),
    "expression without its end": ("routes: {x: {paths: '^/api'}}", "write /api/**", "routes: {x: {paths: /api/**}}"),
    "everything": ("routes: {x: {paths: '*'}}", "write /**", "routes: {x: {paths: /**}}"),
    "prefix": (
        "routes: {x: {paths: /admin*}}",
        "/admin* is a regular expression or a prefix; expected whole segments; write /admin/**",
        "routes: {x: {paths: /admin/**}}",
    ),
    "prefix with two stars": ("routes: {x: {paths: /admin**}}", "write /admin/**", "routes: {x: {paths: /admin/**}}"),
    "choice": (
        "routes: {x: {paths: '^/(a|b)/x'}}",
        "^/(a|b)/x is a regular expression; expected whole segments such as /api/**, or {name:RE2}",
        "routes: {x: {paths: '/{n:(a|b)}/x'}}",
    ),
    "ending": (
        "routes: {x: {paths: '/feed/*.ics'}}",
        "write '{name:.+\\.ics}'",
        "routes: {x: {paths: '/feed/{name:.+\\.ics}'}}",
    ),
    "stars inside": (
        "routes: {x: {paths: '/job/**/build'}}",
        "expected ** last; write * for one segment, or /job/**",
        "routes: {x: {paths: ['/job/*/build', '/job/**']}}",
    ),
    "capture without quotes": (
        "routes: {x: {paths: '/{who}', allow: {users: {who}}}}",
        'write "{who}"',
        "routes: {x: {paths: '/{who}', allow: {users: \"{who}\"}}}",
    ),
    "slash at the end": (
        "routes: {x: {paths: [/x, /x/]}}",
        "/x takes the same paths as /x (p.yaml:1:55): one trailing slash never matters; expected one of them; drop the",
        "routes: {x: {paths: [/x]}}",
    ),
    "two names of one segment": (
        "routes: {x: {paths: ['/x/{a}', '/x/{b}']}}",
        "/x/{b} takes the same paths as /x/{a} (p.yaml:1:55)",
        "routes: {x: {paths: '/x/{b}'}}",
    ),
    "everyone": ("allow: everyone", "`everyone` is no condition; write anyone", "allow: anyone"),
    "bypass": ("allow: bypass", "`bypass` is no condition; write anyone", "allow: anyone"),
    "one factor": ("allow: [one_factor]", "`one_factor` is no condition; write authenticated", "allow: authenticated"),
    "deny": ("allow: deny", "`deny` is no condition; write nobody", "allow: nobody"),
    "two factors": (
        "allow: two_factor",
        "`two_factor` is no condition; write authenticated, and beside it require: {mfa: true}",
        "allow: authenticated, require: {mfa: true}",
    ),
    "misspelled word": ("allow: authentcated", "did you mean `authenticated`?", "allow: authenticated"),
    "policy of two factors": (
        "policy: two_factor",
        "; write allow: authenticated, and beside it require: {mfa: true}",
        "allow: authenticated, require: {mfa: true}",
    ),
    "policy of one factor": ("policy: one_factor", "; write allow: authenticated", "allow: authenticated"),
    "policy of anything": ("policy: x", "`policy` is no key of an app; expected allow,", "allow: nobody"),
    "domain": ("domain: b.example.com", "; write hosts", "hosts: b.example.com"),
    "subject": ("subject: 'group:ops'", "; write allow: {groups: ...} or", "allow: {groups: ops}"),
    "resources": (
        "routes: {x: {paths: /y, resources: /x}}",
        "`resources` is no key of a route; expected",
        "routes: {x: {paths: [/y, /x]}}",
    ),
    "rules": ("rules: {x: {paths: /x}}", "; write routes", "routes: {x: {paths: /x}}"),
    "paths of an app": (
        "paths: /x",
        "`paths` is no key of an app; expected",
        "routes: {r: {paths: /x}}",
    ),
    "groups of an app": ("groups: ops", "; it belongs below `allow`", "allow: {groups: ops}"),
    "a factor of an app": ("mfa: true", "; it belongs below `require`", "allow: {groups: x}, require: {mfa: true}"),
    "hosts of a route": ("routes: {x: {paths: /x, hosts: b.example.com}}", "it belongs below an app", "base: /x"),
    "no space": ("cache:none", "a space is missing after the colon: write `cache: ...`", "cache: none"),
}  # fmt: skip
FILES: Final = {
    "network that nobody defined": (
        "apps: {a: {hosts: a.example.com, allow: {networks: office}}}",
        "no network `office`; expected an address, CIDR; or define it, in `define: {networks: {office: ...}}`",
        "{define: {networks: {office: 192.0.2.0/24}}, apps: {a: {hosts: a.example.com, allow: {networks: office}}}}",
    ),
    "condition that nobody defined": (
        "apps: {a: {hosts: a.example.com, allow: duty}}",
        "; or define it, in `define: {conditions: {duty: ...}}`",
        "{define: {conditions: {duty: {groups: x}}}, apps: {a: {hosts: a.example.com, allow: duty}}}",
    ),
    "network without define": (
        "networks: {office: 192.0.2.0/24}",
        "`networks` is no key of a policy; expected apps, clients, defaults, define, tests; it belongs below `define`",
        "define: {networks: {office: 192.0.2.0/24}}",
    ),
    "person without define": ("people: {ada: {}}", "it belongs below `define`", "define: {people: {ada: {}}}"),
    "host without an app": (
        "hosts: a.example.com",
        (
            "`hosts` is no key of a policy; expected apps, clients, defaults, define, tests; it belongs below an app, "
            "in `apps:"
        ),
        "apps: {a: {hosts: a.example.com, allow: nobody}}",
    ),
    "access control": ("access_control: {}", "; write apps", "apps: {}"),
    "a tab": ("apps:\n\ta: {}\n", "1: a tab; expected spaces", "apps:\n  a: {hosts: a.example.com, allow: nobody}\n"),
    "no space": (
        "define:\n  networks:{}",
        (
            "expected define as a map of keys: networks, conditions, limits, headers, cors, people, key_scopes, "
            "scopes, app_tokens; a space is missing"
        ),
        "define:\n  networks: {}",
    ),
}


def an_app(settings: str) -> str:
    given = ", ".join([*([] if "hosts:" in settings else ["hosts: a.example.com"]), settings])
    return f"apps: {{a: {{{given}{'' if 'allow:' in settings else ', allow: nobody'}}}}}"


@pytest.mark.parametrize(("settings", "said", "instead"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_has_one_message_and_its_way_out_is_one(settings: str, said: str, instead: str) -> None:
    found = mistakes(an_app(settings))

    assert [one for one in found if said in one], found
    assert policy_of(an_app(instead)).routes


@pytest.mark.parametrize(("text", "said", "instead"), FILES.values(), ids=FILES)
def test_a_file_has_one_message_and_its_way_out_is_one(text: str, said: str, instead: str) -> None:
    (found,) = mistakes(text)

    assert said in found
    policy_of(instead)


ADVISED: Final = (
    "alow: anyone",
    "headers: strikt",
    "require: {mfa: yes}",
    "deny: {networks: 10.8.0.1/16}",
    "path_accepts: slash",
    "base: wiki",
    "cache: privte",
    "cahce: none",
    "app_cookies: {nam: sid}",
    "routes: {x: {paths: x}}",
    "routes: {x: {paths: //x}}",
    "routes: {x: {paths: /x, methods: GTE}}",
    "routes: {x: {paths: /x, methods: get}}",
    "cors: {origins: https://x.example/}",
    "headers: {csp: {script-scr: self}}",
    "headers: {csp: {img-src: slef}}",
    "respond: {denied: 401}",
    "hosts: b\u00fccher.example",
    "require: {authenticated_within: 12:30}",
)


@pytest.mark.parametrize("settings", ADVISED)
def test_what_a_message_says_to_write_is_taken_where_it_stands(settings: str) -> None:
    """One mistake may hide another, so the same place may be told again, but never the word that was advised."""
    text = an_app(settings)
    (found,) = (one for one in mistakes(text) if ADVICE.search(one))
    column, wrong = int(found.split(":")[1]) - 1, WRONG.search(found)
    advised = ADVICE.search(found)
    assert wrong is not None
    assert advised is not None

    mended = text[:column] + text[column:].replace(wrong[1] or wrong[2], advised[1], 1)

    assert mended != text
    assert not [one for one in left_of(mended) if one.startswith(f"1:{column + 1}:")]


def left_of(text: str) -> list[str]:
    """What is wrong with it still."""
    try:
        policy_of(text)
    except PolicyRejected as rejected:
        return [f"{one.line}:{one.column}: {one.message}" for one in rejected.problems]
    return []


def test_what_is_defined_may_have_the_word_of_another_gateway() -> None:
    assert policy_of(
        "{define: {conditions: {everyone: {groups: x}}}, apps: {a: {hosts: a.example.com, allow: everyone}}}"
    ).routes


@pytest.mark.parametrize(
    "csp",
    [
        "default-src 'self' data: https://x.example 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "img-src *; script-src 'UNSAFE-INLINE' 'strict-dynamic'",
        "sandbox allow-scripts; report-uri /csp; require-trusted-types-for 'script'",
        "img-src 'none'; upgrade-insecure-requests",
    ],
)
def test_a_whole_csp_as_text_is_taken_as_it_is(csp: str) -> None:
    assert policy_of(an_app(f'headers: {{csp: "{csp}"}}')).routes
