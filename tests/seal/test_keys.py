"""Keys: made where asked, for their owner alone, never over another file; and what is no key is named."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from leadlight.errors import KeyLocked, KeyUnusable
from leadlight.seal.keys import certificates, new_key, open_key, open_public, public_file


def no_passphrase() -> str | None:
    raise AssertionError("asked for a passphrase")


def test_a_key_signs_and_its_public_half_checks(tmp_path: Path) -> None:
    path = tmp_path / "lab.pem"
    made = new_key(path, "several words")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    signer = open_key(path, lambda: "several words")
    public = open_public(public_file(path))
    assert public.id == made.id == signer.public.id
    assert len(public.id) == 64
    signature = signer.sign(b"message")
    assert public.signed(signature, b"message")
    assert not public.signed(signature, b"massage")
    assert not public.signed(signature[:-1] + bytes([signature[-1] ^ 1]), b"message")
    assert not public.signed(b"", b"message")


def test_mode_is_kept_whatever_the_mask(tmp_path: Path) -> None:
    import os

    before = os.umask(0)
    try:
        new_key(tmp_path / "k", None)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_a_passphrase_is_asked_only_for_a_locked_key(tmp_path: Path) -> None:
    new_key(tmp_path / "open", None)
    assert open_key(tmp_path / "open", no_passphrase).sign(b"")
    new_key(tmp_path / "locked", "right")
    with pytest.raises(KeyLocked, match="could not be asked for"):
        open_key(tmp_path / "locked", lambda: None)
    with pytest.raises(KeyUnusable, match="passphrase is wrong"):
        open_key(tmp_path / "locked", lambda: "wrong")
    with pytest.raises(KeyUnusable, match="empty"):
        new_key(tmp_path / "third", "")
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("there", ["k.pem", "k.pem.pub"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_bytes(b"mine")
    with pytest.raises(KeyUnusable, match="never overwritten") as caught:
        new_key(tmp_path / "k.pem", None)
    assert there in caught.value.subject
    assert [p.name for p in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_bytes() == b"mine"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "k").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyUnusable):
        new_key(tmp_path / "k", None)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_such_key_is_named(tmp_path: Path) -> None:
    new_key(tmp_path / "k", None)
    for name, key in (
        ("rsa", rsa.generate_private_key(65537, 2048)),
        ("ec", ec.generate_private_key(ec.SECP256R1())),
    ):
        (tmp_path / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (tmp_path / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        with pytest.raises(KeyUnusable, match="another type"):
            open_key(tmp_path / name, no_passphrase)
        with pytest.raises(KeyUnusable, match="another type"):
            open_public(tmp_path / f"{name}.pub")
    with pytest.raises(KeyUnusable, match="is a private key") as caught:
        open_public(tmp_path / "k")
    assert "k.pub" in caught.value.advice
    (tmp_path / "garbage").write_bytes(b"-----BEGIN PRIVATE KEY-----\n????\n")
    (tmp_path / "large").write_bytes(bytes(2 << 20))
    for name in ("garbage", "large", "none", ".", "k.pub"):
        with pytest.raises(KeyUnusable):
            open_key(tmp_path / name, no_passphrase)
    for name in ("garbage", "large", "none", "."):
        with pytest.raises(KeyUnusable):
            open_public(tmp_path / name)
        with pytest.raises(KeyUnusable):
            certificates(tmp_path / name)
    with pytest.raises(KeyUnusable, match="certificates in PEM"):
        certificates(tmp_path / "k.pub")
