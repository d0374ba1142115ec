"""Owns the two documents that are made from the model: docs/configuration.md and config.example.yaml."""

from collections.abc import Iterator
from typing import Final

from gateway.config.fields import Key, all_keys, limit_keys, network_keys, section_at, sections
from gateway.config.sections.limits import DEFAULT_LIMITS

_INTRODUCTION: Final = """\
# Configuration

For operators who look up a configuration key. [Installation](install.md) lists the keys that a node needs.

Bastion reads `config.yaml` (`--config`, else `BASTION_CONFIG`, else `./config.yaml`, else `/etc/bastion/config.yaml`).
The environment can set a key too: as `BASTION_SECTION_KEY`, or as `BASTION_SECTION_KEY_FILE` with the name of a file
that holds the value. Commas or spaces separate the items of a list; maps are `name=value` pairs. The environment
overrides the file. An empty variable counts as unset. In the file, Bastion replaces no variables such as `${NAME}`.

`bastion config check` prints all mistakes of form at once, each with its place, then contradictions and unsafe
settings.

- Unknown keys, duplicate keys, YAML anchors and tags are mistakes. Only `true` and `false` are booleans.
- In the profile `production`, unsafe settings are mistakes too. `profile: dev`, or `--dev` on the command line, turns
  them into warnings.
- A setting that is rarely intended, such as a `web_listen` that faces a network, gives a warning in both profiles.

`bastion config reference` prints this page.
"""
_EXAMPLE: Final = """\
# Every key of the configuration, with its default. Keys without a default are commented out.
# docs/configuration.md has the same keys with their environment variables. Check this file with: bastion config check
"""
_LIMITS: Final = """\
## `limits`

Rate limits by name. Each is a budget that refills evenly. A limit that you leave out keeps its default. Bastion refuses
other names: put your own budgets below `define` in the policy. The environment can't set limits.

| name | spent by |
|---|---|
| `GENERAL.SESSION` | on routes without `limits`, requests with a session |
| `GENERAL.STRANGER` | on routes without `limits`, all other requests, and all requests if the route needs no identity |
| `GENERAL.EXECUTE` | on routes without `limits`, requests with an access token, for each grant |
| `AUTH.LOGIN` | passwords on the login page |
| `PASSWORD.CHANGE` | changes of the password on `/account/password`, by person |
| `CONSENT.ANSWER` | answers to terms, notices and consents, and withdrawals, by person |
| `AUTH.FORGOT_PASSWORD` | asks for a new password, by person and network; of one person 20 a day |
| `AUTH.LINK` | pages that ask for a link by mail or open one, by address |
| `AUTH.KEY` | refused API keys, by address and worker; more are 429, but never a live key at one of its hosts |
| `OAUTH.TOKEN` | requests for tokens, introspection and revocation, by client; of public clients by address too |
| `OAUTH.CLIENT_FAILED` | clients that fail to authenticate, by address; one that succeeds is never refused for it |
| `OAUTH.PAR` | pushed requests of clients with a secret or key, by client |
| `OAUTH.PAR_PUBLIC` | pushed requests of all other clients, by address |

A request spends one of the three `GENERAL` limits. Routes can also name a limit of this section in their `limits`.

"""
_NETWORKS: Final = """\
### Networks of `AUTH.LOGIN`

For each IPv4 address or IPv6 /64, `AUTH.LOGIN` counts wrong passwords, and all passwords from browsers in which the
person has not logged in before. A browser in which the person has logged in is known. It has a separate budget at the
same rate, and a right password costs it nothing. So guesses from an address do not lock out people on known browsers
there. If many people start with new browsers behind few addresses, name their network:

```yaml
limits:
  AUTH.LOGIN:
    rate: 10/min
    burst: 5
    per: ip
    networks:
      hospital: {addresses: [203.0.113.0/24], rate: 600/min, burst: 300}
```

"""


def reference() -> str:
    """docs/configuration.md."""
    return _INTRODUCTION + "\n" + "\n".join(_chapters())


def example() -> str:
    """config.example.yaml."""
    return _EXAMPLE + "\n".join(_example_lines()) + "\n"


def _chapters() -> Iterator[str]:
    yield "## Top level\n\n" + _table([key for key in all_keys() if len(key.path) == 1 and key.path != ("limits",)])
    for name, section in sections().items():
        about = " ".join((section.__doc__ or "").split())
        yield f"## `{name}`\n\n{about}\n\n" + _table([key for key in all_keys() if key.path[0] == name])
    yield _LIMITS + _table(list(limit_keys())) + "\nDefaults:\n\n" + _default_limits()
    yield _NETWORKS + _table(list(network_keys()))


def _default_limits() -> str:
    lines = [f"  {name}: {_flow(setting)}" for name, setting in DEFAULT_LIMITS.items()]
    return "\n".join(["```yaml", "limits:", *lines, "```", ""])


def _table(keys: list[Key]) -> str:
    rows = ["| key | environment | default | expected | meaning |", "|---|---|---|---|---|"]
    for key in keys:
        variable = "" if "<" in key.dotted else f"`{key.environment}`"
        rows.append(f"| `{key.dotted}` | {variable} | {_default_cell(key)} | {key.expected} | {_meaning(key)} |")
    return "\n".join(rows) + "\n"


def _meaning(key: Key) -> str:
    return (key.description or "").replace("|", "\\|")


def _default_cell(key: Key) -> str:
    return f"`{_written(key.default)}`" if _has_default(key) else ""


def _has_default(key: Key) -> bool:
    return key.default not in (None, "", (), {}) and repr(key.default) != "PydanticUndefined"


def _example_lines() -> Iterator[str]:
    begun: set[tuple[str, ...]] = {()}
    for key in (key for key in all_keys() if key.path != ("limits",)):
        for depth in range(1, len(key.path)):
            if key.path[:depth] not in begun:
                begun.add(key.path[:depth])
                yield from _section_lines(key.path[:depth])
        indent = "  " * (len(key.path) - 1)
        if key.description:
            yield f"{indent}# {key.description}"
        shown = key.example or ("" if not _has_default(key) else _written(key.default))
        live = _has_default(key)
        yield f"{indent}{'' if live else '# '}{key.path[-1]}: {shown or '...'}  # {key.expected}"
    yield "\n# Rate limits by name. A limit that you leave out keeps its default.\nlimits:"
    for name, setting in DEFAULT_LIMITS.items():
        yield f"  {name}: {_flow(setting)}"


def _section_lines(path: tuple[str, ...]) -> Iterator[str]:
    """The output of `bastion config secrets` can follow: a section of comments alone is a comment too."""
    indent, above = "  " * (len(path) - 1), "" if len(path) > 1 else "\n"
    live = any(_has_default(one) for one in all_keys() if one.path[: len(path)] == path)
    yield f"{above}{indent}# {' '.join((section_at(path).__doc__ or '').split())}"
    yield f"{indent}{'' if live else '# '}{path[-1]}:"


def _written(value: object) -> str:
    if isinstance(value, dict):
        return _flow(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flow(setting: dict[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in setting.items()) + "}"
