"""Fills in the plans and the policy for the OpenID Foundation's conformance suite, with fresh keys and secrets:

python -m tests.conformance.prepare ISSUER SUITE API USER DIRECTORY < password
"""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

HERE: Final = Path(__file__).parent
PLANS: Final = sorted((HERE / "plans").glob("*.json"))
CLIENTS: Final = ("client", "client2", "client_secret_post")
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Place:
    """Origins of Bastion, of the suite and of the API; and who signs in."""

    issuer: str
    suite: str
    api: str
    user: str
    password: str

    def words(self) -> dict[str, str]:
        api_host = urlsplit(self.api).hostname or ""
        origins = {"issuer": self.issuer, "suite": self.suite, "api": self.api, "api_host": api_host}
        return origins | {"user": json.dumps(self.user)[1:-1], "password": json.dumps(self.password)[1:-1]}


@dataclass(slots=True)
class _Made:
    """By client id, made once: two plans may have one client."""

    keys: dict[str, Mapping[str, object]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def key(self, client: str) -> Mapping[str, object]:
        """Private, as a JWK."""
        if client not in self.keys:
            jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
            self.keys[client] = {**jwk, "kid": client, "alg": "ES256", "use": "sig"}
        return self.keys[client]

    def secret(self, client: str) -> str:
        return self.secrets.setdefault(client, secrets.token_hex(32))

    def words(self) -> dict[str, str]:
        """For the policy: what is public of them."""
        private = {"d", "key_ops"}
        keys = {one: {name: key[name] for name in key.keys() - private} for one, key in self.keys.items()}
        found = {f"key_{_word(one)}": json.dumps(key) for one, key in keys.items()}
        return found | {f"digest_{_word(one)}": sha256(text.encode()).hexdigest() for one, text in self.secrets.items()}


def prepare(place: Place, directory: Path) -> None:
    """Writes the plans and policy.yaml. Only their owner can read them."""
    directory.mkdir(parents=True, exist_ok=True)
    made, words = _Made(), place.words()
    browser = _filled(HERE / "browser.json", words)
    for file in PLANS:
        plan = _filled(file, words)
        for name in CLIENTS:
            _give(plan.get(name, {}), made)
        _write(directory / file.name, json.dumps(plan | {"browser": browser}, indent=2))
    policy = Template((HERE / "policy.yaml").read_text()).substitute(words | made.words())
    _write(directory / "policy.yaml", policy)


def _give(client: dict[str, Any], made: _Made) -> None:
    """What it authenticates with."""
    if "jwks" in client:
        client["jwks"] = {"keys": [made.key(client["client_id"])]}
    elif client:
        client["client_secret"] = made.secret(client["client_id"])


def _filled(file: Path, words: Mapping[str, str]) -> Any:
    return json.loads(Template(file.read_text()).substitute(words))


def _write(file: Path, text: str) -> None:
    file.touch(_PRIVATE)
    file.write_text(text)


def _word(client: str) -> str:
    return client.replace("-", "_")


if __name__ == "__main__":
    issuer, suite, api, user, directory = sys.argv[1:]
    prepare(Place(issuer, suite, api, user, sys.stdin.readline().rstrip("\n")), Path(directory))
