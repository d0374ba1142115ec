"""A client of profile fapi2 on its whole way through Caddy, and each thing that FAPI 2.0 forbids it."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.core.base64url import b64
from gateway.core.jose.keys import SigningKey
from gateway.core.oauth.authentication import JWT_BEARER
from tests.journeys.apps import VERIFIER, address, answered, asked, decide, sign_in
from tests.oauth_clients import ES256, PS256, RS256, Asserted
from tests.staging import NAVIGATION, Seen, Stage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Bank:
    """An app that authenticates by its key and proves another one. nonces: by origin, as they came."""

    stage: Stage
    key: SigningKey = ES256
    proves: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256"))
    nonces: dict[str, str] = field(default_factory=dict)

    def assertion(self, **claims: Any) -> dict[str, str]:
        asserted = Asserted(self.key, int(time.time()), {}, {"aud": self.stage.auth, **claims})
        return {"client_assertion_type": JWT_BEARER, "client_assertion": asserted.text("bank")}

    def post(self, path: str, fields: Mapping[str, str], *, proves: bool = True, **claims: Any) -> Seen:
        """claims: of the assertion, which is a fresh one for each try."""
        url = self.stage.auth + path

        def once() -> Seen:
            headers = {**FORM, **({"DPoP": self.proof("POST", url)} if proves else {})}
            body = urlencode({"client_id": "bank", **fields, **self.assertion(**claims)})
            return self.stage.visitor().send("POST", url, headers, body)

        return self._with_nonce(self.stage.auth, once)

    def call(self, token: str, scheme: str = "DPoP") -> Seen:
        url, ath = f"{self.stage.app}/api/proved/notes", b64(hashlib.sha256(token.encode()).digest())

        def once() -> Seen:
            headers = {"Authorization": f"{scheme} {token}", "DPoP": self.proof("GET", url, ath=ath)}
            return self.stage.visitor().send("GET", url, headers)

        return self._with_nonce(self.stage.app, once)

    def push(self, changed: Mapping[str, str] | None = None) -> Seen:
        sent = {"client_id": "bank", "prompt": "consent", **(changed or {})}
        return self.post("/oauth2/par", asked(self.stage, **sent))

    def code(self) -> str:
        pushed = self.push()
        assert pushed.status == 201, pushed.text
        visitor = self.stage.visitor()
        query = urlencode({"client_id": "bank", "request_uri": pushed.json()["request_uri"]})
        login = visitor.visit(f"{self.stage.auth}/oauth2/authorize?{query}")
        return answered(self.stage, decide(visitor, sign_in(self.stage, visitor, login), "allow"))["code"]

    def exchange(self, code: str, *, proves: bool = True, **claims: Any) -> Seen:
        redirect_uri = str(self.stage.summary["redirect_uri"])
        fields = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code_verifier": VERIFIER}
        return self.post("/oauth2/token", {**fields, "code": code}, proves=proves, **claims)

    def refresh(self, token: str) -> Seen:
        return self.post("/oauth2/token", {"grant_type": "refresh_token", "refresh_token": token})

    def proof(self, method: str, url: str, **more: str) -> str:
        origin = "/".join(url.split("/")[:3])
        nonce = {"nonce": self.nonces[origin]} if origin in self.nonces else {}
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        return self.proves.sign("dpop+jwt", {**claims, **nonce, **more}, jwk=dict(self.proves.verification.jwk))

    def _with_nonce(self, origin: str, once: Callable[[], Seen]) -> Seen:
        """Tries again with the nonce where the first answer asks for one."""
        seen = once()
        if "DPoP-Nonce" in seen.headers:
            self.nonces[origin] = seen.headers["DPoP-Nonce"]
        return once() if "use_dpop_nonce" in seen.text + str(seen.headers) else seen


@pytest.fixture
def bank(stage: Stage) -> Bank:
    return Bank(stage)


@pytest.mark.parametrize("key", [ES256, PS256], ids=["ES256", "PS256"])
def test_the_whole_way(stage: Stage, key: SigningKey) -> None:
    bank = Bank(stage, key)
    code = bank.code()

    tokens = bank.exchange(code).json()

    assert tokens["token_type"] == "DPoP"
    seen = bank.call(tokens["access_token"])
    assert seen.status == 200, seen.text
    assert seen.json()["headers"]["remote-user"] == ["ada"]
    assert bank.call(tokens["access_token"], "Bearer").status == 401
    assert Bank(stage).call(tokens["access_token"]).status == 401, "another key"
    first, again = bank.refresh(tokens["refresh_token"]), bank.refresh(tokens["refresh_token"])
    assert (first.status, again.status) == (200, 200), "F2-12"
    assert first.json()["refresh_token"] == again.json()["refresh_token"]
    second = bank.exchange(code)
    assert (second.status, second.json()["error"]) == (400, "invalid_grant"), "F2-26"


def test_a_request_that_is_not_pushed_is_refused(stage: Stage) -> None:
    """F2-20."""
    answer = answered(stage, stage.visitor().visit(address(stage, client_id="bank")))

    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43}, "invalid_request"),
        ({"dpop_jkt": "x" * 43}, "invalid_dpop_proof"),
    ],
)
def test_what_may_not_be_pushed(bank: Bank, changed: dict[str, str], error: str) -> None:
    """F2-15, F2-18, F2-22, F2-23, F2-36."""
    seen = bank.push(changed)

    assert (seen.status, seen.json()["error"]) == (400, error)


def test_who_does_not_authenticate_pushes_nothing(stage: Stage) -> None:
    """F2-09, F2-21."""
    secret = {"client_secret": "s" * 32}
    for more in (dict[str, str](), secret):
        body = urlencode(asked(stage, client_id="bank", **more))
        seen = stage.visitor().send("POST", f"{stage.auth}/oauth2/par", FORM, body)
        assert (seen.status, seen.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["ISSUER"]},
        {"aud": "ISSUER/oauth2/par"},
        {"aud": "ISSUER/oauth2/token"},
        {"aud": "ISSUER/"},
        {"iat": 120},
        {"nbf": 120},
        {"exp": -1},
    ],
)
def test_an_assertion_is_for_the_issuer_and_of_now(bank: Bank, claims: dict[str, Any]) -> None:
    """F2-11, F2-16. Times are from now."""
    fields = asked(bank.stage, client_id="bank")
    now = int(time.time())

    def real(value: Any) -> Any:
        match value:
            case str():
                return value.replace("ISSUER", bank.stage.auth)
            case int():
                return now + value
            case _:
                return [real(one) for one in value]

    seen = bank.post("/oauth2/par", fields, proves=False, **{name: real(value) for name, value in claims.items()})

    assert (seen.status, seen.json()["error"]) == (401, "invalid_client")


def test_a_clock_that_is_a_little_ahead_is_fine(bank: Bank) -> None:
    """F2-16."""
    seen = bank.post("/oauth2/par", asked(bank.stage, client_id="bank"), iat=int(time.time()) + 8)

    assert seen.status == 201, seen.text


def test_rs256_is_no_signature_of_fapi(stage: Stage) -> None:
    """F2-33; the key itself is registered, for PS256."""
    seen = Bank(stage, RS256).push()

    assert (seen.status, seen.json()["error"]) == (401, "invalid_client")


def test_tokens_need_the_key_that_the_code_is_bound_to(stage: Stage, bank: Bank) -> None:
    """F2-08, F2-15."""
    code = bank.code()

    without = bank.exchange(code, proves=False)
    other = Bank(stage).exchange(code)

    assert (without.status, without.json()["error"]) == (400, "invalid_dpop_proof")
    assert (other.status, other.json()["error"]) == (400, "invalid_grant")
    assert bank.exchange(code).status == 200


def test_a_pushed_request_is_opened_twice_and_used_once(stage: Stage, bank: Bank) -> None:
    """F2-28, F2-30."""
    pushed = bank.push().json()
    url = f"{stage.auth}/oauth2/authorize?{urlencode({'client_id': 'bank', 'request_uri': pushed['request_uri']})}"
    visitor = stage.visitor()

    visitor.visit(url)
    answer = answered(stage, decide(visitor, sign_in(stage, visitor, visitor.visit(url)), "allow"))

    assert pushed["expires_in"] < 600
    assert answer["iss"] == stage.auth, "F2-24"
    assert visitor.send("GET", url, NAVIGATION).status == 400
