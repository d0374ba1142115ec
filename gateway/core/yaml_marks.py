"""Reads a strict subset of YAML 1.2 into nodes that know where they stand.

Strict: one document; no anchors, aliases, tags or merge keys; keys are plain strings and occur once; only `true` and
`false` are booleans; nothing is ever a date or a base-60 number. So no word changes its meaning by how it looks.
"""

import re
from dataclasses import dataclass
from typing import Final

import yaml

from gateway.core.errors import GatewayError
from gateway.core.yaml_faults import fault, odd_space_at, odd_space_message

Scalar = str | int | float | bool | None
_MAX_DEPTH: Final = 64
_MAX_CHARACTERS: Final = 2_000_000
_NULL: Final = re.compile(r"|~|null|Null|NULL")
_BOOL: Final = re.compile(r"true|false")
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")


class YamlProblem(GatewayError):
    """The text is outside the subset; line and column count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(f"{line}:{column}: {message}")
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class MarkedScalar:
    """text: as written, without quotes. plain: written without quotes, the only form that can be more than text."""

    line: int
    column: int
    text: str
    plain: bool

    @property
    def value(self) -> Scalar:
        """By the core schema of YAML 1.2, without octal, hexadecimal, infinity and `True`."""
        if not self.plain:
            return self.text
        if _NULL.fullmatch(self.text):
            return None
        if _BOOL.fullmatch(self.text):
            return self.text == "true"
        if _INT.fullmatch(self.text):
            return int(self.text)
        if _FLOAT.fullmatch(self.text):
            return float(self.text)
        return self.text


@dataclass(frozen=True, slots=True)
class MarkedList:
    line: int
    column: int
    items: "tuple[Marked, ...]"


@dataclass(frozen=True, slots=True)
class MarkedMap:
    """entries: in the order of the text; each key occurs once."""

    line: int
    column: int
    entries: "tuple[tuple[MarkedScalar, Marked], ...]"

    def key(self, name: str) -> MarkedScalar | None:
        return next((key for key, _value in self.entries if key.text == name), None)

    def get(self, name: str) -> "Marked | None":
        return next((value for key, value in self.entries if key.text == name), None)


Marked = MarkedScalar | MarkedList | MarkedMap


def load_marked(text: str, name: str) -> Marked:
    """name: what to call the text in messages of the parser. An empty text is an empty map at 1:1.

    Raises YamlProblem, at the first place that is outside the subset.
    """
    if len(text) > _MAX_CHARACTERS:
        raise YamlProblem(1, 1, f"{name} is larger than {_MAX_CHARACTERS} characters")
    try:
        _refuse_indirection(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        found = fault(text, error)
        raise YamlProblem(found.line, found.column, found.message) from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlProblem(1, 1, f"{name} is not readable as YAML: {error}") from None
    if node is None:
        return MarkedMap(1, 1, ())
    return _marked(node)


def plain(marked: Marked) -> object:
    """Lists, dicts and scalars without places."""
    match marked:
        case MarkedScalar():
            return marked.value
        case MarkedList():
            return [plain(item) for item in marked.items]
        case MarkedMap():
            return {key.text: plain(value) for key, value in marked.entries}


def _refuse_indirection(text: str) -> None:
    """Over the events, because the composer resolves aliases (an alias can make a small text endless)."""
    documents = depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if documents > 1:
            raise _at(event, "a second document starts here; expected one in a file")
        if depth > _MAX_DEPTH:
            raise _at(event, f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.NodeEvent):
            _refuse_properties(event)


def _refuse_properties(event: yaml.NodeEvent) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _at(event, f"*{event.anchor} is an alias; expected the value itself (quote text that starts with *)")
    if event.anchor is not None:
        raise _at(event, f"&{event.anchor} is an anchor; expected the value itself (quote text that starts with &)")
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise _at(event, f"the tag {tag} is not accepted; expected a value without (quote text that starts with !)")


def _marked(node: yaml.Node, *, is_key: bool = False) -> Marked:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, line, column, is_key=is_key)
    if isinstance(node, yaml.SequenceNode):
        return MarkedList(line, column, tuple(_marked(item) for item in node.value))
    assert isinstance(node, yaml.MappingNode)
    return MarkedMap(line, column, _entries(node))


def _scalar(node: yaml.ScalarNode, line: int, column: int, *, is_key: bool) -> MarkedScalar:
    odd = None if node.style else odd_space_at(node.value, is_key=is_key)
    if odd is not None:
        raise YamlProblem(line, column + odd, odd_space_message(node.value, odd))
    return MarkedScalar(line, column, node.value, not node.style)


def _entries(node: yaml.MappingNode) -> tuple[tuple[MarkedScalar, Marked], ...]:
    entries: dict[str, tuple[MarkedScalar, Marked]] = {}
    for key_node, value_node in node.value:
        key = _marked(key_node, is_key=True)
        if not isinstance(key, MarkedScalar):
            raise YamlProblem(key.line, key.column, "a list or a map cannot be a key; expected text (quote it)")
        if key.plain and key.text == "<<":
            raise YamlProblem(key.line, key.column, "<< is a merge key; expected the keys themselves")
        if key.text in entries:
            first = entries[key.text][0]
            message = (
                f"`{key.text}` again, first at {first.line}:{first.column}; expected once{_merge(*entries[key.text])}"
            )
            raise YamlProblem(key.line, key.column, message)
        entries[key.text] = (key, _marked(value_node))
    return tuple(entries.values())


def _merge(first: MarkedScalar, value: Marked) -> str:
    """How a key that stands twice can stand once, "" where one of two values has to go."""
    if isinstance(value, MarkedMap):
        return f"; move what stands below this one below line {first.line}"
    is_empty = isinstance(value, MarkedScalar) and value.plain and not value.text
    return f"; the first is empty: take line {first.line} out" if is_empty else ""


def _at(event: yaml.Event, message: str) -> YamlProblem:
    assert event.start_mark is not None
    return YamlProblem(event.start_mark.line + 1, event.start_mark.column + 1, message)
