"""Words for what keeps a connection to a store from being made, whichever store it is."""

import os
import pwd
import socket
import ssl


def reason_of(error: Exception) -> str:
    """Never empty, as the messages of some errors are."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case socket.gaierror():
            return "the host name has no address"
        case ConnectionRefusedError():
            return "connection refused"
        case FileNotFoundError():
            return "there is no such socket"
        case PermissionError():
            return f"the account {account()} may not open its socket"
        case TimeoutError():
            return "no answer in time"
        case _:
            return str(error) or type(error).__name__


def account() -> str:
    """The one that this process runs as."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"with the uid {os.geteuid()}"


def exists(name: str) -> bool:
    """Whether this machine has an account of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
