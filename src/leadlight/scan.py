"""One scan of a case: lists the evidence, skips what is done, records what workers find, in batches."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from leadlight.errors import EvidenceError, ReadFailed
from leadlight.records import Item, Place
from leadlight.records.codec import dumps, when_out
from leadlight.records.examined import Examined
from leadlight.seams import Progress, Source
from leadlight.store.record import Appended, Recorder
from leadlight.store.view import View

BATCH_RECORDS = 1000
UNREADABLE = ReadFailed.reason
BATCH_SECONDS = 2.0
"""A batch is written when either is reached: what a power loss can cost, at most."""
SHOWN_SECONDS = 0.1
"""Progress is told no more often than this."""
LISTED_AHEAD = 256
"""Files listed before the record is asked, at once, which of them are done."""


def stamp_of(item: Item) -> str:
    """What tells that a file was not changed since: its size and modification time."""
    return hashlib.sha256(dumps([item.size, when_out(item.times.modified)]).encode("ascii")).hexdigest()


def source_for(path: Path, sources: Iterable[Source]) -> Source:
    """The source that opens `path`. Raises EvidenceError where none does."""
    for source in sources:
        if source.detect(path):
            return source
    if path.is_symlink() or path.exists():
        raise EvidenceError(
            "no source here can open this", subject=str(path), advice="Give a folder, a file or an archive."
        )
    raise EvidenceError("there is no such file or folder", subject=str(path), advice="Check the path.")


class Scan:
    """The desk of an engine, and the account of how far it is."""

    def __init__(
        self, view: View, recorder: Recorder, progress: Callable[[Progress], None] = lambda progress: None
    ) -> None:
        self._view = view
        self._recorder = recorder
        self._progress = progress
        self._claimed: set[str] = set()
        """Contents that are being examined or not yet written: never more than the workers and one batch hold."""
        self._unread: set[str] = set()
        """Files on the medium of which something could not be read: the next scan tries them again."""
        self._batch: list[Examined] = []
        self._done: list[tuple[str, str]] = []
        self._written = time.monotonic()
        self._shown = 0.0
        self._started = datetime.now(UTC)
        self._items = self._contents = self._bytes = self._failures = 0
        self._listed = self._finished = self._listed_bytes = self._finished_bytes = 0
        self._listing = True
        self.skipped = 0
        """Files on the medium that an earlier scan had done."""

    def items(self, source: Source, root: Path) -> Iterator[Item]:
        """Files below `root` that are still to be done; what can't be listed is recorded on the way."""
        listing = iter(source.items(root))
        while some := list(islice(listing, LISTED_AHEAD)):
            done = self._view.finished([i.place.key for i in some if not isinstance(i, Examined)])
            for found in some:
                if isinstance(found, Examined):
                    self.take(found)
                    continue
                if found.place.key in done and done[found.place.key] == stamp_of(found):
                    self.skipped += 1
                    continue
                self._listed += 1
                self._listed_bytes += found.size or 0
                yield found

    def listed(self) -> None:
        """The medium is listed: totals will not grow."""
        self._listing = False

    # -- seams.Desk

    def claims(self, sha256s: Sequence[str]) -> list[bool]:
        there = self._view.contents_of([s for s in sha256s if s not in self._claimed])
        granted = []
        for sha256 in sha256s:
            new = sha256 not in self._claimed and sha256 not in there
            if new:
                self._claimed.add(sha256)
            granted.append(new)
        return granted

    def release(self, sha256: str) -> None:
        self._claimed.discard(sha256)

    def take(self, examined: Examined) -> None:
        self._batch.append(examined)
        self._items += 1
        self._bytes += examined.size
        self._contents += examined.of_content is not None
        if any(f.payload.get("reason") == UNREADABLE for f in examined.of_place):
            place = examined.item.place
            self._unread.add(Place(place.root, place.steps[:1]).key)
        if len(self._batch) >= BATCH_RECORDS or time.monotonic() - self._written > BATCH_SECONDS:
            self.write()
        self._show()

    def finish(self, item: Item) -> None:
        if item.place.key not in self._unread:
            self._done.append((item.place.key, stamp_of(item)))
        self._finished += 1
        self._finished_bytes += item.size or 0
        if len(self._done) >= BATCH_RECORDS:
            self.write()
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown >= SHOWN_SECONDS:
            self._shown = now
            self._progress(self.progress())

    def write(self) -> None:
        """Append what is held to the record."""
        batch, done = self._batch, self._done
        self._batch, self._done = [], []
        appended = self._append(batch, done)
        self._failures += appended.failures
        for examined in batch:
            if examined.of_content is not None and examined.sha256 is not None:
                self._claimed.discard(examined.sha256)
        self._written = time.monotonic()

    def told(self) -> None:
        """Tell how far it got, at the end."""
        self._progress(self.progress())

    def _append(self, batch: Sequence[Examined], done: Sequence[tuple[str, str]]) -> Appended:
        return self._recorder.examined(batch, done)

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(
            items=self._items,
            contents=self._contents,
            bytes=self._bytes,
            failures=self._failures,
            started=self._started,
            listed=self._listed,
            finished=self._finished,
            listing=self._listing,
            bytes_listed=self._listed_bytes,
            bytes_finished=self._finished_bytes,
        )


@contextlib.contextmanager
def writing_rest(scan: Scan) -> Iterator[None]:
    """Whatever ends the scan, what was found so far is recorded first, where that is still possible."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            scan.write()
        raise
    scan.write()
    scan.told()
