"""A folder, or one file, on a file system that is mounted: the plainest medium.

Nothing is written, no link is followed out of the root, and what can't be listed is recorded. Paths are
bytes from end to end, because names in evidence need not be text.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from leadlight.errors import EvidenceError, ReadFailed
from leadlight.records import Item, Place, Times, failure
from leadlight.records.examined import Examined

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NOATIME = getattr(os, "O_NOATIME", 0)

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)

_Listing = Iterator[tuple[bytes, bool]]


class Folder:
    """Files as the operating system lists them: sorted by the bytes of their names, depth first."""

    name = "folder"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    priority = 100

    def detect(self, locator: Path) -> bool:
        """Any directory or regular file; links to one count, because the operator named them."""
        raw = os.fsencode(locator)
        return os.path.isdir(raw) or os.path.isfile(raw)  # noqa: PTH112, PTH113 (bytes)

    def items(self, locator: Path) -> Iterator[Item | Examined]:
        """All regular files below `locator`, or itself.

        Memory holds one directory listing for each level of depth, however many files there are.
        Raises EvidenceError, at once, where `locator` is missing, barred, or neither directory nor file.
        """
        root = _root(locator)
        subject = str(Place(root, ()))
        try:
            found = os.stat(root)  # noqa: PTH116 (bytes)
            if stat.S_ISDIR(found.st_mode):
                return self._walk(root, *_listing(root))
            if stat.S_ISREG(found.st_mode):
                os.close(_descriptor(root, follow=True))
                return iter((_item(Place(root, ()), found),))
        except (OSError, ValueError) as e:
            raise EvidenceError(f"can't be read ({_reason(e)})", subject=subject, advice=_locator_advice(e)) from e
        raise EvidenceError(
            f"is {_special(found.st_mode)}, not a folder or a file",
            subject=subject,
            advice="Image the device, mount the image read-only, and name the folder it is mounted on.",
        )

    def open(self, item: Item) -> BinaryIO:
        """The bytes of a listed file, read-only, its access time left alone where the system allows.

        Checked again once open: what was a file when listed may be a link or a pipe by now. Raises ReadFailed.
        """
        path = item.place.outer
        subject = str(item.place)
        try:
            handle = _descriptor(path, follow=not item.place.steps)
        except (OSError, ValueError) as e:
            raise ReadFailed(f"could not be opened ({_reason(e)})", subject=subject, advice=_advice(e)) from e
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            os.close(handle)
            raise ReadFailed(
                f"was a file when it was listed and is now {_special(mode)}",
                subject=subject,
                advice="Something writes to the evidence. Stop it, mount the medium read-only, and scan again.",
            )
        return os.fdopen(handle, "rb")

    def _walk(self, root: bytes, listing: _Listing, fault: OSError | None) -> Iterator[Item | Examined]:
        real = os.path.realpath(root).rstrip(b"/") + b"/"
        levels: list[tuple[bytes, _Listing]] = [(b"", listing)]
        if fault:
            yield self._failed(Place(root, (b".",)), "unreadable", *_partly(fault))
        while levels:
            below, listing = levels[-1]
            name, is_folder = next(listing, (None, False))
            if name is None:
                levels.pop()
                continue
            relative = os.path.join(below, name)  # noqa: PTH118 (bytes)
            place = Place(root, (relative,))
            if not is_folder:
                yield from self._entry(place, real)
                continue
            try:
                inner, fault = _listing(place.outer)
            except OSError as e:
                what = f"is a folder that can't be listed ({_reason(e)})"
                yield self._failed(place, "unreadable", what, _advice(e))
                continue
            if fault:
                yield self._failed(place, "unreadable", *_partly(fault))
            levels.append((relative, inner))

    def _entry(self, place: Place, real: bytes) -> Iterator[Item | Examined]:
        path = place.outer
        try:
            found = os.lstat(path)
        except OSError as e:
            yield self._failed(place, "unreadable", f"can't be looked at ({_reason(e)})", _advice(e))
            return
        mode = found.st_mode
        if stat.S_ISREG(mode):
            yield _item(place, found)
        elif stat.S_ISLNK(mode):
            yield from self._link(place, real)
        else:
            yield self._failed(
                place,
                "refused",
                f"is {_special(mode)}, which holds no bytes of its own; not opened",
                "Nothing to do, unless you expected a file here.",
            )

    def _link(self, place: Place, real: bytes) -> Iterator[Examined]:
        target = os.path.realpath(place.outer)
        if not (target + b"/").startswith(real):
            yield self._failed(
                place,
                "refused",
                "is a symbolic link that leads out of the evidence; not followed",
                "If what it leads to belongs to the case, scan that place too.",
            )
        elif not os.path.lexists(target) or os.path.islink(target):  # noqa: PTH114 (bytes)
            yield self._failed(
                place,
                "refused",
                "is a symbolic link that leads to nothing",
                "If what it led to belongs to the case, find it and scan it too.",
            )

    def _failed(self, place: Place, reason: str, what: str, advice: str) -> Examined:
        finding = failure(self.name, self.version, reason=reason, what=what, advice=advice)
        return Examined(Item(place, self.name), None, 0, (finding,), None)


def _root(locator: Path) -> bytes:
    """Absolute, links kept; '..' is taken out by the system where doing so by name would lead elsewhere."""
    raw = os.fsencode(locator)
    root = os.path.abspath(raw)  # noqa: PTH100 (bytes)
    if b".." in raw.split(os.sep.encode()):
        try:
            same = os.path.samefile(raw, root)  # noqa: PTH121 (bytes)
        except (OSError, ValueError):
            same = False
        return root if same else os.path.realpath(raw)
    return root


def _listing(folder: bytes) -> tuple[_Listing, OSError | None]:
    """Names of a folder, sorted, each with whether it is a folder itself, and the fault that cut it short.

    Raises OSError where nothing at all can be listed.
    """
    names: list[tuple[bytes, bool]] = []
    with os.scandir(folder) as entries:
        try:
            for entry in entries:
                names.append((entry.name, entry.is_dir(follow_symlinks=False)))
        except OSError as e:
            names.sort()
            return iter(names), e
    names.sort()
    return iter(names), None


def _descriptor(path: bytes, *, follow: bool) -> int:
    flags = _READ | (0 if follow else _NOFOLLOW)
    if _NOATIME:
        try:
            return os.open(path, flags | _NOATIME)
        except PermissionError:
            pass
    return os.open(path, flags)


def _item(place: Place, found: os.stat_result) -> Item:
    changed_is_created = os.name == "nt"
    born = getattr(found, "st_birthtime_ns", None)
    if born is None and (seconds := getattr(found, "st_birthtime", None)) is not None:
        born = int(seconds * 1_000_000_000)
    if born is None and changed_is_created:
        born = found.st_ctime_ns
    times = Times(
        modified=_when(found.st_mtime_ns),
        accessed=_when(found.st_atime_ns),
        changed=None if changed_is_created else _when(found.st_ctime_ns),
        created=None if born is None else _when(born),
    )
    return Item(place, Folder.name, found.st_size, times)


def _when(nanoseconds: int) -> datetime | None:
    """The moment, or None where the file system states one that no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def _special(mode: int) -> str:
    return next((words for test, words in _SPECIAL if test(mode)), "a special file")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _partly(error: OSError) -> tuple[str, str]:
    return f"is a folder that could be listed only in part ({_reason(error)})", _advice(error)


def _advice(error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return "Scan again with an account that may read it."
    if number in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
        return "It changed while it was scanned. Mount the medium read-only, and scan again."
    if number == errno.ENAMETOOLONG:
        return "Scan a folder that lies nearer to it by itself."
    return "Check the medium; image it with a tool that retries bad sectors, and scan the image."


def _locator_advice(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return "Use an account that may read it."
    if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ENOTDIR):
        return "Check the medium and that it is mounted."
    return "Check the spelling, and that the medium is mounted."


PLUGIN = Folder()
