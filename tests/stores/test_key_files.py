"""Copies of signing keys on disk: encrypted, for their owner only, and never over another file."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.core.jose.keys import SigningKey
from gateway.core.keys import pem_passphrase
from gateway.stores.files.key_files import KeyFiles
from gateway.stores.files.revoked_keys import FILE_NAME, read_revoked, remember_revoked

PASSPHRASE = pem_passphrase(b"m" * 32)


def test_a_copy_is_encrypted_and_for_its_owner_only(tmp_path: Path) -> None:
    key = SigningKey.generate("ES256")

    KeyFiles(tmp_path / "keys", PASSPHRASE).write([key])

    file = tmp_path / "keys" / f"jwt-{key.kid}.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    again = load_pem_private_key(file.read_bytes(), PASSPHRASE)
    assert again.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == key.pkcs8()
    with pytest.raises(ValueError):  # noqa: PT011 -- what a wrong password decrypts to is told in many words
        load_pem_private_key(file.read_bytes(), pem_passphrase(b"x" * 32))


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    key, files = SigningKey.generate("EdDSA"), KeyFiles(tmp_path, PASSPHRASE)
    file = tmp_path / f"jwt-{key.kid}.pem"
    file.write_text("what somebody restored")

    files.write([key])

    assert file.read_text() == "what somebody restored"


def test_strangers_are_named_and_other_files_are_not(tmp_path: Path) -> None:
    key, files = SigningKey.generate("EdDSA"), KeyFiles(tmp_path, PASSPHRASE)
    files.write([key])
    (tmp_path / "jwt-other.pem").touch()
    (tmp_path / "audit-checkpoint.pem").touch()

    assert files.strangers({key.kid}) == ["jwt-other.pem"]
    files.remove(["other", "not there"])
    assert files.strangers({key.kid}) == []


def test_compromised_keys_are_remembered_also_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    assert read_revoked(tmp_path / "none") == frozenset()

    remember_revoked(tmp_path, "one", 1)
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"kid": "cut')
    remember_revoked(tmp_path, "two", 2)

    assert read_revoked(tmp_path) == {"one", "two"}
