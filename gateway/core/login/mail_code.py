"""The code that is mailed to confirm a login. It is no factor, because a mailbox is none (login-defence.md L11)."""

import hmac
import re
from typing import Final

MAIL_CODE_BYTES: Final = 16
MAIL_CODE_S: Final = 600
_DIGITS: Final = 8
_TYPED: Final = re.compile(rf"[0-9]{{{_DIGITS}}}", re.ASCII)


def new_mail_code(raw: bytes) -> str:
    """Eight digits. raw: MAIL_CODE_BYTES random bytes, so many that no code is likelier than another."""
    assert len(raw) == MAIL_CODE_BYTES
    return f"{int.from_bytes(raw) % 10**_DIGITS:0{_DIGITS}d}"


def typed_mail_code(typed: str) -> str | None:
    """As it is hashed. None: it is none of ours."""
    plain = typed.replace(" ", "").replace("-", "")
    return plain if _TYPED.fullmatch(plain) else None


def mail_code_hash(key: bytes, bound_to: bytes, code: str) -> bytes:
    """What Postgres has of it. bound_to: the attempt or the login that it confirms; nothing else is confirmed by it."""
    return hmac.digest(key, bound_to + b"\0" + code.encode(), "sha256")


def is_mail_code(key: bytes, bound_to: bytes, code: str, stored: bytes) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(mail_code_hash(key, bound_to, code), stored)
