"""The list of an index file: which of its files count, replaced as a whole; and the lock of its one writer."""

from __future__ import annotations

import fcntl
import json
import os
import re
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from leadlight.durable import settle
from leadlight.errors import CaseBusy, CaseMissing
from leadlight.radius.segment import damaged

LIST, LOCK = "index", "lock"
VERSION = 2
_HEAD = re.compile(rb"leadlight radius index (\d{1,9}) ([0-9a-f]{64})\n")
_NAME = re.compile(r"(segment|tail|removed)-[0-9]{1,18}")
_KINDS = {"segments": list, "tail": str, "number": int, "note": str}


def stat_of(path: Path) -> tuple[int, ...]:
    """What changes with every new list. Raises CaseMissing where there is none."""
    try:
        found = (path / LIST).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _missing(path: Path) -> CaseMissing:
    return CaseMissing("no radius index here", subject=str(path), advice="Create it, or give another path.")


def locked(path: Path) -> IO[bytes]:
    """The writer's lock, held while open. Raises CaseBusy, or CaseMissing where there is no index."""
    try:
        file = (path / LOCK).open("ab")
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CaseBusy(
            "another process is writing to this index", subject=str(path), advice="Wait until it ends."
        ) from None
    return file


def facts_of(path: Path, raw: bytes) -> dict[str, Any]:
    """What the list says: `segments` (names, digests of headers), `tail`, `removed`, `number`, `note`.

    Raises IndexDamaged.
    """
    head = _HEAD.match(raw)
    if head is None:
        raise damaged(path, "not the list of a radius index")
    if int(head[1]) != VERSION:
        raise damaged(path, f"written in version {int(head[1])}; this reads {VERSION}")
    body = raw[head.end() :]
    if blake2b(body, digest_size=32).hexdigest().encode() != head[2]:
        raise damaged(path, "does not match its checksum")
    try:
        facts = json.loads(body)
        kinds = {k: type(v) for k, v in facts.items()}
        named = [(str(name), str(head)) for name, head in facts["segments"]]
    except (ValueError, AttributeError, RecursionError, KeyError, TypeError):
        kinds, named = {}, []
    removed = kinds.pop("removed", dict)
    if kinds != _KINDS or removed not in (str, type(None)):
        raise damaged(path, "does not say what a list says")
    files = [*(name for name, _ in named), facts["tail"], *([facts["removed"]] if facts["removed"] else [])]
    if not all(_NAME.fullmatch(name) for name in files):
        raise damaged(path, "names files that are none of an index")
    return {**facts, "segments": named}


def publish(path: Path, facts: dict[str, Any]) -> None:
    """Make this the list: a reader finds the one before it or this one."""
    body = json.dumps(facts, sort_keys=True).encode()
    head = f"leadlight radius index {VERSION} {blake2b(body, digest_size=32).hexdigest()}\n".encode()
    replaced(path / LIST, head + body)


def replaced(path: Path, raw: bytes) -> None:
    """Write a file as a whole or not at all, on disk when this returns."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    settle(path.parent)
