"""The noise of a sensor: which enrolled camera took a picture, and what links pictures of one camera.

Where the setting `sensor` is 'on'. A picture that shows the pattern of an enrolled camera was taken by it, or
had the pattern put in: who has pictures of a camera can do that. So what it weighs for a camera capture is
bounded low, however clear the pattern is; and it says nothing of parts that were changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import numpy as np

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import CameraUnusable, ReadFailed
from leadlight.raster import Picture
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text, finding
from leadlight.seams import Cost, Example, Known
from leadlight.sensornoise import camerafile
from leadlight.sensornoise.camerafile import MOST_PIXELS, EnrolledCamera
from leadlight.sensornoise.compact import compacted, payload_of
from leadlight.sensornoise.compare import Frame, query_from
from leadlight.sensornoise.likelihood import BASIS, best, log10_lr, words
from leadlight.sensornoise.residue import LEAST, luma_of, residue_of, sound
from leadlight.sensornoise.specimen import picture_png
from leadlight.sensornoise.wavelet import Plane

REPORTED: Final = 1.0
"""From this log10 likelihood ratio on, a camera is named."""
CAPTURE: Final = 2.0
"""The most that a pattern weighs for a camera capture, log10: it can be put in."""
_LEAST_SHARE: Final = 0.25
"""Parts are looked for where they have so much of the camera's pixels; of smaller ones, `camera match` does."""
_LEAST_SOUND: Final = 0.5
_LEAST_NOISE: Final = 0.02
"""Steps of grey: a drawn or filled picture has less noise than this in most places, and is left alone."""
_HELD: Final = 8
"""Patterns held in memory at a time: about 100 MB each at 12 megapixels."""


class Sensor:
    """Findings of the noise of each picture. `PLUGIN` takes none: `configure` says whether to."""

    name = "detect.sensor"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    needs = frozenset({finding.PICTURE})
    gives = frozenset({finding.SENSOR, finding.RESIDUE})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.MODEL

    def __init__(self, *, wanted: bool = False, cameras: tuple[EnrolledCamera, ...] = ()) -> None:
        self._wanted = wanted
        self._cameras = cameras
        self._frames: OrderedDict[str, Frame] = OrderedDict()

    def configure(self, settings: Settings) -> Sensor:
        """Takes noise where `settings.sensor` is 'on', and looks for the cameras that `settings.cameras` names.

        Raises CameraUnusable where one of them can't be used.
        """
        if settings.sensor != "on":
            return Sensor()
        cameras = tuple(camerafile.found(settings.cameras)) if settings.cameras else ()
        for camera in cameras:
            camera.check()
        return Sensor(wanted=True, cameras=cameras)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        if not self._wanted:
            return
        picture = content.picture()
        if not _fit(picture):
            return
        luma = luma_of(picture.pixels)
        shows = sound(luma)
        if shows.mean() < _LEAST_SOUND:
            return
        residue = residue_of(luma)
        if np.median(np.abs(residue[::3, ::3])) < _LEAST_NOISE:
            return
        yield Finding(
            analyser=self.name,
            version=self.version,
            kind=finding.RESIDUE,
            statement="Its noise was kept, to find other pictures of its camera by.",
            payload=payload_of(compacted(residue)),
        )
        if self._cameras:
            query = query_from(residue, luma, shows)
            for camera in self._cameras:
                yield from self._matched(camera, query, content.sha256)

    def _matched(self, camera: EnrolledCamera, query: Plane, sha256: str) -> Iterator[Finding]:
        described = camera.described
        own = sha256 in described.pictures
        found = best(self._frame(camera).matches(query, least_share=_LEAST_SHARE))
        ratio = 0.0 if found is None else log10_lr(found)
        if found is None or ratio < REPORTED:
            return
        name = display_text(described.name)
        said = words(described.name, ratio)
        yield Finding(
            analyser=self.name,
            version=self.version,
            kind=finding.SENSOR,
            statement=(
                f"The camera {name} was enrolled from this very picture."
                if own
                else f"It shows the sensor pattern of an enrolled camera: {said}."
            ),
            payload={
                "camera": described.name,
                "camera_file": camera.digest,
                "enrolled": own,
                "pce": round(found.pce, 2),
                "excess": round(found.excess, 2),
                "tried": found.tried,
                "way": found.way,
                "turn": found.turn,
                "scale": round(found.scale, 6),
                "left": found.left,
                "top": found.top,
                "log10_lr_camera": None if own else ratio,
                "basis": BASIS,
            },
            weight=None if own else _weight(ratio),
        )

    def _frame(self, camera: EnrolledCamera) -> Frame:
        """The pattern of a camera, held for the next picture. Raises ReadFailed where its file was changed."""
        frame = self._frames.pop(camera.digest, None)
        if frame is None:
            try:
                frame = Frame(camera.pattern())
            except (CameraUnusable, OSError) as e:
                raise ReadFailed(
                    "could not be compared with an enrolled camera, whose file can no longer be read",
                    subject=camera.described.name,
                    advice=f"Check the setting 'cameras': {e}",
                ) from e
            while len(self._frames) >= _HELD:
                self._frames.popitem(last=False)
        self._frames[camera.digest] = frame
        return frame

    def examples(self) -> tuple[Example, ...]:
        return (Example("noise, where none is asked for", lambda: picture_png(320, 256, 1), ()),)


def _weight(ratio: float) -> Weight:
    note = f"the sensor pattern of an enrolled camera; at most {CAPTURE:g}, as it can be put in"
    return Weight(Proposition.CAMERA, round(min(CAPTURE, ratio), 3), Basis.SENSOR, WeightSource.MEASURED, note)


def _fit(picture: Picture) -> bool:
    """Whether it is as a file stores it, whole, and of a size that noise can be told from."""
    return (
        picture.method == "full"
        and picture.complete
        and min(picture.width, picture.height) >= LEAST
        and picture.width * picture.height <= MOST_PIXELS
    )


PLUGIN = Sensor()
