"""What all hash list formats share: digests checked, labels made safe, faults that name line and field."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from leadlight.errors import HashListError
from leadlight.records import display_text
from leadlight.records.hashlist import DIGEST_BYTES

LABEL = 120
"""Characters of a label."""

TYPE_COLUMNS = frozenset({"signal_type", "type", "indicator_type", "hash_type"})
"""Names, normalised, under which exchanges state the algorithm of a value."""
VALUE_COLUMNS = ("signal_str", "signal", "indicator", "hash", "value", "signal_value", "hash_value")
"""Names, normalised, under which exchanges state the value; the first that is there counts."""

BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256"}
"""What the number of hexadecimal characters means where nothing else says it."""
_HEX = re.compile(r"[0-9A-Fa-f]+")
_MEDIA = re.compile(r"^(?:hash_)?(?:video_|photo_|image_|file_)?")


def fault(path: Path, what: str, *, at: str = "", advice: str) -> HashListError:
    """A HashListError about `path`, `at` a line, record or field of it."""
    subject = display_text(path.name)
    return HashListError(what, subject=f"{subject}, {at}" if at else subject, advice=advice)


def unreadable(path: Path, error: OSError) -> HashListError:
    """The fault for a file that the system does not give."""
    return fault(
        path,
        f"can't be read ({error.strerror or type(error).__name__})",
        advice="Check that the file exists and that this account may read it.",
    )


def file_digest(path: Path) -> str:
    """SHA-256 of the file, in hex. Raises HashListError where it can't be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        raise unreadable(path, e) from e


def title(path: Path) -> str:
    """The list's name where the file states none: its own, without folder and extension."""
    return display_text(path.stem, 200) or "list"


def normal(name: str) -> str:
    """A column or key as compared: lower case, words joined by one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def algorithm_named(name: str) -> str | None:
    """The key of DIGEST_BYTES that a name means ('SHA-256', 'HASH_PDQ', 'video_md5'), or None."""
    plain = _MEDIA.sub("", normal(name)).removesuffix("_hash")
    plain = re.sub(r"^sha_(\d+)$", r"sha\1", plain)
    return plain if plain in DIGEST_BYTES else None


def algorithm_by_length(text: str, *, pdq: bool = False) -> str | None:
    """The algorithm that a hex value's length means, or None where it is no digest.

    SHA-256, BLAKE3 and PDQ all have 64 characters: `pdq` says that the file states PDQ; BLAKE3 must be named.
    """
    found = BY_LENGTH.get(len(text)) if _HEX.fullmatch(text) else None
    return "pdq" if pdq and found == "sha256" else found


def value_of(text: str, algorithm: str) -> bytes | None:
    """The bytes of a hex value, or None where it is not one of `algorithm`."""
    length = DIGEST_BYTES[algorithm]
    if len(text) != 2 * length:
        return None
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return None
    return value if len(value) == length else None


def bad_value(path: Path, text: str, algorithm: str, *, at: str) -> HashListError:
    """The fault for a value that is not one of `algorithm`."""
    return fault(
        path,
        f"'{display_text(text, 80)}' is not {algorithm} ({2 * DIGEST_BYTES[algorithm]} hexadecimal characters)",
        at=at,
        advice="Mend or remove it and add the list again; nothing of this list was taken on trust.",
    )


def label_of(*parts: str) -> str:
    """A label of at most LABEL characters, safe to print, of the parts that say something."""
    text = ", ".join(p for p in (" ".join(part.split()) for part in parts) if p)
    shown = display_text(text, LABEL)  # escapes make it longer than what was cut
    return shown if len(shown) <= LABEL else f"{shown[: LABEL - 1]}…"
