"""Makes the JSON Schema of policy files, and the reference page, from the words of the language."""

from collections.abc import Iterator
from typing import Final, cast

from gateway.core.policy.canonical import METHODS
from gateway.core.policy.csp import DIRECTIVES
from gateway.core.policy.grammar import POLICY, SHAPES
from gateway.core.policy.headers import SHIPPED, Profile
from gateway.core.policy.shapes import Key, Schema, Shape

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_INTRODUCTION: Final = """\
# Policy reference

For everybody who looks up a key of the policy language. [Writing policy](policy.md) is the guide.

Policy is YAML. All files of the policy directory are one policy, and the order of files, apps, routes, legs and keys
means nothing. A list of one needs no brackets. Only `true` and `false` are booleans. Unknown keys, duplicate keys,
anchors and tags are mistakes. Bastion reports all mistakes at once, each with its place. Nobody gets in by default.

The most specific pattern wins, and a request never falls through to a wider one:

- **Hosts** are compared label by label from the right: a name before `*` or `{name}` (one label) before `**` (one or
  more, only at the start).
- **Paths** are compared segment by segment from the left: text before `{name:RE2}` before `*` or `{name}` before `**`;
  a pattern that ends comes before `**`. `/x/**` also matches `/x`. One trailing slash never matters.
- **Methods**: the route with the path that lists the method, else the one that lists none, else 405.
- Bastion refuses a path with 400 if apps may read it as different routes (encoded slashes or letters, `//`, `;`, other
  case, dots). It passes if all readings lead to one route that accepts the form with `path_accepts`.

`deny` wins over `allow`. If several legs of `allow` match, the best wins: in with an identity, in as an anonymous
client, after a step-up, after a login. If Bastion does not know the client's address, no leg on networks lets it in and
every `deny` on networks holds. `require` holds for people who get in with an identity. The levels are defaults, app and
route: `deny` adds up, `require` merges by key, and for all other keys the nearer level replaces the wider.

`bastion policy reference` prints this page.
"""


def schema() -> dict[str, object]:
    """For editors: `# yaml-language-server: $schema=...` in the first line of a file."""
    return {
        "$schema": _DIALECT,
        "title": "Bastion policy",
        **_object(POLICY),
        "$defs": {shape.name: _object(shape) for shape in SHAPES if shape is not POLICY},
    }


def reference() -> str:
    """docs/policy-reference.md."""
    chapters = [*map(_chapter, SHAPES), _headers_chapter(), _words_chapter(), _later_chapter()]
    return "\n".join([_INTRODUCTION, *chapters])


def _object(shape: Shape) -> dict[str, object]:
    required = [key.name for key in shape.keys if key.required]
    return {
        "description": shape.meaning,
        "type": "object",
        "properties": {key.name: {"description": key.meaning, **key.schema} for key in shape.keys if key.built},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _chapter(shape: Shape) -> str:
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for key in shape.keys:
        if key.built:
            name = f"`{key.name}` (required)" if key.required else f"`{key.name}`"
            rows.append(f"| {name} | {_cell(_value(key.schema))} | {_cell(key.meaning)} |")
    return "\n".join([f"## {shape.name}", "", shape.meaning, "", *rows, ""])


def _value(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name})"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in cast("list[object]", schema["enum"]))
    if "anyOf" in schema:
        one, *others = cast("list[Schema]", schema["anyOf"])
        if others == [{"type": "array", "items": one, "minItems": 1}]:
            return f"one or more of: {_value(one)}"
        return " or ".join(dict.fromkeys(_value(one) for one in cast("list[Schema]", schema["anyOf"])))
    if schema.get("type") == "array":
        return f"a list of {_value(cast('Schema', schema['items']))}"
    if schema.get("type") == "object":
        return f"by name: {_value(cast('Schema', schema['additionalProperties']))}"
    return _SHAPES_OF_TEXT.get(str(schema.get("pattern")), _TYPES[str(schema["type"])])


_TYPES: Final = {"string": "text", "boolean": "`true`, `false`", "integer": "a whole number"}
_SHAPES_OF_TEXT: Final = {
    "^[0-9]{1,9}[smhd]$": "a duration such as `10m`",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a day such as `2026-12-31`",
    "^[0-9]{1,7}/(s|min|h|d)$": "a rate such as `600/min`",
}


def _headers_chapter() -> str:
    lines = [
        "## Shipped header profiles",
        "",
        "The headers that they set on the responses of apps. `!` removes the app's header.",
        "",
    ]
    for profile in SHIPPED.values():
        lines += [f"`{profile.name}`:", "", *_profile_rows(profile), ""]
    return "\n".join(lines)


def _profile_rows(profile: Profile) -> Iterator[str]:
    rows = [
        f"| {name.removeprefix('X-Bastion-')} | `{value}` |"
        for name, value in profile.block("https://auth.example.com")
    ]
    yield from ["| header | value |", "|---|---|", *rows] if rows else ["Nothing: all headers are those of the app."]


def _words_chapter() -> str:
    return "\n".join(
        [
            "## Words",
            "",
            f"Methods: {', '.join(sorted(METHODS))}. Bastion never passes on CONNECT, PRI and TRACE.",
            "",
            f"Directives of `csp`: {', '.join(DIRECTIVES)}; `frame_ancestors` writes frame-ancestors.",
            "",
        ]
    )


def _later_chapter() -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for shape in SHAPES:
        for key in shape.keys:
            if not key.built:
                found.setdefault((key.name, _lower(key)), []).append(shape.name)
    rows = [f"- `{name}` ({', '.join(shapes)}): {meaning}" for (name, meaning), shapes in found.items()]
    return "\n".join(
        [
            "## Not built yet",
            "",
            "These keys are part of the language. Bastion refuses them until they are built:",
            "",
            *rows,
            "",
        ]
    )


def _lower(key: Key) -> str:
    return key.meaning[:1].lower() + key.meaning[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
