"""From a file and the environment to a frozen Config, or to every mistake with its place."""

import base64
import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.config import ConfigRejected, load_config
from gateway.config.fields import all_keys
from gateway.config.reference import example, reference
from gateway.core.ratelimit.gcra import Limit, Per

ROOT = Path(__file__).resolve().parents[2]
MASTER, ROOT_KEY, INDEX, PEPPER = (
    "m0ByCqc3u2cZK5pY8bF1h6VdQ4wXr7sTtE9nLgJkA2o=",
    "Zr4n1v8tQ0yJc6WmXk3sPbH5dLgTfA9eUiO2qRzYx7E=",
    "hV2kD9sLq5TnXw8ZrC1mBgJ4yPfE7uAoI6tQvKx3S0c=",
    "pL8sWz3dRk6VnQ1xTy9cFbM5hGjU2aEoI4rDvKq7X0s=",
)
GOOD: dict[str, Any] = {
    "public_url": "https://auth.example.com",
    "database": {"url": "postgresql://bastion:Q9kd82mcLw@db.internal/bastion"},
    "redis": {"url": "rediss://bastion:x1@redis.internal"},
    "breach": {"source": "off"},
    "admin": {"networks": ["192.0.2.0/24"]},
    "secrets": {"master_keys": [MASTER], "root_key": ROOT_KEY, "index_key": INDEX, "peppers": {"p1": PEPPER}},
}


def written(directory: Path, document: object) -> Path:
    path = directory / "config.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def problems(path: Path | None, environ: Mapping[str, str] | None = None, *, dev: bool = False) -> list[str]:
    with pytest.raises(ConfigRejected) as refusal:
        load_config(path, environ=environ or {}, dev=dev)
    return [str(problem).replace(f"{path}:", "") for problem in refusal.value.problems]


def test_a_good_configuration_starts_production(tmp_path: Path) -> None:
    loaded = load_config(written(tmp_path, GOOD), environ={})

    assert loaded.warnings == ()
    assert loaded.config.profile == "production"
    assert loaded.config.sessions.idle_s == 1800
    assert loaded.config.policy.directory == tmp_path / "policies"
    assert loaded.config.origin_of("app.example.com") == "https://app.example.com"
    assert loaded.config.limit("AUTH.LOGIN") == Limit("AUTH.LOGIN", 10, 60_000_000, 5, Per.IP)
    assert loaded.config.limit("GENERAL.EXECUTE").allow_on_store_failure


def test_it_is_frozen_and_its_repr_has_no_secret(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD), environ={}).config

    with pytest.raises(ValidationError):
        config.profile = "dev"
    for secret in ("Q9kd82mcLw", repr(config.secrets.root_key), repr(config.secrets.master_keys[0])):
        assert secret not in repr(config)
        assert secret not in str(config.model_dump(mode="json")["secrets"])


def test_all_mistakes_come_at_once_each_with_place_value_and_hint(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "public_url: https://auth.example.com/login\n"
        "servr: {}\n"
        "server:\n"
        "  workers: many\n"
        "  decision_peers: [10.0.0.1, 10.0.0.1/8]\n"
        "sessions: {idle_s: 30}\n"
        "limits:\n"
        "  AUTH.LOGIN: {rate: 10, per: caler}\n"
        "identity_headers: {remote: yes}\n"
        "log: {level: inof}\n"
        "secrets: {root_key: c2VjcmV0}\n"
        "redis:\n",
    )

    found = problems(path)

    assert found == (
        [
            "1:13: `public_url` is `https://auth.example.com/login`; expected an origin such as https://auth.example.com",
            (
                "2:1: `servr` is no key; expected public_url, profile, data_dir, server, database, redis, secrets, "
                "policy, sessions, password, breach, mfa, risk, lockout, limits, identity_headers, pages, jwt, oauth, "
                "mail, links, admin, consent, audit, webhooks, privacy, retention, compliance, licence, "
                "backup, log; did you mean `server`?"
            ),
            "4:12: `server.workers` is `many`; expected a whole number from 1 to 256",
            (
                "5:30: `server.decision_peers.1` is `10.0.0.1/8`; "
                "expected addresses or CIDRs; did you mean `10.0.0.0/8`?"
            ),
            "6:20: `sessions.idle_s` is `30`; expected a duration from 60s to 30d",
            "8:22: `limits.AUTH.LOGIN.rate` is `10`; expected a rate such as 600/min (s, min, h, d)",
            (
                "8:31: `limits.AUTH.LOGIN.per` is `caler`; expected caller, principal, ip, everyone or email; "
                "did you mean `caller`?"
            ),
            "9:28: `identity_headers.remote` is `yes`; expected true or false; write true",
            "10:14: `log.level` is `inof`; expected debug, info, warning or error; did you mean `info`?",
            (
                "11:21: `secrets.root_key` is of the wrong form (not shown); "
                "expected a secret from `bastion config secrets`"
            ),
        ]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "2:1: `a` again, first at 1:1; expected once"),
        ("- a\n", "1:1: is no map; expected keys such as public_url"),
        ("server: 3\n", "1:9: `server` is `3`; expected a map of keys"),
        ("server: {workers: 3, 7: 1}\n", "1:22: `server.7` is no key"),
    ],
)
def test_a_document_of_the_wrong_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in "\n".join(problems(written(tmp_path, text)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path / "absent.yaml")[0]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "server": {"workers": 3}})
    secret_file = tmp_path / "root_key"
    secret_file.write_text(PEPPER + "\n")
    environ = {
        "BASTION_SERVER_WORKERS": "7",
        "BASTION_SERVER_DECISION_PEERS": "10.0.0.7, 10.1.0.0/16",
        "BASTION_POLICY_WATCH": "false",
        "BASTION_SESSIONS_IDLE_S": "5m",
        "BASTION_SECRETS_ROOT_KEY_FILE": str(secret_file),
        "BASTION_SECRETS_PEPPERS": f"p2={ROOT_KEY},p1={PEPPER[:-5]}AAAA=",
        "BASTION_LOG_LEVEL": "",
        "BASTION_SERVICE_HOST": "10.0.0.1",
        "BASTION_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "OTHER": "x",
    }

    config = load_config(path, environ=environ).config

    assert config.server.workers == 7
    assert [str(peer) for peer in config.server.decision_peers] == ["10.0.0.7/32", "10.1.0.0/16"]
    assert config.policy.watch is False
    assert config.sessions.idle_s == 300
    assert list(config.secrets.peppers) == ["p2", "p1"]
    assert config.secrets.root_key != load_config(path, environ={}).config.secrets.root_key
    assert config.log.level == "info"


def test_mistakes_of_the_environment_name_the_variable(tmp_path: Path) -> None:
    environ = {
        "BASTION_SERVER_WORKRS": "3",
        "BASTION_LIMITS_AUTH_LOGIN_RATE": "1/s",
        "BASTION_REDIS_TIMEOUT_MS": "soon",
        "BASTION_SECRETS_ROOT_KEY_FILE": str(tmp_path / "absent"),
        "BASTION_DATABASE_URL": "postgresql://x",
        "BASTION_DATABASE_URL_FILE": "/x",
    }

    found = problems(written(tmp_path, GOOD), environ)

    assert "BASTION_SERVER_WORKRS: is no setting; did you mean BASTION_SERVER_WORKERS?" in found
    assert (
        "BASTION_LIMITS_AUTH_LOGIN_RATE: is no setting; expected limits in the file, because the environment can't set "
        "them" in found
    )
    assert "BASTION_REDIS_TIMEOUT_MS: `redis.timeout_ms` is `soon`; expected a whole number from 10 to 10000" in found
    assert any(line.startswith("BASTION_SECRETS_ROOT_KEY_FILE: names ") for line in found)
    assert "BASTION_DATABASE_URL_FILE: and BASTION_DATABASE_URL are both set; expected one of them" in found


def test_everything_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {
        "BASTION_PUBLIC_URL": "https://auth.example.com",
        "BASTION_BREACH_SOURCE": "off",
        "BASTION_DATABASE_URL": "postgresql://db/bastion",
        "BASTION_REDIS_URL": "rediss://bastion:x1@r",
        "BASTION_SECRETS_MASTER_KEYS": MASTER,
        "BASTION_SECRETS_ROOT_KEY": ROOT_KEY,
        "BASTION_SECRETS_INDEX_KEY": INDEX,
        "BASTION_SECRETS_PEPPERS": f"p1={PEPPER}",
    }

    assert load_config(environ=environ).config.auth_host == "auth.example.com"
    for name in environ:
        if name != "BASTION_PUBLIC_URL":
            assert problems(None, {**environ, name: ""})


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for step in path[:-1]:
            document = document.setdefault(step, {})
        document[path[-1]] = value

    return change


UNSAFE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "plain HTTP": (put("public_url", value="http://auth.example.com"), "plain HTTP"),
    "localhost": (put("public_url", value="https://auth.localhost"), "this machine's own name"),
    "no database": (put("database", "url", value=""), "`database.url` is missing"),
    "no redis": (put("redis", "url", value=""), "`redis.url` is missing"),
    "redis without TLS": (put("redis", "url", value="redis://u:p9x@r"), "neither a socket nor TLS"),
    "redis without a user": (put("redis", "url", value="unix:///run/r.sock"), "names no user"),
    "known password": (put("database", "url", value="postgresql://x:postgres@db/x"), "everybody knows"),
    "no master key": (put("secrets", "master_keys", value=[]), "`secrets.master_keys` is missing"),
    "no root key": (put("secrets", "root_key", value=None), "`secrets.root_key` is missing"),
    "no index key": (put("secrets", "index_key", value=None), "`secrets.index_key` is missing"),
    "no pepper": (put("secrets", "peppers", value={}), "`secrets.peppers` is missing"),
    "not random": (put("secrets", "root_key", value="A" * 43 + "="), "is not random"),
    "one key twice": (put("secrets", "index_key", value=ROOT_KEY), "repeats a secret of secrets.root_key"),
    "no word about breaches": (
        put("breach", "source", value=None),
        "`breach.source` is missing; expected api (five digits",
    ),
    "open decisions": (put("server", "decision_listen", value="0.0.0.0:9000"), "faces a network"),
}


@pytest.mark.parametrize(("change", "words"), UNSAFE.values(), ids=UNSAFE)
def test_production_refuses_and_dev_warns(tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str) -> None:
    document = copy.deepcopy(GOOD)
    change(document)
    path = written(tmp_path, document)

    found = problems(path)

    assert len(found) == 1
    assert words in found[0]
    loaded = load_config(path, environ={}, dev=True)
    filled_in_by_dev = "is missing" in words
    assert filled_in_by_dev or any(words in str(warning) for warning in loaded.warnings)


def test_the_secrets_of_dev_are_refused_in_production(tmp_path: Path) -> None:
    dev = load_config(written(tmp_path, {"profile": "dev"}), environ={})
    assert any("default secret" in str(warning) for warning in dev.warnings)

    document = copy.deepcopy(GOOD)
    assert dev.config.secrets.root_key is not None
    document["secrets"]["root_key"] = base64.urlsafe_b64encode(dev.config.secrets.root_key).decode()

    assert "is a default secret that everybody knows" in problems(written(tmp_path, document))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sessions": {"idle_s": "13h"}},
        {"sessions": {"remembered_idle_s": "90d", "remembered_absolute_s": "89d"}},
        {"jwt": {"algorithm": "HS256"}},
        {"server": {"web_listen": "127.0.0.1:9000", "ops_listen": "127.0.0.1:9000"}},
        {"server": {"web_listen": "unix:/run/w"}, "admin": {"listen": "unix:/run/w"}},
        {"redis": {"url": "unix://bastion:x1@/run/redis.sock", "cluster": True}},
        {"redis": {"url": "rediss://bastion:x1@r:6379/1", "cluster": True}},
        {"redis": {"url": "rediss://bastion:x1@r?db=1", "cluster": True}},
        {"redis": {"url": "rediss://bastion:x1@r", "seeds": ["r2:6379"]}},
        {"redis": {"url": "rediss://bastion:x1@r", "cluster": True, "seeds": ["unix:/run/redis.sock"]}},
        {"redis": {"url": "rediss://bastion:x1@r", "cluster": True, "seeds": ["r2"]}},
        {"redis": {"url": "rediss://bastion:x1@r1:1,r2:2", "cluster": True}},
        {"redis": {"url": "rediss://bastion:x1@r1,r2:2"}},
        {"redis": {"url": "rediss://bastion:x1@r:port"}},
        {"redis": {"url": "rediss://bastion:x1@r:6379/sessions"}},
        {"redis": {"url": "unix:///run/redis.sock?db=x"}},
    ],
)
def test_what_contradicts_itself_is_refused_in_dev_too(tmp_path: Path, wrong: dict[str, Any]) -> None:
    assert len(problems(written(tmp_path, {**GOOD, **wrong}), dev=True)) == 1


@pytest.mark.parametrize("url", ["rediss://bastion:x1@r:6380", "rediss://bastion:x1@r/0", "rediss://bastion:x1@r?db=0"])
def test_a_cluster_is_named_by_one_of_its_servers_or_more(tmp_path: Path, url: str) -> None:
    redis = {"url": url, "cluster": True, "seeds": ["r2.internal:6379", "[fd00::3]:6379"]}

    loaded = load_config(written(tmp_path, {**GOOD, "redis": redis}), environ={})

    assert loaded.warnings == ()
    assert loaded.config.redis.cluster
    assert loaded.config.redis.seeds == ("r2.internal:6379", "[fd00::3]:6379")


def test_what_a_value_should_have_been_is_said_of_just_that_value(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "redis:\n"
        "  url: rediss://bastion:x1@r1:6379,r2:6379\n"
        "  seeds: [10.0.0.1, r2]\n"
        "limits:\n"
        "  AUTH.LOGIN: none\n"
        "  GENERAL.EXECUTE: {rate: 1/s, burst: 10000001}\n"
        "  lower.case: {rate: 1/s}\n",
    )

    assert problems(path) == [
        (
            "2:8: `redis.url` is of the wrong form (not shown); "
            "expected a redis://, rediss:// or unix:// URL of one server; its port and its database are numbers"
        ),
        "3:11: `redis.seeds.0` is `10.0.0.1`; expected host:port",
        "3:21: `redis.seeds.1` is `r2`; expected host:port",
        ("5:15: `limits.AUTH.LOGIN` is `none`; expected a map of keys: rate, burst, per, on_store_failure, networks"),
        "6:39: `limits.GENERAL.EXECUTE.burst` is `10000001`; expected a whole number from 1 to 10000000",
        (
            "7:3: `limits.lower.case` is no key; expected GENERAL.EXECUTE, GENERAL.SESSION, GENERAL.STRANGER, "
            "AUTH.LOGIN, AUTH.KEY, AUTH.FACTOR, PASSWORD.CHANGE, CONSENT.ANSWER, ADMIN.ACT, ADMIN.ROLE, "
            "AUTH.FORGOT_PASSWORD, AUTH.LINK, OAUTH.TOKEN, OAUTH.CLIENT_FAILED, "
            "OAUTH.PAR, OAUTH.PAR_PUBLIC"
        ),
    ]


def test_open_decisions_pass_with_named_peers(tmp_path: Path) -> None:
    server = {"decision_listen": "0.0.0.0:9000", "decision_peers": ["10.0.0.7"]}

    assert load_config(written(tmp_path, {**GOOD, "server": server}), environ={}).warnings == ()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=9)
        | st.sampled_from(["30m", "600/min", "unix:/x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([key.path[-1] for key in all_keys()]) | st.text(max_size=5), inner, max_size=4
            )
        ),
        max_leaves=9,
    ).flatmap(
        lambda inner: st.dictionaries(st.sampled_from(["server", "secrets", "limits", "log", "x"]), st.just(inner))
    )
)
def test_any_document_gives_a_config_or_places(document: dict[str, object]) -> None:
    """Never another exception, whatever stands where."""
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / "bastion-config-test.yaml"
    path.write_text(yaml.safe_dump(document))
    found: tuple[object, ...] = ()
    try:
        load_config(path, environ={}, dev=True)
    except ConfigRejected as refusal:
        found = refusal.problems

    assert all(str(problem).startswith(f"{path}:") for problem in found)


@given(st.dictionaries(st.sampled_from([key.environment for key in all_keys()]), st.text(max_size=12), max_size=4))
def test_any_environment_gives_a_config_or_names(environ: dict[str, str]) -> None:
    found: tuple[object, ...] = ()
    try:
        load_config(Path("/dev/null"), environ=environ, dev=True)
    except ConfigRejected as refusal:
        found = refusal.problems

    assert all(str(problem).startswith(("BASTION_", "/dev/null:")) for problem in found)


def test_every_key_is_documented() -> None:
    """Made anew by: bastion config reference > docs/configuration.md; bastion config example > config.example.yaml."""
    assert (ROOT / "docs" / "configuration.md").read_text() == reference()
    assert (ROOT / "config.example.yaml").read_text() == example()
    for key in all_keys():
        assert key.path == ("limits",) or f"`{key.dotted}`" in reference()
        assert key.path[-1] + ":" in example()


def test_the_example_is_a_configuration() -> None:
    loaded = load_config(ROOT / "config.example.yaml", environ={}, dev=True)

    assert loaded.config.public_url == "https://auth.example.com"
