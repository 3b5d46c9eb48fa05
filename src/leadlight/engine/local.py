"""Runs the pipeline in worker processes of this machine, one a core.

A file that ends its worker, or keeps it silent too long, is tried once more alone; when it does so again
that is recorded as a Failure, and the scan goes on. No other file is lost or examined twice. Where an
archive ends its worker while it is unpacked, and not while a member is examined, what was not listed by then is
lost, and the Failure says so.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from leadlight.config import MIB, Settings
from leadlight.engine import cage
from leadlight.engine.channel import Inbox, Message, examined_in, send
from leadlight.errors import ConfigError
from leadlight.records import Item, failure
from leadlight.records.codec import item_in, item_out
from leadlight.records.examined import Examined
from leadlight.seams import Desk

BATCH_FILES = 32
BATCH_BYTES = 16 * MIB
VERSION = "1"
_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class _Seat:
    """One worker process and what it was given."""

    def __init__(self, settings: Settings, roots: Sequence[bytes] | None) -> None:
        environment = {**os.environ, **dict.fromkeys(_SINGLE, "1")}
        self.scratch = cage.scratch()
        if self.scratch is not None:
            environment["TMPDIR"] = str(self.scratch)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "leadlight.engine.worker"],  # -P: no code from the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("pipes were asked for")
        self.inlet = self.process.stdin.fileno()
        self.outlet = self.process.stdout.fileno()
        self.inbox = Inbox()
        self.given: deque[Item] = deque()
        self.claimed: str | None = None
        """The one content it is examining now."""
        self.claimed_item: Item | None = None
        """... as it was found."""
        self.heard = time.monotonic()
        self.idle = False
        send(self.inlet, {"settings": settings.to_plain(), "cage": cage.terms(roots, self.scratch)})

    def end(self) -> None:
        """Stop it, whatever it does, and let go of its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        cage.clear(self.scratch)


class LocalEngine:
    """An `Engine` over processes of this machine."""

    name = "local"

    def __init__(self, settings: Settings, *, roots: Sequence[bytes] | None = None) -> None:
        """`roots` are the real paths below which workers may read evidence; all paths where None."""
        self._settings = settings
        self._roots = roots
        self.caged: dict[str, dict[str, Any]] = {}
        """The layers of the cage as a worker closed them, once one has."""
        self._seats: dict[int, _Seat] = {}
        self._selector = selectors.DefaultSelector()
        self._again: deque[Item] = deque()
        self._strikes: Counter[str] = Counter()

    def run(self, items: Iterator[Item], desk: Desk) -> None:
        """Examine all `items`, delivering to `desk`. Workers are stopped however it ends."""
        source = _Supply(items)
        try:
            for _ in range(self._settings.worker_count()):
                self._seat()
            while True:
                self._hand_out(source)
                if source.empty and not self._again and all(s.idle for s in self._seats.values()):
                    return
                self._listen(desk)
        finally:
            for seat in self._seats.values():
                seat.end()
            self._selector.close()

    def _seat(self) -> None:
        seat = _Seat(self._settings, self._roots)
        self._seats[seat.outlet] = seat
        self._selector.register(seat.outlet, selectors.EVENT_READ)

    def _hand_out(self, source: _Supply) -> None:
        for seat in self._seats.values():
            if not seat.idle:
                continue
            batch = [self._again.popleft()] if self._again else source.take()
            if not batch:
                continue
            seat.given.extend(batch)
            seat.idle = False
            seat.heard = time.monotonic()
            with contextlib.suppress(BrokenPipeError):
                send(seat.inlet, {"batch": [item_out(i) for i in batch]})

    def _listen(self, desk: Desk) -> None:
        for key, _ in self._selector.select(timeout=1.0):
            seat = self._seats[key.fd]
            try:
                data = os.read(seat.outlet, 1 << 18)
            except OSError:
                data = b""
            if not data:
                self._lost(seat, desk, "crashed")
                continue
            seat.heard = time.monotonic()
            try:
                messages = list(seat.inbox.feed(data))
            except ValueError:
                self._lost(seat, desk, "crashed")
                continue
            for message in messages:
                self._heed(seat, message, desk)
        silent = time.monotonic() - self._settings.limits.seconds
        for seat in [s for s in self._seats.values() if not s.idle and s.given and s.heard < silent]:
            self._lost(seat, desk, "timeout")

    def _heed(self, seat: _Seat, message: Message, desk: Desk) -> None:
        if "claim" in message:
            granted = desk.claim(message["claim"])
            seat.claimed = message["claim"] if granted else None
            seat.claimed_item = item_in(message["item"]) if granted else None
            with contextlib.suppress(BrokenPipeError):
                send(seat.inlet, {"claimed": granted})
        elif "examined" in message:
            examined = examined_in(message["examined"])
            if examined.sha256 == seat.claimed:
                seat.claimed = None
            desk.take(examined)
        elif "finish" in message:
            desk.finish(seat.given.popleft())
        elif "ready" in message:
            seat.idle = True
            self.caged = message.get("cage", self.caged)
        elif "refused" in message:
            what, subject, advice = message["refused"]
            raise ConfigError(what, subject=subject, advice=advice)

    def _lost(self, seat: _Seat, desk: Desk, reason: str) -> None:
        self._selector.unregister(seat.outlet)
        del self._seats[seat.outlet]
        seat.end()
        if seat.claimed is not None:
            desk.release(seat.claimed)
        if seat.given:
            self._judge(seat, desk, reason)
        elif not seat.idle and seat.process.returncode:
            self._strikes["start"] += 1
            if self._strikes["start"] > 3:
                raise ConfigError(
                    "worker processes end as soon as they start",
                    subject=sys.executable,
                    advice="Run 'python -m leadlight.engine.worker' by hand to see why.",
                )
        self._seat()

    def _judge(self, seat: _Seat, desk: Desk, reason: str) -> None:
        """Decide on the file at which a worker was lost; the rest of its batch is given out again."""
        culprit, *rest = seat.given
        self._again.extend(rest)
        name = seat.claimed or culprit.place.key
        self._strikes[name] += 1
        if self._strikes[name] < 2:
            self._again.appendleft(culprit)
            return
        what = (
            f"ended the process that examined it ({_ending(seat.process.returncode)}), twice"
            if reason == "crashed"
            else f"kept its examiner silent for {self._settings.limits.seconds:g} seconds, twice"
        )
        found = failure(
            "engine",
            VERSION,
            reason=reason,
            what=what,
            advice="It may be crafted to harm. Examine it by hand on a machine set apart; raise limits.seconds if "
            "it is only large.",
        )
        found_as = seat.claimed_item
        if seat.claimed is not None and found_as is not None and desk.claim(seat.claimed):
            desk.take(Examined(found_as, seat.claimed, found_as.size or 0, (), (found,)))
            self._again.appendleft(culprit)
            return
        more = "; if it is an archive, what of it was not listed by then could not be examined"
        desk.take(Examined(culprit, None, 0, (replace(found, statement=found.statement + more),), None))
        desk.finish(culprit)


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit {code}"


class _Supply:
    """Items in batches of bytes rather than of files."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self.empty = False

    def take(self) -> list[Item]:
        batch: list[Item] = []
        size = 0
        while len(batch) < BATCH_FILES and size < BATCH_BYTES and not self.empty:
            item = next(self._items, None)
            if item is None:
                self.empty = True
                break
            batch.append(item)
            size += item.size or 0
        return batch
