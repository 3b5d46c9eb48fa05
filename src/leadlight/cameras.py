"""Enrolling cameras by the noise of their sensors, and comparing pictures with them, without a case.

Pictures are read and decoded in this process: enrol from pictures that were taken for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import CameraUnusable, ContentError, EvidenceError, LeadlightError, UsageError
from leadlight.plugins import Registry
from leadlight.raster import Picture
from leadlight.records import Item, display_name, display_text
from leadlight.records.examined import Examined
from leadlight.scan import source_for
from leadlight.seams import Source
from leadlight.sensornoise import camerafile
from leadlight.sensornoise.camerafile import SUFFIX, Described
from leadlight.sensornoise.compare import Found, Frame, correlation, query_of
from leadlight.sensornoise.estimate import LEAST_AGREEMENT, Estimate
from leadlight.sensornoise.likelihood import best, log10_lr, words
from leadlight.sensornoise.residue import LEAST, luma_of, residue_of, sound
from leadlight.sensornoise.wavelet import Plane
from leadlight.version import __version__

LEAST_PICTURES: Final = 20
"""With fewer pictures of nature a pattern is too weak; of flat, even ones half as many would do."""
COPY: Final = 0.3
"""From this correlation of their noise on, one picture is a copy of another: two of one camera stay far below."""
_BLOCK: Final = 256
_LEAST_SOUND: Final = 0.5


@dataclass(slots=True)
class Enrolment:
    """What was enrolled, and what was left out."""

    out: Path
    described: Described | None = None
    """None until it is written."""
    left_out: list[str] = field(default_factory=list)
    """Files that were not taken, as safe text, each with why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One file, compared with one camera."""

    path: str
    """As safe text."""
    sha256: str | None = None
    found: Found | None = None
    """None where it could not be compared: then `failure` says why."""
    log10_lr: float = 0.0
    """Above 0 for 'taken by this camera', below for 'by another'."""
    words: str = ""
    failure: str = ""
    enrolled: bool = False
    """The camera was enrolled from this very picture: then the comparison says nothing."""


@dataclass(frozen=True, slots=True)
class _Opened:
    path: str
    sha256: str | None = None
    picture: Picture | None = None
    failure: str = ""


def enrol(
    name: str,
    files: Iterable[Path],
    *,
    settings: Settings,
    plugins: Registry,
    out: Path | None = None,
    force: bool = False,
    least: int = LEAST_PICTURES,
    progress: Callable[[int], None] = lambda pictures: None,
) -> Enrolment:
    """Estimate the pattern of a camera from its pictures, and write it to `out` (NAME.camera where not given).

    Folders are taken with all files in them. Raises CameraUnusable where the pictures are fewer than `least`, of
    several sizes, or share no pattern; UsageError for a name or a place that can't be used; EvidenceError for a
    path that can't be read; OSError where `out` can't be written.
    """
    shown = display_text(" ".join(name.split()), camerafile.LONGEST_NAME)
    if not shown or shown != name:
        raise UsageError(
            f"is no name of 1 to {camerafile.LONGEST_NAME} printable characters",
            subject=display_text(name, 40),
            advice="Choose a name for people, such as 'Phone A'.",
        )
    files = list(files)
    stem = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "camera"
    enrolment = Enrolment(out or Path(f"{stem}{SUFFIX}"))
    _refuse(enrolment.out, files, force=force)
    taken = _Taken()
    for opened in _pictures(files, settings, plugins):
        fault = opened.failure if opened.picture is None else taken.add(opened, opened.picture)
        if fault:
            enrolment.left_out.append(f"{opened.path}: {fault}")
        progress(len(taken.digests))
    if taken.estimate is None or len(taken.digests) < least:
        raise CameraUnusable(
            f"has {len(taken.digests)} pictures that can be used, and {least} are needed{_why(enrolment)}",
            subject=name,
            advice="Take more with the camera: even, bright, not full ones (a white wall out of focus) are best.",
        )
    agreement = taken.estimate.agreement()
    if agreement < LEAST_AGREEMENT:
        raise CameraUnusable(
            f"its pictures share no pattern: their halves agree by {agreement:.1f} standard deviations, and "
            f"{LEAST_AGREEMENT:g} are needed",
            subject=name,
            advice="Take them with one camera, in one orientation, as it stores them, not cut or made smaller.",
        )
    pattern = taken.estimate.pattern()
    described = Described(
        name=name,
        width=pattern.shape[1],
        height=pattern.shape[0],
        pictures=tuple(sorted(taken.digests)),
        agreement=round(agreement, 1),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        software=__version__,
    )
    camerafile.write(enrolment.out, described, pattern)
    enrolment.described = described
    return enrolment


def compare(
    camera: Path, files: Iterable[Path], *, settings: Settings, plugins: Registry, ladder: bool = False
) -> Iterator[Compared]:
    """Compare pictures with an enrolled camera, in the order given. Folders are taken with all files in them.

    With `ladder`, cut pictures are looked for at all scales too. Raises CameraUnusable where `camera` can't be
    used, and EvidenceError for a path that can't be read.
    """
    enrolled = camerafile.opened(camera)
    frame = Frame(enrolled.pattern())
    name = enrolled.described.name
    for opened in _pictures(files, settings, plugins):
        fault = opened.failure or (_unfit(opened.picture) if opened.picture is not None else "holds no picture")
        if fault or opened.picture is None:
            yield Compared(opened.path, opened.sha256, failure=fault)
            continue
        found = best(frame.matches(query_of(luma_of(opened.picture.pixels)), ladder=ladder))
        if found is None:
            what = "is larger than the camera's pictures, or of another shape: it can't be compared as it is"
            yield Compared(opened.path, opened.sha256, failure=what)
            continue
        ratio = log10_lr(found)
        own = opened.sha256 in enrolled.described.pictures
        said = "the camera was enrolled from this very picture" if own else words(name, ratio)
        yield Compared(opened.path, opened.sha256, found, 0.0 if own else ratio, said, enrolled=own)


class _Taken:
    """The pictures of a camera so far. Raises CameraUnusable for a picture of another size."""

    def __init__(self) -> None:
        self.estimate: Estimate | None = None
        self.digests: set[str] = set()
        self._first = ""
        self._size = (0, 0)
        self._blocks: list[Plane] = []

    def add(self, opened: _Opened, picture: Picture) -> str:
        """Take a picture; or why not."""
        if opened.sha256 is None or opened.sha256 in self.digests:
            return "the same file again"
        if fault := _unfit(picture):
            return fault
        luma = luma_of(picture.pixels)
        if sound(luma).mean() < _LEAST_SOUND:
            return "more than half of it is full or dark"
        if self.estimate is None:
            self.estimate = Estimate(*luma.shape)
            self._first, self._size = opened.path, (picture.width, picture.height)
        elif (picture.width, picture.height) != self._size:
            raise CameraUnusable(
                f"is {picture.width} × {picture.height} pixels as stored, and {self._first} is "
                f"{self._size[0]} × {self._size[1]}",
                subject=opened.path,
                advice="Enrol pictures of one size and one orientation: each size as a camera of its own.",
            )
        block = _block(luma)
        if any(correlation(block, b) / _BLOCK >= COPY for b in self._blocks):
            return "a near-copy of another"
        self._blocks.append(block)
        self.digests.add(opened.sha256)
        self.estimate.add(luma)
        return ""


def _block(luma: Plane) -> Plane:
    """The noise in the middle of a picture: shape (256, 256)."""
    top, left = ((side - _BLOCK) // 2 for side in luma.shape)
    return residue_of(np.ascontiguousarray(luma[top : top + _BLOCK, left : left + _BLOCK]))


def _unfit(picture: Picture) -> str:
    """Why the noise of a picture can't be compared, or ''."""
    if picture.method != "full":
        return "only an embedded preview can be read, which is no longer as the sensor gave it"
    if not picture.complete:
        return "it is cut off or broken"
    if min(picture.width, picture.height) < LEAST:
        return f"it has fewer than {LEAST} pixels on a side"
    if picture.width * picture.height > camerafile.MOST_PIXELS:
        return f"it has more than {camerafile.MOST_PIXELS:,} pixels"
    return ""


def _why(enrolment: Enrolment) -> str:
    return f" ({len(enrolment.left_out)} were left out: {enrolment.left_out[0]})" if enrolment.left_out else ""


def _refuse(out: Path, files: Iterable[Path], *, force: bool) -> None:
    subject = display_name(os.fsencode(out))
    real = out.resolve()
    if any(real == f.resolve() or (f.is_dir() and real.is_relative_to(f.resolve())) for f in files):
        raise UsageError(
            "lies among the pictures of the camera, which are never written to",
            subject=subject,
            advice="Name a file elsewhere with --out.",
        )
    if os.path.lexists(out) and not force:
        raise UsageError(
            "is there already", subject=subject, advice="Name another with --out, or give --force to overwrite it."
        )


def _pictures(files: Iterable[Path], settings: Settings, plugins: Registry) -> Iterator[_Opened]:
    """The first picture of each file, in order."""
    found = chain.from_iterable(_items(path, plugins) for path in files)
    for source, item in found:
        if isinstance(item, Examined):
            why = next((f.statement for f in item.of_place), "it can't be read")
            yield _Opened(str(item.item.place), failure=display_text(why, 200))
        else:
            yield _opened(source, item, settings, plugins)


def _items(path: Path, plugins: Registry) -> Iterator[tuple[Source, Item | Examined]]:
    source = source_for(path, plugins.sources)
    for item in source.items(path):
        yield source, item


def _opened(source: Source, item: Item, settings: Settings, plugins: Registry) -> _Opened:
    place, sha256 = str(item.place), None
    content: Content | None = None
    try:
        with source.open(item) as stream:
            content = Content.read(
                stream, hashers=plugins.hashers.hashers(), limits=settings.limits, subject=place
            )
        sha256 = content.sha256
        content.decoder = plugins.decoder
        content.filetype = plugins.identifier.identify(content)
        if content.filetype.family != "picture":
            return _Opened(place, sha256, failure=f"is no picture but {content.filetype.label}")
        return _Opened(place, sha256, content.picture())
    except (ContentError, EvidenceError) as e:
        return _Opened(place, sha256, failure=e.what)
    except LeadlightError:
        raise
    except Exception as e:
        return _Opened(place, sha256, failure=f"can't be read ({type(e).__name__})")
    finally:
        if content is not None:
            content.close()
