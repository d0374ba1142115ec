"""A parameter is read once, and what is not clear is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.scopes import read_scopes


def test_an_empty_value_is_as_if_left_out() -> None:
    parameters = Parameters.of([("a", ""), ("b", "1")])

    assert (parameters.get("a"), parameters.get("b"), parameters.get("c")) == ("", "1", "")
    with pytest.raises(OAuthError, match="a is missing"):
        parameters.required("a")


@pytest.mark.parametrize("values", [("1", "2"), ("1", "1"), ("", "1"), ("1", ""), ("", "")])
def test_what_comes_twice_is_refused(values: tuple[str, str]) -> None:
    parameters = Parameters.of([("a", values[0]), ("b", "1"), ("a", values[1])])

    assert parameters.get("b") == "1"
    with pytest.raises(OAuthError, match="a came more than once"):
        parameters.get("a")


@pytest.mark.parametrize("value", ["\0", "a\x1b[31m", "\x7f", "\ud800", "\u2028", "\u202e"])
def test_what_cannot_be_printed_is_refused(value: str) -> None:
    with pytest.raises(OAuthError, match="cannot be printed"):
        Parameters.of([("a", value)]).get("a")


def test_a_secret_is_not_shown() -> None:
    assert "geheim" not in repr(Parameters.of([("client_secret", "geheim")]))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5)), max_size=6))
def test_any_pairs_are_read(pairs: list[tuple[str, str]]) -> None:
    parameters = Parameters.of(pairs)

    for name in "abc":
        came = [value for named, value in pairs if named == name]
        with suppress(OAuthError):
            assert [parameters.get(name)] == (came or [""])


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("openid", ("openid",)),
        ("b a b", ("b", "a")),
        ("orders.read https://a/b!", ("orders.read", "https://a/b!")),
        ("", None),
        (" a", None),
        ("a ", None),
        ("a  b", None),
        ("a\tb", None),
        ('a"', None),
        ("a\\b", None),
        ("ä", None),
    ],
)
def test_scopes_are_written_as_the_rfc_has_them(text: str, scopes: tuple[str, ...] | None) -> None:
    assert read_scopes(text) == scopes
