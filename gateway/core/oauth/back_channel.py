"""Owns logout tokens (OpenID Connect Back-Channel Logout 1.0), and the messages that they are made of at each try."""

import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.base64url import b64, unb64
from gateway.core.oauth.claims import session_id
from gateway.core.policy.client import own_user
from gateway.core.principal.identity import subject_of
from gateway.core.units import DAY_S

TYP: Final = "logout+jwt"
WORTH_S: Final = DAY_S
_TOKEN_S: Final = 120
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class LoggedOutApp:
    """An app that a person was signed in to by a login that is over there."""

    client: str
    user_id: UUID
    login_id: bytes

    @property
    def destination(self) -> str:
        return own_user(self.client)

    def written(self) -> bytes:
        return json.dumps({"client": self.client, "user": self.user_id.hex, "login": b64(self.login_id)}).encode()

    @classmethod
    def read(cls, text: str) -> "LoggedOutApp":
        values = json.loads(text)
        return cls(values["client"], UUID(values["user"]), unb64(values["login"]))

    def claims(self, issuer: str, token_key: bytes, jti: str, now: int) -> dict[str, object]:
        """Section 2.4: no nonce, so that it is no ID token. now: Unix seconds."""
        return {
            "iss": issuer,
            "sub": subject_of(self.user_id),
            "aud": self.client,
            "iat": now,
            "exp": now + _TOKEN_S,
            "jti": jti,
            "sid": session_id(token_key, self.login_id, self.client),
            "events": {_EVENT: {}},
        }
