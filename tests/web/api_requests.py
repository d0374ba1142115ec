"""Requests made from an OpenAPI document: such as it allows, and such as it forbids in one place."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from hypothesis import strategies as st

Schema: TypeAlias = Mapping[str, Any]
_TEXT: Final = st.characters(codec="utf-8")
_LONG: Final = 40
_ANYTHING: Final[tuple[st.SearchStrategy[Any], ...]] = (
    st.none(), st.booleans(), st.integers(-9, 9), st.just(0.5), st.text(_TEXT, max_size=9), st.just([0]),
    st.just({"a": 0}),
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """body None: none."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True)
class Requests:
    """known: values of path parameters that name something."""

    document: Schema
    known: Mapping[str, tuple[str, ...]]

    def operations(self) -> list[tuple[str, str, Schema]]:
        """Method, path, operation."""
        paths: Mapping[str, Mapping[str, Schema]] = self.document["paths"]
        return [(method, path, one) for path, by in paths.items() for method, one in by.items()]

    def valid(self, schema: Schema) -> st.SearchStrategy[Any]:
        """Whatever the schema allows, within the sizes that a request has."""
        schema = self._of(schema)
        if "anyOf" in schema:
            return st.one_of([self.valid(one) for one in schema["anyOf"]])
        match schema["type"]:
            case "null":
                return st.none()
            case "integer":
                whole = st.integers(schema["minimum"], schema["maximum"])
                return whole | whole.filter(lambda n: n < 2**53).map(float)
            case "array":
                return st.lists(self.valid(schema["items"]), max_size=3)
            case "object":
                must = {name: self.valid(schema["properties"][name]) for name in schema.get("required", ())}
                may = {name: self.valid(one) for name, one in schema["properties"].items() if name not in must}
                return st.fixed_dictionaries(must, optional=may)
            case _:
                return self._text(schema)

    def broken(self, value: Mapping[str, Any], schema: Schema) -> st.SearchStrategy[Any]:
        """The object with one thing that its schema forbids."""
        schema = self._of(schema)
        ways: list[st.SearchStrategy[Any]] = [st.sampled_from([[], "x", 1, None]), st.just({**value, "unknown": 1})]
        ways += [st.just({k: v for k, v in value.items() if k != name}) for name in schema.get("required", ())]
        for name, one in schema["properties"].items():
            ways.append(self.wrong(one).map(partial(_with, value, name)))
        return st.one_of(ways)

    def wrong(self, schema: Schema) -> st.SearchStrategy[Any]:
        """No value of the schema: of another type, or just beyond a bound."""
        far = [st.just("x" * (schema["maxLength"] + 1))] if "maxLength" in schema else []
        if "maximum" in str(schema):
            far.append(st.sampled_from([-1, 10**18, 1e300]))
        return st.one_of([*_ANYTHING, *far]).filter(lambda value: not self.allows(value, schema))

    def allows(self, value: object, schema: Schema) -> bool:
        """JSON Schema, as far as our document uses it."""
        schema = self._of(schema)
        if "anyOf" in schema:
            return any(self.allows(value, one) for one in schema["anyOf"])
        match schema["type"]:
            case "null":
                return value is None
            case "integer":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return False
                return value == value // 1 and bool(schema["minimum"] <= value <= schema["maximum"])
            case "array":
                return isinstance(value, list) and all(self.allows(one, schema["items"]) for one in value)
            case "object":
                return (
                    isinstance(value, dict) and "properties" in schema and set(schema.get("required", ())) <= set(value)
                )
            case _:
                return isinstance(value, str) and _fits(value, schema)

    def is_query(self, text: str, schema: Schema) -> bool:
        number = int(text) if re.fullmatch("0|[1-9][0-9]{0,30}", text) else None
        return self.allows(text, schema) or (number is not None and self.allows(number, schema))

    def _of(self, schema: Schema) -> Schema:
        name: str = schema.get("$ref", "").rpartition("/")[2]
        found: Schema = self.document["components"]["schemas"][name] if name else schema
        return found

    def _text(self, schema: Schema) -> st.SearchStrategy[str]:
        if schema.get("format") == "uuid":
            return st.uuids().map(str)
        if "pattern" in schema:
            pattern = _whole_pattern(schema)
            return (
                st.from_regex(pattern, fullmatch=True, alphabet=_TEXT).map(str).filter(lambda text: _fits(text, schema))
            )
        most = schema.get("maxLength", _LONG)
        usual = st.text(_TEXT, min_size=schema.get("minLength", 0), max_size=min(most, _LONG))
        return usual | st.just("x" * most)


def _with(value: Mapping[str, Any], name: str, found: object) -> Mapping[str, Any]:
    return {**value, name: found}


def _fits(text: str, schema: Schema) -> bool:
    long = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return long and ("pattern" not in schema or _whole_pattern(schema).fullmatch(text) is not None)


def _whole_pattern(schema: Schema) -> re.Pattern[str]:
    """Its `$` is the very end, as in ECMA-262, where Python's may stand before a line break."""
    return re.compile(schema["pattern"].removeprefix("^").removesuffix("$"), re.ASCII)


def _is_a_step(text: str) -> bool:
    return text not in ("", ".", "..")


@st.composite
def made_requests(draw: st.DrawFn, source: Requests, method: str, path: str, one: Schema, *, broken: bool) -> Sent:
    """broken: with one thing that the document forbids."""
    by_place = {place: [p for p in one["parameters"] if p["in"] == place] for place in ("path", "query", "header")}
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    places = [place for place in ("query", "header") if by_place[place]] + ["body"] * (body is not None)
    wrong = draw(st.sampled_from(places or ["unknown"])) if broken else ""
    for p in by_place["path"]:
        found = draw(st.sampled_from(source.known[p["name"]]) | source.valid(p["schema"]).filter(_is_a_step))
        path = path.replace("{" + p["name"] + "}", quote(found, safe=""))
    asked = draw(_queries(source, by_place["query"], wrong))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked)
    headers = {p["name"]: draw(source.valid(p["schema"])) for p in by_place["header"]}
    if wrong == "header":
        headers = {"If-Match": draw(st.sampled_from(["*", '""', 'W/"1"', "1", '"1", "2"', '"01"']))}
    text = None
    if body is not None:
        value = draw(source.valid(body))
        text = json.dumps(draw(source.broken(value, body)) if wrong == "body" else value)
    return Sent(method.upper(), path + f"?{query}" * bool(query), headers, text)


@st.composite
def _queries(draw: st.DrawFn, source: Requests, parameters: list[Schema], wrong: str) -> list[tuple[str, str]]:
    if wrong == "unknown":
        return [("unknown", "1")]
    found = {p["name"]: draw(source.valid(p["schema"])) for p in parameters if draw(st.booleans())}
    if wrong == "query":
        p = draw(st.sampled_from(parameters))
        found[p["name"]] = draw(st.text(_TEXT, min_size=1).filter(lambda text: not source.is_query(text, p["schema"])))
    there = {name: value for name, value in found.items() if value is not None}
    # A number of a query has one spelling.
    return [(name, str(int(value) if isinstance(value, float) else value)) for name, value in there.items()]
