"""A code's text and its content."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.oauth.code import CodeContent, authorization_code_hash, code_text

TEXTS = st.lists(st.text(max_size=10), max_size=3).map(tuple)
CONTENTS = st.builds(
    CodeContent,
    redirect_uri=st.text(max_size=20),
    scopes=TEXTS,
    resource=st.text(max_size=20),
    code_challenge=st.text(max_size=43),
    nonce=st.text(max_size=64),
    jkt=st.text(max_size=43),
    claims=st.just({"id_token": {"acr": {"essential": True, "values": ["1"]}}}),
    authenticated_at=st.integers(0, 1 << 40),
    mfa_at=st.integers(0, 1 << 40),
    amr=TEXTS,
    offline=st.booleans(),
)


@given(CONTENTS)
def test_what_is_written_comes_back(content: CodeContent) -> None:
    assert CodeContent.read(content.written()) == content


def test_a_code_has_43_characters_and_a_hash() -> None:
    text = code_text(b"\xff" * 32)

    assert len(text) == 43
    assert len(authorization_code_hash(text) or b"") == 32


@given(st.text(max_size=60))
def test_any_text_has_a_hash_or_none(text: str) -> None:
    assert authorization_code_hash(text) is None or (len(text) == 43 and text.isascii())
