"""Owns what policy has to know of where Bastion runs."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """origin_scheme, origin_port: of all protected hosts, as browsers see them.

    access_ttl_s: of the access tokens of clients that say nothing else.
    """

    auth_host: str
    origin_scheme: str = "https"
    origin_port: int = 443
    access_ttl_s: int = 900

    @classmethod
    def of(cls, auth_url: str, access_ttl_s: int = 900) -> "Site":
        """auth_url: the auth host's origin. Raises ValueError where it names no host or another scheme."""
        parts = urlsplit(auth_url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("expected an origin such as https://auth.example.com")
        return cls(parts.hostname, parts.scheme, parts.port or _DEFAULT_PORTS[parts.scheme], access_ttl_s)

    def origin_of(self, host: str) -> str:
        """As browsers write it: without the port that goes without saying."""
        if _DEFAULT_PORTS.get(self.origin_scheme) == self.origin_port:
            return f"{self.origin_scheme}://{host}"
        return f"{self.origin_scheme}://{host}:{self.origin_port}"
