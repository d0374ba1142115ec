"""What editors and readers are told about the language is what the reader of the language knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.core.policy.grammar import SHAPES
from gateway.core.policy.headers import SHIPPED
from gateway.core.policy.schema import reference, schema
from gateway.core.yaml_marks import load_marked, plain

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    ROOT / "gateway" / "demo" / "policy.yaml",
    *sorted((ROOT / "policies").glob("*.yaml")),
    Path(__file__).parents[1] / "analysis" / "table.yaml",
]
SCHEMA: dict[str, Any] = schema()
TYPES = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}


def fits(value: object, rule: dict[str, Any]) -> bool:
    """As much of JSON Schema as the schema uses."""
    if "$ref" in rule:
        return fits(value, SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]])
    if "anyOf" in rule:
        return any(fits(value, one) for one in rule["anyOf"])
    if "enum" in rule:
        return value in rule["enum"]
    if not isinstance(value, TYPES[rule["type"]]):
        return False
    match value:
        case dict():
            return set(rule.get("required", ())) <= value.keys() and all(
                fits(each, rule.get("properties", {}).get(key, rule["additionalProperties"] or {"enum": []}))
                for key, each in value.items()
            )
        case list():
            return all(fits(each, rule["items"]) for each in value)
        case str():
            return re.search(rule.get("pattern", ""), value) is not None
        case _:
            return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_the_schema_accepts_what_compiles(path: Path) -> None:
    assert fits(plain(load_marked(path.read_text(), path.name)), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "app: {}",
        "apps: {a: {host: x}}",
        "apps: {a: {hosts: x, use: y}}",
        "apps: {a: {hosts: x, allow: {groups: 7}}}",
        "apps: {a: {hosts: x, require: {mfa: yes}}}",
        "apps: {a: {hosts: x, routes: {r: {}}}}",
        "apps: {a: {hosts: x, limits: {rate: fast}}}",
        "apps: {a: {allow: nobody}}",
        "tests: [{request: GET /}]",
    ],
)
def test_the_schema_refuses_what_is_a_mistake(text: str) -> None:
    assert not fits(plain(load_marked(text, "p.yaml")), SCHEMA)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.name))
def test_every_key_is_described_once(shape: Any) -> None:
    assert len({key.name for key in shape.keys}) == len(shape.keys)
    assert all(key.meaning.endswith(".") for key in shape.keys)
    properties = (SCHEMA if shape.name == "policy" else SCHEMA["$defs"][shape.name])["properties"]
    assert all(properties[name]["description"] for name in shape.names)


def test_the_schema_beside_the_example_policies_is_the_present_one() -> None:
    """Written by `bastion policy schema`."""
    assert json.loads((ROOT / "policies" / "schema.json").read_text()) == SCHEMA


def test_every_reference_has_a_definition() -> None:
    names = set(re.findall(r"'#/\$defs/([a-z]+)'", repr(SCHEMA)))

    assert names <= SCHEMA["$defs"].keys()


def test_the_reference_page_has_every_key_and_profile() -> None:
    page = reference()

    for shape in SHAPES:
        assert f"\n## {shape.name}\n" in page
        for key in shape.keys:
            assert f"`{key.name}`" in page
            assert key.meaning.replace("|", "\\|")[1:] in page
    assert all(f"`{name}`:" in page for name in SHIPPED)


def test_the_reference_page_is_well_formed() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("|")]

    assert all(line.endswith("|") for line in rows)
    assert not re.search(r"[ \t]$", reference(), re.MULTILINE)
