"""Runs the pipeline in worker processes of this machine, one a core.

A worker holds more files than it is at, so that it waits neither for the next nor for answers. A file that ends
its worker, or keeps it silent too long, is tried once more alone; when it does so again that is recorded as a
Failure, and the scan goes on. No other file is lost or examined twice. Where an
archive ends its worker while it is unpacked, and not while a member is examined, what was not listed by then is
lost, and the Failure says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from leadlight.config import MIB, Settings
from leadlight.engine import cage
from leadlight.engine.channel import Inbox, Message, examined_in, packed
from leadlight.errors import ConfigError
from leadlight.records import Item, failure
from leadlight.records.codec import item_in, item_out
from leadlight.records.examined import Examined
from leadlight.seams import Desk

VERSION = "1"
BATCH_FILES = 64
OUTSTANDING = 8 * MIB
"""What a worker holds at most, by weight: enough to go on while the scan writes to its record, and little enough
that no worker is left with much when all others are done.
"""
EACH = 32 * 1024
"""The weight of a file beside its bytes: examining a small one costs about what so many bytes of a picture do."""
PAUSE = 0.004
"""Seconds that messages may gather, where no worker waits for an answer: a wake-up costs more than a message."""
PIPE_BYTES = 1 << 20
READ_BYTES = 1 << 20
SECRET = ("LEADLIGHT_CASE_KEY_FILE", "LEADLIGHT_SEAL_PASSPHRASE")
"""No worker inherits these."""
_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class _Seat:
    """One worker process, what it was given, and what it is at."""

    def __init__(self, settings: Settings, roots: Sequence[bytes] | None, *, members: bool) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in SECRET} | dict.fromkeys(_SINGLE, "1")
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
        os.set_blocking(self.inlet, False)
        for end in (self.inlet, self.outlet):
            _widen(end)
        self.inbox = Inbox()
        self.unsent = bytearray()
        """What its pipe did not take yet: writing never waits, so the two can't wait for each other."""
        self.ready = False
        self.given: deque[Item] = deque()
        """What it was given and has not finished, in the order in which it reads and examines."""
        self.weight = 0
        self.finished = 0
        self.reading: int | None = None
        """The number of the file that it reads now, counted from 0; None while it examines."""
        self.claims: dict[str, tuple[int, Item]] = {}
        """Contents that it is to examine and has not delivered, in its order: the number of the file, and the item
        as it was found."""
        self.heard = time.monotonic()
        first = {"settings": settings.to_plain(), "cage": cage.terms(roots, self.scratch), "members": members}
        self.send(first)

    def give(self, batch: list[Item], *, alone: bool) -> None:
        """Files for it to read after what it has."""
        if not self.given:
            self.heard = time.monotonic()
        self.given.extend(batch)
        self.weight += sum(map(_weight, batch))
        self.send({"alone" if alone else "batch": [item_out(i) for i in batch]})

    def finish(self) -> Item:
        """The file that it was at is done."""
        item = self.given.popleft()
        self.weight -= _weight(item)
        self.finished += 1
        return item

    def send(self, message: Message) -> None:
        """Write, now or as soon as its pipe takes more."""
        self.unsent += packed(message)
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes. A worker that is gone is noticed where it is listened to."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self.unsent:
                del self.unsent[: os.write(self.inlet, self.unsent)]

    def at(self) -> tuple[Item, str | None]:
        """The file that it is at, and the content that it examines, where it is past reading."""
        if self.reading is not None and 0 <= self.reading - self.finished < len(self.given):
            return self.given[self.reading - self.finished], None
        sha256, (number, _) = next(iter(self.claims.items()), (None, (self.finished, None)))
        return self.given[0], sha256 if number == self.finished else None

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

    def __init__(self, settings: Settings, *, roots: Sequence[bytes] | None = None, members: bool = True) -> None:
        """`roots` are the real paths below which workers may read evidence; all paths where None. Without
        `members` each file is examined itself, and not what it holds.
        """
        self._settings = settings
        self._members = members
        self._roots = roots
        self.caged: dict[str, dict[str, Any]] = {}
        """The layers of the cage as a worker closed them, once one has."""
        self._seats: dict[int, _Seat] = {}
        self._selector = selectors.DefaultSelector()
        self._again: deque[Item] = deque()
        """Files that ended a worker, to be tried alone."""
        self._strikes: Counter[str] = Counter()

    def run(self, items: Iterator[Item], desk: Desk) -> None:
        """Examine all `items`, delivering to `desk`. Workers are stopped however it ends."""
        supply = _Supply(items)
        try:
            for _ in range(self._settings.worker_count()):
                self._seat()
            while True:
                self._hand_out(supply)
                if supply.empty and not self._again and not any(s.given for s in self._seats.values()):
                    return
                self._listen(desk, supply)
        finally:
            for seat in self._seats.values():
                seat.end()
            self._selector.close()

    def _seat(self) -> None:
        seat = _Seat(self._settings, self._roots, members=self._members)
        self._seats[seat.outlet] = seat
        self._selector.register(seat.outlet, selectors.EVENT_READ)

    def _hand_out(self, supply: _Supply) -> None:
        """Files for those who have little left: the one with least first."""
        for seat in sorted(self._seats.values(), key=lambda s: s.weight):
            if not seat.ready or seat.weight > OUTSTANDING // 2:
                continue
            if self._again:
                seat.give([self._again.popleft()], alone=True)
            while seat.weight < OUTSTANDING and (batch := supply.take(OUTSTANDING - seat.weight)):
                seat.give(batch, alone=False)

    def _listen(self, desk: Desk, supply: _Supply) -> None:
        seats = self._seats.values()
        if all(s.ready and s.weight > OUTSTANDING // 4 for s in seats):
            time.sleep(PAUSE)
        for key, _ in self._selector.select(timeout=0.05 if any(s.unsent for s in seats) else 1.0):
            seat = self._seats[key.fd]
            try:
                data = os.read(seat.outlet, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self._lost(seat, desk, supply, "crashed")
                continue
            seat.heard = time.monotonic()
            try:
                with _sense():
                    messages = list(seat.inbox.feed(data))
                for message in messages:
                    self._heed(seat, message, desk)
            except _Nonsense:
                self._lost(seat, desk, supply, "crashed")
        for seat in self._seats.values():
            seat.flush()
        silent = time.monotonic() - self._settings.limits.seconds
        for seat in [s for s in self._seats.values() if s.given and s.heard < silent]:
            self._lost(seat, desk, supply, "timeout")

    def _heed(self, seat: _Seat, message: Message, desk: Desk) -> None:
        """Act on one message. Raises _Nonsense for what no worker of ours says: then it is in other hands."""
        with _sense():
            examined = examined_in(message["examined"], seat.given[0]) if "examined" in message else None
            claims = [_claim(seat, *c) for c in message.get("claims", ())]
            finished = seat.finish() if message.get("finish") else None
        if examined is not None:
            if examined.of_content is not None and examined.sha256 is not None:
                seat.claims.pop(examined.sha256, None)
            desk.take(examined)
        if finished is not None:
            desk.finish(finished)
        if claims:
            granted = desk.claims([sha256 for sha256, _ in claims])
            seat.claims.update(c for c, new in zip(claims, granted, strict=True) if new)
            seat.send({"claimed": granted})
        if "reading" in message or "claims" in message:
            seat.reading = message.get("reading")
        elif "ready" in message:
            seat.ready = True
            self.caged = message.get("cage", self.caged)
        elif "refused" in message:
            what, subject, advice = message["refused"]
            raise ConfigError(what, subject=subject, advice=advice)

    def _lost(self, seat: _Seat, desk: Desk, supply: _Supply, reason: str) -> None:
        self._selector.unregister(seat.outlet)
        del self._seats[seat.outlet]
        seat.end()
        for sha256 in seat.claims:
            desk.release(sha256)
        if seat.given:
            self._judge(seat, desk, supply, reason)
        elif not seat.ready and seat.process.returncode:
            self._strikes["start"] += 1
            if self._strikes["start"] > 3:
                raise ConfigError(
                    "worker processes end as soon as they start",
                    subject=sys.executable,
                    advice="Run 'python -m leadlight.engine.worker' by hand to see why.",
                )
        self._seat()

    def _judge(self, seat: _Seat, desk: Desk, supply: _Supply, reason: str) -> None:
        """Decide on the file at which a worker was lost; all others that it had are given out again."""
        culprit, claimed = seat.at()
        seat.given.remove(culprit)
        supply.put_back(seat.given)
        name = claimed or culprit.place.key
        self._strikes[name] += 1
        if self._strikes[name] < 2:
            self._again.append(culprit)
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
        if claimed is not None and desk.claims([claimed]) == [True]:
            _, found_as = seat.claims[claimed]
            desk.take(Examined(found_as, claimed, found_as.size or 0, (), (found,)))
            self._again.append(culprit)
            return
        more = "; if it is an archive, what of it was not listed by then could not be examined"
        desk.take(Examined(culprit, None, 0, (replace(found, statement=found.statement + more),), None))
        desk.finish(culprit)


class _Nonsense(Exception):
    """A worker said what no worker says."""


@contextlib.contextmanager
def _sense() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as e:
        raise _Nonsense from e


def _claim(seat: _Seat, sha256: str, number: int, within: Message | None) -> tuple[str, tuple[int, Item]]:
    """A claim as it is kept: the content, the number of its file, and the item as it was found."""
    found_as = seat.given[number - seat.finished] if within is None else item_in(within)
    return str(sha256), (number, found_as)


def _weight(item: Item) -> int:
    return EACH + (item.size or 0)


def _widen(pipe: int) -> None:
    """Room for what gathers while the other side is busy, where the system gives it."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit {code}"


class _Supply:
    """Files still to be given out, in batches of bytes rather than of files."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._back: deque[Item] = deque()
        self._listed = False

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return self._listed and not self._back

    def put_back(self, items: Iterable[Item]) -> None:
        """Give these out again, before all others."""
        self._back.extend(items)

    def take(self, weight: int) -> list[Item]:
        """The next files, of about this weight; at least one where there is one."""
        batch: list[Item] = []
        while weight > 0 and len(batch) < BATCH_FILES:
            item = self._back.popleft() if self._back else None
            if item is None and not self._listed:
                item = next(self._items, None)
                self._listed = item is None
            if item is None:
                break
            batch.append(item)
            weight -= _weight(item)
        return batch
