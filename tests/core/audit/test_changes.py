"""What a change changed is told whole, and of a secret only that it did."""

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit.changes import MOST_LINES, changes, flat, names_changed, text_changes

_NAMES: Final = st.sampled_from(["a", "b.c", "password", "token", "d"])
_SECRETS: Final = frozenset({"password", "token"})
_SETTINGS: Final = st.dictionaries(_NAMES, st.sampled_from(["", "one-value", "another-value", "third-value"]))


@given(_SETTINGS, _SETTINGS)
def test_lines_name_what_differs_and_no_secret_is_in_them(before: dict[str, str], after: dict[str, str]) -> None:
    lines = changes(before, after, _SECRETS)

    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    told = {line.lstrip("+-").partition(": ")[0] for line in lines}
    assert told == {name for name in differing if name not in _SECRETS or before.get(name) or after.get(name)}
    assert told == set(names_changed(before, after, _SECRETS))
    for line in lines:
        name, _, value = line.lstrip("+-").partition(": ")
        if name in _SECRETS:
            old, new = before.get(name, ""), after.get(name, "")
            assert value == ("removed" if not new else "changed" if old else "set")
        else:
            assert value == (before if line.startswith("-") else after)[name]


@given(st.text(min_size=6), st.text(min_size=6))
def test_a_secret_is_not_even_hashed(old: str, new: str) -> None:
    """Whatever it is, the line is the same."""
    assert changes({"password": old}, {"password": new}, _SECRETS) in ((), ("password: changed",))


def test_nested_settings_have_dotted_names_and_lists_are_one_value() -> None:
    settings = {"name": "Wiki", "type": "web", "token": {"lifetime": 60}, "scopes": ["openid", "email"]}

    assert flat(settings) == {
        "name": "Wiki",
        "type": "web",
        "token.lifetime": "60",
        "scopes": json.dumps(["openid", "email"]),
    }


def test_a_file_has_the_lines_that_differ_and_many_are_cut() -> None:
    before, after = {"a.yaml": "x: 1\ny: 2\n"}, {"a.yaml": "x: 1\ny: 3\n"}
    many = {"a.yaml": "\n".join(map(str, range(MOST_LINES)))}

    assert text_changes(before, after)[2:] == ("@@ -2 +2 @@", "-y: 2", "+y: 3")
    assert text_changes({}, many)[-1] == "... 3 more lines"


LARGE = [f"line {number % 7}" for number in range(20_000)]


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (["a", "b", "c", "d"], ["a", "b", "x", "d"], ["@@ -3 +3 @@", "-c", "+x"]),
        (["a", "b"], ["a", "x", "b"], ["@@ -1,0 +2 @@", "+x"]),
        (["a", "x", "b"], ["a", "b"], ["@@ -2 +1,0 @@", "-x"]),
        (["a", "a"], ["a", "a", "a"], ["@@ -2,0 +3 @@", "+a"]),
        (LARGE, [*LARGE[:9_000], "x", *LARGE[9_000:]], ["@@ -9000,0 +9001 @@", "+x"]),
        (LARGE, [f"{line}!" for line in LARGE], ["--- wiki.yaml: 20000 lines after line 0 became 20000"]),
    ],
)
def test_a_difference_has_the_lines_of_its_files_and_takes_no_time(
    before: list[str], after: list[str], difference: list[str]
) -> None:
    found = text_changes({"wiki.yaml": "\n".join(before)}, {"wiki.yaml": "\n".join(after)})

    assert [line for line in found if line not in ("--- wiki.yaml", "+++ wiki.yaml")] == difference


def test_files_that_did_not_change_have_no_difference() -> None:
    assert text_changes({"a.yaml": "x: 1\n", "b.yaml": "x: 1\n"}, {"a.yaml": "x: 1\n"}) == (
        "--- b.yaml", "+++ b.yaml", "@@ -1 +0,0 @@", "-x: 1"
    )  # fmt: skip
