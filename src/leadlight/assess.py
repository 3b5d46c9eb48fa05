"""What files say of their origin, without a case. They are read in worker processes, caged as in a scan."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from leadlight.config import Settings
from leadlight.engine.local import LocalEngine
from leadlight.errors import EvidenceError
from leadlight.origin import weigh
from leadlight.plugins import Registry
from leadlight.policy import load_policy
from leadlight.records import Assessment, Filed, Finding, Item, display_name
from leadlight.records.examined import Examined
from leadlight.roots import real_path, why_no_file


def assess(paths: Iterable[Path], settings: Settings, plugins: Registry) -> Iterator[Assessment]:
    """One assessment a file, in the order given; of an archive itself, not of what it holds.

    Raises EvidenceError for a path that is no readable file, before any file is read.
    """
    policy = load_policy(settings.profile)
    named = [(path, _found(path, plugins)) for path in paths]
    desk = _Desk(found for _, found in named if isinstance(found, Examined))
    items = {found.place.key: found for _, found in named if isinstance(found, Item)}
    if items:
        engine = LocalEngine(
            replace(settings, jobs=min(settings.worker_count(), len(items))),
            roots=sorted({os.fsencode(real_path(path)) for path, _ in named}),
            members=False,
        )
        engine.run(iter(items.values()), desk)
    for path, found in named:
        sha256, findings = desk.said((found.item if isinstance(found, Examined) else found).place.key)
        yield Assessment(
            path=str(path),
            sha256=sha256,
            origin=weigh([Filed("", f) for f in findings], policy.origin),
            findings=findings,
        )


def _found(path: Path, plugins: Registry) -> Item | Examined:
    subject = display_name(os.fsencode(path))
    if os.path.isdir(path):  # noqa: PTH112 (a folder that can't be entered is no fault)
        raise EvidenceError(
            "is a folder; 'origin' looks at files", subject=subject, advice="Use 'leadlight triage' for it."
        )
    source = next((s for s in plugins.sources if s.detect(path)), None)
    first = None if source is None else next(iter(source.items(path)), None)
    if first is None:
        raise EvidenceError(why_no_file(path), subject=subject, advice="Name a file.")
    return first


class _Desk:
    """Keeps what the workers say, by place, and of each content once."""

    def __init__(self, there: Iterable[Examined]) -> None:
        self._claimed: set[str] = set()
        self._places: dict[str, list[Examined]] = {}
        self._contents: dict[str, tuple[Finding, ...]] = {}
        for examined in there:
            self.take(examined)

    def said(self, key: str) -> tuple[str | None, tuple[Finding, ...]]:
        """The SHA-256 of the file of this place, and all that was said, of the place first."""
        taken = self._places.get(key, [])
        sha256 = next((e.sha256 for e in taken if e.sha256 is not None), None)
        of_place = [f for e in taken for f in e.of_place]
        return sha256, (*of_place, *self._contents.get(sha256 or "", ()))

    # -- seams.Desk

    def claims(self, sha256s: Sequence[str]) -> list[bool]:
        granted = []
        for sha256 in sha256s:
            granted.append(sha256 not in self._claimed)
            self._claimed.add(sha256)
        return granted

    def release(self, sha256: str) -> None:
        self._claimed.discard(sha256)

    def take(self, examined: Examined) -> None:
        self._places.setdefault(examined.item.place.key, []).append(examined)
        if examined.sha256 is not None and examined.of_content is not None:
            self._contents[examined.sha256] = examined.of_content

    def finish(self, item: Item) -> None:
        """All that a file says is kept as it comes."""
