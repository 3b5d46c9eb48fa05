"""What was found, and where: Place, Times, Item."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import dataclass
from datetime import datetime

SEPARATOR = "!/"
"""Stands between a container and what lies in it, when a place is shown as text."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def display_name(raw: bytes) -> str:
    r"""A name as text that is safe to print: control, bidirectional and invalid bytes as ``\x..`` or ``\u....``.

    Names in evidence are hostile: an escape sequence can rewrite a terminal, a right-to-left mark can turn
    ``gpj.exe`` into ``exe.jpg``. The exact bytes stay in the record; this is only for eyes.
    """
    return display_text(raw.decode("utf-8", "backslashreplace"))


def display_text(text: str, longest: int = 4096) -> str:
    """Text from evidence, safe to print: the escapes of `display_name`, cut at `longest` characters."""
    if len(text) > longest:
        text = text[:longest] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c == " " or unicodedata.category(c) not in _HIDDEN else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a file was found: a chain from the medium down to it."""

    root: bytes
    """The medium or folder the operator named: an absolute path in the file system's own bytes."""
    steps: tuple[bytes, ...]
    """First the path below `root` (empty when root is the file), then one name for each container opened."""

    @property
    def key(self) -> str:
        """The SHA-256, in hex, of the chain: the same on every run, whatever the names hold."""
        digest = hashlib.sha256()
        for part in (self.root, *self.steps):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()

    @property
    def outer(self) -> bytes:
        """The file on the medium itself, as the file system's bytes."""
        return os.path.join(self.root, self.steps[0]) if self.steps and self.steps[0] else self.root  # noqa: PTH118

    @property
    def name(self) -> bytes:
        """The last name of the chain, without folders."""
        last = self.steps[-1] if len(self.steps) > 1 else self.outer
        return last.replace(b"\\", b"/").rstrip(b"/").rsplit(b"/", 1)[-1]

    @property
    def depth(self) -> int:
        """How many containers were opened to reach it: 0 for a file that lies in the open."""
        return max(0, len(self.steps) - 1)

    @property
    def path(self) -> str:
        """The path within the innermost container, or on the medium, as safe text."""
        return display_name(self.steps[-1] if len(self.steps) > 1 else self.outer)

    @property
    def within(self) -> str | None:
        """The chain of containers around it as safe text, outermost first, or None in the open."""
        if not self.depth:
            return None
        return SEPARATOR.join(display_name(p) for p in (self.outer, *self.steps[1:-1]))

    @property
    def folder(self) -> str:
        """The folder that holds it, containers included: what 'company' means in triage."""
        parent = self.path.replace("\\", "/").rpartition("/")[0]
        return f"{self.within}{SEPARATOR}{parent}" if self.within else parent

    def inside(self, name: bytes) -> Place:
        """The place of a member `name` in the container that lies here."""
        return Place(self.root, (*(self.steps or (b"",)), name))

    def __str__(self) -> str:
        """The whole chain as safe text."""
        return f"{self.within}{SEPARATOR}{self.path}" if self.within else self.path


@dataclass(frozen=True, slots=True)
class Times:
    """The times that a file system or container states, in UTC. Anyone can set them."""

    modified: datetime | None = None
    created: datetime | None = None
    accessed: datetime | None = None
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One file as found: its place, size and times. What it holds is named by digest, elsewhere."""

    place: Place
    source: str
    """The name of the source or unpacker that gave it."""
    size: int | None = None
    """Bytes, as the container or file system states it; None where it states none."""
    times: Times = Times()
