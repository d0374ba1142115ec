"""Judges what a client said to the proxy of its connection, which the proxy itself does not."""

import re
from typing import Final

from gateway.core.forward.request import ForwardedRequest

# Options of RFC 9110 and 9113 that name no header which anybody but the next hop reads.
_ONLY_CONNECTION: Final = re.compile(rb"(?i)[ \t,]*((keep-alive|close|upgrade|te|http2-settings)[ \t,]*)*")
_TOKEN: Final = rb"[0-9A-Za-z!#$%&'*+.^_`|~-]+"
_PROTOCOLS: Final = re.compile(rb"[ \t,]*(?:%s(?:/%s)?[ \t]*(?:,[ \t,]*|\Z))*" % (_TOKEN, _TOKEN))  # RFC 9110 7.8
_CONNECTION_BYTES: Final = 256
_HIDES_HEADERS: Final = "Connection names more than keep-alive, close, upgrade, TE and HTTP2-Settings"
_NO_PROTOCOLS: Final = "Upgrade is not a list of protocols"
_NO_WEBSOCKET: Final = "CONNECT opens no WebSocket"
TOO_MANY_TAKEN: Final = "There are too many headers that only a proxy may send"
TRICKS: Final = (_HIDES_HEADERS, _NO_PROTOCOLS, _NO_WEBSOCKET, TOO_MANY_TAKEN)
_USUAL_CONNECTIONS: Final = (b"", b"keep-alive", b"close", b"Upgrade", b"keep-alive, Upgrade")


def connection_trick(request: ForwardedRequest) -> str:
    """What is wrong with what the client said to Caddy of the connection (threats.md P3, caddy.md fact 9); "": nothing.

    Any other token of Connection hides a header from whoever is asked next. Several lines came joined by commas. HTTP/2
    and 3 upgrade by CONNECT, with the protocol where each of Caddy's servers puts it: as a header, or in place of the
    version.
    """
    values = request.values
    connection = values.get(b"x-bastion-connection", b"")
    if connection not in _USUAL_CONNECTIONS and (
        len(connection) > _CONNECTION_BYTES or not _ONLY_CONNECTION.fullmatch(connection)
    ):
        return _HIDES_HEADERS
    upgrade = values.get(b"x-bastion-upgrade", b"")
    if upgrade and (len(upgrade) > _CONNECTION_BYTES or not _PROTOCOLS.fullmatch(upgrade)):
        return _NO_PROTOCOLS
    is_connect = values[b"x-forwarded-method"] == b"CONNECT"
    if is_connect and b"websocket" not in values.get(b"x-bastion-protocol", b"").split(b" "):
        return _NO_WEBSOCKET
    return ""
