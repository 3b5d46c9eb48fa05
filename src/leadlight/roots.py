"""The roots of the evidence: each read once, under one name, and never written to.

A root goes by its real path, so a link to a folder and the folder are one, in one run and across runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from leadlight.casefile import CASE_FILE, DATABASE_FILE, LOCK_FILE
from leadlight.errors import EvidenceError, UsageError
from leadlight.keypoints.listing import FOLDER as FEATURES_FOLDER
from leadlight.records import Act, Item, Place, display_name
from leadlight.records.examined import Examined
from leadlight.scan import source_for
from leadlight.seams import Source
from leadlight.store.check import digest_of
from leadlight.store.nearness import FOLDER as LISTS_FOLDER

REPORT_FILE = "report.html"
"""Where the report is written unless told: the one file in a case that may be written again."""


@dataclass(frozen=True, slots=True)
class Roots:
    """What the operator named, ready to be read."""

    kept: tuple[tuple[Path, Source], ...]
    """Real absolute paths in the order given, each with the source that opens it."""
    left_out: tuple[Path, ...]
    """Given as well, but already within another root, or the same."""


def check_evidence(paths: Sequence[str | Path], case: Path, sources: Sequence[Source]) -> Roots:
    """The roots of `paths`, checked before anything is written.

    Raises EvidenceError where a path can't be read; UsageError where the folder `case` lies within the evidence.
    """
    named = [Path(os.path.abspath(_given(p))) for p in paths]  # noqa: PTH100 (links stay, for the message)
    opened = {real_path(path): source_for(path, sources) for path in named}
    there = real_path(case)
    for root in opened:
        if within(there, root):
            raise UsageError(
                "the case lies within the evidence, which is never written to",
                subject=display_name(os.fsencode(case)),
                advice="Name a case folder elsewhere with --case.",
            )
    reals = [real_path(path) for path in named]
    kept, left_out = [], []
    for n, root in enumerate(reals):
        if root in reals[:n] or any(root != other and root.is_relative_to(other) for other in reals):
            left_out.append(named[n])
        else:
            kept.append((root, opened[root]))
    return Roots(tuple(kept), tuple(left_out))


def _given(path: str | Path) -> str | Path:
    if not os.fspath(path):
        raise EvidenceError("an empty path was given", advice="Name a folder, a file or an archive.")
    return path


def why_no_file(path: Path) -> str:
    """What stands at `path`, where that is no regular file, in words for an error."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except FileNotFoundError:
        return "there is no such file"
    except (OSError, ValueError) as e:
        return f"can't be read ({getattr(e, 'strerror', None) or e})"
    return "is a folder, not a file" if stat.S_ISDIR(mode) else "is a device, pipe or socket, not a file"


def real_path(path: Path) -> Path:
    """The absolute path with every link followed, as far as it exists."""
    return Path(os.path.realpath(path))


def within(path: Path, root: Path) -> bool:
    """Whether real path `path` is `root` or below it, by name or by what the file system says of its folders."""
    if path.is_relative_to(root):
        return True
    try:
        found = os.stat(root)  # noqa: PTH116
    except (OSError, ValueError):
        return False
    for folder in (path, *path.parents):
        try:
            if os.path.samestat(found, os.stat(folder)):  # noqa: PTH116
                return True
        except (OSError, ValueError):
            continue
    return False


# -- across runs


def recorded_roots(acts: Iterable[Act]) -> tuple[bytes, ...]:
    """The roots of all scans so far, exactly, the oldest first."""
    roots: dict[bytes, None] = {}
    for act in acts:
        if act.action != "scan.start":
            continue
        exact = [bytes.fromhex(r) for r in act.details.get("roots", ())]
        roots.update(dict.fromkeys(exact or [os.fsencode(r) for r in act.details.get("evidence", ())]))
    return tuple(roots)


@dataclass(frozen=True, slots=True)
class Anchored:
    """A source whose files go by the oldest root they lie in: a file that two roots reach is one file."""

    source: Source
    anchors: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def version(self) -> str:
        return self.source.version

    @property
    def extra(self) -> str | None:
        return self.source.extra

    @property
    def requires(self) -> tuple[str, ...]:
        return self.source.requires

    @property
    def priority(self) -> int:
        return self.source.priority

    def detect(self, locator: Path) -> bool:
        return self.source.detect(locator)

    def open(self, item: Item) -> BinaryIO:
        return self.source.open(item)

    def items(self, locator: Path) -> Iterator[Item | Examined]:
        """The source's files, each placed below its anchor."""
        for found in self.source.items(locator):
            if isinstance(found, Examined):
                yield replace(found, item=replace(found.item, place=self._placed(found.item.place)))
            else:
                yield replace(found, place=self._placed(found.place))

    def _placed(self, place: Place) -> Place:
        outer = place.outer
        for anchor in self.anchors:
            if anchor == place.root:
                return place
            if anchor == outer:
                return Place(anchor, place.steps[1:] and (b"", *place.steps[1:]))
            if outer.startswith(anchor.rstrip(b"/") + b"/"):
                return Place(anchor, (outer[len(anchor.rstrip(b"/")) + 1 :], *place.steps[1:]))
        return place


# -- what may be written, and taken away


def remove_new(folder: Path) -> None:
    """Remove the files of a case that was just made, and its folder where nothing else is in it."""
    for name in (CASE_FILE, DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", LOCK_FILE):
        (folder / name).unlink(missing_ok=True)
    for made in (FEATURES_FOLDER, LISTS_FOLDER):
        shutil.rmtree(folder / made, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def refuse_target(out: Path, case: Path, roots: Iterable[bytes], *, earlier: bool, force: bool) -> None:
    """Raise UsageError where an export to `out` would write into evidence, or over what is not its own.

    `roots` are all roots ever read for the case; `earlier` says that what stands at `out` is an earlier export.
    With `force` another file is overwritten, but never evidence and never the case's own record.
    """
    target, home = real_path(out), real_path(case)
    shown = display_name(os.fsencode(out))
    for raw in roots:
        root = real_path(Path(os.fsdecode(raw)))
        if within(target, root) or root.is_relative_to(target):
            raise UsageError(
                "lies within the evidence or holds it, and evidence is never written to",
                subject=shown,
                advice="Name a file elsewhere with --out.",
            )
    if home.is_relative_to(target) or (within(target, home) and _is_record(target, home)):
        raise UsageError(
            "is the case's own record",
            subject=shown,
            advice="Name another file with --out; the record stays as is.",
        )
    if os.path.lexists(out) and not (earlier or force or out.is_dir()):
        raise UsageError(
            "is there already, and is no earlier export of this case",
            subject=shown,
            advice="Name another file with --out, or give --force to overwrite this one.",
        )


def refuse_export(out: Path, case: Path, acts: Sequence[Act], *, force: bool) -> None:
    """`refuse_target` for what a case writes, by its own acts. Raises UsageError."""
    earlier = out == case / REPORT_FILE or _exported(out, acts)
    refuse_target(out, case, recorded_roots(acts), earlier=earlier, force=force)


def _exported(path: Path, acts: Iterable[Act]) -> bool:
    """Whether the file at `path` is, byte for byte, what this case exported earlier."""
    known = {digest for a in acts if a.action == "export" for digest, _ in a.details["files"]}
    if not known or not path.is_file():
        return False
    with path.open("rb") as stream:
        return digest_of(stream) in known


def _is_record(target: Path, home: Path) -> bool:
    name = target.name.casefold()
    own = (CASE_FILE, DATABASE_FILE, LOCK_FILE)
    if any(name.startswith(o) for o in own) or any(
        within(target, home / f) for f in (FEATURES_FOLDER, LISTS_FOLDER)
    ):
        return True
    for o in own:
        try:
            if target.samefile(home / o):
                return True
        except OSError:
            continue
    return False
