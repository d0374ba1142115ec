"""Accept is read as browsers, libraries and worse write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.accept import prefers_page

PAGE = {
    "Chromium": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "older browsers": "text/html, application/xhtml+xml, image/jxr, */*",
    "html alone": "text/html",
    "any text": "text/*",
    "more than JSON": "application/json;q=0.5, text/html",
    "a little more than JSON": "application/json;q=0.899,text/html;q=0.9",
    "JSON not at all": "application/json;q=0, text/html;q=0.1",
    "capitals and spaces": "TEXT/HTML ; Q = 0.5 , */* ; q=0.1",
    "a parameter": "text/html;charset=utf-8;q=0.9, application/json;q=0.8",
}
DATA = {
    "nothing": "",
    "a script": "*/*",
    "JSON": "application/json",
    "as much as JSON": "text/html, application/json",
    "less than JSON": "text/html;q=0.5, application/json",
    "less than all": "text/html;q=0.5, */*",
    "not at all": "text/html;q=0",
    "axios": "application/json, text/plain, */*",
    "an event stream": "text/event-stream",
    "a style": "text/css,*/*;q=0.1",
    "an image": "image/avif,image/webp,image/apng,*/*;q=0.8",
    "too late": "x/x," * 1024 + "text/html",
}


@pytest.mark.parametrize("accept", PAGE.values(), ids=PAGE)
def test_a_page_is_preferred(accept: str) -> None:
    assert prefers_page(accept)


@pytest.mark.parametrize("accept", DATA.values(), ids=DATA)
def test_json_is_as_good(accept: str) -> None:
    assert not prefers_page(accept)


@given(st.text(alphabet=st.sampled_from("texhml/*,;=q01. "), max_size=60))
def test_anything_is_read(accept: str) -> None:
    assert prefers_page(accept) in (True, False)
