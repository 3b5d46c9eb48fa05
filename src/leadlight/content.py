"""One opened content: its bytes read once, its pictures decoded once, shared by all analysers."""

from __future__ import annotations

import io
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar, cast, runtime_checkable

from leadlight.config import MIB, Limits
from leadlight.errors import ContentError, LimitReached, ReadFailed, Undecodable, Unsupported
from leadlight.lanes import Lanes
from leadlight.raster import Picture, Pixels, Reduced, reduce
from leadlight.window import Window

__all__ = [
    "CHUNK",
    "EMPTY",
    "HEAD",
    "UNKNOWN",
    "AveragingDecoder",
    "Content",
    "Decoder",
    "FileType",
    "Hasher",
    "Picture",
    "Pixels",
    "Reduced",
    "ScaledDecoder",
    "Window",
    "content_of",
]

CHUNK = MIB
HEAD = 64 * 1024


T = TypeVar("T")


class Hasher(Protocol):
    """Any running digest of hashlib's shape."""

    def update(self, data: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FileType:
    """What bytes are, judged from the bytes alone."""

    media_type: str
    """IANA media type where one is registered: 'image/jpeg'; 'application/octet-stream' where unknown."""
    family: str
    """picture, video, audio, archive, disk, document, text, program, database, other, empty or unknown."""
    extension: str
    """The usual extension without a dot, '' where none."""
    label: str = ""
    """A name for people: 'JPEG picture'."""


UNKNOWN = FileType("application/octet-stream", "unknown", "", "bytes of no known type")
EMPTY = FileType("application/x-empty", "empty", "", "empty file")


class Decoder(Protocol):
    """Turns a content into pictures. Raises Undecodable, Unsupported or LimitReached."""

    def decode(self, content: Content) -> Iterator[Picture]:
        """The first frame first, then others spread evenly, at most ``limits.frames``."""
        ...


@runtime_checkable
class ScaledDecoder(Protocol):
    """A decoder that can leave detail out, far faster than decoding in full."""

    def scaled(self, content: Content) -> Reduced | None:
        """The first picture's luma; None where this file must be decoded in full, or is broken in any way."""
        ...


@runtime_checkable
class AveragingDecoder(Protocol):
    """A decoder that averages what it decoded, as `raster.reduce` does and faster."""

    def averaged(self, picture: Picture) -> Reduced:
        """The luma of the picture on a small grid."""
        ...


class Content:
    """One content, opened. Not safe to share between threads.

    `data` serves readers that need the whole; `open` gives a seekable stream over it. Nothing here writes
    to the evidence: a stream that can't be rewound and is too large for memory is spooled to a nameless file.
    """

    def __init__(
        self,
        *,
        size: int,
        digests: Mapping[str, str],
        data: bytes | None,
        reopen: Callable[[], BinaryIO],
        limits: Limits,
        subject: str = "",
        spool: BinaryIO | None = None,
        broken: Exception | None = None,
    ) -> None:
        self.broken = broken
        """Why reading ended before the end: then all here is of the part that could be read."""
        self.size = size
        self.digests = digests
        """Hex by algorithm: md5, sha1, sha256, blake3."""
        self.limits = limits
        self.subject = subject
        """The place it was read from, for messages."""
        self.filetype: FileType = UNKNOWN
        """Set by the pipeline once identified."""
        self.decoder: Decoder | None = None
        self.exact = True
        """Whether to decode in full where less would nearly do; the pipeline sets it from ``settings.hashing``."""
        self.decodes = 0
        """How often a decode was started; the pipeline's promise is at most once, and once more where a scaled
        decode left something open.
        """
        self._data = data
        self._reopen = reopen
        self._spool = spool
        self._first: Picture | Exception | None = None
        self._reduced: Reduced | None = None
        self._scaled: Reduced | None = None
        self._scaling = False
        self._rest: Iterator[Picture] | None = None
        self._memos: dict[str, object] = {}

    @property
    def sha256(self) -> str:
        """The content's name."""
        return self.digests["sha256"]

    @classmethod
    def read(
        cls,
        stream: BinaryIO,
        *,
        hashers: Mapping[str, Hasher],
        limits: Limits,
        reopen: Callable[[], BinaryIO] | None = None,
        subject: str = "",
        tick: Callable[[], None] = lambda: None,
    ) -> Content:
        """Read `stream` to its end, once: digests, and bytes as far as memory allows.

        `reopen` gives a new seekable stream over the same bytes where the medium can; otherwise a content
        greater than ``limits.memory_bytes`` is spooled. `tick` is called now and then, to show life.

        Where reading fails midway, what came before is kept as a content of its own, with `broken` set.
        Raises ReadFailed or another ContentError where nothing could be read, and LimitReached.
        """
        held: list[bytes] | None = []
        lanes = Lanes([h.update for h in hashers.values()])
        spool: BinaryIO | None = None
        broken: Exception | None = None
        size = since = 0
        try:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                since += len(chunk)
                lanes.feed(chunk)
                if since >= 64 * MIB:
                    since = 0
                    tick()
                if held is not None:
                    held.append(chunk)
                    if size > limits.memory_bytes:
                        if reopen is None:
                            spool = _spool_of(held, subject)
                        held = None
                elif spool is not None:
                    _spooled(spool, chunk, subject)
        except BaseException as e:
            broken = _failed_read(e, size, subject)
            if not size or broken is None or isinstance(broken, LimitReached | _NoRoom):
                if spool is not None:
                    spool.close()
                if broken is None:
                    raise
                raise broken from e
        finally:
            lanes.close()
        data = b"".join(held) if held is not None else None
        if data is not None:
            whole = data
            return cls(
                size=size,
                digests={k: h.hexdigest() for k, h in hashers.items()},
                data=data,
                reopen=lambda: io.BytesIO(whole),
                limits=limits,
                subject=subject,
                broken=broken,
            )
        if spool is not None:
            kept = spool
            reopen = lambda: io.BufferedReader(Window(kept, 0, size))  # noqa: E731
        if reopen is None:
            raise AssertionError("a large stream is either reopened or spooled")
        return cls(
            size=size,
            digests={k: h.hexdigest() for k, h in hashers.items()},
            data=None,
            reopen=reopen,
            limits=limits,
            subject=subject,
            spool=spool,
            broken=broken,
        )

    def head(self, length: int = HEAD) -> bytes:
        """The first bytes."""
        if self._data is not None:
            return self._data[:length]
        with self.open() as stream:
            return stream.read(length)

    def tail(self, length: int = HEAD) -> bytes:
        """The last bytes."""
        if self._data is not None:
            return self._data[-length:] if length else b""
        with self.open() as stream:
            stream.seek(max(0, self.size - length))
            return stream.read(length)

    def data(self) -> bytes:
        """All bytes. Raises LimitReached where they are more than ``limits.memory_bytes``."""
        if self._data is None:
            raise LimitReached(
                "too large to be examined in memory",
                subject=self.subject,
                limit="limits.memory_bytes",
                allowed=self.limits.memory_bytes,
                met=self.size,
            )
        return self._data

    def open(self) -> BinaryIO:
        """A new seekable stream over all bytes."""
        return self._reopen()

    def picture(self) -> Picture:
        """The first or only picture, decoded once however often it is asked for.

        Raises Undecodable, Unsupported or LimitReached; the same error again when asked again.
        """
        if self._first is None:
            try:
                self._rest = self._decode()
                self._first = next(self._rest)
            except StopIteration:
                self._first = Unsupported(
                    "holds no picture", subject=self.subject, advice="Open it with the program that wrote it."
                )
            except Exception as e:
                self._first = e
        if isinstance(self._first, Exception):
            raise self._first
        return self._first

    def scaled(self) -> Reduced | None:
        """The first picture's luma by a scaled decode, tried once; None where that is not allowed (`exact`), where
        the decoder must decode in full, and once somebody has asked for the whole picture. Raises nothing.
        """
        decoder: object = self.decoder
        if self.exact or self._first is not None or not isinstance(decoder, ScaledDecoder):
            return None
        if not self._scaling:
            self._scaling = True
            self._scaled = decoder.scaled(self)
            self.decodes += self._scaled is not None
        return self._scaled

    def reduced(self) -> Reduced:
        """The luma of the first picture on a small grid, made once: `scaled` where that can be, else averaged
        from the picture.

        Raises what `picture` raises.
        """
        if self._reduced is None:
            decoder: object = self.decoder
            average = decoder.averaged if isinstance(decoder, AveragingDecoder) else reduce
            self._reduced = self.scaled() or average(self.picture())
        return self._reduced

    def frames(self) -> Iterator[Picture]:
        """The first picture, then the others that the decoder gives; they pass by once and are not kept.

        A second call decodes again: analysers that need frames share one pass.
        """
        yield self.picture()
        rest, self._rest = self._rest, None
        if rest is None:
            rest = self._decode()
            next(rest, None)
        yield from rest

    def memo(self, key: str, build: Callable[[], T]) -> T:
        """What `build` gives, built once for this content: for what several analysers read the same way.

        `key` names it with its module ('provenance.blocks'); an error is not kept.
        """
        if key not in self._memos:
            self._memos[key] = build()
        return cast(T, self._memos[key])

    def close(self) -> None:
        """Let go of bytes and pictures, and of the spool of a large stream."""
        self._memos.clear()
        self._data = None
        self._first = None
        self._reduced = self._scaled = None
        self._rest = None
        self._reopen = _closed
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _decode(self) -> Iterator[Picture]:
        if self.decoder is None:
            raise Unsupported("no decoder here", subject=self.subject, advice="Run 'leadlight plugins'.")
        self.decodes += 1
        return self.decoder.decode(self)


class _NoRoom(ReadFailed):
    """The temporary folder is full: the evidence is sound."""


def _failed_read(error: BaseException, size: int, subject: str) -> ContentError | None:
    """The error of our own for a read that failed, or None where it is none."""
    if isinstance(error, ContentError):
        return error
    if isinstance(error, OSError):
        return ReadFailed(
            f"could not be read past byte {size} ({error.strerror or error})",
            subject=subject,
            advice="Check the medium; image it with a tool that retries bad sectors, and scan the image.",
        )
    if isinstance(error, EOFError | ValueError | zlib.error | lzma.LZMAError):
        return Undecodable(
            f"could not be unpacked past byte {size} ({type(error).__name__})",
            subject=subject,
            advice="The container is broken here. Try to repair a copy of it, and scan that.",
        )
    return None


def _spool_of(held: list[bytes], subject: str) -> BinaryIO:
    try:
        spool = tempfile.TemporaryFile(prefix="leadlight-")  # noqa: SIM115
    except OSError as e:
        raise _no_room(e, subject) from e
    for chunk in held:
        _spooled(spool, chunk, subject)
    return spool


def _spooled(spool: BinaryIO, chunk: bytes, subject: str) -> None:
    try:
        spool.write(chunk)
    except OSError as e:
        raise _no_room(e, subject) from e


def _no_room(error: OSError, subject: str) -> _NoRoom:
    return _NoRoom(
        f"could not be held while it was read: the temporary folder refused ({error.strerror or error})",
        subject=subject,
        advice="Free space there or set TMPDIR to another disk, and scan again.",
    )


def _closed() -> BinaryIO:
    raise ValueError("this content is closed")


def content_of(data: bytes, hashers: Mapping[str, Hasher], limits: Limits | None = None) -> Content:
    """A content over bytes in memory: for examples and tests."""
    return Content.read(io.BytesIO(data), hashers=hashers, limits=limits or Limits())
