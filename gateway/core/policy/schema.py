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

Policy is YAML: all files of the policy directory together are one policy, and the order of files, apps, routes, legs
and keys decides nothing. A list of one needs no brackets. Only `true` and `false` are booleans. Unknown keys, duplicate
keys, anchors and tags are mistakes; all mistakes are said at once, each with its place. Nobody gets in by default.

What is most specific wins, and nothing falls through to what is wider:

- **Hosts** are compared label by label from the right: a name before `*` or `{name}` (one label) before `**` (one or
  more, only at the start).
- **Paths** are compared segment by segment from the left: text before `{name:RE2}` before `*` or `{name}` before `**`;
  a pattern that ends comes before `**`. `/x/**` takes `/x` too, and one trailing slash never matters.
- **Methods**: the route with the path that lists the method, else the one that lists none, else 405.
- A path that apps may read as different routes (encoded slashes or letters, `//`, `;`, other case, dots) is refused
  with 400, unless every reading ends at one route, and that accepts the oddity with `path_accepts`.

`deny` comes before `allow`. Of the legs of `allow` the best wins: in as somebody, in as nobody, after a step-up, after
a login. Where the address of a client is not known, no leg on networks lets it in and every `deny` on networks holds.
`require` asks whoever comes in as somebody. Levels are defaults, app, route: `deny` adds up, `require` merges by key,
all else is replaced by what is nearer.

This page is made from the program by `bastion policy reference`.
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
    lines = ["## Shipped header profiles", "", "What they set on the responses of apps; `!` takes the app's away.", ""]
    for profile in SHIPPED.values():
        lines += [f"`{profile.name}`:", "", *_profile_rows(profile), ""]
    return "\n".join(lines)


def _profile_rows(profile: Profile) -> Iterator[str]:
    rows = [
        f"| {name.removeprefix('X-Bastion-')} | `{value}` |"
        for name, value in profile.block("https://auth.example.com")
    ]
    yield from ["| header | value |", "|---|---|", *rows] if rows else ["Nothing; all headers are the app's."]


def _words_chapter() -> str:
    return "\n".join(
        [
            "## Words",
            "",
            f"Methods: {', '.join(sorted(METHODS))}. CONNECT, PRI and TRACE are never passed on.",
            "",
            f"Directives of `csp`: {', '.join(DIRECTIVES)}; frame-ancestors is written by `frame_ancestors`.",
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
    return "\n".join(["## Not built yet", "", "Part of the language, and refused until they are built:", "", *rows, ""])


def _lower(key: Key) -> str:
    return key.meaning[:1].lower() + key.meaning[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
