"""What an authenticator app does, and a person who types what it shows."""

import re
import time
from base64 import b32decode
from html import unescape

import pyotp

from gateway.core.login.one_time_codes import STEP_S
from tests.conftest import run_apart
from tests.databases import execute
from tests.staging import Stage


class App:
    """Shows codes of a secret. No step is shown twice: the gateway takes each only once."""

    def __init__(self, shown: str) -> None:
        """shown: the text of the page, in groups."""
        self._totp = pyotp.TOTP(shown.replace("-", ""))
        self._last = 0

    def code(self) -> str:
        """Of this step or the next, which the gateway takes too; after that it waits for time to pass."""
        while (step := max(int(time.time()) // STEP_S, self._last + 1)) > int(time.time()) // STEP_S + 1:
            time.sleep(0.2)
        self._last = step
        return self._totp.generate_otp(step)

    @property
    def secret(self) -> bytes:
        return b32decode(self._totp.secret)


def forget_factors(stage: Stage) -> None:
    """Of everybody but the people with a role in the console, whom no later test could use without theirs."""
    for table in ("passkeys", "totp", "recovery_codes", "attempts"):
        others = f"DELETE FROM {table} WHERE user_id NOT IN (SELECT user_id FROM admin_roles)"
        run_apart(execute(stage.postgres, others, "journeys"))


def secret_in(page: str) -> str:
    """Of the page that shows it, in groups."""
    found = re.search(r'<code id="secret">([A-Z2-7-]+)</code>', page)
    assert found is not None, page
    return found[1]


def codes_in(page: str) -> list[str]:
    """Recovery codes of the page that shows them."""
    listed = re.search(r'<ul id="codes">(.*?)</ul>', page, re.DOTALL)
    return [] if listed is None else [unescape(one) for one in re.findall(r"<code>([^<]+)</code>", listed[1])]
