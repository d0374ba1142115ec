"""Pages hold nothing that a strict policy forbids, and escape what people write."""

import re
from pathlib import Path
from uuid import UUID

import pytest

import gateway.web
from gateway.core.session.person import Person
from gateway.web.html import Html, static_files

TEMPLATES = sorted((Path(gateway.web.__file__).parent / "templates").glob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_code_or_style(template: Path) -> None:
    text = re.sub(
        r'<script src="\{\{ static\("[a-z-]+\.js"\) \}\}" (?:defer|type="module")></script>', "", template.read_text()
    )

    assert not [word for word in ("<script", "<style", " style=", " onclick=", "javascript:", "|safe") if word in text]


def test_what_a_person_is_called_is_escaped() -> None:
    mallory = Person(UUID(int=1), "mallory", "<script>alert(1)</script>", "", (), 1)

    text = Html(static_files()).text("account.html", csrf="t", signed_in=mallory, notice="", reused=(), devices=[])

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_pages_of_protected_hosts_link_the_auth_host() -> None:
    text = Html(static_files(), "https://auth.example.com").text("logged_out.html", completed=True)

    assert 'href="https://auth.example.com/static/bastion.' in text


def test_the_script_and_the_style_sheet_stay_small() -> None:
    files = static_files()

    assert len(files["bastion.js"].content) <= 4096
    assert len(files["bastion.css"].content) <= 20 * 1024
