"""Standard output and error as they come: closed, full, without a reader, or in an encoding that lacks letters."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from leadlight.errors import LeadlightError
from leadlight.records import display_name, display_text


def prepare() -> None:
    """Make both streams safe to write to: letters the encoding lacks are escaped, closed streams lead nowhere."""
    with suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass  # else the next file opened, the record even, would become standard output
        os.close(handle)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors="backslashreplace")


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """A reader that has seen enough (`| head`) ends the printing, and nothing else: the exit code stays."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        to_nowhere()
    except SystemExit as e:
        if e.code != 1:  # 1: how the libraries that print say the same
            raise
        to_nowhere()


def to_nowhere() -> None:
    """Standard output leads nowhere from now on, so that nothing fails when the process ends."""
    with suppress(OSError, ValueError):
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, sys.stdout.fileno())
        os.close(handle)


def said(error: LeadlightError) -> str:
    """An error as one line that is safe to print, whatever bytes of evidence it names."""
    head = _plain(error.what)
    if error.subject:
        head = f"{_plain(error.subject)}: {head}"
    return f"{head.rstrip('.')}. {_plain(error.advice)}"


def _plain(text: str) -> str:
    try:
        return display_name(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return display_text(text)
