"""Tries whether a port can be had."""

import socket


def bind_error(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> OSError | None:
    """Why nobody can bind it now; None where one can. Nothing is left of the attempt."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # connections of a server that has ended are in nobody's way
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
