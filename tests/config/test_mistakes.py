"""Each mistake that operators make has one message, and the way out that the message names is one."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.config import Loaded, load_config
from tests.config.test_load import GOOD, problems, written
from tests.zygote import bastion

# What is added to a good file, what is said of it, and what is added instead.
MISTAKES: Final = {
    "case of a word": (
        "jwt: {algorithm: es256}",
        "`jwt.algorithm` is `es256`; expected ES256, EdDSA, RS256 or PS256; did you mean `ES256`?",
        "jwt: {algorithm: ES256}",
    ),
    "case of another word": ("jwt: {algorithm: EDDSA}", "did you mean `EdDSA`?", "jwt: {algorithm: EdDSA}"),
    "a section that has another name now": (
        "tokens: {algorithm: ES256}",
        "`tokens` is no key; expected public_url,",
        "jwt: {algorithm: ES256}",
    ),
    "the new name of a section": ("tokens: {}", "; it is called `jwt` now", "jwt: {}"),
    "an algorithm by which verifiers could sign": (
        "jwt: {algorithm: HS256}",
        "`jwt.algorithm` HS256 is not available: whoever verifies such a token could also sign one; expected ES256",
        "jwt: {algorithm: ES256}",
    ),
    "a token that is good for too long": (
        "jwt: {access_ttl: 61m}",
        "`jwt.access_ttl` is `61m`; expected a duration from 1m to 60m",
        "jwt: {access_ttl: 15m}",
    ),
    "beginning of a word": ("profile: prod", "did you mean `production`?", "profile: production"),
    "beginning of another word": ("log: {level: warn}", "did you mean `warning`?", "log: {level: warning}"),
    "case of a key": ("Log: {level: info}", "`Log` is no key", "log: {level: info}"),
    "quoted true": (
        'policy: {watch: "true"}',
        "`policy.watch` is `true`; expected true or false; write true without quotes",
        "policy: {watch: true}",
    ),
    "quoted false": ("policy: {watch: 'false'}", "write false without quotes", "policy: {watch: false}"),
    "capital true": (
        "policy: {watch: True}",
        "`policy.watch` is `True`; expected true or false; write true",
        "policy: {watch: true}",
    ),
    "off": ("policy: {watch: off}", "expected true or false; write false", "policy: {watch: false}"),
    "quoted number": ("server: {workers: '3'}", "; write 3 without quotes", "server: {workers: 3}"),
    "seconds without a unit": (
        "sessions: {idle_s: 1800}",
        "`sessions.idle_s` is `1800`; expected a duration from 60s to 30d; write 1800s or 30m",
        "sessions: {idle_s: 30m}",
    ),
    "seconds that fill no minutes": ("sessions: {idle_s: 1801}", "; write 1801s", "sessions: {idle_s: 1801s}"),
    "seconds of a day": ("sessions: {idle_s: 3600}", "; write 3600s or 1h", "sessions: {idle_s: 3600s}"),
    "no space behind a key": (
        "data_dir:/x",
        "`data_dir:` has no space after its colon; write `data_dir: ...`",
        "data_dir: /x",
    ),
    "no space below a section": (
        "server:\n  workers:3",
        "decision_peers, verify_path; a space is missing after the colon: write `workers: ...`",
        "server:\n  workers: 3",
    ),
    "no space in braces": ("server: {workers:3}", "write `workers: ...`", "server: {workers: 3}"),
    "a tab": ("server:\n\tworkers: 3", "a tab; expected spaces", "server:\n  workers: 3"),
    "an open quote": (
        'data_dir: "/x\nlog: {level: info}',
        ':11: this " is never closed',
        'data_dir: "/x"\nlog: {level: info}',
    ),
    "a no-break space": (
        "server:\n  workers:\u00a03",
        "a U+00A0 stands where a space is meant",
        "server:\n  workers: 3",
    ),
    "a section twice": (
        "server: {workers: 3}\nserver: {verify_path: /verify}",
        "`server` again, first at 1:1; expected once; move what stands below this one below line 1",
        "server: {workers: 3, verify_path: /verify}",
    ),
    "an empty section twice": (
        "server:\nlog: {level: info}\nserver: {workers: 3}",
        "expected once; the first is empty: take line 1 out",
        "log: {level: info}\nserver: {workers: 3}",
    ),
    "a key of another section": ("workers: 3", "; it belongs below `server`", "server: {workers: 3}"),
    "a login that is kept for less time": (
        "sessions: {idle_s: 2h, remembered_idle_s: 1h}",
        "`sessions.remembered_idle_s` is shorter than sessions.idle_s, so a login that is kept ends first",
        "sessions: {idle_s: 2h, remembered_idle_s: 2h}",
    ),
    "a login that is kept for less time in all": (
        "sessions: {remembered_idle_s: 1h, remembered_absolute_s: 11h}",
        "`sessions.remembered_absolute_s` is shorter than sessions.absolute_s",
        "sessions: {remembered_idle_s: 1h, remembered_absolute_s: 12h}",
    ),
}
DOUBTS: Final = {
    "pages on all interfaces": (
        "server: {web_listen: '0.0.0.0:9000'}",
        "`server.web_listen` is 0.0.0.0:9000, which faces a network: a client that reaches it past the proxy",
        "server: {web_listen: '127.0.0.1:9000'}",
    ),
    "pages on IPv6": (
        "server: {web_listen: '[::]:9000'}",
        "which faces a network",
        "server: {web_listen: '[::1]:9000'}",
    ),
    "pages on a name": (
        "server: {web_listen: 'node1:9000'}",
        "which faces a network",
        "server: {web_listen: 'unix:/run/w'}",
    ),
    "metrics on all interfaces": (
        "server: {ops_listen: '0.0.0.0:9090'}",
        "`server.ops_listen` is 0.0.0.0:9090, which faces a network: every client that reaches it reads /metrics",
        "server: {ops_listen: 'localhost:9090'}",
    ),
    "no identity headers": (
        "identity_headers: {remote: false}",
        "`identity_headers.remote` is false, and so is identity_headers.x_auth_request: no app learns who is logged in",
        "identity_headers: {remote: false, x_auth_request: true}",
    ),
}


def good_with(directory: Path, added: str) -> Path:
    return written(directory, f"{added}\n{yaml.safe_dump(GOOD)}")


def loaded_with(directory: Path, added: str) -> Loaded:
    return load_config(good_with(directory, added), environ={})


@pytest.mark.parametrize(("added", "said", "instead"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_has_one_message_and_its_way_out_is_one(tmp_path: Path, added: str, said: str, instead: str) -> None:
    (found,) = problems(good_with(tmp_path, added))

    assert said in found
    assert loaded_with(tmp_path, instead).doubts == ()


@pytest.mark.parametrize(("added", "said", "instead"), DOUBTS.values(), ids=DOUBTS)
def test_what_is_seldom_meant_is_warned_of_in_production(tmp_path: Path, added: str, said: str, instead: str) -> None:
    (doubt,) = loaded_with(tmp_path, added).doubts

    assert said in str(doubt)
    assert str(doubt).startswith(f"{tmp_path}/config.yaml:1:")
    assert loaded_with(tmp_path, instead).doubts == ()


@pytest.mark.parametrize(
    "added",
    [
        "secrets:\n  root_key:Zr4n1v8tQ0yJ",
        "secrets: {root_key:Zr4n1v8tQ0yJ}",
        "root_key:Zr4n1v8tQ0yJ",
        "log: {level: info}\nroot_key:Zr4n1v8tQ0yJ\npolicy: {watch: true}",
        "log: {level: info}\nZr4n1v8tQ0yJ\npolicy: {watch: true}",
        "secrets: Zr4n1v8tQ0yJ",
        "secrets: {root_key: Zr4n1v8tQ0yJ}",
        "secrets: {root_key: 'Zr4n1v8tQ0yJ}",
        "secrets: {root_key: 'Zr4n1v8tQ0yJ' Zr4n1v8tQ0yJ}",
        "secrets: {root_key: @Zr4n1v8tQ0yJ}",
        "redis: rediss://bastion:Zr4n1v8tQ0yJ@r",
        "redis:\n  url:rediss://bastion:Zr4n1v8tQ0yJ@r",
    ],
)
def test_no_message_repeats_what_may_be_a_secret(tmp_path: Path, added: str) -> None:
    section = added.partition(":")[0]
    document = {key: value for key, value in GOOD.items() if key != section}

    found = problems(written(tmp_path, f"{added}\n{yaml.safe_dump(document)}"))

    assert found
    assert "Zr4n1v8tQ0yJ" not in "\n".join(found)


VARIABLES: Final[dict[str, tuple[dict[str, Any], str, dict[str, str]]]] = {
    "url": (
        {"database": {"url": "${DATABASE_URL}"}},
        ("`${DATABASE_URL}`, but Bastion replaces no variables in this file; "
         "take the key out, and set BASTION_DATABASE_URL,"),
        {"BASTION_DATABASE_URL": "postgresql://db.internal/bastion"},
    ),
    "inside": ({"redis": {"url": "rediss://b:${WORD}@r"}}, "set BASTION_REDIS_URL,", {"BASTION_REDIS_URL": "rediss://b:x1@r"}),
    "path": ({"data_dir": "${STATE}/bastion"}, "set BASTION_DATA_DIR,", {"BASTION_DATA_DIR": "/srv/state"}),
    "without braces": ({"data_dir": "$STATE"}, "names the variable `$STATE`", {"BASTION_DATA_DIR": "/srv/state"}),
    "in a list": ({"server": {"decision_peers": ["${P}"]}}, "set BASTION_SERVER_DECISION_PEERS,", {}),
    "limit": ({"limits": {"AUTH.LOGIN": {"rate": "${RATE}"}}}, "expected the value itself", {}),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "said", "environ"), VARIABLES.values(), ids=VARIABLES)
def test_a_variable_in_the_file_is_refused_with_the_name_of_ours(
    tmp_path: Path, changed: dict[str, Any], said: str, environ: dict[str, str]
) -> None:
    (found,) = problems(written(tmp_path, {**GOOD, **changed}))

    assert said in found
    without = {key: value for key, value in GOOD.items() if key not in changed}
    assert load_config(written(tmp_path, without), environ=environ).doubts == ()


def test_a_dollar_sign_alone_is_no_variable(tmp_path: Path) -> None:
    changed = {**GOOD, "data_dir": "/srv/$x", "database": {"url": "postgresql://b:a$Bc@db.internal/bastion"}}

    assert load_config(written(tmp_path, changed), environ={}).config.data_dir == Path("/srv/$x")


def test_without_a_file_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    first, *others = problems(None)

    assert first == (
        f"no file: looked for {tmp_path}/config.yaml and /etc/bastion/config.yaml; "
        "name another by --config or BASTION_CONFIG"
    )
    assert others
    path = written(tmp_path, GOOD)
    assert load_config(None, environ={}).path == Path("config.yaml")
    assert load_config(None, environ={"BASTION_CONFIG": str(path)}).path == path


def test_printed_secrets_may_follow_the_printed_example(tmp_path: Path) -> None:
    printed = [bastion("config", command, cwd=tmp_path).stdout for command in ("example", "secrets")]
    (tmp_path / "config.yaml").write_text("".join(printed))
    (tmp_path / "policies").mkdir()

    checked = bastion("config", "check", "--dev", cwd=tmp_path)

    assert checked.returncode == 0, checked.stderr
    assert "secrets" not in checked.stderr


def test_a_doubt_does_not_fail_the_check(tmp_path: Path) -> None:
    good_with(tmp_path, "server: {web_listen: '0.0.0.0:9000'}")
    (tmp_path / "policies").mkdir()

    checked = bastion("config", "check", cwd=tmp_path)

    assert (checked.returncode, checked.stdout) == (0, "config.yaml: fine (production)\n")
    assert checked.stderr.startswith("warning: config.yaml:1:22: `server.web_listen` is 0.0.0.0:9000, which faces")


@pytest.mark.parametrize(
    ("admin", "said"),
    [
        ({}, "`admin.networks` is empty: the console answers everywhere"),
        ({"listen": "unix:/run/a"}, ""),
        ({"networks": ["192.0.2.0/24"]}, ""),
        ({"listen": "0.0.0.0:9001"}, "`admin.listen` is 0.0.0.0:9001, which faces a network: a client that reaches it"),
        ({"enabled": False, "listen": "0.0.0.0:9001"}, ""),
    ],
)
def test_production_asks_for_networks_or_a_socket_of_the_console(
    tmp_path: Path, admin: dict[str, Any], said: str
) -> None:
    doubts = load_config(written(tmp_path, {**GOOD, "admin": admin}), environ={}).doubts

    assert [said in str(doubt) for doubt in doubts] == ([True] if said else [])


@pytest.mark.parametrize(
    ("key", "bad", "good"), [("protected_groups", "pay roll", "payroll"), ("protected_names", "a,b", "a.b")]
)
def test_a_protected_name_that_nobody_can_have_is_refused(tmp_path: Path, key: str, bad: str, good: str) -> None:
    """It would protect nothing, and nobody would know."""
    (problem,) = problems(written(tmp_path, {**GOOD, "admin": {key: [good, bad]}}))

    assert f"`admin.{key}" in problem
    config = load_config(written(tmp_path, {**GOOD, "admin": {key: [good]}}), environ={}).config
    assert getattr(config.admin, key) == (good,)
