"""Owns what only one server at a time may have on this machine: directories, listeners and ports.

Everything here looks before it touches: who comes second is told who has it, and the first goes on.
"""

from gateway.claims.directories import Directories
from gateway.claims.listeners import ListenersInUse, require_free, trouble_at
from gateway.claims.patience import DRAINING_S, still_in_use
from gateway.claims.ports import PortInUse, demo_port

__all__ = [
    "DRAINING_S",
    "Directories",
    "ListenersInUse",
    "PortInUse",
    "demo_port",
    "require_free",
    "still_in_use",
    "trouble_at",
]
