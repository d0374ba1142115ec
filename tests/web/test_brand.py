"""Pages show who runs them, and where a person who is stuck finds help."""

from pathlib import Path

import pytest

from gateway.app.branding import branding
from gateway.config import Config
from gateway.config.sections.pages import Pages
from gateway.core.forward.pages import Page
from gateway.web.html import Brand, Html, RefusalPages, static_files
from gateway.web.ways import Form

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
ORIGIN = "https://auth.example.com"
FULL = Pages(name="A & B <Ltd>", help_url="https://help.example.com/?a=1&b=2", contact="help@example.com")


def pages_of(pages: Pages) -> dict[str, str]:
    """The login page, and a refusal on a protected host."""
    brand, files = branding(Config.model_construct(pages=pages))
    refusal = RefusalPages(Html(files, ORIGIN, brand)).render(
        Page("No", "Not here.", "0" * 8, "a.example.org", who="ada")
    )
    return {
        "login": Html(files, brand=brand).text("login.html", form=Form(), csrf="t", recovers=True, options="{}"),
        "refusal": refusal.decode(),
    }


@pytest.mark.parametrize("page", ["login", "refusal"])
def test_the_name_stands_in_the_title_and_beside_the_logo(page: str) -> None:
    text = pages_of(FULL)[page]

    assert "· A &amp; B &lt;Ltd&gt;</title>" in text
    assert "<span>A &amp; B &lt;Ltd&gt;</span>" in text
    assert "<span>Bastion</span>" not in text


@pytest.mark.parametrize("page", ["login", "refusal"])
def test_a_person_who_is_stuck_finds_help_in_a_frame_too(page: str) -> None:
    text = pages_of(FULL)[page]

    assert (
        '<a href="https://help.example.com/?a=1&amp;b=2" target="_top" rel="noreferrer">Open the help page</a>' in text
    )
    assert '<a href="mailto:help@example.com" target="_top" rel="noreferrer">help@example.com</a>' in text


@pytest.mark.parametrize("page", ["login", "refusal"])
def test_without_settings_the_pages_are_bastions_and_link_no_help(page: str) -> None:
    text = pages_of(Pages())[page]

    assert "· Bastion</title>" in text
    assert "/static/logo." in text
    assert "mailto:" not in text
    assert "help page" not in text
    assert "Contact" not in text


def test_a_logo_is_linked_by_its_content_from_the_auth_host(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_bytes(SVG)
    brand, files = branding(Config.model_construct(pages=Pages(logo=tmp_path / "a.svg")))
    own = files[brand.logo]

    text = Html(files, ORIGIN, brand).text("refusal.html", page=Page("No", "Not here."))

    assert (own.content, own.content_type) == (SVG, "image/svg+xml")
    assert f'<img src="{ORIGIN}{own.path}" alt="" class="own">' in text
    assert "/static/logo." not in text


def test_a_logo_that_is_gone_keeps_nobody_out(tmp_path: Path) -> None:
    brand, files = branding(Config.model_construct(pages=Pages(name="Ltd", logo=tmp_path / "gone.svg")))

    assert brand == Brand("Ltd")
    assert files.keys() == static_files().keys()


@pytest.mark.parametrize(
    ("contact", "text"),
    [
        ("mailto:help@example.com", "help@example.com"),
        ("tel:+49-30-1", "+49-30-1"),
        ("https://example.com/c", "example.com/c"),
    ],
)
def test_a_contact_is_read_as_people_write_it(contact: str, text: str) -> None:
    assert Brand(contact=contact).contact_text == text
