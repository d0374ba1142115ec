"""Names the process that has a socket or a lock, as far as /proc shows it to this account."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_UNKNOWN: Final = "another process"
_LISTENS: Final = "0A"  # TCP_LISTEN
_UDP_BOUND: Final = "07"
_IPV4_AND_IPV6: Final = ("", "6")
_UNIX_FIELDS: Final = 8


def holder_of_socket(path: str) -> str:
    """Of a unix socket by its path; an abstract one begins with @."""
    rows = (line.split(None, _UNIX_FIELDS - 1) for line in _table("unix"))  # a path may have spaces
    return _named(_socket_owner({row[6] for row in rows if row[7:] == [path]}))


def holder_of_port(port: int) -> str:
    """Who listens on it, on whichever address."""
    tcp = _bound("tcp", port, _LISTENS)
    return _named(_socket_owner(tcp or _bound("udp", port, _UDP_BOUND)))


def holder_of_lock(inode: int) -> str:
    """Who has the flock(2) of a file or a directory."""
    with suppress(OSError):
        for line in (_PROC / "locks").read_text().splitlines():
            _number, kind, *_how, pid, where, _start, _end = line.split()
            if kind == "FLOCK" and where.rpartition(":")[2] == str(inode):
                return _named(int(pid))
    return _UNKNOWN


def _named(pid: int) -> str:
    """0: not known, or in another container."""
    return f"pid {pid}" if pid > 0 else _UNKNOWN


def _bound(protocol: str, port: int, state: str) -> set[str]:
    """Inodes of the sockets that are bound to the port, in this state."""
    rows = [line.split() for version in _IPV4_AND_IPV6 for line in _table(f"{protocol}{version}")]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == state}


def _table(protocol: str) -> Iterator[str]:
    """A line for each socket of this network namespace; empty where it is not Linux."""
    with suppress(OSError):
        yield from (_PROC / "net" / protocol).read_text(errors="surrogateescape").splitlines()[1:]


def _socket_owner(inodes: Iterable[str]) -> int:
    """Who has opened one of them. Of a server and its workers the server: ending a worker ends nothing."""
    links = {f"socket:[{inode}]" for inode in inodes}
    pids = {pid for pid in _pids() if links and not links.isdisjoint(_open_files(pid))}
    return next((pid for pid in sorted(pids) if _parent(pid) not in pids), 0)


def _pids() -> Iterator[int]:
    with suppress(OSError):
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _open_files(pid: int) -> Iterator[str]:
    """Nothing where the process is another account's, or has just ended."""
    with suppress(OSError):
        for link in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return 0
