"""A worker process: takes files by place, examines them, says what it found. Holds no case and no network.

Started as ``python -m leadlight.engine.worker``; speaks `channel` messages on its standard input and output.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections import deque

from leadlight.config import from_plain
from leadlight.engine import cage
from leadlight.engine.channel import Inbox, Message, examined_out, send
from leadlight.errors import LeadlightError
from leadlight.pipeline import Pipeline
from leadlight.plugins import Registry, registry
from leadlight.records import Item
from leadlight.records.codec import item_in, item_out


class Worker:
    """One conversation with the scan."""

    def __init__(self, inlet: int, outlet: int) -> None:
        self._in = inlet
        self._out = outlet
        self._inbox = Inbox()
        self._whole: deque[Message] = deque()
        self._waiting: deque[Message] = deque()

    def run(self) -> None:
        """Serve until told to stop or the scan is gone."""
        first = self._next()
        if first is None:
            return
        plugins = registry()
        try:
            settings = from_plain(first["settings"])
            pipeline = Pipeline(plugins, settings)
            caged = cage.close(first.get("cage"), settings)
        except LeadlightError as e:
            send(self._out, {"refused": [e.what, e.subject, e.advice]})
            return
        send(self._out, {"ready": True, "cage": caged})
        while (message := self._next()) is not None:
            if message.get("stop"):
                return
            for value in message["batch"]:
                self._examine(pipeline, plugins, item_in(value))
            send(self._out, {"ready": True})

    def _examine(self, pipeline: Pipeline, plugins: Registry, item: Item) -> None:
        send(self._out, {"start": item.place.key})
        source = next(s for s in plugins.sources if s.name == item.source)
        for examined in pipeline.examine(
            item, lambda: source.open(item), claim=self._claim, tick=lambda: send(self._out, {"tick": True})
        ):
            send(self._out, {"examined": examined_out(examined)})
        send(self._out, {"finish": item_out(item)})

    def _claim(self, sha256: str, item: Item) -> bool:
        send(self._out, {"claim": sha256, "item": item_out(item)})
        while True:
            message = self._receive()
            if message is None:
                raise SystemExit(0)
            if "claimed" in message:
                return bool(message["claimed"])
            self._waiting.append(message)

    def _next(self) -> Message | None:
        return self._waiting.popleft() if self._waiting else self._receive()

    def _receive(self) -> Message | None:
        while not self._whole:
            data = os.read(self._in, 1 << 16)
            if not data:
                return None
            self._whole.extend(self._inbox.feed(data))
        return self._whole.popleft()


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
