"""The strict YAML subset: what it refuses, where, and that no word changes its meaning."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.yaml_marks import MarkedList, MarkedMap, MarkedScalar, Scalar, YamlProblem, load_marked, plain

REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", 3, 1, "`a` again, first at 1:1"),
    "quoted duplicate": ('a: 1\n"a": 3\n', 2, 1, "`a` again"),
    "anchor": ("a: &x 1\n", 1, 4, "&x is an anchor"),
    "anchor on a map": ("a: &x\n  b: 1\n", 1, 4, "&x is an anchor"),
    "alias": ("a: *x\n", 1, 4, "alias"),
    "host that looks like an alias": ("hosts: *.example.org\n", 1, 8, "quote text that starts with *"),
    "tag": ("a: !!str 1\n", 1, 4, "tag"),
    "own tag": ("a: !secret x\n", 1, 4, "tag !secret"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
    "merge key": ("<<: {a: 1}\n", 1, 1, "merge key"),
    "list as key": ("? [a]\n: 1\n", 1, 3, "cannot be a key"),
    "map as key": ("{a: 1}: 2\n", 1, 1, "cannot be a key"),
    "tab": ("a:\n\tb: 1\n", 2, 1, ""),
    "open bracket": ("a: [1, 2\n", 2, 1, ""),
    "too deep": ("[" * 65 + "]" * 65, 1, 65, "nested deeper"),
    "control character": ("a: \x00\n", 1, 1, "not readable"),
    "lone surrogate": ("a: \ud800\n", 1, 1, "not readable"),
    "larger than 2 million": ("#" * 2_000_001, 1, 1, "larger"),
}


@pytest.mark.parametrize(("text", "line", "column", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_outside_the_subset_is_refused_at_its_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(YamlProblem) as refusal:
        load_marked(text, "a.yaml")

    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert words in refusal.value.message


def test_what_is_just_inside_the_limits_passes() -> None:
    assert isinstance(load_marked("[" * 64 + "]" * 64, "a.yaml"), MarkedList)
    assert load_marked("#" * 2_000_000, "a.yaml") == MarkedMap(1, 1, ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("7", 7),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        # What YAML 1.1 would have changed.
        ("no", "no"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("12:30:00", "12:30:00"),
        ("2026-11-24", "2026-11-24"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ('"true"', "true"),
        ("'7'", "7"),
        ("''", ""),
    ],
)
def test_a_word_means_one_thing(text: str, value: Scalar) -> None:
    loaded = load_marked(text, "a.yaml")

    assert isinstance(loaded, MarkedScalar)
    assert loaded.value == value
    assert type(loaded.value) is type(value)


def test_every_node_knows_its_place() -> None:
    loaded = load_marked("app:\n  hosts: [a, 'b']\n  note: |\n    text\n", "a.yaml")

    assert isinstance(loaded, MarkedMap)
    app = loaded.get("app")
    assert isinstance(app, MarkedMap)
    assert (app.line, app.column) == (2, 3)
    hosts, key = app.get("hosts"), app.key("note")
    assert isinstance(hosts, MarkedList)
    assert [(item.line, item.column) for item in hosts.items] == [(2, 11), (2, 14)]
    assert key is not None
    assert (key.line, key.column) == (3, 3)
    assert plain(app) == {"hosts": ["a", "b"], "note": "text\n"}
    assert app.get("absent") is app.key("absent") is None


TEXT = st.text(st.characters(codec="utf-8"))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(TEXT | st.text(":{}[]&*!|>'\"%@`#-?, \n\tab01~<"))
def test_it_never_crashes(text: str) -> None:
    problem = None
    try:
        load_marked(text, "a.yaml")
    except YamlProblem as refusal:
        problem = refusal

    assert problem is None or min(problem.line, problem.column) >= 1


@given(st.dictionaries(TEXT, TREES, max_size=4))
def test_what_is_written_quoted_comes_back(tree: dict[str, object]) -> None:
    written = yaml.dump(tree, Dumper=_Quoting, allow_unicode=True)

    assert plain(load_marked(written, "a.yaml")) == tree


class _Quoting(yaml.SafeDumper):
    """Text in double quotes, and each value written out where it stands."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
