"""What YAML refuses is said in plain words at its cause, and the way out that the message names is one."""

from typing import Final

import pytest

from gateway.core.yaml_marks import YamlProblem, load_marked, plain

TAB: Final = "a tab; expected spaces: YAML does not indent with tabs"
ODD: Final = "a U+00A0 stands where a space is meant"
DEEPER: Final = "this key is indented deeper than the line above, which has a value already"
# What is written, where the cause is, what is said, and what is written instead.
FAULTS: Final = {
    "tab": ("a:\n\tb: 1\n", "2:1", TAB, "a:\n  b: 1\n"),
    "tab below a key": ("a:\n  b: 1\n\tc: 2\n", "3:1", TAB, "a:\n  b: 1\n  c: 2\n"),
    "tab behind spaces": ("a:\n  b: 1\n \tc: 2\n", "3:2", TAB, "a:\n  b: 1\n  c: 2\n"),
    "tab behind a dash": ("a:\n-\tb: 1\n  c: 2\n", "2:2", TAB, "a:\n- b: 1\n  c: 2\n"),
    "tab in a text of lines": ("a: |\n  x\n\ty\n", "3:1", TAB, "a: |\n  x\n  y\n"),
    "open quote": ('a: "x\nb: 1\nc: 2\n', "1:4", 'this " is never closed; write a " where', 'a: "x"\nb: 1\nc: 2\n'),
    "open single quote": ("a: 1\nb: 'x\n", "2:4", "this ' is never closed", "a: 1\nb: 'x'\n"),
    "open quote before another": (
        "a: 'x\nb: 1\nc: 'y'\n",
        "1:4",
        "this ' is closed only by the one at 3:4; write a ' where the text ends",
        "a: 'x'\nb: 1\nc: 'y'\n",
    ),
    "open quote in a list": ('a: ["x, y]\nb: "z"\n', "1:5", 'this " is closed only by', 'a: ["x", y]\nb: "z"\n'),
    "text behind a quote": ('a: "x" y\n', "1:8", "text after a closing quote", 'a: "x y"\n'),
    "escape": ('a: "\\d+"\n', "1:5", "write the text in single quotes", "a: '\\d+'\n"),
    "escape with digits": ('a: "C:\\x"\n', "1:9", "write the text in single quotes", "a: 'C:\\x'\n"),
    "no space behind the first key": ("data_dir:/x\nb: 1\n", "1:1", "write `data_dir: ...`", "data_dir: /x\nb: 1\n"),
    "no space behind the last key": ("b: 1\ndata_dir:/x\n", "2:1", "write `data_dir: ...`", "b: 1\ndata_dir: /x\n"),
    "no space behind a key": ("a: 1\nb:2\nc: 3\n", "2:1", "`b:` has no space after its colon", "a: 1\nb: 2\nc: 3\n"),
    "no space below a key": ("s:\n  a: 1\n  b:2\n  c: 3\n", "3:3", "write `b: ...`", "s:\n  a: 1\n  b: 2\n  c: 3\n"),
    "no space in a list": ("- a: 1\n- b:2\n  c: 3\n", "2:3", "write `b: ...`", "- a: 1\n- b: 2\n  c: 3\n"),
    "odd space before a key": ("a:\n\u00a0\u00a0b: 1\n", "2:1", ODD, "a:\n  b: 1\n"),
    "odd space before a second key": ("b: 1\n\u00a0a: 1\n", "2:1", ODD, "b: 1\na: 1\n"),
    "odd space behind a colon": ("a: 1\nb:\u00a02\nc: 3\n", "2:3", ODD, "a: 1\nb: 2\nc: 3\n"),
    "odd space in all there is": ("a:\u00a01\n", "1:3", ODD, "a: 1\n"),
    "odd space below a key": ("server:\n  workers:\u00a03\n", "2:11", ODD, "server:\n  workers: 3\n"),
    "odd space behind a value": ("a: true\u00a0\n", "1:8", ODD, "a: true\n"),
    "odd space in a key": ("a\u00a0b: 1\n", "1:2", ODD, "a b: 1\n"),
    "odd space of no width": ("a:\u200b1\n", "1:3", "a U+200B stands where a space is meant", "a: 1\n"),
    "open bracket": ("a: [1, 2\nb: 3\n", "2:2", "flow sequence, which opens at 1:4", "a: [1, 2]\nb: 3\n"),
    "open brace": ("a: {b: 1\nc: 2\n", "2:2", "flow mapping, which opens at 1:4", "a: {b: 1}\nc: 2\n"),
    "deeper": ("a: 1\n  b: 2\n", "2:3", DEEPER, "a: 1\nb: 2\n"),
    "less deep": ("a:\n    b: 1\n   c: 2\n", "3:4", "the indentation of this line fits no", "a:\n    b: 1\n    c: 2\n"),
    "two colons": ("a: b: c\n", "1:5", "a second `: ` in one line; write the value in quotes", "a: 'b: c'\n"),
    "no colon": ("a: 1\nfoo\nb: 2\n", "2:1", "this line is no key with a value", "a: 1\nfoo: x\nb: 2\n"),
    "at sign": ("a: @x\n", "1:4", "text that starts with @ needs quotes", "a: '@x'\n"),
    "backtick": ("a: `x`\n", "1:4", "text that starts with ` needs quotes", "a: '`x`'\n"),
    "percent sign": ("a: %x\n", "1:4", "text that starts with % needs quotes", "a: '%x'\n"),
}


@pytest.mark.parametrize(("text", "place", "said", "mended"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_said_at_its_cause_and_the_way_out_is_one(text: str, place: str, said: str, mended: str) -> None:
    with pytest.raises(YamlProblem) as refusal:
        load_marked(text, "a.yaml")

    assert f"{refusal.value.line}:{refusal.value.column}" == place, refusal.value.message
    assert said in refusal.value.message
    assert isinstance(plain(load_marked(mended, "a.yaml")), dict | list)


@pytest.mark.parametrize(
    "text",
    [
        "a: x\u00a0y\n",
        "a: '\u00a0x'\n",
        "# \u00a0\na: 1\n",
        "a: |\n  \u00a0x\n",
        "a:\tx\n",
        "a: x\ty\n",
        "a: [\n\t1]\n",
        "\ufeffa: 1\n",
    ],
)
def test_odd_spaces_and_tabs_that_do_no_harm_pass(text: str) -> None:
    loaded = plain(load_marked(text, "a.yaml"))

    assert isinstance(loaded, dict)
    assert list(loaded) == ["a"]
