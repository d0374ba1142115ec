"""What the section `pages` takes, and what a logo has to be."""

from pathlib import Path
from typing import Final

import pytest

from gateway.config import ConfigRejected, load_config
from gateway.stores.files.logo import MOST_BYTES, LogoUnusable, read_logo
from tests.config.test_load import GOOD, written
from tests.zygote import bastion

SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

CONTACTS: Final = {
    "help@example.com": "mailto:help@example.com",
    "mailto:First.Last+it@Example.COM": "mailto:First.Last+it@Example.COM",
    "https://example.com/contact?a=1": "https://example.com/contact?a=1",
    "tel:+49-30-123456": "tel:+49-30-123456",
    "": "",
}


@pytest.mark.parametrize(("given", "uri"), CONTACTS.items(), ids=CONTACTS)
def test_a_contact_is_a_uri(tmp_path: Path, given: str, uri: str) -> None:
    assert load_config(written(tmp_path, {**GOOD, "pages": {"contact": given}}), environ={}).config.pages.contact == uri


REFUSED: Final = {
    ("contact", "javascript:alert(1)"): "expected an e-mail address, a URL with https:// or a number such as tel:+",
    ("contact", "http://example.com"): "expected an e-mail address",
    ("contact", "help@"): "expected an e-mail address",
    ("contact", "a@example.com\nBcc: b@example.com"): "expected an e-mail address",
    ("contact", "a@example.com?cc=b@example.com"): "expected an e-mail address",
    ("contact", "tel:0301234567"): "expected an e-mail address",
    ("help_url", "http://help.example.com"): "expected a URL such as https://",
    ("help_url", "//help.example.com"): "expected a URL such as https://",
    ("help_url", "javascript:alert(1)"): "expected a URL such as https://",
    ("help_url", "https://a:b@help.example.com/"): "expected a URL such as https://",
    ("help_url", "https://help.example.com/a b"): "expected a URL such as https://",
    ("help_url", 'https://help.example.com/"x'): "expected a URL such as https://",
    ("help_url", "https:///x"): "expected a URL such as https://",
    ("help_url", "https://x:0/"): "expected a URL such as https://",
    ("help_url", "https://x:99999/"): "expected a URL such as https://",
    ("name", ""): "expected 1 to 60 printable characters",
    ("name", " Hospital"): "expected 1 to 60 printable characters",
    ("name", "x" * 61): "expected 1 to 60 printable characters",
    ("name", "evil\u202ename"): "expected 1 to 60 printable characters",
    ("name", "two\nlines"): "expected 1 to 60 printable characters",
}


@pytest.mark.parametrize(("key", "value"), REFUSED, ids=[f"{key} {value[:30]!r}" for key, value in REFUSED])
def test_what_is_refused_is_told_with_what_is_expected(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigRejected) as rejected:
        load_config(written(tmp_path, {**GOOD, "pages": {key: value}}), environ={})

    (problem,) = rejected.value.problems
    assert f"`pages.{key}` is " in problem.message
    assert REFUSED[key, value] in problem.message
    assert "did you mean" not in problem.message


@pytest.mark.parametrize("name", ["X", "Krankenhaus Köln-Süd", "東京病院", "A & B <Ltd>", "x" * 60])
def test_names_of_all_languages_are_taken(tmp_path: Path, name: str) -> None:
    assert load_config(written(tmp_path, {**GOOD, "pages": {"name": name}}), environ={}).config.pages.name == name


def test_a_logo_belongs_to_the_file_and_variables_win(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "pages": {"logo": "logo.svg", "name": "File"}})

    pages = load_config(path, environ={"BASTION_PAGES_NAME": "Variable Ltd"}).config.pages

    assert (pages.logo, pages.name) == (tmp_path / "logo.svg", "Variable Ltd")


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (SVG, ".svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a <svg> --><!DOCTYPE svg PUBLIC '-//W3C' 'x'>\n" + SVG, ".svg"),
        (PNG, ".png"),
        (PNG.ljust(MOST_BYTES, b"\0"), ".png"),
    ],
)
def test_svg_and_png_are_taken_by_their_content(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / "logo.gif").write_bytes(content)

    logo = read_logo(tmp_path / "logo.gif")

    assert (logo.content, logo.suffix) == (content, suffix)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PNG.ljust(MOST_BYTES + 1, b"\0"), "has more than 65536 bytes"),
        (b"", "is neither SVG nor PNG"),
        (b"GIF89a", "is neither SVG nor PNG"),
        (b"<html><svg xmlns='http://www.w3.org/2000/svg'/></html>", "is neither SVG nor PNG"),
        (b"<svgx xmlns='http://www.w3.org/2000/svg'/>", "is neither SVG nor PNG"),
        (b"<svg/>", 'is an SVG without xmlns="http://www.w3.org/2000/svg"'),
    ],
)
def test_what_browsers_would_not_show_is_no_logo(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "logo.svg").write_bytes(content)

    with pytest.raises(LogoUnusable) as unusable:
        read_logo(tmp_path / "logo.svg")

    assert str(unusable.value) == f"{tmp_path}/logo.svg {why}"


def test_config_check_looks_at_the_logo(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "config.yaml").write_text("profile: dev\npages: {logo: missing.svg}\n")

    checked = bastion("config", "check", cwd=tmp_path)

    assert checked.returncode == 1
    assert f"`pages.logo`: {tmp_path}/missing.svg can't be read by the account " in checked.stderr
