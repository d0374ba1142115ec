"""A page that was put together is the page that would have been rendered."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.pages import Link, Page
from gateway.web.html import Html, RefusalPages, static_files

HTML = Html(static_files(), "https://auth.example.org")
PAGES = RefusalPages(HTML)
SPLIT = '<code class="id">REFERENCE</code>'
words = st.text(max_size=30) | st.sampled_from(["REFERENCE", SPLIT, "</code>", '"><script>', ""])
links = st.lists(st.builds(Link, words, words, st.booleans()), max_size=2).map(tuple)
ids = st.from_regex(r"[0-9A-Za-z-]{8,64}", fullmatch=True) | st.sampled_from(["", "REFERENCE"])


def rendered(page: Page) -> bytes:
    return HTML.text("refusal.html", page=page).encode()


@given(st.builds(Page, words, words, ids, words, words, words, links), ids)
def test_whatever_a_page_says_it_is_the_one_that_is_rendered(page: Page, another: str) -> None:
    first, second = page.on(page.host, page.request_id, *page.links), page.on(page.host, another, *page.links)

    assert PAGES.render(first) == rendered(first)
    assert PAGES.render(second) == rendered(second), "with its own reference, not the one before"


def test_the_reader_and_the_site_are_those_of_the_page() -> None:
    page = Page("No", "Not here.", "0" * 8, host="a.example.org", who="ada")

    assert b"ada" in PAGES.render(page)
    assert b"bob" in PAGES.render(Page(page.title, page.text, "1" * 8, host="b.example.org", who="bob"))
    assert b"ada" not in PAGES.render(Page(page.title, page.text, "1" * 8, host="b.example.org", who="bob"))


def test_a_page_with_a_long_link_is_rendered_and_forgotten() -> None:
    """As of a hand-off while Redis is away: its address has a code in it, and may be as long as a header."""
    page = Page("Not now", "Try again.", "0" * 8)
    tracemalloc.start()
    try:
        for number in range(200):
            long = page.on(
                "a.example.org", "1" * 8, Link("Try again", f"/.bastion/callback?{number}&keep=" + "x" * 10_000)
            )
            assert PAGES.render(long) == rendered(long)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 1_000_000
