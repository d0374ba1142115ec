"""The two codes that a person types as a second factor: of an authenticator app (RFC 6238), and a recovery code.

Both texts are in apps and on paper, so their forms can't change. Without spaces and hyphens six digits are of an app,
and 24 characters of base32 are a recovery code: one field takes both.
"""

import hmac
import re
from base64 import b32encode
from typing import Final
from uuid import UUID

import pyotp

SECRET_BYTES: Final = 20
STEP_S: Final = 30
RECOVERY_BYTES: Final = 15
RECOVERY_CODES: Final = 10
FEW_LEFT: Final = 3
TYPED_CHARS: Final = 64
_DRIFT: Final = 1  # steps, for a clock that is a little wrong and a person who types slowly
_APP_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_RECOVERY_CODE: Final = re.compile(r"[A-Z2-7]{24}", re.ASCII)
_GROUP_CHARS: Final = 4
_MISREAD: Final = str.maketrans("018", "OIB", " -")


def app_code(typed: str) -> str | None:
    """Six digits; None: it is none of an app."""
    plain = typed.replace(" ", "").replace("-", "")
    return plain if _APP_CODE.fullmatch(plain) else None


def recovery_code(typed: str) -> str | None:
    """As it is hashed; None: it is none of ours. Digits that base32 does not have are letters that look like them."""
    plain = typed[:TYPED_CHARS].upper().translate(_MISREAD)
    return plain if _RECOVERY_CODE.fullmatch(plain) else None


def matching_step(secret: bytes, code: str, now: int) -> int | None:
    """The time step that the code is of. now: Unix seconds. All steps are compared, in constant time.

    Of two steps with one code it is the later: the earlier one can then not be used again either.
    """
    app = pyotp.TOTP(secret_text(secret), interval=STEP_S)
    step = now // STEP_S
    found = None
    for near in range(step - _DRIFT, step + _DRIFT + 1):
        if hmac.compare_digest(app.generate_otp(near), code):
            found = near
    return found


def secret_text(secret: bytes) -> str:
    """For people who can't scan it, and for the app."""
    return b32encode(secret).decode()


def enrolment_uri(secret: bytes, username: str, issuer: str) -> str:
    """What the QR code says: an otpauth URI."""
    return pyotp.TOTP(secret_text(secret), interval=STEP_S).provisioning_uri(name=username, issuer_name=issuer)


def in_groups(text: str) -> str:
    """ "ABCD-EFGH-...", which is easier to type."""
    return "-".join(text[at : at + _GROUP_CHARS] for at in range(0, len(text), _GROUP_CHARS))


def new_recovery_code(raw: bytes) -> str:
    """As it is hashed. raw: RECOVERY_BYTES random bytes."""
    assert len(raw) == RECOVERY_BYTES
    return b32encode(raw).decode()


def recovery_hash(key: bytes, user_id: UUID, code: str) -> bytes:
    """What Postgres knows a code by: the person is inside, so a row copied to another one opens nothing (D5)."""
    return hmac.digest(key, user_id.bytes + code.encode(), "sha256")
