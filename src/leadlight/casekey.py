"""The key of an encrypted case: from a passphrase or from a key file, and what may be written of it.

A passphrase is stretched once per opening with PBKDF2-HMAC-SHA512 (RFC 8018), 256,000 rounds over the salt in the
first 16 bytes of the database: what SQLCipher 4 does by default, so that its own tools open the case with the same
passphrase. A key file holds the key itself, 32 random bytes as 64 hexadecimal digits.

Python can't wipe its memory: a key may stay in the memory of the process until it ends, and in swap space beyond.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadlight.errors import KeyUnusable
from leadlight.records import display_name

PASSPHRASE = "passphrase"  # noqa: S105 (a kind)
KEY_FILE = "key file"
ROUNDS = 256_000
SALT = 16
"""Bytes; a SQLCipher database begins with them."""
LEAST = 12
"""Characters of a new passphrase."""
_KEY = 32
_LONGEST = 4096
_CHECKED = b"Leadlight case key"


@dataclass(frozen=True, slots=True, repr=False)
class Lock:
    """A key as one database has it."""

    kind: str
    _key: bytes
    salt: bytes

    def pragma(self) -> str:
        """As SQLCipher takes it: key and salt, with nothing left to derive."""
        return f"x'{self._key.hex()}{self.salt.hex()}'"

    def facts(self) -> dict[str, str]:
        """What `case.toml` says of it. The check tells a wrong key from a damaged file; testing a guess with it
        costs as much as with the database itself.
        """
        derived = f"PBKDF2-HMAC-SHA512, {ROUNDS} rounds" if self.kind == PASSPHRASE else "none"
        return {
            "encrypted": "true",
            "cipher": "SQLCipher 4: AES-256-CBC, HMAC-SHA512",
            "key": self.kind,
            "key_derivation": derived,
            "key_salt": self.salt.hex(),
            "key_check": self._check(),
        }

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Whether `facts` are of this key."""
        return hmac.compare_digest(self._check().encode(), facts.get("key_check", "").encode("utf-8", "replace"))

    def _check(self) -> str:
        return hmac.new(self._key, _CHECKED, hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, slots=True, repr=False)
class CaseKey:
    """What an operator opens a case with."""

    kind: str
    _secret: bytes

    @classmethod
    def from_passphrase(cls, passphrase: str) -> CaseKey:
        """Raises KeyUnusable for an empty one."""
        if not passphrase:
            raise KeyUnusable("an empty passphrase locks nothing", advice="Give one of several words.")
        return cls(PASSPHRASE, passphrase.encode("utf-8", "surrogateescape"))

    @classmethod
    def from_file(cls, path: Path) -> CaseKey:
        """Raises KeyUnusable where the file can't be read or holds no key."""
        shown = display_name(os.fsencode(path))
        try:
            with path.open("rb") as file:
                text = file.read(_LONGEST + 1)
        except OSError as e:
            raise KeyUnusable(
                f"can't be read ({e.strerror or type(e).__name__})", subject=shown, advice="Name the key file."
            ) from e
        if not re.fullmatch(rb"\s*[0-9A-Fa-f]{64}\s*", text):
            raise KeyUnusable(
                "holds no key of a case (64 hexadecimal digits)",
                subject=shown,
                advice="Make one with 'leadlight new-key FILE'.",
            )
        return cls(KEY_FILE, bytes.fromhex(text.decode("ascii").strip()))

    def lock(self, salt: bytes | None = None) -> Lock:
        """The key for a database that begins with `salt`, or for a new one. Takes a tenth of a second."""
        salt = secrets.token_bytes(SALT) if salt is None else salt
        key = self._secret
        if self.kind == PASSPHRASE:
            key = hashlib.pbkdf2_hmac("sha512", self._secret, salt, ROUNDS, _KEY)
        return Lock(self.kind, key, salt)


def new_key_file(path: Path) -> None:
    """Make a key at `path`, for its owner alone. Raises KeyUnusable, where a file is there too."""
    shown = display_name(os.fsencode(path))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyUnusable(
            "is there already, and a key is never overwritten", subject=shown, advice="Name a new file."
        ) from None
    except OSError as e:
        raise KeyUnusable(
            f"can't be written ({e.strerror or type(e).__name__})", subject=shown, advice="Name another folder."
        ) from e
