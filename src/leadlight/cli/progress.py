"""Progress on standard error, and only where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from leadlight.seams import Progress

_EVERY = 0.25


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A callback that shows progress while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield lambda progress: None
        return
    console = Console(stderr=True)
    last = 0.0
    with Live(Text("listing the evidence …"), console=console, transient=True, auto_refresh=False) as live:

        def show(progress: Progress) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _EVERY:
                last = now
                live.update(Text(line(progress, datetime.now(UTC))), refresh=True)

        yield show


@contextmanager
def shown_count(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback that shows how many of how many are done while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, of: None
        return
    begun = last = time.monotonic()
    with Live(Text(f"reading {what} …"), console=Console(stderr=True), transient=True, auto_refresh=False) as live:

        def show(done: int, of: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _EVERY:
                last = now
                left = span((now - begun) / done * (of - done))
                live.update(Text(f"{done:,} of {of:,} {what} · about {left} left"), refresh=True)

        yield show


def line(progress: Progress, now: datetime) -> str:
    """One line: files, contents, bytes, rate, failures, time left as a range."""
    seconds = max((now - progress.started).total_seconds(), 1e-3)
    parts = [
        f"{progress.items:,} files",
        f"{progress.contents:,} contents",
        size(progress.bytes),
        f"{progress.items / seconds:,.0f} files/s",
        f"{size(round(progress.bytes / seconds))}/s",
        f"{progress.failures:,} failures",
    ]
    left = time_left(progress, seconds)
    if left:
        parts.append(left)
    return " · ".join(parts)


def time_left(progress: Progress, seconds: float) -> str:
    """A range from the rates by files and by bytes; '' until there is something to go by. Never negative."""
    if progress.finished < 20 or seconds < 2:
        return ""
    shares = [progress.finished / max(progress.listed, 1)]
    if progress.bytes_listed:
        shares.append(progress.bytes_finished / progress.bytes_listed)
    left = sorted(max(0.0, seconds * (1 - s) / s) for s in shares if s > 0)
    if not left:
        return ""
    low, high = left[0] * 0.8, left[-1] * 1.3
    more = " or more: still listing" if progress.listing else ""
    return f"{span(low)} to {span(high)} left{more}"


def span(seconds: float) -> str:
    """A time for people: '40 s', '12 min', '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Bytes for people, in powers of ten."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError
