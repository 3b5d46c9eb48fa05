"""What all unpackers share: the account of one container, and the stream of one member.

Limits are held while bytes come out, not after; whatever a reader of a format raises on hostile bytes leaves
here as a ContentError that says what happened, to what, and what to do next.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, cast

from leadlight.content import Content
from leadlight.errors import ContentError, LimitReached, ReadFailed, Undecodable, Unsupported
from leadlight.limits import Budget
from leadlight.records import Item, Place, Times, display_text, failure
from leadlight.seams import Member, Plugin

REPAIR = "Try to repair a copy of it with the program that wrote it, and scan the result."
UNLOCK = "Nobody has looked inside. Unlock a copy with its password, and scan what comes out."
BY_HAND = "Unpack a copy by hand with a program that can, and scan the folder."
FOLLOWS = "Look at them by hand: they may be another file."

_BUFFER = 256 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def unix_time(seconds: float) -> datetime | None:
    """Seconds since 1970 as a moment in UTC, or None where no calendar holds it."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def windows_time(ticks: int) -> datetime | None:
    """A FILETIME (100 ns since 1601) as a moment in UTC, or None where it is 0 or out of range."""
    try:
        return _FILETIME_EPOCH + timedelta(microseconds=ticks // 10) if ticks > 0 else None
    except OverflowError:
        return None


def dos_time(date: int, time: int) -> datetime | None:
    """A DOS date and time, read as UTC because it states no zone: it may be off by up to 14 hours."""
    try:
        return datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            time >> 11,
            time >> 5 & 63,
            min(59, (time & 31) * 2),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def content_error(error: Exception, subject: str) -> ContentError:
    """The ContentError for what a reader of a format raised."""
    if isinstance(error, ContentError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return ReadFailed(
            f"could not be read ({error.strerror or error})",
            subject=subject,
            advice="Check the medium; image it with a tool that retries bad sectors, and scan the image.",
        )
    if isinstance(error, EOFError):
        return Undecodable("ends before its end: it was cut short", subject=subject, advice=REPAIR)
    if isinstance(error, NotImplementedError):
        return Unsupported("is packed in a way that no reader here knows", subject=subject, advice=BY_HAND)
    said = display_text(str(error), 120)
    what = f"is damaged ({said})" if said else f"is damaged ({type(error).__name__})"
    return Undecodable(what, subject=subject, advice=REPAIR)


class Account:
    """What comes out of one container: distinct places, members and bytes held against the Budget."""

    def __init__(self, plugin: Plugin, place: Place, content: Content, budget: Budget) -> None:
        self.place = place
        self.subject = str(place)
        self.budget = budget
        self.bytes_out = 0
        self._plugin = plugin
        self._packed = content.size
        self._ended: LimitReached | None = None
        self._names: dict[bytes, int] = {}

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what a reader of the format raises into a ContentError on the container."""
        try:
            yield
        except (ContentError, MemoryError):
            raise
        except Exception as e:
            raise content_error(e, self.subject) from e

    def item(self, name: bytes, *, size: int | None = None, times: Times | None = None) -> Item:
        """Admit one more member. Raises LimitReached where the container, or the file around it, has ended.

        A name that was there before gets ``#2``, ``#3`` and so on, so that both members keep a place.
        """
        self.check()
        place = self.place.inside(self._distinct(name))
        self.budget.member(self.subject)
        return Item(place, self._plugin.name, size, times or Times())

    def listed(self, name: bytes) -> bool:
        """Whether a member of this name was admitted."""
        return name in self._names

    def open(
        self,
        item: Item,
        read: Callable[[int], bytes],
        *,
        crc: int | None = None,
        size: int | None = None,
        counted: bool = True,
    ) -> BinaryIO:
        """The stream of a member over `read`, which gives b"" at the end.

        `crc` (CRC-32) or, without one, `size` are compared at the end. With `counted` False the bytes were
        held against the total where they were unpacked, and only the limit for one member is held here.
        """
        raw = MemberStream(self, str(item.place), read, crc=crc, size=size, counted=counted)
        return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))

    def failed(self, item: Item, error: ContentError) -> Member:
        """A member that can't be opened, with its Failure."""
        facts = (
            {"limit": error.limit, "allowed": error.allowed, "met": error.met}
            if isinstance(error, LimitReached)
            else {}
        )
        finding = failure(
            self._plugin.name,
            self._plugin.version,
            reason=error.reason,
            what=error.what,
            advice=error.advice,
            **facts,
        )
        return Member(item, None, finding)

    def refused(self, item: Item, what: str, advice: str) -> Member:
        """A member that is no file, with its Failure."""
        finding = failure(self._plugin.name, self._plugin.version, reason="refused", what=what, advice=advice)
        return Member(item, None, finding)

    def count(self, new: int, member: int, subject: str) -> None:
        """`new` bytes came out, `member` so far of this one. Raises LimitReached."""
        self.bytes_out += new
        try:
            self.budget.unpacked(
                new, member=member, container=self.bytes_out, packed=self._packed, subject=subject
            )
        except LimitReached as e:
            if e.limit != "limits.member_bytes":
                self._ended = e
            raise

    def check(self) -> None:
        """Raises LimitReached where a limit ended this container or the file around it."""
        self.budget.check()
        if self._ended is not None:
            raise self._ended

    def tail(self, file: BinaryIO, after: int, content: Content) -> None:
        """Raises Undecodable where other bytes than zeros follow the end of the archive at `after`."""
        file.seek(after)
        while block := file.read(1 << 20):
            if block.strip(b"\0"):
                raise Undecodable(
                    f"{content.size - after} bytes follow the end of the archive; not examined",
                    subject=self.subject,
                    advice=FOLLOWS,
                )

    def _distinct(self, name: bytes) -> bytes:
        count = self._names.get(name, 0)
        if not count:
            self._names[name] = 1
            return name
        while True:
            count += 1
            other = b"%s#%d" % (name, count)
            if other not in self._names:
                break
        self._names[name] = count
        self._names[other] = 1
        return other


class MemberStream(io.RawIOBase):
    """The bytes of one member, counted, checked at their end, failing only with a ContentError."""

    def __init__(
        self,
        account: Account,
        subject: str,
        read: Callable[[int], bytes],
        *,
        crc: int | None,
        size: int | None,
        counted: bool,
    ) -> None:
        self._account = account
        self._subject = subject
        self._source = read
        self._crc = crc
        self._size = size
        self._counted = counted
        self._sum = 0
        self._out = 0
        self._failed: ContentError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        if self._failed is not None:
            raise self._failed
        try:
            got = self._source(len(buffer))
            self._out += len(got)
            self._account.count(len(got) if self._counted else 0, self._out, self._subject)
            if self._crc is not None:
                self._sum = zlib.crc32(got, self._sum)
            if not got:
                self._verify()
        except MemoryError:
            raise
        except Exception as e:
            self._failed = content_error(e, self._subject)
            raise self._failed from e
        buffer[: len(got)] = got
        return len(got)

    def _verify(self) -> None:
        if self._crc is not None and self._sum != self._crc:
            raise Undecodable(
                f"its checksum does not match after {self._out} bytes: it is damaged",
                subject=self._subject,
                advice=REPAIR,
            )
        if self._crc is None and self._size is not None and self._out != self._size:
            raise Undecodable(
                f"holds {self._out} bytes where {self._size} are stated: it is damaged",
                subject=self._subject,
                advice=REPAIR,
            )
