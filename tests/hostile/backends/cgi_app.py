"""An app as CGI has it: `python cgi_app.py SOCKET LOG`. Every header becomes a variable, every odd character a `_`.

The HTTP_ before each is left out.
"""

import re
import socket
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Final
from urllib.parse import unquote

from tests.hostile.backends.told import REST, TREES, Told

_ODD: Final = re.compile("[^A-Z0-9]")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Told

    def __getattr__(self, name: str) -> object:
        """Any method is taken."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own signature
        """Nothing but what the app was told is of interest."""

    def _answer(self) -> None:
        path_info = unquote(self.path.partition("?")[0], "latin-1")
        handler, person = chosen(self.command, path_info)
        variables = [(_ODD.sub("_", name.upper()), value) for name, value in self.headers.items()]
        length = self._read_body()
        answer = self.told.answer(handler, self.command, self.path, variables, length, {"name": person})
        self.send_response(200)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.text.encode("latin-1"))

    def _read_body(self) -> int:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return len(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        length = 0
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            length += len(self.rfile.read(size + 2)) - 2
        while self.rfile.readline() not in (b"\r\n", b""):
            """Trailers are nobody's concern."""
        return length


def chosen(method: str, path_info: str) -> tuple[str, str]:
    """The handler, and whose page it is; as scripts that look at PATH_INFO choose."""
    for name, prefix in TREES.items():
        if path_info == prefix or path_info.startswith(prefix + "/"):
            return name, ""
    segments = path_info.removesuffix("/").split("/")[1:] or [""]
    if segments[0] == "u" and len(segments) > 1 and segments[1]:
        return "own", segments[1]
    if segments[0].lower() == "files":
        return "files", ""
    if segments[0] == "page" and len(segments) == 2 and segments[1]:
        return "page", ""
    if segments == ["form"] and method in ("GET", "HEAD", "POST"):
        return "post" if method == "POST" else "form", ""
    return REST, ""


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """With an address in the form that the handler expects."""
        connection, _ = super().get_request()
        return connection, ("unix", 0)


if __name__ == "__main__":
    Handler.told = Told(Path(sys.argv[2]))
    Server(sys.argv[1], Handler).serve_forever()
