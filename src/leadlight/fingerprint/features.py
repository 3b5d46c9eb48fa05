"""Local features of pictures, taken where the operator asks for them: they find parts and turned copies.

ORB: Rublee, Rabaud, Konolige and Bradski, 'ORB: an efficient alternative to SIFT or SURF', ICCV 2011, as OpenCV
has it. Features are found on a plane of about 200,000 samples, whatever the picture's size, and the strongest of
each part of the picture are kept, so that any part of it can be found again. Mirrored pictures are not found so.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np

from leadlight.chart import chart_png
from leadlight.config import Settings
from leadlight.content import Content
from leadlight.keypoints.record import FEWEST, LONGEST, MOST, OCTAVES, PATCH, STEP, packed, unpacked
from leadlight.raster import Luma, Reduced
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

AREA = 512 * 384
"""Samples of the plane on which features are found: with twice as many none of the edits measured is found better,
and screenshots are found worse.
"""
ENLARGED = 2.0
"""At most so much are small pictures enlarged."""
LEAST = 63
"""Samples a side below which no feature fits."""
SLIMMEST = 16
"""Times that one side may be the other: what is slimmer is a strip, not a picture."""
FOUND = 1500
"""Features found, of which the strongest of each part are kept."""
CONTRAST = 10
"""Steps of grey, of 256, that a corner stands out by."""
CELLS = 8
"""Parts along the longer side."""


def features(reduced: Reduced) -> bytes:
    """The record of a picture's local features (see `keypoints.record`); b'' where too flat, small or slim."""
    height, width = reduced.luma.shape
    if max(reduced.width, reduced.height) > LONGEST or max(height, width) > SLIMMEST * min(height, width):
        return b""
    plane = _plane(reduced.luma)
    if min(plane.shape) < LEAST:
        return b""
    rows, bits = _described(plane)
    if len(rows) < FEWEST:
        return b""
    return packed((reduced.width, reduced.height), max(plane.shape), rows, bits)


def _plane(luma: Luma) -> Any:
    import cv2

    height, width = luma.shape
    scale = min(ENLARGED, (AREA / (height * width)) ** 0.5)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _described(plane: Any) -> tuple[Any, Any]:
    """Rows of (x, y, octave, angle), and the bits of each; at most MOST, the strongest of each part first."""
    import cv2

    cv2.setNumThreads(1)  # one worker a core already
    orb = cv2.ORB.create(
        nfeatures=FOUND,
        scaleFactor=STEP,
        nlevels=OCTAVES,
        edgeThreshold=20,
        fastThreshold=CONTRAST,
        patchSize=int(PATCH),
    )
    found = orb.detect(plane, None)
    if len(found) < FEWEST:
        return np.empty((0, 4)), None
    kept, bits = orb.compute(plane, [found[n] for n in _strongest(found, max(plane.shape))])
    if bits is None:
        return np.empty((0, 4)), None
    return np.array([[*k.pt, k.octave, k.angle] for k in kept], dtype=np.float32), bits


def _strongest(found: Any, side: int) -> Any:
    """The strongest of each cell, then the second of each, and so on; ties by place, so that runs agree."""
    x, y, strength = (np.array(v) for v in zip(*((*k.pt, k.response) for k in found), strict=True))
    column, row = (np.minimum(v * CELLS / side, CELLS - 1).astype(np.int64) for v in (x, y))
    cell = row * CELLS + column
    order = np.lexsort((x, y, -strength, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return order[np.lexsort((-strength[order], rank))][:MOST]


class Features:
    """One finding for a picture that has enough features. `PLUGIN` takes none: `configure` says whether to."""

    name = "fingerprint.features"
    version = "1"
    extra = "features"
    requires: tuple[str, ...] = ("cv2",)
    needs = frozenset({finding.PICTURE, finding.PDQ})
    gives = frozenset({finding.FEATURES})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def __init__(self, *, wanted: bool = False) -> None:
        self._wanted = wanted

    def configure(self, settings: Settings) -> Features:
        """Takes features where `settings.features` is 'on'."""
        return Features(wanted=settings.features == "on")

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        if not self._wanted:
            return
        record = features(content.reduced())
        if record:
            count = len(unpacked(record))
            yield Finding(
                analyser=self.name,
                version=self.version,
                kind=finding.FEATURES,
                statement=f"{count} local features, to find parts and turned copies of it by.",
                payload={"algorithm": "orb", "features": count, "value": base64.b64encode(record).decode("ascii")},
            )

    def examples(self) -> tuple[Example, ...]:
        return (Example("landscape, where none are asked for", lambda: chart_png(300, 200, 1), ()),)


PLUGIN = Features()
