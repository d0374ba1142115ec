"""What may be written as the address of an endpoint."""

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.networks import NetworkSet
from gateway.core.webhooks.addresses import AddressMalformed, judged

NONE = NetworkSet.of(())
INSIDE = NetworkSet.of([ip_network("10.1.0.0/16"), ip_network("fd00::/8")])


@pytest.mark.parametrize(
    "url", ["https://siem.example.org/x?y=z", "https://siem.example.org:8443", "HTTPS://a.example"]
)
def test_https_may_be_written(url: str) -> None:
    assert judged(url, NONE) == url


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "http://[fd00::1]:80/", "http://name.internal/"])
def test_http_may_be_written_where_a_network_is_allowed(url: str) -> None:
    assert judged(url, INSIDE) == url
    with pytest.raises(AddressMalformed):
        judged(url, NONE)


@pytest.mark.parametrize(
    "url",
    [
        "", "siem.example.org", "ftp://siem.example.org/", "file:///etc/passwd", "https://", "https:///x",
        "https://u:p@siem.example.org/", "https://u@siem.example.org/", "https://siem.example.org/#x",
        "https://siem.example.org:0/", "https://siem.example.org:99999/", "https://siem.example.org/\n",
        "https://siem.example.org/ä", "https://[::1/", "https://siem.example.org/" + "x" * 2_000,
        "http://10.2.0.1/", "http://1.1.1.1/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(AddressMalformed) as refused:
        judged(url, INSIDE)

    assert len(url) < 9 or url not in str(refused.value)


@given(st.text())
def test_nothing_that_is_written_ends_in_another_error(url: str) -> None:
    with suppress(AddressMalformed):
        assert judged(url, INSIDE) == url
