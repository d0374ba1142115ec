"""Hashes of other systems: what they published is verified, and what costs too much is not."""

import base64
import hashlib

import bcrypt
import pytest
from argon2 import low_level
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.foreign import ForeignHash, decoy_of, matches, read_foreign

SALT_AND_HASH = "$BpLnfgDsc2WD8F2q$o/vzA4myCqZZ36bUGsDY//8mKUYNZZaR0t4MFFSs+iM"
PUBLISHED = {  # by Authelia, the last one by passlib
    f"$argon2id$v=19$m=65536,t=3,p=2{SALT_AND_HASH}": "password",
    (
        "$pbkdf2-sha512$310000$c8p78n7pUMln0jzvd4aK4Q"
        "$JNRBzwAo0ek5qKn50cFzzvE9RXV88h1wJn5KGiHrD0YKtZaR/nCb2CJPOsKaPK0hjf.9yHxzQGZziziccp6Yng"
    ): "insecure_secret",
    "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E": "password",
}


def read(text: str) -> ForeignHash:
    found = read_foreign(text)
    assert isinstance(found, ForeignHash), found
    return found


def raw(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def pbkdf2(digest: str, password: str, iterations: int = 10) -> str:
    salt = b"\xfb\xff" * 8  # with a + in ordinary base64
    made = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
    name = "" if digest == "sha1" else f"-{digest}"
    return f"$pbkdf2{name}${iterations}${raw(salt)}${raw(made)}".replace("+", ".")


@pytest.mark.parametrize(("text", "password"), PUBLISHED.items())
def test_what_others_published_is_verified(text: str, password: str) -> None:
    assert matches(read(text), password)
    assert not matches(read(text), password + "x")


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_each_digest_of_pbkdf2_is_verified(digest: str) -> None:
    found = read(pbkdf2(digest, "naïve horse"))

    assert found.kind == f"pbkdf2-{digest},10"
    assert matches(found, "naïve horse")
    assert not matches(found, "naive horse")


@pytest.mark.parametrize("kind", [low_level.Type.ID, low_level.Type.I, low_level.Type.D])
def test_each_kind_of_argon2_is_verified(kind: low_level.Type) -> None:
    found = read(low_level.hash_secret(b"horse", b"saltsalt", 1, 8, 1, 32, kind).decode())

    assert matches(found, "horse")
    assert not matches(found, "mule")


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_bcrypt_reads_72_bytes_as_ever(prefix: str) -> None:
    found = read(bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode().replace("$2b$", prefix))

    assert matches(found, "x" * 72)
    assert matches(found, "x" * 80)
    assert not matches(found, "x" * 71)
    assert not matches(read(f"$2b$04${'/' * 53}"), "x")


@pytest.mark.parametrize(
    ("least", "beyond"),
    [
        ("$argon2id$v=19$m=262144,t=4,p=16", "$argon2id$v=19$m=262145,t=4,p=16"),
        ("$argon2id$v=19$m=262144,t=4,p=16", "$argon2id$v=19$m=262144,t=5,p=16"),
        ("$argon2id$v=19$m=262144,t=4,p=16", "$argon2id$v=19$m=262144,t=4,p=17"),
        ("$scrypt$ln=18,r=8,p=4", "$scrypt$ln=19,r=8,p=1"),
        ("$scrypt$ln=18,r=8,p=4", "$scrypt$ln=18,r=9,p=1"),
        ("$scrypt$ln=18,r=8,p=4", "$scrypt$ln=18,r=8,p=5"),
        ("$scrypt$ln=10,r=8,p=16", "$scrypt$ln=999999999,r=8,p=1"),
    ],
)
def test_costs_are_bounded_on_both_sides(least: str, beyond: str) -> None:
    assert isinstance(read_foreign(least + SALT_AND_HASH), ForeignHash)
    assert "costs more than Bastion computes" in str(read_foreign(beyond + SALT_AND_HASH))


def test_iterations_and_rounds_are_bounded_on_both_sides() -> None:
    tail = f"${'A' * 22}${'A' * 43}"
    assert isinstance(read_foreign(f"$pbkdf2-sha256$2000000{tail}"), ForeignHash)
    assert "costs more" in str(read_foreign(f"$pbkdf2-sha256$2000001{tail}"))
    assert "costs more" in str(read_foreign(f"$pbkdf2-sha1$1{tail}"))  # two blocks cost twice as much
    assert isinstance(read_foreign(f"$2b$14${'.' * 53}"), ForeignHash)
    for cost in ("03", "15", "31"):
        assert "costs more" in str(read_foreign(f"$2b${cost}${'.' * 53}"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$6$rounds=50000$aFr56HjK3DrB8t3S$zhPQiS85cgBlNhUKKE6n/AHMlpqrvYSnSL3fEVkK0yHFQ.oFFAd8D4OhPAy18K5U61Z2eBhx",
         "Bastion verifies no sha512crypt"),
        ("$y$j9T$abc$def", "Bastion verifies no yescrypt"),
        ("$argon2id$v=16$m=64,t=1,p=1$BpLnfgDsc2WD8F2q$BpLnfgDsc2WD8F2qBpLnfg", "no password hash"),
        ("$argon2id$v=19$m=64,t=1,p=1$AAAA$BpLnfgDsc2WD8F2qBpLnfg", "is cut short"),
        ("$argon2id$v=19$m=64,t=1,p=1$BpLnfgDsc2WD8F2q$AAAA", "is cut short"),
        ("$pbkdf2-sha256$10$AAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "is cut short"),  # 13 characters are no bytes
        ("", "no password hash"),
        ("hunter2", "no password hash"),
    ],
)  # fmt: skip
def test_anything_else_is_told_without_the_hash(text: str, said: str) -> None:
    told = read_foreign(text)

    assert isinstance(told, str)
    assert said in told
    assert not text or text not in told


@given(st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    assert isinstance(read_foreign(text), (str, ForeignHash))
    decoy = decoy_of(text)
    assert decoy is None or decoy.kind == text


@pytest.mark.parametrize("text", [*PUBLISHED, pbkdf2("sha1", "x"), pbkdf2("sha512", "x"), f"$2b$04${'.' * 53}"])
def test_a_decoy_costs_the_same_and_is_nobodys(text: str) -> None:
    found = read(text)

    decoy = decoy_of(found.kind)

    assert decoy is not None
    assert (decoy.scheme, decoy.costs) == (found.scheme, found.costs)
    assert not matches(decoy, "x")
