"""One text has one meaning: what another parser might read differently is refused, and nothing makes it crash."""

import json
import string
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.base64url import b64
from gateway.core.jose.compact import MOST_DEPTH, MalformedJose, parse_compact, read_object
from tests.core.jose.build import part, token

HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(string.ascii_letters, max_size=8), JSON, max_size=5), st.binary(min_size=1, max_size=70))
def test_what_is_written_is_read_again(payload: dict[str, object], signature: bytes) -> None:
    text = token(HEADER, payload, signature)

    read = parse_compact(text)

    assert (read.header, read.payload, read.signature) == (HEADER, payload, signature)
    assert read.signing_input.decode() == text.rpartition(".")[0]
    assert (read.alg, read.kid, read.typ) == ("ES256", "k", "at+jwt")


@given(st.text(max_size=200) | st.text("abcAQ-_.=", max_size=60))
@example("..")
@example(".".join(["e30"] * 3))
def test_any_text_is_refused_or_read_and_never_crashes(text: str) -> None:
    with pytest.raises(MalformedJose):
        parse_compact(text)  # e30 is {}, which has no alg


@given(st.binary(max_size=120), st.binary(max_size=120))
@example(b'{"alg":"a"}', b"[" * 2000)
@example(b'{"alg":"a"}', b'{"a":' * 600)
@example(b'{"alg":"a"}', b'{"a":' + b"1" * 2000 + b"}")
@example(b'{"alg":"a"}', b"\xef\xbb\xbf{}")
@example(b'{"alg":"a"}', b'{"a":"\xff"}')
def test_any_bytes_in_the_parts_are_refused_or_read_and_never_crash(header: bytes, payload: bytes) -> None:
    try:
        read = parse_compact(f"{b64(header)}.{b64(payload)}.AAAA")
    except MalformedJose:
        return
    assert isinstance(read.header, dict)
    json.dumps(dict(read.payload), ensure_ascii=False).encode()


@given(st.binary(min_size=1, max_size=40), st.integers(0, 60), st.sampled_from(string.printable))
def test_no_two_texts_are_the_same_token(signature: bytes, at: int, changed: str) -> None:
    """Whichever character of the signature is another, the bytes are others, or it is refused."""
    body, _, last = token(HEADER, {}, signature).rpartition(".")
    at %= len(last)
    text = f"{body}.{last[:at]}{changed}{last[at + 1 :]}"

    if text != f"{body}.{last}":
        with suppress(MalformedJose):
            assert parse_compact(text).signature != signature


GOOD = token(HEADER)
SHAPES = {
    "empty": "",
    "two parts": GOOD.rpartition(".")[0],
    "no signature (CVE-2020-28042)": GOOD.rpartition(".")[0] + ".",
    "three empty parts": "..",
    "no header": "." + GOOD.partition(".")[2],
    "detached payload": f"{part(HEADER)}..AAAA",
    "five parts, as JWE has": f"{part(HEADER)}.a.b.c.d",
    "four parts": GOOD + ".AAAA",
    "padding": GOOD + "=",
    "padding of the header": f"{part(HEADER)}=.e30.AAAA",
    "a space before": " " + GOOD,
    "a line feed after": GOOD + "\n",
    "a space within": GOOD.replace(".", " .", 1),
    "the alphabet of base64": f"{part(HEADER)}.e30.++//",
    "unused bits": f"{part(HEADER)}.e30.AB",
    "a single character more": f"{part(HEADER)}.e30.AAAAA",
    "another script's digits": f"{part(HEADER)}.e30.٤٤٤٤",
    "JSON serialisation": json.dumps({"protected": part(HEADER), "payload": "e30", "signature": "AAAA"}),
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_anything_but_three_parts_of_canonical_base64url_is_refused(text: str) -> None:
    assert parse_compact(GOOD).header == HEADER
    with pytest.raises(MalformedJose):
        parse_compact(text)


@pytest.mark.parametrize("longest", [len(GOOD), len(GOOD) - 1])
def test_a_token_may_be_so_long_and_no_longer(longest: int) -> None:
    if longest == len(GOOD):
        assert parse_compact(GOOD, longest=longest).header == HEADER
    else:
        with pytest.raises(MalformedJose, match="longer than"):
            parse_compact(GOOD, longest=longest)


OBJECTS = {
    "a member twice": '{"a":1,"a":2}',
    "a member twice, once escaped": '{"alg":1,"\\u0061lg":2}',
    "a member twice further down": '{"a":{"b":1,"b":1}}',
    "NaN": '{"a":NaN}',
    "infinity": '{"a":-Infinity}',
    "a number that is infinite": '{"a":1e400}',
    "a lone surrogate": '{"a":"\\ud800"}',
    "a lone surrogate as a name": '{"\\udfff":1}',
    "NUL": '{"a":"b\\u0000"}',
    "a raw control character": '{"a":"\x01"}',
    "an array": "[]",
    "a string": '"a"',
    "null": "null",
    "two objects": "{}{}",
    "a comment": "{}//",
    "single quotes": "{'a':1}",
    "a trailing comma": '{"a":1,}',
    "nothing": " ",
}


@pytest.mark.parametrize("text", OBJECTS.values(), ids=OBJECTS)
def test_what_is_not_one_plain_json_object_is_refused(text: str) -> None:
    with pytest.raises(MalformedJose):
        read_object(text.encode())


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_json_is_nested_so_deep_and_no_deeper(opening: str, closing: str) -> None:
    def nested(depth: int) -> bytes:
        inner = depth - 1
        return ('{"x":' + opening * inner + "1" + closing * inner + "}").encode()

    assert read_object(nested(MOST_DEPTH))
    for depth in (MOST_DEPTH + 1, 10_000):
        with pytest.raises(MalformedJose, match="nested"):
            read_object(nested(depth))


def test_brackets_side_by_side_or_in_strings_are_no_depth() -> None:
    many = {"a": [[] for _ in range(50)], "b": "[{" * 50, "c": '"\\' + "[" * 50}

    assert read_object(json.dumps(many).encode()) == many


@pytest.mark.parametrize("member", ["crit", "b64", "enc", "zip", "cty", "jku", "x5u", "x5c", "jwk"])
@pytest.mark.parametrize("value", [None, [], ["alg"], ["exp", "exp"], "JWT", False, "http://127.0.0.1/"])
def test_a_header_member_that_names_a_key_or_changes_the_meaning_is_refused(member: str, value: object) -> None:
    with pytest.raises(MalformedJose, match=member):
        parse_compact(token({**HEADER, member: value}))


def test_only_where_it_is_asked_for_may_a_key_be_embedded() -> None:
    text = token({**HEADER, "jwk": {}})

    assert "jwk" in parse_compact(text, embedded_key=True).header
    with pytest.raises(MalformedJose):
        parse_compact(token({**HEADER, "jwk": {}, "jku": "https://x"}), embedded_key=True)


@pytest.mark.parametrize("member", ["alg", "kid", "typ"])
@pytest.mark.parametrize("value", [1, None, True, [], {}, "k" * 257, 1.5])
def test_names_in_the_header_are_short_strings(member: str, value: object) -> None:
    with pytest.raises(MalformedJose, match=member):
        parse_compact(token({**HEADER, member: value}))


def test_a_header_without_an_algorithm_is_refused() -> None:
    with pytest.raises(MalformedJose, match="alg"):
        parse_compact(token({"typ": "JWT"}))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_media_type_is_read_as_rfc_7515_has_it(typ: str) -> None:
    assert parse_compact(token({**HEADER, "typ": typ})).typ == "at+jwt"


@pytest.mark.parametrize("value", ["1", 1.0, 1e3, -1, 2**41, True, None, [1], "", {}])
def test_a_time_that_is_no_whole_number_of_seconds_is_refused(value: object) -> None:
    with pytest.raises(MalformedJose, match="exp"):
        parse_compact(token(HEADER, {"exp": value})).seconds("exp")


@pytest.mark.parametrize("value", [0, 1_800_000_000, 2**40])
def test_a_time_is_read_as_it_stands(value: int) -> None:
    read = parse_compact(token(HEADER, {"exp": value}))

    assert read.seconds("exp") == value
    with pytest.raises(MalformedJose, match="nbf"):
        read.seconds("nbf")


@pytest.mark.parametrize("value", ["", 1, None, ["a"], True])
def test_a_claim_that_is_no_string_is_refused(value: object) -> None:
    with pytest.raises(MalformedJose, match="sub"):
        parse_compact(token(HEADER, {"sub": value})).text("sub")
    assert parse_compact(token(HEADER, {"sub": "ada"})).text("sub") == "ada"
