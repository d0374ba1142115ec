"""What policy knows of where Bastion runs."""

import pytest

from gateway.core.policy.site import Site


@pytest.mark.parametrize(
    ("auth_url", "origin"),
    [
        ("https://auth.example.org", "https://wiki.example.org"),
        ("https://auth.example.org:8443", "https://wiki.example.org:8443"),
        ("http://auth.example.org", "http://wiki.example.org"),
        ("http://auth.example.org:443", "http://wiki.example.org:443"),
    ],
)
def test_protected_hosts_share_scheme_and_port_with_the_auth_host(auth_url: str, origin: str) -> None:
    assert Site.of(auth_url).origin_of("wiki.example.org") == origin


@pytest.mark.parametrize("auth_url", ["auth.example.org", "ftp://auth.example.org", "https://", ""])
def test_what_is_no_origin_is_refused(auth_url: str) -> None:
    with pytest.raises(ValueError, match="expected an origin"):
        Site.of(auth_url)
