"""What a target is: bytes in, nothing out, and only the errors that its parser promises."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from leadlight.config import MIB, Limits
from leadlight.errors import ContentError, LeadlightError

LIMITS = Limits(
    depth=3,
    members=300,
    member_bytes=4 * MIB,
    total_bytes=8 * MIB,
    memory_bytes=8 * MIB,
    pixels=1_000_000,
    side=20_000,
    frames=2,
    metadata_bytes=256 * 1024,
)
"""So low that mutated inputs meet them."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser under test, with what it may raise and where to begin."""

    run: Callable[[bytes], None]
    """Parses, and asserts what must hold of the result (its oracle). Raises `refused` and nothing else."""
    seeds: Callable[[], Iterable[bytes]]
    """Sound inputs, built by program; the same on every call."""
    refused: tuple[type[BaseException], ...] = (ContentError,)
    tokens: tuple[bytes, ...] = ()
    """Words of the format, for the mutators."""
    longest: int = 8192
    """Bytes of one input."""
    quick: int = 150
    """Mutated inputs in the run that belongs to the tests."""
    native: bool = False
    """Whether compiled code of our own reads the bytes."""

    def __call__(self, data: bytes) -> None:
        """Run on one input. What is refused must say what happened, in words that can be printed, and advise."""
        try:
            self.run(data)
        except self.refused as error:
            if isinstance(error, LeadlightError):
                assert error.what, repr(error)
                assert error.advice, repr(error)
                assert str(error).isprintable(), repr(error)


@cache
def scratch() -> Path:
    """A folder for readers that take a path: in memory where the system has such, gone at exit."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="leadlight-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
