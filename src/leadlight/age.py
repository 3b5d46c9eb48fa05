"""Files encrypted to recipients with age (age-encryption.org/v1), where the extra 'encryption' is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadlight.errors import KeyUnusable, UsageError
from leadlight.records import display_name

SUFFIX = ".age"
_LONGEST = 1 << 20
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who may read a file: public keys, at least one."""

    names: tuple[str, ...]
    """As written: 'age1…', or an SSH public key."""
    _keys: tuple[Any, ...]

    @classmethod
    def of(cls, given: Iterable[str]) -> Recipients:
        """Of public keys ('age1…', 'ssh-ed25519 …', 'ssh-rsa …') and of files with one a line, '#' for comments.

        Raises KeyUnusable for what is neither, UsageError where the extra is missing.
        """
        names = tuple(dict.fromkeys(name for one in given for name in _names(one)))
        return cls(names, tuple(_key(name) for name in names))

    def encrypt(self, source: Path, out: Path) -> None:
        """Write `source`, encrypted, to `out`. Raises OSError."""
        import pyrage

        with source.open("rb") as plain, out.open("wb") as sealed:
            pyrage.encrypt_io(plain, sealed, list(self._keys))
            sealed.flush()
            os.fsync(sealed.fileno())


def _names(given: str) -> list[str]:
    if _is_key(given):
        return [given.strip()]
    path = Path(given)
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, ValueError) as e:
        raise KeyUnusable(
            f"is no recipient and no file of them ({getattr(e, 'strerror', None) or e})",
            subject=_shown(given),
            advice="Give a public key that begins with age1, or a file with one a line.",
        ) from e
    lines = [x.strip() for x in text.decode("utf-8", "replace").splitlines()]
    names = [x for x in lines if x and not x.startswith("#")]
    if not names or len(names) > _MOST or len(text) > _LONGEST:
        raise KeyUnusable("names no recipient, or too many", subject=_shown(given), advice="Put one key a line.")
    return names


def _is_key(text: str) -> bool:
    return text.strip().startswith(("age1", "ssh-ed25519 ", "ssh-rsa "))


def _key(name: str) -> Any:
    try:
        import pyrage
    except ImportError:
        raise UsageError(
            "encrypting an export needs age, which is not installed", advice="pip install 'leadlight[encryption]'"
        ) from None
    if name.upper().startswith("AGE-SECRET-KEY"):
        raise KeyUnusable(
            "is a secret key, which opens files and is for its owner alone",
            subject="AGE-SECRET-KEY-…",
            advice="Give the public key, which begins with age1.",
        )
    try:
        made = pyrage.ssh.Recipient if name.startswith("ssh-") else pyrage.x25519.Recipient
        return made.from_str(name)
    except pyrage.RecipientError:
        raise KeyUnusable(
            "is no public key of age", subject=_shown(name[:80]), advice="It begins with age1; copy it whole."
        ) from None


def _shown(text: str) -> str:
    return display_name(os.fsencode(text))
