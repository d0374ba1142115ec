"""How a client authenticates: a secret that is elsewhere, or public keys."""

import pytest

from gateway.core.jose.keys import SigningKey
from gateway.core.policy.compile import PolicyRejected, compile_policy
from gateway.core.policy.secrets import SecretSource, SecretUnusable, secret_hash
from tests.core.policy.build import SITE
from tests.core.policy.clients import BANK, DIGEST, KEY, SECRET, WEB, client_of, said, text


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (SECRET, "a secret never stands in a policy"),
        (f"[{SECRET}]", "a secret never stands in a policy"),
        (f"{{plain: {SECRET}}}", "`plain` is no key of a client's secret; expected env, file, sha256"),
        ("{}", "a secret from 0 places"),
        (f"{{sha256: {DIGEST}, env: WIKI}}", "a secret from 2 places"),
        (f"{{sha256: {SECRET}}}", "sha256 is no digest"),
        (f"{{sha256: {DIGEST.upper()}x}}", "sha256 is no digest"),
        ("{sha256: {a: b}}", "sha256 is no digest"),
        ("{file: secrets/wiki}", "`secrets/wiki` is no absolute path"),
        ("{env: 'A B'}", "no name of an environment variable"),
        ("{env: }", "nothing; expected the name of an environment variable"),
        ("{file: /run/short}", "the secret of file /run/short has 31 characters; expected at least 32"),
    ],
)
def test_a_secret_is_elsewhere_and_never_shown(secret: str, message: str) -> None:
    def short(_source: SecretSource) -> bytes:
        return secret_hash("x" * 31)

    written = text(WEB.replace(f"{{sha256: {DIGEST}}}", secret))
    with pytest.raises(PolicyRejected) as rejected:
        compile_policy({"p.yaml": written}, SITE, secrets=short)

    assert message in str(rejected.value)
    assert "p.yaml:3:" in str(rejected.value)
    assert SECRET not in str(rejected.value)


def test_a_secret_of_a_file_and_of_a_variable() -> None:
    asked: list[SecretSource] = []

    def read(source: SecretSource) -> bytes:
        asked.append(source)
        return secret_hash(f"{SECRET}\r\n")

    for where in ("{file: /run/secrets/wiki}", "{env: WIKI_SECRET}"):
        policy = compile_policy({"p.yaml": text(WEB.replace(f"{{sha256: {DIGEST}}}", where))}, SITE, secrets=read)
        assert policy.clients["c"].secret_hash == bytes.fromhex(DIGEST)
    assert asked == [SecretSource("file", "/run/secrets/wiki"), SecretSource("env", "WIKI_SECRET")]


@pytest.mark.parametrize("wrong", ["x" * 31, "x" * 31 + "\n", "x" * 32 + "é", "x" * 32 + "\t"])
def test_a_secret_that_is_no_use(wrong: str) -> None:
    with pytest.raises(SecretUnusable) as error:
        secret_hash(wrong)
    assert "xx" not in str(error.value)


@pytest.mark.parametrize(
    ("jwks", "message"),
    [
        ("{}", "a set of keys needs `keys`"),
        ("[]", "expected a set of keys as a map"),
        ("{keys: []}", "an empty list; expected a JWK"),
        ("{keys: [one]}", "no JWK; expected a map"),
        (f"{{keys: [{KEY[:-1]}, d: AAAA}}]}}", "the key has a private member; expected a public key for ES256"),
        ("{keys: [{kty: oct, k: AAAA}]}", "the key has a private member"),
        (f"{{keys: [{KEY[:-1]}, alg: RS256}}]}}", "fits no algorithm that is allowed here"),
        ("{keys: [{kty: EC, crv: P-256, x: AAAA, y: AAAA}]}", "expected a public key for"),
        (f"{{keys: [{KEY}, {KEY}]}}", "the kid of another key"),
    ],
)
def test_keys_that_are_none(jwks: str, message: str) -> None:
    problems = said(BANK.replace(f"{{keys: [{KEY}]}}", jwks))

    assert message in problems
    assert "AAAA" not in problems


def test_a_key_for_rs256_is_none_of_fapi2() -> None:
    members = SigningKey.generate("RS256").verification.jwk
    jwk = "{" + ", ".join(f"{name}: {value}" for name, value in members.items()) + ", alg: RS256}"
    one, keys = f"keys: [{KEY}]", f"keys: [{jwk}]"

    assert "expected a public key for ES256, Ed25519, EdDSA, PS256" in said(BANK.replace(one, keys))
    assert client_of(BANK.replace(one, keys).replace("profile: fapi2, ", "")).authentication == "private_key_jwt"
