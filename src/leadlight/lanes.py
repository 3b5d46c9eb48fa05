"""Several running digests of one stream, side by side where that is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from leadlight.config import MIB

APART_FROM = 16 * MIB
"""Bytes after which each digest has a thread of its own: what is smaller is done before threads would pay."""


class Lanes:
    """Feeds each chunk to all of `updates`, in turn at first, then each in a thread while the next chunk is read.

    The digests of hashlib and blake3 let go of the interpreter meanwhile, so a large content takes as long as
    the slowest of them (MD5) on as many cores, and no longer than before where the cores are taken.
    """

    def __init__(self, updates: Sequence[Callable[[bytes], object]]) -> None:
        self._updates = updates
        self._fed = 0
        self._pool: ThreadPoolExecutor | None = None
        self._running: list[Future[object]] = []

    def feed(self, chunk: bytes) -> None:
        """The next bytes; at most these and those before them are held."""
        self._fed += len(chunk)
        if self._fed <= APART_FROM or len(self._updates) < 2 or os.cpu_count() == 1:
            for update in self._updates:
                update(chunk)
            return
        self._settle()
        self._pool = self._pool or ThreadPoolExecutor(len(self._updates), "digest")
        self._running = [self._pool.submit(update, chunk) for update in self._updates]

    def close(self) -> None:
        """All that was fed is digested, and no thread is left."""
        if self._pool is not None:
            self._pool.shutdown()
            self._settle()

    def _settle(self) -> None:
        running, self._running = self._running, []
        for future in running:
            future.result()
