"""Reads files with one address or CIDR a line."""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path

from gateway.core.addresses import Address
from gateway.core.policy.networks import NetworkSet
from gateway.stores.files.reread import FileUnusable, Reread, unreadable


class NetworkLists:
    """Files that may be replaced at any time. complain: as Reread has it."""

    def __init__(self, paths: Sequence[Path], complain: Callable[[str], None]) -> None:
        self._files = [Reread(path, read_networks, complain) for path in paths]

    def __contains__(self, address: Address) -> bool:
        return any(address in networks for file in self._files if (networks := file.current) is not None)


def read_networks(path: Path) -> NetworkSet:
    """Empty lines, and what follows a #, are left out. Raises FileUnusable, with the line."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise FileUnusable(f"{path} is not UTF-8") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        try:
            if written:
                found.append(ip_network(written))
        except ValueError as error:
            raise FileUnusable(f"{path}:{number} is no address or CIDR: {error}") from error
    return NetworkSet.of(found)


def trouble_with_networks(path: Path) -> str:
    """Why it can't be used; "" where it can."""
    try:
        read_networks(path)
    except FileUnusable as error:
        return str(error)
    return ""
