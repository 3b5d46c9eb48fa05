"""Keys and certificates in files: Ed25519 (RFC 8032) in PEM, the private ones as PKCS #8 (RFC 5958).

The keys are the operator's. One is made only where a person asks for it, and none is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from leadlight.errors import KeyLocked, KeyUnusable
from leadlight.records import display_name

_LONGEST = 1 << 20
"""Bytes of a key file or of a file of certificates."""
_CERTIFICATES = 200


Certificates: TypeAlias = tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that checks seals."""

    id: str
    """SHA-256, in hex, over the key as SubjectPublicKeyInfo in DER (RFC 5280, clause 4.1.2.7)."""
    _key: Ed25519PublicKey

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` over `message` was made with this key."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that seals."""

    public: PublicKey
    _key: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(message)


def public_file(path: Path) -> Path:
    """Where the public half of the key at `path` is written."""
    return path.with_name(path.name + ".pub")


def new_key(path: Path, passphrase: str | None) -> PublicKey:
    """Make a key: the private half at `path`, for its owner alone, the public half beside it.

    It is locked by `passphrase`; None leaves it open. Raises KeyUnusable where a file is there already, or none
    can be written.
    """
    if passphrase == "":
        raise KeyUnusable(
            "an empty passphrase locks nothing", subject=_shown(path), advice="Give one, or --no-passphrase."
        )
    key = Ed25519PrivateKey.generate()
    locked = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode("utf-8", "surrogateescape"))
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    beside = public_file(path)
    for file in (path, beside):
        if os.path.lexists(file):
            raise _there(file)
    _write(path, private, 0o600)
    try:
        _write(beside, public, 0o644)
    except KeyUnusable:
        path.unlink(missing_ok=True)
        raise
    return _public(key.public_key())


def open_key(path: Path, passphrase: Callable[[], str | None]) -> Signer:
    """The private key at `path`; `passphrase` is asked only where it is locked, and gives None where it can't.

    Raises KeyLocked where there is no passphrase, KeyUnusable for a wrong one and for anything else.
    """
    data = _read(path)
    given: bytes | None = None
    if b"ENCRYPTED" in data:
        said = passphrase()
        if not said:
            raise KeyLocked(
                "is locked, and its passphrase could not be asked for",
                subject=_shown(path),
                advice="Run in a terminal, or set LEADLIGHT_SEAL_PASSPHRASE.",
            )
        given = said.encode("utf-8", "surrogateescape")
    try:
        key = serialization.load_pem_private_key(data, given)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = "the passphrase is wrong, or the key is damaged" if given else "holds no private key in PEM"
        advice = "Check the passphrase." if given else "Name a key that 'leadlight key new' made."
        raise KeyUnusable(what, subject=_shown(path), advice=advice) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _other_type(path)
    return Signer(_public(key.public_key()), key)


def open_public(path: Path) -> PublicKey:
    """The public key at `path`. Raises KeyUnusable."""
    data = _read(path)
    if b"PRIVATE KEY" in data:
        raise KeyUnusable(
            "is a private key, which checks nothing and should stay where it is",
            subject=_shown(path),
            advice=f"Name the public one beside it: {_shown(public_file(path))}.",
        )
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable(
            "holds no public key in PEM",
            subject=_shown(path),
            advice="Name the file with '.pub' that 'leadlight key new' wrote.",
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _other_type(path)
    return _public(key)


def certificates(path: Path) -> Certificates:
    """The certificates in a PEM file. Raises KeyUnusable where there is none, or more than 200."""
    try:
        found = x509.load_pem_x509_certificates(_read(path))
    except Exception:
        found = []
    if not 0 < len(found) <= _CERTIFICATES:
        raise KeyUnusable(
            f"must hold certificates in PEM, {_CERTIFICATES} at most",
            subject=_shown(path),
            advice="Name the root certificate that the timestamp server's operator publishes.",
        )
    return tuple(found)


def subject(encoded: Iterable[bytes], issuer: x509.Name, serial: int) -> str:
    """The subject of the certificate, of those in DER, that `issuer` gave with this serial number (RFC 4514).

    Raises ValueError where it is not among them.
    """
    for certificate in map(x509.load_der_x509_certificate, encoded):
        if (certificate.issuer, certificate.serial_number) == (issuer, serial):
            return certificate.subject.rfc4514_string()
    raise ValueError("no certificate of the signer")


def _public(key: Ed25519PublicKey) -> PublicKey:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(hashlib.sha256(der).hexdigest(), key)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except (OSError, ValueError) as e:
        what = f"can't be read ({getattr(e, 'strerror', None) or e})"
        raise KeyUnusable(what, subject=_shown(path), advice="Check the path and who may read it.") from e
    if len(data) > _LONGEST:
        raise KeyUnusable("is too large for a key or certificates", subject=_shown(path), advice="Check the path.")
    return data


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not be there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, mode)
    except FileExistsError:
        raise _there(path) from None
    except (OSError, ValueError) as e:
        raise _unwritten(path, e) from e
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        path.unlink(missing_ok=True)
        raise _unwritten(path, e) from e


def _unwritten(path: Path, error: Any) -> KeyUnusable:
    what = f"can't be written ({getattr(error, 'strerror', None) or error})"
    return KeyUnusable(what, subject=_shown(path), advice="Name a file in a folder that may be written to.")


def _there(path: Path) -> KeyUnusable:
    return KeyUnusable(
        "is there already, and a key is never overwritten", subject=_shown(path), advice="Name another file."
    )


def _other_type(path: Path) -> KeyUnusable:
    return KeyUnusable(
        "is a key of another type; seals need Ed25519",
        subject=_shown(path),
        advice="Make one with 'leadlight key new FILE'.",
    )


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))
