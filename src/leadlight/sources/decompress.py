"""Streams that compress one sequence of bytes: deflate, Deflate64, bzip2, LZMA, xz and Zstandard.

Read piece by piece, with bounds on what one step may allocate, whatever the bytes state.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import zstandard

from leadlight.errors import Unsupported

MEMORY = 512 * 1024 * 1024
"""Bytes that an LZMA dictionary may take."""


class Step(Protocol):
    """A decompressor of the shape that bz2 and lzma have."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def gzip_loose(head: bytes) -> int:
    """Bytes of the extra field and the comment in a gzip header (RFC 1952, clause 2.3), within `head`."""
    if head[:2] != b"\x1f\x8b" or len(head) < 10:
        return 0
    flags, at, loose = head[3], 10, 0
    if flags & 4:
        length = int.from_bytes(head[at : at + 2], "little")
        loose, at = min(length, len(head) - at), at + 2 + length
    for flag in (8, 16):
        if flags & flag:
            end = head.find(b"\0", at)
            end = len(head) if end < 0 else end
            loose += max(0, end - at) if flag == 16 else 0
            at = end + 1
    return loose


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to compress."""

    label: str
    magics: tuple[bytes, ...]
    """The first bytes of a stream that stands by itself; empty where it has none."""
    start: Callable[[], Step]
    feed: int = 64 * 1024
    """Bytes handed to it at once: few where the library gives back all that they unpack to."""

    def begins(self, head: bytes) -> bool:
        """Whether `head` starts such a stream."""
        return bool(self.magics) and head.startswith(self.magics)


class Decompressed:
    """The bytes that come out of `source`, which gives b"" at its end.

    With `joined`, streams that follow each other are one, zeros after them are padding, and what else follows
    is left and told by `trailing`.
    """

    def __init__(self, source: Callable[[int], bytes], codec: Codec, *, joined: bool = False) -> None:
        self.trailing = False
        """True once other bytes were met after the end of the streams."""
        self._source = source
        self._codec = codec
        self._joined = joined
        self._step: Step | None = codec.start()
        self._pending = b""
        self._taken = 0
        self._broken: Exception | None = None

    @property
    def consumed(self) -> int:
        """Bytes of the source that belong to what was read so far, once at the end."""
        return self._taken - len(self._pending)

    def read(self, most: int) -> bytes:
        """Up to `most` bytes, b"" at the end. Raises EOFError where the source ends too early.

        What was raised once is raised again: nothing is read past damage.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._read(most)
        except Exception as e:
            self._broken = e
            raise

    def _read(self, most: int) -> bytes:
        while most > 0 and (step := self._step) is not None:
            data = b""
            if step.needs_input:
                data = self._take()
                if not data:
                    raise EOFError
            out = step.decompress(data, most)
            if step.eof:
                self._pending = step.unused_data + self._pending
                self._step = self._next() if self._joined else None
            if out:
                return out
        return b""

    def _take(self) -> bytes:
        data, self._pending = self._pending, b""
        if not data:
            data = self._source(self._codec.feed)
            self._taken += len(data)
        elif len(data) > self._codec.feed:
            data, self._pending = data[: self._codec.feed], data[self._codec.feed :]
        return data

    def _next(self) -> Step | None:
        longest = max(len(m) for m in self._codec.magics)
        while True:
            self._pending = self._pending.lstrip(b"\0")
            if len(self._pending) >= longest:
                break
            more = self._source(self._codec.feed)
            self._taken += len(more)
            if not more:
                break
            self._pending += more
        if self._codec.begins(self._pending):
            return self._codec.start()
        self.trailing = bool(self._pending)
        return None


class _Deflate:
    """zlib in the shape of Step."""

    def __init__(self, window_bits: int) -> None:
        self._zlib = zlib.decompressobj(window_bits)
        self._tail = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._zlib.decompress(self._tail + data if self._tail else data, max_length)
        self._tail = self._zlib.unconsumed_tail
        self.needs_input = not self._tail and len(out) < max_length
        return out


class _Held:
    """A decompressor that gives all it can at once, in the shape of Step: the surplus is held back.

    One piece of input makes at most some 16 MiB: 512 bytes at 128 KiB for 4 bytes (a run in Zstandard) or
    at 65,538 bytes for 18 bits (a longest match in Deflate64).
    """

    def __init__(
        self, push: Callable[[bytes], bytes], ended: Callable[[], bool], left: Callable[[], bytes]
    ) -> None:
        self._push = push
        self._ended = ended
        self._left = left
        self._held = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._ended() and not self._held

    @property
    def needs_input(self) -> bool:
        return not self._held and not self._ended()

    @property
    def unused_data(self) -> bytes:
        return self._left()

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._held = memoryview(self._push(data))
        out, self._held = bytes(self._held[:max_length]), self._held[max_length:]
        return out


def _zstandard() -> Step:
    stream = zstandard.ZstdDecompressor().decompressobj()

    def push(data: bytes) -> bytes:
        try:
            return stream.decompress(data)
        except zstandard.ZstdError as e:
            if "memory" in str(e):
                raise Unsupported(
                    "needs a window greater than 128 MiB to unpack",
                    advice="Unpack a copy by hand with 'zstd --long=31', and scan the result.",
                ) from e
            raise

    return _Held(push, lambda: stream.eof, lambda: stream.unused_data)


def _deflate64() -> Step:
    try:
        import inflate64
    except ImportError as e:
        raise Unsupported(
            "is packed with Deflate64, for which the library is missing",
            advice="Install it: pip install inflate64.",
        ) from e
    stream = inflate64.Inflater()
    return _Held(stream.inflate, lambda: bool(stream.eof), lambda: b"")


DEFLATE = Codec("deflate", (), lambda: _Deflate(-15))
DEFLATE64 = Codec("Deflate64", (), _deflate64, feed=512)
GZIP = Codec("gzip", (b"\x1f\x8b",), lambda: _Deflate(31))
BZIP2 = Codec("bzip2", (b"BZh",), bz2.BZ2Decompressor)
XZ = Codec("xz", (b"\xfd7zXZ\0",), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY))
ZSTANDARD = Codec(
    "Zstandard",
    (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))),
    _zstandard,
    feed=512,
)
STREAMS = (GZIP, BZIP2, XZ, ZSTANDARD)
"""Those that stand by themselves in a file."""


def lzma_alone(properties: bytes) -> Codec:
    """LZMA with its five bytes of properties kept elsewhere, as ZIP keeps them; its end may be unmarked."""
    header = properties[:5] + b"\xff" * 8

    def start() -> Step:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, MEMORY)
        decompressor.decompress(header, 0)
        return decompressor

    return Codec("LZMA", (), start)
