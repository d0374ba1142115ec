"""A letter says the same in text and HTML, and loads nothing."""

import re
from email.message import EmailMessage
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mail.kinds import WORDING, MailKind
from gateway.core.mail.letter import Letterhead, Mail

HEAD = Letterhead("Example & Söhne", "auth@example.com", "https://auth.example.com")
AT = 1_790_000_000


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


@pytest.mark.parametrize("kind", MailKind)
def test_a_letter_of_each_kind_says_the_same_in_text_and_html_and_loads_nothing(kind: MailKind) -> None:
    mail = Mail("m1", "ada@example.org", kind, AT, (("Device", "Firefox <on> Linux"),))

    text, html = parts(HEAD.message(mail))

    for said in (WORDING[kind].happened, WORDING[kind].advice, "2026-09-21 14:13 UTC"):
        assert said in text
        assert said in unescape(html)
    assert "Firefox <on> Linux" in text
    assert "Firefox &lt;on&gt; Linux" in html
    assert not re.search(r"src=|<img|<script|<link|url\(|@import", html)


@pytest.mark.parametrize("kind", MailKind)
def test_the_head_names_nobody_and_keeps_vacation_answers_away(kind: MailKind) -> None:
    message = HEAD.message(Mail("m1", "ada@example.org", kind, AT, (("User", "ada"),)))

    assert message["Subject"] == f"Example & Söhne: {WORDING[kind].subject}"
    assert "ada" not in WORDING[kind].subject.lower().split()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<m1@example.com>"
    assert message["To"] == "ada@example.org"
    assert message["Date"] == "Mon, 21 Sep 2026 14:13:20 +0000"


@given(
    st.builds(
        Mail,
        st.text(),
        st.text(),
        st.sampled_from(MailKind),
        st.integers(0, 1 << 33),
        st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple),
    )
)
def test_what_is_written_is_read_again(mail: Mail) -> None:
    assert Mail.read(mail.written()) == mail


@given(st.text(max_size=300))
def test_no_fact_adds_a_header_or_a_tag(value: str) -> None:
    """A browser says of itself what it likes."""
    plain = HEAD.message(Mail("m1", "ada@example.org", MailKind.TEST, AT))

    message = HEAD.message(Mail("m1", "ada@example.org", MailKind.TEST, AT, (("Device", value),)))

    assert message.keys() == plain.keys()
    assert re.findall("<[a-z/]+", parts(message)[1]).count("<table") == 1
    assert len(re.findall("<[a-z/!]+", parts(message)[1])) == len(re.findall("<[a-z/!]+", parts(plain)[1])) + 6
