"""The headers of a tar archive: POSIX ustar and pax (IEEE Std 1003.1-2017, pax), GNU and old Unix.

Read here rather than by the standard library, which ends quietly at the first broken header, keeps every
member in memory, and lets one header state how much of it to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leadlight.errors import LimitReached

BLOCK = 512
_ZEROS = bytes(BLOCK)
_MOST_RUNS = 1_000_000
"""Stretches of a sparse file that are followed."""

REGULAR = frozenset(b"0\x007S")
HARD_LINK = ord("1")
SYMBOLIC_LINK = ord("2")
FOLDER = ord("5")
_SPECIAL = {ord("3"): "a character device", ord("4"): "a block device", ord("6"): "a named pipe"}
_NO_DATA = frozenset(b"123456")
_LABELS = frozenset(b"VD")
"""GNU: the name of the volume, the listing of a folder."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the archive states of one member."""

    name: bytes
    kind: int
    size: int
    """Bytes of the file once sparse stretches are filled."""
    stored: int
    """Bytes in the archive."""
    modified: float | None
    link: bytes
    runs: tuple[tuple[int, int], ...] | None
    """Offset and length of each stretch that a sparse file stores; None where it stores all."""

    @property
    def special(self) -> str | None:
        """What it is in words, where it is a device or a pipe."""
        return _SPECIAL.get(self.kind)

    @property
    def no_file(self) -> bool:
        """A folder, a label or a listing: nothing to examine."""
        if self.kind in REGULAR:
            return self.name.endswith(b"/") and not self.stored
        return self.kind == FOLDER or self.kind in _LABELS


class Blocks:
    """The archive, forward only. Raises EOFError where it ends inside what it states."""

    def __init__(self, read: Callable[[int], bytes], skip: Callable[[int], None] | None = None) -> None:
        """`skip` passes over bytes without reading them, where the stream can."""
        self._read = read
        self._skip = skip
        self._left = 0
        self._padding = 0

    def take(self, most: int) -> bytes:
        """Data of the present member, b"" once it is used up."""
        if not self._left:
            return b""
        got = self._read(min(most, self._left))
        if not got:
            raise EOFError
        self._left -= len(got)
        return got

    def exactly(self, length: int) -> bytes:
        """`length` bytes of the present member. Raises EOFError."""
        parts = []
        while length:
            got = self.take(length)
            if not got:
                raise EOFError
            parts.append(got)
            length -= len(got)
        return b"".join(parts)

    def begin(self, stored: int) -> None:
        """A member of `stored` bytes follows."""
        self._left = stored
        self._padding = -stored % BLOCK

    def finish(self) -> None:
        """Pass over what is left of the member. Raises EOFError."""
        if self._left > 1 and self._skip is not None:
            self._skip(self._left - 1)
            self._left = 1
        while self.take(256 * 1024):
            pass
        while self._padding:
            got = self._read(self._padding)
            if not got:
                self._padding = 0
            self._padding -= len(got)

    def block(self) -> bytes:
        """The next 512 bytes; fewer at the end."""
        got = self._read(BLOCK)
        while got and len(got) < BLOCK:
            more = self._read(BLOCK - len(got))
            if not more:
                break
            got += more
        return got


class Tar:
    """Walks the headers; after a broken one it searches for the next that is sound."""

    def __init__(self, blocks: Blocks, *, metadata_bytes: int, subject: str) -> None:
        self.faults = 0
        """Stretches that were no headers, or headers that contradict themselves."""
        self.first_fault = ""
        self._blocks = blocks
        self._most = metadata_bytes
        self._subject = subject
        self._defaults: dict[bytes, bytes] = {}

    def headers(self) -> Iterator[Header]:
        """Each member once; its data is read from the Blocks before the next is asked for."""
        own: dict[bytes, bytes] = {}
        runs: list[tuple[int, int]] = []
        ended = broken = first = False
        while block := self._blocks.block():
            if block == _ZEROS:
                ended, broken = True, False
                continue
            if len(block) < BLOCK or not sound(block):
                if not broken and block.strip(b"\0"):
                    self._fault("bytes follow its end mark" if ended else "a header is broken")
                    broken = True
                continue
            ended, broken, first = False, False, True
            try:
                extended = self._extended(block, own, runs)
                if extended:
                    continue
                header = self._header(block, {**self._defaults, **own}, runs)
            except ValueError:
                self._fault("a header contradicts itself")
                own, runs = {}, []
                continue
            own, runs = {}, []
            yield header
            self._blocks.finish()
        if not ended and first:
            self._fault("it ends without its end mark and may have been cut short")

    def _fault(self, what: str) -> None:
        self.faults += 1
        self.first_fault = self.first_fault or what

    def _extended(self, block: bytes, own: dict[bytes, bytes], runs: list[tuple[int, int]]) -> bool:
        """Take in a header that speaks of the next one. True where it was one. Raises ValueError."""
        kind = block[156]
        if kind not in b"xgXLK":
            return False
        size = _number(block[124:136])
        if size > self._most:
            self._blocks.begin(size)
            raise LimitReached(
                "one header is too large",
                subject=self._subject,
                limit="limits.metadata_bytes",
                allowed=self._most,
                met=size,
            )
        self._blocks.begin(size)
        data = self._blocks.exactly(size)
        self._blocks.finish()
        if kind == ord("L"):
            own[b"path"] = data.split(b"\0", 1)[0]
        elif kind == ord("K"):
            own[b"linkpath"] = data.split(b"\0", 1)[0]
        else:
            target = self._defaults if kind == ord("g") else own
            start = 0
            for key, value in _pax(data):
                if key == b"GNU.sparse.offset":
                    start = _decimal(value)
                elif key == b"GNU.sparse.numbytes" and len(runs) < _MOST_RUNS:
                    runs.append((start, _decimal(value)))
                else:
                    target[key] = value
        return True

    def _header(self, block: bytes, pax: dict[bytes, bytes], runs: list[tuple[int, int]]) -> Header:
        kind = block[156]
        name = _text(block[0:100])
        magic = block[257:263]
        if magic == b"ustar\0" and (prefix := _text(block[345:500])):
            name = prefix + b"/" + name
        stated = _number(block[124:136])
        size = _decimal(pax[b"size"]) if b"size" in pax else stated
        stored = 0 if kind in _NO_DATA else size
        sparse: list[tuple[int, int]] | None = runs or None
        self._blocks.begin(stored)
        if kind == ord("S"):
            sparse, real = self._old_sparse(block)
            size = real
        elif b"GNU.sparse.major" in pax:
            if pax[b"GNU.sparse.major"] == b"1":
                sparse, used = self._sparse_map()
                stored -= used
            elif b"GNU.sparse.map" in pax:
                numbers = [_decimal(n) for n in pax[b"GNU.sparse.map"].split(b",", 2 * _MOST_RUNS)]
                sparse = list(zip(numbers[::2], numbers[1::2], strict=True))
        if sparse is not None and kind != ord("S"):
            size = _decimal(pax.get(b"GNU.sparse.realsize", pax.get(b"GNU.sparse.size", b"%d" % size)))
        return Header(
            name=pax.get(b"GNU.sparse.name", pax.get(b"path", name)),
            kind=kind,
            size=size,
            stored=stored,
            modified=_seconds(pax[b"mtime"]) if b"mtime" in pax else _time(block[136:148]),
            link=pax.get(b"linkpath", _text(block[157:257])),
            runs=None if sparse is None else tuple(sparse),
        )

    def _old_sparse(self, block: bytes) -> tuple[list[tuple[int, int]], int]:
        """GNU's own format: four stretches in the header, then blocks of 21."""
        stored = _number(block[124:136])
        runs = _runs(block[386:482])
        more = block[482]
        while more:
            # These blocks lie between the header and the data, and count for neither.
            extension = self._blocks.block()
            if len(extension) < BLOCK:
                raise EOFError
            if len(runs) > _MOST_RUNS:
                raise ValueError
            runs += _runs(extension[:504])
            more = extension[504]
        self._blocks.begin(stored)
        return runs, _number(block[483:495])

    def _sparse_map(self) -> tuple[list[tuple[int, int]], int]:
        """GNU's pax format 1.0: decimal numbers, one a line, in blocks before the data."""
        used = 0
        text = b""
        wanted = 1
        while text.count(b"\n") < wanted:
            text += self._blocks.exactly(BLOCK)
            used += BLOCK
            if wanted == 1 and b"\n" in text:
                wanted = 1 + 2 * _decimal(text.split(b"\n", 1)[0])
            if used > self._most or wanted > 2 * _MOST_RUNS:
                raise ValueError
        numbers = [_decimal(n) for n in text.split(b"\n")[1:wanted]]
        return list(zip(numbers[::2], numbers[1::2], strict=True)), used


def sound(block: bytes) -> bool:
    """Whether a block is a header: its checksum holds, summed as either of the two ways in use."""
    if len(block) < BLOCK:
        return False
    try:
        stated = _number(block[148:156])
    except ValueError:
        return False
    total = 256 + sum(block[:148]) + sum(block[156:BLOCK])
    if stated == total:
        return True
    high = sum(b > 127 for b in block[:148]) + sum(b > 127 for b in block[156:BLOCK])
    return high > 0 and stated == total - 256 * high


def fill(header: Header, take: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A reader of a sparse file: zeros where nothing is stored. Raises ValueError where its map runs backwards."""
    at = 0
    pending = iter((*(header.runs or ()), (header.size, 0)))
    start, length = next(pending)

    def read(most: int) -> bytes:
        nonlocal at, start, length
        while at < header.size:
            if at < start:
                count = min(most, start - at, header.size - at)
                at += count
                return bytes(count)
            if at > start:
                raise ValueError("the map of a sparse file runs backwards")
            if length:
                got = take(min(most, length))
                if not got:
                    raise EOFError
                at += len(got)
                start, length = start + len(got), length - len(got)
                return got
            start, length = next(pending)
        return b""

    return read


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes) -> int:
    """Octal text, or GNU's base 256 where the first bit is set. Raises ValueError."""
    if field[0] & 0x80:
        if field[0] == 0xFF:
            raise ValueError
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.split(b"\0", 1)[0].strip()
    if text.strip(b"01234567"):
        raise ValueError
    return int(text or b"0", 8)


def _time(field: bytes) -> float | None:
    try:
        return float(_number(field))
    except (ValueError, OverflowError):
        return None


def _seconds(text: bytes) -> float | None:
    try:
        return float(text[:40])
    except ValueError:
        return None


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise ValueError
    return int(text)


def _runs(table: bytes) -> list[tuple[int, int]]:
    runs = []
    for at in range(0, len(table), 24):
        start, length = table[at : at + 12], table[at + 12 : at + 24]
        if not length[0]:
            break
        runs.append((_number(start), _number(length)))
    return runs


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records 'length key=value' and a line end. Raises ValueError."""
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + 21)
        length = _decimal(data[at:space]) if space > at else 0
        record = data[space + 1 : at + length]
        if length <= space - at or at + length > len(data) or not record.endswith(b"\n"):
            raise ValueError
        key, equals, value = record[:-1].partition(b"=")
        if not equals:
            raise ValueError
        yield key, value
        at += length
