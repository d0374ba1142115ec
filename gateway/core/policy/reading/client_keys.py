"""Reads how a client authenticates: where its secret is, or its public keys."""

import re
from collections.abc import Mapping
from typing import Final, cast

from gateway.core.jose.compact import MalformedJose
from gateway.core.jose.keys import VerificationKey
from gateway.core.policy.client_grammar import JWKS, SECRET, SHA256_PATTERN
from gateway.core.policy.places import Page
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import items, text
from gateway.core.policy.secrets import SecretReader, SecretSource, SecretUnusable
from gateway.core.yaml_marks import Marked, MarkedMap, plain

_SHA256: Final = re.compile(SHA256_PATTERN)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_KEYS: Final = 20
_WAYS: Final = "{file: PATH}, {env: NAME} or {sha256: DIGEST}"


def read_secret(page: Page, at: Marked, secrets: SecretReader) -> bytes | None:
    """Its SHA-256. Nothing here says what stands there: somebody may have written the secret itself."""
    if not isinstance(at, MarkedMap):
        page.say(at, f"a secret never stands in a policy, which is kept and shown; expected {_WAYS}")
        return None
    given = keyed(page, at, SECRET) or {}
    if len(given) != 1:
        page.say(at, f"a secret from {len(given)} places; expected one of {_WAYS}")
        return None
    ((kind, value),) = given.items()
    if kind == "sha256":
        return _digest(page, value)
    name = text(page, value, "a path" if kind == "file" else "the name of an environment variable")
    if name is None:
        return None
    if kind == "file" and not name.startswith("/"):
        page.say(value, f"`{name}` is no absolute path; expected such as /run/secrets/wiki")
        return None
    if kind == "env" and not _VARIABLE.fullmatch(name):
        page.say(value, "no name of an environment variable; expected letters, digits and _")
        return None
    try:
        return secrets(SecretSource("file" if kind == "file" else "env", name))
    except SecretUnusable as error:
        page.say(value, f"the secret of {kind} {name} {error}")
        return None


def read_keys(page: Page, at: Marked, algorithms: frozenset[str]) -> tuple[VerificationKey, ...]:
    """algorithms: each key has to be for one of them."""
    given = keyed(page, at, JWKS) or {}
    if "keys" not in given:
        return ()
    each = items(page, given["keys"], "a JWK")
    if len(each) > _MOST_KEYS:
        page.say(given["keys"], f"{len(each)} keys; expected at most {_MOST_KEYS}")
    found: dict[str, VerificationKey] = {}
    for item in each:
        key = _key(page, item, algorithms)
        if key is not None and key.kid in found:
            page.say(item, "the kid of another key; expected each key once, with a kid of its own")
        elif key is not None:
            found[key.kid] = key
    return tuple(found.values())


def _digest(page: Page, at: Marked) -> bytes | None:
    digest = text(page, at, "64 hexadecimal digits") if not isinstance(at, MarkedMap) else None
    if digest is None or not _SHA256.fullmatch(digest):
        page.say(
            at, "sha256 is no digest; expected 64 small hexadecimal digits, as `printf %s SECRET | sha256sum` says"
        )
        return None
    return bytes.fromhex(digest)


def _key(page: Page, at: Marked, algorithms: frozenset[str]) -> VerificationKey | None:
    if not isinstance(at, MarkedMap):
        page.say(at, "no JWK; expected a map such as {kty: EC, crv: P-256, x: ..., y: ...}")
        return None
    jwk = cast("Mapping[str, object]", plain(at))
    try:
        return VerificationKey.of_jwk(jwk, algorithms)
    except MalformedJose as error:
        page.say(at, f"{error}; expected a public key for {', '.join(sorted(algorithms))}")
        return None
