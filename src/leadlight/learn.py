"""Learning local features from pictures that a unit may keep: a list to find their parts and turned copies by."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from leadlight.config import Settings
from leadlight.errors import UsageError
from leadlight.keypoints import listing
from leadlight.keypoints.listing import Learnt
from leadlight.pipeline import Pipeline
from leadlight.plugins import Registry
from leadlight.records import ListKind, display_name, display_text
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.scan import source_for
from leadlight.seams import Source
from leadlight.version import __version__

_NEEDED = (kinds.FILETYPE, kinds.DIGEST, kinds.PICTURE, kinds.PDQ, kinds.FEATURES)


@dataclass(slots=True)
class Lesson:
    """What was learnt."""

    pictures: int = 0
    """Written to the list; the same picture found twice is written once."""
    flat: int = 0
    """Pictures too flat or too small to have features: on the list by SHA-256 and PDQ alone."""
    others: int = 0
    """Files that are no picture."""
    failed: list[str] = field(default_factory=list)
    """Places that could not be read, as safe text, with why."""


def learn(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    plugins: Registry,
    name: str = "",
    kind: ListKind = ListKind.KNOWN,
    force: bool = False,
    progress: Callable[[Lesson], None] = lambda lesson: None,
) -> Lesson:
    """Write the features of all pictures below `folder` to `out`, whole or not at all.

    Raises ConfigError where features can't be taken here; UsageError where `out` lies in `folder`, or is there
    already and `force` is not given; EvidenceError where `folder` can't be read; OSError where `out` can't be
    written.
    """
    settings = replace(settings, features="on", hashing="exact")
    plugins.check(settings)
    if kind is ListKind.BENIGN:
        raise UsageError(
            "features are learnt of what is searched for",
            subject=str(kind),
            advice="Give --kind known or --kind generated.",
        )
    _refuse(folder, out, force)
    source = source_for(folder, plugins.sources)
    needed = tuple(a for a in plugins.analysers if a.gives & set(_NEEDED))
    lesson = Lesson()
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w+b") as stream:
            lesson.pictures = listing.write(
                stream,
                _learnt(folder, source, Pipeline(replace(plugins, analysers=needed), settings), lesson, progress),
                name=display_text(name or folder.resolve().name or "features", 200),
                kind=str(kind),
                made=datetime.now(UTC).isoformat(timespec="seconds"),
                software=__version__,
            )
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return lesson


def _refuse(folder: Path, out: Path, force: bool) -> None:
    shown = display_name(os.fsencode(out))
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "lies within the pictures to learn from, which are never written to",
            subject=shown,
            advice="Name a file elsewhere with --out.",
        )
    if os.path.lexists(out) and not force:
        raise UsageError(
            "is there already", subject=shown, advice="Name another file, or give --force to overwrite it."
        )


def _learnt(
    folder: Path, source: Source, pipeline: Pipeline, lesson: Lesson, progress: Callable[[Lesson], None]
) -> Iterator[Learnt]:
    for found in source.items(folder):
        if isinstance(found, Examined):
            _note(found, lesson)
            continue
        for examined in pipeline.examine(found, lambda item=found: source.open(item)):  # type: ignore[misc]
            one = _note(examined, lesson)
            if one is not None:
                yield one
            progress(lesson)


def _note(examined: Examined, lesson: Lesson) -> Learnt | None:
    """What is kept of one file, counted; None for what is no picture, is a container, or can't be read."""
    said = [*examined.of_place, *(examined.of_content or ())]
    failure = next((f for f in said if f.kind == kinds.FAILURE), None)
    first = {f.kind: f.payload for f in reversed(said)}
    if examined.sha256 is None or kinds.PICTURE not in first:
        if failure is not None:
            lesson.failed.append(f"{examined.item.place}: {display_text(failure.statement, 200)}")
        elif not examined.container:
            lesson.others += 1
        return None
    pdq = first.get(kinds.PDQ)
    record = base64.b64decode(first[kinds.FEATURES]["value"]) if kinds.FEATURES in first else b""
    lesson.flat += not record
    return Learnt(
        sha256=bytes.fromhex(examined.sha256),
        pdq=bytes.fromhex(pdq["value"]) if pdq else None,
        quality=int(pdq["quality"]) if pdq else 0,
        record=record,
    )
