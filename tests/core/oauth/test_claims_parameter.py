"""The claims parameter is read as OpenID Connect has it, and never as something else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.oauth.claims_parameter import essential_values, read_claims
from gateway.core.oauth.errors import OAuthError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id_token", "userinfo", "acr", "essential", "value", "values"]), inner)
    ),
)


def test_what_is_asked_for_is_kept_and_all_else_is_not() -> None:
    text = (
        '{"id_token": {"acr": {"essential": true, "values": ["1", "2"], "purpose": "x"}, "email": null},\n'
        '\t"userinfo": {"name": {"essential": true}}, "other": {"a": null}}'
    )

    assert read_claims(text) == {
        "id_token": {"acr": {"essential": True, "values": ["1", "2"]}, "email": {}},
        "userinfo": {"name": {"essential": True}},
    }
    assert read_claims("") == {}


WRONG = [
    "x", "[]", '"a"', "1", "null", '{"id_token": []}', '{"id_token": {"acr": 1}}', '{"id_token": {"acr": "1"}}',
    '{"id_token": {"acr": {"essential": "true"}}}', '{"id_token": {"acr": {"values": "1"}}}', "NaN",
    '{"id_token": {"acr": {"value": NaN}}}', '{"id_token": {}, "id_token": {}}', '{"a": 1, "a": 2}', "[" * 1_900,
    '{"id_token":' * 150, '{"a":' + "9" * 1_900 + "}" * 2, "{}" + " " * 2_000,
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(OAuthError) as raised:
        read_claims(text)

    assert raised.value.error == "invalid_request"


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        asked = read_claims(json.dumps(value))
    except OAuthError:
        return
    assert set(asked) <= {"id_token", "userinfo"}
    assert all(isinstance(value, str) for value in essential_values(asked, "acr"))


@pytest.mark.parametrize(
    ("about", "values"),
    [
        ({"essential": True, "value": "2"}, {"2"}),
        ({"essential": True, "values": ["1", 2]}, {"1", "2"}),
        ({"essential": True}, set()),
        ({"value": "2"}, set()),
        ({}, set()),
    ],
)
def test_only_what_is_essential_has_to_be(about: dict[str, object], values: set[str]) -> None:
    asked = read_claims(json.dumps({"id_token": {"acr": about}}))

    assert essential_values(asked, "acr") == values


def test_a_subject_is_always_essential() -> None:
    assert essential_values(read_claims('{"id_token": {"sub": {"value": "u_1"}}}'), "sub") == {"u_1"}
