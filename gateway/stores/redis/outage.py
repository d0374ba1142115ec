"""Says which Redis can't be used, why, and what the operator does about it."""

import socket
import ssl
from dataclasses import replace
from typing import Final

from gateway.core.errors import Outage
from gateway.stores.reasons import account, reason_of

# What Redis answers begins with a word that its versions and Valkey share.
_ADVICE: Final = {
    "WRONGPASS": "compare user and password of redis.url with the ACL of Redis (docs/install.md)",
    "NOAUTH": "name a user and a password in redis.url",
    "NOPERM": "give the user of redis.url what it needs: the line of the ACL is in docs/install.md",
    "READONLY": "name the primary in redis.url, not a replica",
    "NOREPLICAS": "bring a replica back, or lower min-replicas-to-write",
    "MISCONF": 'set save "": Redis refuses writes, because it can\'t write its image to disk',
    "OOM": "raise maxmemory of Redis",
    "LOADING": "wait until Redis has read its file",
    "DENIED": "use a socket or TLS and a user with a password: Redis is in protected mode",
}


def outage_of(error: Exception, server: str) -> Outage:
    """Of an attempt to connect. server: as one says it, without the password."""
    return advised(Outage(reason_of(error), f"Redis at {server}", _advice(error)))


def advised(outage: Outage) -> Outage:
    """With what to do where the reason is an error that Redis has answered with."""
    return outage if outage.advice else replace(outage, advice=_refusal_advice(outage.reason))


def _refusal_advice(text: str) -> str:
    if "DB index" in text:
        return "name a database that there is in redis.url, or none"
    if "without any password configured" in text:
        return "leave the password out of redis.url, or set one in Redis"
    if "ACL failure in script" in text:
        return _ADVICE["NOPERM"]
    return _ADVICE.get(text.lstrip("-").partition(" ")[0], "")


def _advice(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "start Redis, or correct the path in redis.url (`unixsocket` of Redis)"
        case ConnectionRefusedError() | TimeoutError():
            return "start Redis, or correct host and port in redis.url"
        case PermissionError():
            return f"add {account()} to the group of the socket, and set unixsocketperm 770"
        case socket.gaierror() | UnicodeError():
            return "correct the host in redis.url"
        case ssl.SSLError():
            return "let the system trust the certificate, or correct the host in redis.url"
        case OSError():
            return "start Redis, or correct redis.url"
        case _:
            return ""
