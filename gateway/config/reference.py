"""Owns the two documents that are made from the model: docs/configuration.md and config.example.yaml."""

from collections.abc import Iterator
from typing import Final

from gateway.config.fields import Key, all_keys, limit_keys, network_keys, sections
from gateway.config.sections.limits import DEFAULT_LIMITS

_INTRODUCTION: Final = """\
# Configuration

Bastion reads `config.yaml` (`--config`, else `BASTION_CONFIG`, else `./config.yaml`, else `/etc/bastion/config.yaml`).
Each key may be given by the environment instead, as `BASTION_SECTION_KEY`, or as `BASTION_SECTION_KEY_FILE` with the
name of a file that holds the value. Lists are separated by commas or spaces, maps are `name=value` pairs. The
environment wins; an empty variable counts as unset.

`bastion config check` prints mistakes of form all at once, each with its place; then what contradicts itself or is
unsafe. Unknown keys, duplicate keys, YAML anchors and tags are mistakes; only `true` and `false` are booleans. In the
profile `production` unsafe settings are mistakes too; `profile: dev`, or `--dev` on the command line, turns those into
warnings. Settings that can be meant but seldom are, such as a `web_listen` that faces a network, give a warning in both
profiles. No variable such as `${NAME}` is replaced in the file.

This page is made from the program by `bastion config reference`.
"""
_EXAMPLE: Final = """\
# Every key of the configuration, with its default. What has no default is commented out.
# docs/configuration.md says the same with the names of the environment variables. Check with: bastion config check
"""
_LIMITS: Final = """\
## `limits`

Rate limits by name, each a budget that refills evenly; a name that is left out keeps its default. Other names are
refused: budgets of your own belong below `define` in the policy. Limits cannot be set by the environment.

| name | what spends it |
|---|---|
| `GENERAL.SESSION` | on routes without `limits`, requests with a session |
| `GENERAL.STRANGER` | on routes without `limits`, all other requests, and all if the route asks nobody who they are |
| `GENERAL.EXECUTE` | on routes without `limits`, requests with an access token, for each grant |
| `AUTH.LOGIN` | passwords on the login page |
| `AUTH.FORGOT_PASSWORD` | password resets (not available yet) |
| `OAUTH.TOKEN` | requests for tokens, by client; of clients without a secret or key by client and address |
| `OAUTH.CLIENT_FAILED` | clients that fail to authenticate, by address; one that succeeds is never refused for it |
| `OAUTH.PAR` | pushed requests of clients with a secret or key, by client |
| `OAUTH.PAR_PUBLIC` | pushed requests of all other clients, by address |

A request spends one of the three `GENERAL` limits. Routes can also name a limit of this section in their `limits`.

"""
_NETWORKS: Final = """\
### Networks of `AUTH.LOGIN`

`AUTH.LOGIN` counts, for each IPv4 address or IPv6 /64, passwords that were wrong, and all passwords from browsers in
which nobody of that name has signed in before. A browser in which somebody has is known, and has a budget of its own at
the same rate; a password that was right costs it nothing. So guesses from an address shut nobody out who has signed in
there. Where many people begin on new browsers behind few addresses, name their network:

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
    section = ""
    for key in (key for key in all_keys() if key.path != ("limits",)):
        if len(key.path) > 1 and key.path[0] != section:
            section = key.path[0]
            # What `bastion config secrets` prints can follow: a section of comments alone is one too.
            head = "" if any(_has_default(one) for one in all_keys() if one.path[0] == section) else "# "
            yield f"\n# {' '.join((sections()[section].__doc__ or '').split())}\n{head}{section}:"
        indent = "  " * (len(key.path) - 1)
        if key.description:
            yield f"{indent}# {key.description}"
        shown = key.example or ("" if not _has_default(key) else _written(key.default))
        live = _has_default(key)
        yield f"{indent}{'' if live else '# '}{key.path[-1]}: {shown or '...'}  # {key.expected}"
    yield "\n# Rate limits by name; a name that is left out keeps its default.\nlimits:"
    for name, setting in DEFAULT_LIMITS.items():
        yield f"  {name}: {_flow(setting)}"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flow(setting: dict[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in setting.items()) + "}"
