"""Lists of local features, kept with the case: a copy of each file, named by the SHA-256 that its act records."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from leadlight.audit import Fault
from leadlight.durable import settle
from leadlight.errors import CaseDamaged, CaseError, CaseFull, HashListError
from leadlight.keypoints import listing
from leadlight.records import ListInfo
from leadlight.seams import ListedPicture
from leadlight.store.database import Database
from leadlight.store.lists import Lists

_CHUNK = 1 << 20


def keep(database: Database, source: Path, digest: str) -> None:
    """Copy a list of local features into the folder of the case, whole or not at all; other lists are left alone.

    Raises CaseError where it can't be written, and HashListError where the file is not of that SHA-256 any more.
    """
    target = _place(database, digest)
    if not listing.is_listing(source) or target.is_file():
        return
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        running = hashlib.sha256()
        with source.open("rb") as taken, part.open("wb") as kept:
            while chunk := taken.read(_CHUNK):
                running.update(chunk)
                kept.write(chunk)
            kept.flush()
            os.fsync(kept.fileno())
        if running.hexdigest() != digest:
            raise HashListError(
                "changed while it was read",
                subject=source.name,
                advice="Wait until it is whole, and add it again.",
            )
        part.replace(target)
        settle(target.parent)
        settle(target.parent.parent)
    except OSError as e:
        if e.errno == errno.ENOSPC:
            raise CaseFull(
                "there is no room left on its disk",
                subject=str(target.parent),
                advice="Free some space and run the same command again: it goes on where it was.",
            ) from e
        raise CaseError(
            f"can't keep a list of local features ({e.strerror or type(e).__name__})",
            subject=str(target.parent),
            advice="Check that there is room on the disk of the case and that it may be written to.",
        ) from e
    finally:
        with suppress(OSError):
            part.unlink()


def listed(database: Database, number: int) -> Iterator[ListedPicture]:
    """The pictures of a list that have features, in its file's order; none for a list of another format.

    Raises CaseDamaged where the copy is gone or was altered.
    """
    for info in Lists(database).all():
        if info.number == number and info.format == listing.FORMAT:
            path = _place(database, info.digest)
            fault = _fault(path, info)
            try:
                if fault:
                    raise _damaged(path, fault)
                for picture in listing.read(path):
                    if picture.record:
                        yield ListedPicture(picture.sha256.hex(), picture.record)
            except HashListError as e:
                raise _damaged(path, e.what) from e


def check_features(database: Database) -> Iterator[Fault]:
    """Faults of the copies that are kept."""
    for info in Lists(database).all():
        if info.format == listing.FORMAT:
            fault = _fault(_place(database, info.digest), info)
            if fault:
                yield Fault(f"hash list {info.number}", fault)


def _place(database: Database, digest: str) -> Path:
    return Path(database.subject).parent / listing.FOLDER / f"{digest}.features"


def _fault(path: Path, info: ListInfo) -> str:
    """What is wrong with a copy; '' where it is the file that was loaded."""
    try:
        with path.open("rb") as stream:
            now = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        return f"its local features can't be read ({e.strerror or type(e).__name__})"
    return "" if now == info.digest else "its local features were altered: their SHA-256 is another"


def _damaged(path: Path, what: str) -> CaseDamaged:
    return CaseDamaged(
        what, subject=str(path), advice="Add the list's file again, or restore the case from a copy."
    )
