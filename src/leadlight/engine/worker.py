"""A worker process: takes files by place, examines them, says what it found. Holds no case and no network.

It reads ahead: while one file is examined, others were read, named and claimed already, so that it waits for no
answer. What crashes or hangs is known all the same, because it says when it reads, and examines in that order.

Started as ``python -m leadlight.engine.worker``; speaks `channel` messages on its standard input and output.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Generator
from contextlib import closing
from typing import Any

from leadlight.config import MIB, from_plain
from leadlight.engine import cage
from leadlight.engine.channel import Inbox, Message, examined_out, send
from leadlight.errors import LeadlightError
from leadlight.pipeline import Pipeline, Prepared
from leadlight.plugins import Registry, registry
from leadlight.records import Item
from leadlight.records.codec import item_in, item_out

AHEAD_FILES = 256
AHEAD_BYTES = 16 * MIB
"""What is read and not yet examined: reading goes on when less than half of either is left."""
TICK_SECONDS = 1.0
"""Life is shown no more often than this."""


class _Gone(Exception):
    """The scan has ended."""


class Worker:
    """One conversation with the scan."""

    def __init__(self, inlet: int, outlet: int) -> None:
        self._in = inlet
        self._out = outlet
        self._inbox = Inbox()
        self._spoke = 0.0
        self._given: deque[tuple[Item, bool]] = deque()
        """Files to read, and whether each is to be examined alone."""
        self._number = -1
        """Of the file that is being read, or was last."""
        self._walk: Generator[Prepared, None, None] | None = None
        """Through that file, where there is more in it."""
        self._begun: deque[Item] = deque()
        """Files that were opened and are not finished."""
        self._alone = False
        self._ahead: deque[Prepared | None] = deque()
        """Read and not yet examined, in order; None where a file that was given ends."""
        self._ahead_bytes = 0
        self._answers: deque[bool] = deque()
        self._members = True
        """Whether what a file holds is examined too."""

    def run(self) -> None:
        """Serve until the scan is gone."""
        try:
            first = self._first()
            plugins = registry()
            try:
                settings = from_plain(first["settings"])
                self._members = bool(first.get("members", True))
                pipeline = Pipeline(plugins, settings)
                caged = cage.close(first.get("cage"), settings)
            except LeadlightError as e:
                self._send({"refused": [e.what, e.subject, e.advice]})
                return
            self._send({"ready": True, "cage": caged})
            while True:
                if not self._given and not self._ahead and self._walk is None:
                    self._hear()
                self._read_ahead(pipeline, plugins)
                self._examine(pipeline)
        except _Gone:
            return

    def _first(self) -> Message:
        """The message that stands before all files."""
        while not (messages := self._messages()):
            pass
        return messages[0]

    def _read_ahead(self, pipeline: Pipeline, plugins: Registry) -> None:
        """Read what comes next, as far as it may be held, and ask which of the contents are new."""
        if len(self._ahead) > AHEAD_FILES // 2 or self._ahead_bytes > AHEAD_BYTES // 2:
            return
        if not self._given:
            self._hear(wait=False)
        claims: list[list[Any]] = []
        begun = False
        while self._walk is not None or self._given:
            alone = self._alone if self._walk is not None else self._given[0][1]
            if len(self._ahead) >= (1 if alone else AHEAD_FILES) or self._ahead_bytes >= AHEAD_BYTES:
                break
            if self._walk is None:
                self._begin(pipeline, plugins)
            elif not begun:
                self._send({"reading": self._number})
            begun = True
            self._step(claims)
        if begun:
            self._send({"claims": claims})

    def _begin(self, pipeline: Pipeline, plugins: Registry) -> None:
        item, self._alone = self._given.popleft()
        self._begun.append(item)
        self._number += 1
        self._send({"reading": self._number})
        source = next(s for s in plugins.sources if s.name == item.source)
        walk = pipeline.prepare(item, lambda: source.open(item), tick=self._tick)
        self._walk = walk if self._members else _outermost(walk)

    def _step(self, claims: list[list[Any]]) -> None:
        prepared = next(self._walk, None) if self._walk is not None else None
        self._ahead.append(prepared)
        if prepared is None:
            self._walk = None
            return
        self._ahead_bytes += prepared.size
        if prepared.to_claim is not None:
            within = None if prepared.item is self._begun[-1] else item_out(prepared.item)
            claims.append([prepared.to_claim, self._number, within])

    def _examine(self, pipeline: Pipeline) -> None:
        """The first of what was read. Where that is the end of a file, the scan is told with the last of it."""
        if not self._ahead:
            return
        prepared = self._ahead.popleft()
        if prepared is None:
            self._begun.popleft()
            self._send({"finish": True})
            return
        new = False
        if prepared.to_claim is not None:
            while not self._answers:
                self._hear()
            new = self._answers.popleft()
        examined = pipeline.complete(prepared, new=new)
        prepared.close()
        self._ahead_bytes -= prepared.size
        outer = prepared.item is self._begun[0]
        finish = bool(self._ahead) and self._ahead[0] is None
        if finish:
            self._ahead.popleft()
            self._begun.popleft()
        self._send({"examined": examined_out(examined, known=outer), "finish": finish})

    def _tick(self) -> None:
        if time.monotonic() - self._spoke >= TICK_SECONDS:
            self._send({"tick": True})

    def _send(self, message: Message) -> None:
        send(self._out, message)
        self._spoke = time.monotonic()

    def _hear(self, *, wait: bool = True) -> None:
        """Take what the scan has sent; with `wait`, at least something. Raises _Gone where it has ended."""
        if not wait and not select.select([self._in], [], [], 0)[0]:
            return
        for message in self._messages():
            if "claimed" in message:
                self._answers.extend(bool(c) for c in message["claimed"])
            alone = "alone" in message
            for value in message["alone"] if alone else message.get("batch", ()):
                self._given.append((item_in(value), alone))

    def _messages(self) -> list[Message]:
        data = os.read(self._in, 1 << 18)
        if not data:
            raise _Gone
        return list(self._inbox.feed(data))


def _outermost(walk: Generator[Prepared, None, None]) -> Generator[Prepared, None, None]:
    """The file itself, without what it holds."""
    with closing(walk):
        yield next(walk)


def main() -> None:
    """Take over standard input and output; whatever a library prints goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    inlet, outlet = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        Worker(inlet, outlet).run()
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
