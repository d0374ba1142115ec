"""Owns what policy has to know of where Bastion runs."""

from dataclasses import dataclass
from typing import Final

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """origin_scheme, origin_port: of all protected hosts, as browsers see them."""

    auth_host: str
    origin_scheme: str = "https"
    origin_port: int = 443

    def origin_of(self, host: str) -> str:
        """As browsers write it: without the port that goes without saying."""
        if _DEFAULT_PORTS.get(self.origin_scheme) == self.origin_port:
            return f"{self.origin_scheme}://{host}"
        return f"{self.origin_scheme}://{host}:{self.origin_port}"
