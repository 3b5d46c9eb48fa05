"""The index on disk: a folder of segments that never change, a tail that only grows, and a list of both.

The list (`index`) is replaced as a whole, so a reader finds the state before a merge or the one after it; the
tail says last how much of it counts. Files that a merge has replaced are removed, and stay readable to who
holds them open. One process writes at a time, any number read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from leadlight.errors import UsageError
from leadlight.radius import segment, tables, tail
from leadlight.radius.kernel import kernel
from leadlight.radius.listing import LIST, facts_of, locked, publish, replaced, stat_of
from leadlight.radius.reference import compared
from leadlight.radius.segment import Segment, damaged
from leadlight.radius.tables import unpacked
from leadlight.radius.tail import Tail
from leadlight.radius.words import HITS, INDICES, RADII, WORDS, blocks, none

LARGE = 1 << 16
"""So many hashes at once make a segment of their own, past the tail."""
TAIL_MOST = 1 << 18
"""Hashes in the tail from which on `append` merges it: comparing with them takes about 0.2 ms a query."""
_OWN = re.compile(r"(segment|tail|removed)-\d+(\.part)?|index\.part")
_TRIES = 20


class _Removed:
    """The tombstones: one bit for each number ever given."""

    def __init__(self, bits: bytes = b"") -> None:
        self._bits = np.frombuffer(bits, dtype=np.uint8).copy()
        self.count = int(np.bitwise_count(self._bits).sum(dtype=np.int64))

    @property
    def end(self) -> int:
        """Behind the last number that is removed."""
        used = np.flatnonzero(self._bits)
        return int(used[-1]) * 8 + int(self._bits[used[-1]]).bit_length() if len(used) else 0

    def has(self, ids: INDICES) -> Any:
        """For each number whether it is removed."""
        byte = ids >> 3
        inside = byte < len(self._bits)
        found = np.zeros(len(ids), dtype=np.bool_)
        found[inside] = (self._bits[byte[inside]] >> (ids[inside] & 7).astype(np.uint8)) & 1
        return found

    def with_more(self, ids: INDICES) -> _Removed:
        """A copy with more of them: who searches meanwhile keeps the old."""
        made = _Removed()
        size = max(len(self._bits), (int(ids.max()) >> 3) + 1 if len(ids) else 0)
        made._bits = np.zeros(size, dtype=np.uint8)
        made._bits[: len(self._bits)] = self._bits
        np.bitwise_or.at(made._bits, ids >> 3, (1 << (ids & 7)).astype(np.uint8))
        made.count = int(np.bitwise_count(made._bits).sum(dtype=np.int64))
        return made

    def raw(self) -> bytes:
        """As stored."""
        return self._bits.tobytes()


@dataclass(frozen=True, slots=True)
class _State:
    """What one search sees, from start to end."""

    segments: tuple[Segment, ...]
    added: WORDS
    first: int
    """The number of the first hash in the tail."""
    removed: _Removed

    @property
    def next(self) -> int:
        return self.first + len(self.added)


class IndexFile:
    """Hashes numbered from 0 in the order they came, found within a radius, removed by number."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        """Open; see `open`."""
        self.path = path
        self._lock: IO[bytes] | None = locked(path) if write else None
        self._seen: tuple[int, ...] = ()
        self._tail: Tail | None = None
        self._number = 0
        self.note = ""
        self._state = _State((), np.empty((0, 4), dtype=np.uint64), 0, _Removed())
        try:
            self._refresh()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path, hashes: WORDS | None = None, *, note: str = "") -> IndexFile:
        """A new index, open for writing. `note` is kept with it: what it was made of, so that its owner can tell
        whether it still is. Raises UsageError where there is something at `path` already.
        """
        try:
            path.mkdir(parents=True, exist_ok=False)
        except FileExistsError:
            raise UsageError(
                "there is something of this name already", subject=str(path), advice="Choose another name."
            ) from None
        tail.create(path / "tail-1", 0)
        publish(path, {"segments": [], "tail": "tail-1", "removed": None, "number": 1, "note": note})
        made = cls(path, write=True)
        if hashes is not None and len(hashes):
            made._fold(np.asarray(hashes), whole=False)
        return made

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> IndexFile:
        """An index that is there: in milliseconds, the checksums of the headers and the tail verified, those of
        the segments by `check`. Raises CaseMissing, IndexDamaged, and with `write` CaseBusy.
        """
        return cls(path, write=write)

    def __enter__(self) -> IndexFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let files and lock go. What was appended is on disk already."""
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __len__(self) -> int:
        """How many hashes it holds now, without the removed."""
        state = self._refresh()
        return state.next - state.removed.count

    @property
    def segments(self) -> tuple[int, ...]:
        """How many rows each segment has, oldest first."""
        return tuple(s.rows for s in self._refresh().segments)

    def search(self, queries: WORDS, radius: RADII, *, lanes: int = 1) -> Iterator[HITS]:
        """As RadiusIndex.search, with numbers in place of places: those of all hashes that were there when the
        search began. Raises ValueError where a radius is not in 0 to 63, IndexDamaged where a table is broken.
        """
        state = self._refresh()
        asked = np.ascontiguousarray(queries, dtype=np.uint64)
        return blocks(lambda q, r, most: _hits(state, q, r, most), asked, radius, lanes=lanes)

    def hashes(self, ids: INDICES) -> WORDS:
        """The hashes of some numbers, in their order; removed ones too, until a merge. Raises ValueError for a
        number that it does not hold.
        """
        state = self._refresh()
        ids = np.asarray(ids, dtype=np.int64)
        found = np.empty((len(ids), 4), dtype=np.uint64)
        there = (ids >= state.first) & (ids < state.next)
        found[there] = state.added[ids[there] - state.first]
        for one in state.segments:
            rows, inside = one.rows_of(ids)
            found[inside] = one.hashes[rows[inside]]
            there |= inside
        if not there.all():
            raise ValueError(f"no hash has the number {ids[~there][0]}")
        return found

    def append(self, hashes: WORDS) -> range:
        """Add hashes of shape (n, 4); their numbers. On disk, and seen by other processes, when this returns."""
        state = self._writable()
        numbers = range(state.next, state.next + len(hashes))
        if not len(hashes):
            return numbers
        if len(hashes) >= LARGE:
            self._fold(hashes, whole=False)
        else:
            self._own_tail().add(hashes)
            if len(self._refresh().added) >= TAIL_MOST:
                self.merge()
        return numbers

    def remove(self, ids: INDICES) -> int:
        """Take hashes out by number: found no more when this returns. How many were still there.

        Raises ValueError for a number that was never given.
        """
        state = self._writable()
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        if len(ids) and not 0 <= ids[0] <= ids[-1] < state.next:
            raise ValueError(f"numbers lie in 0 to {state.next - 1}")
        ids = ids[~state.removed.has(ids)]
        if len(ids):
            self._own_tail().remove(ids)
            self._refresh()
        return len(ids)

    def merge(self, *, whole: bool = False) -> None:
        """Make the tail a segment, joined with those newer segments that are not much larger: a hash is written
        again only each time the index has doubled. With `whole` all become one, and what was removed leaves the
        disk.
        """
        state = self._writable()
        if len(state.added) or (whole and (len(state.segments) > 1 or state.removed.count)):
            self._fold(np.empty((0, 4), dtype=np.uint64), whole=whole)

    def check(self) -> None:
        """Read everything and compare it with the checksums. Raises IndexDamaged, naming the file."""
        state = self._refresh()
        for one in state.segments:
            one.check()
        again = IndexFile(self.path)
        again.close()

    # -- writing

    def _writable(self) -> _State:
        if self._lock is None:
            raise UsageError("opened for reading", subject=str(self.path), advice="Open it with write=True.")
        return self._refresh()

    def _own_tail(self) -> Tail:
        assert self._tail is not None
        return self._tail

    def _fold(self, more: WORDS, *, whole: bool) -> None:
        """The tail, `more` and the newest segments as one segment."""
        state = self._refresh()
        kept = list(state.segments)
        fresh = len(state.added) + len(more)
        joined: list[Segment] = []
        while kept:
            size = fresh + sum(s.rows for s in joined)
            if not whole and (kept[-1].rows > 2 * size or kept[-1].rows + size > tables.MOST):
                break
            joined.insert(0, kept.pop())
        ids = np.concatenate(
            [s.ids() for s in joined] + [np.arange(state.first, state.first + fresh, dtype=np.int64)]
        )
        alive = ~state.removed.has(ids)
        parts = [part for part in (*(s.hashes for s in joined), state.added, more) if len(part)]
        hashes = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else more
        if not alive.all():
            ids, hashes = ids[alive], hashes[alive]
        number = self._number + 1
        names = [(s.path.name, s.head) for s in kept]
        for start in range(0, len(ids), tables.MOST):
            number = self._number + 1 + start // tables.MOST
            some, path = ids[start : start + tables.MOST], self.path / f"segment-{number}"
            runs_on = int(some[-1]) - int(some[0]) + 1 == len(some)
            head = segment.write(path, hashes[start : start + len(some)], None if runs_on else some, int(some[0]))
            names.append((path.name, head))
        removed = None
        if state.removed.count:
            removed = f"removed-{number}"
            raw = state.removed.raw()
            replaced(self.path / removed, blake2b(raw, digest_size=32).digest() + raw)
        with suppress(FileNotFoundError):
            (self.path / f"tail-{number}").unlink()
        tail.create(self.path / f"tail-{number}", state.first + fresh)
        facts = {"segments": names, "tail": f"tail-{number}", "removed": removed, "number": number}
        publish(self.path, {**facts, "note": self.note})
        self._refresh()
        used = {*(name for name, _ in names), f"tail-{number}", removed}
        for old in self.path.iterdir():
            if _OWN.fullmatch(old.name) and old.name not in used:
                with suppress(OSError):
                    old.unlink()

    # -- reading

    def _refresh(self) -> _State:
        """The state as of now. A merge by another process may take files away between two looks: look again."""
        for attempt in range(_TRIES):
            try:
                stat = stat_of(self.path)
                if stat != self._seen:
                    self._load()
                    self._seen = stat
                self._follow()
                return self._state
            except FileNotFoundError as e:
                if attempt + 1 == _TRIES:
                    raise damaged(Path(e.filename or self.path), "a file of the index is missing") from e
        raise AssertionError

    def _load(self) -> None:
        raw = (self.path / LIST).read_bytes()
        facts = facts_of(self.path / LIST, raw)
        held = {s.path.name: s for s in self._state.segments}
        segments = tuple(held.get(n) or Segment(self.path / n) for n, _ in facts["segments"])
        for one, (_, head) in zip(segments, facts["segments"], strict=True):
            if one.head != head:
                raise damaged(one.path, "is not the segment that the index names")
        removed = _Removed()
        if facts["removed"]:
            path = self.path / facts["removed"]
            stored = path.read_bytes()
            if blake2b(stored[32:], digest_size=32).digest() != stored[:32]:
                raise damaged(path, "does not match its checksum")
            removed = _Removed(stored[32:])
        followed = Tail(self.path / facts["tail"], write=self._lock is not None)
        if removed.end > followed.first:
            followed.close()
            raise damaged(self.path / facts["removed"], "removes a hash that was never added")
        if self._tail is not None:
            self._tail.close()
        self._tail, self._number, self.note = followed, facts["number"], facts["note"]
        self._state = _State(segments, np.empty((0, 4), dtype=np.uint64), followed.first, removed)

    def _follow(self) -> None:
        added, gone = [self._state.added], []
        for record in self._own_tail().news():
            if record.added is not None:
                added.append(record.added)
            if record.removed is not None:
                gone.append(record.removed)
        state = self._state
        if len(added) > 1 or gone:
            ids = np.concatenate(gone) if gone else np.empty(0, dtype=np.int64)
            if len(ids) and not 0 <= ids.min() <= ids.max() < self._own_tail().next:
                raise damaged(self._own_tail().path, "removes a hash that was never added")
            removed = state.removed.with_more(ids) if gone else state.removed
            self._state = _State(state.segments, np.concatenate(added), state.first, removed)


def _hits(state: _State, queries: WORDS, radius: int, most: int) -> HITS | None:
    parts: list[HITS] = []
    for one in state.segments:
        found = one.hits(queries, radius, most)
        if found is None:
            return None
        parts.append((found[0], one.ids(found[1]), found[2]))
    if len(state.added):
        compiled = kernel()
        if compiled is None:
            found = compared(state.added, queries, radius, most)
        else:
            raw = compiled.scan(state.added, queries, radius, most, b"", b"")
            found = None if raw is None else unpacked(raw)
        if found is None:
            return None
        parts.append((found[0], found[1] + state.first, found[2]))
    q, h, d = (np.concatenate(column) for column in zip(none(), *parts, strict=True))
    if state.removed.count:
        alive = ~state.removed.has(h)
        q, h, d = q[alive], h[alive], d[alive]
    return q, h, d
