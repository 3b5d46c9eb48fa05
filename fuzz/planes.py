"""Pixels and planes of luma made of the bytes, for the sums over them: the kernel against NumPy."""

from __future__ import annotations

import numpy as np

from fuzz.target import Target
from leadlight.raster import averaged
from leadlight.scaled import lines, means
from leadlight.scaled.plainlines import PlainLines


@np.errstate(all="ignore")
def planes(data: bytes) -> None:
    """Width, square and a rectangle of the first bytes, pixels and a plane of the rest: both say the same."""
    if len(data) < 8:
        return
    width, by, rest = 1 + data[0] % 97, 1 + data[1] % 5, data[7:]
    values = np.frombuffer(rest[: len(rest) // 4 * 4], "<f4") if data[2] & 1 else np.frombuffer(rest, np.uint8)
    depth = 3 + (data[2] >> 1 & 1)
    if pixels := len(rest) // depth // width:
        picture = np.frombuffer(rest, np.uint8)[: pixels * width * depth].reshape(pixels, width, depth)[..., :3]
        step = 1 << (data[2] >> 2 & 3)
        assert np.array_equal(means(picture, step), averaged(picture, step))
    height = len(values) // width
    by = min(by, height, width)
    if not by:
        return
    luma = np.ascontiguousarray(values[: height * width].reshape(height, width), dtype=np.float32)
    sound = bool((np.abs(luma) < 1e6).all())  # of other values nothing is promised but an end
    fast = lines(luma, by)
    high, across = fast.plane.shape
    top, left = data[3] % high, data[4] % across
    rect = top, min(high, top + 1 + data[5]), left, min(across, left + 1 + data[6])
    edges = fast.refined(rect)
    told = [fast.plain(), fast.flat_outside(rect)]
    longer = min(rect[1] - rect[0], rect[3] - rect[2]) > 4
    sides = [fast.sides(rect, across=a) for a in (False, True)] if longer else []
    samples = fast.sampled(rect)
    if sound:
        slow = PlainLines(luma, by)
        assert np.array_equal(slow.plane, fast.plane)
        assert slow.refined(rect) == edges
        assert [slow.plain(), slow.flat_outside(rect)] == told
        assert ([slow.sides(rect, across=a) for a in (False, True)] if longer else []) == sides
        assert np.array_equal(slow.sampled(rect), samples)


def _seeds() -> tuple[bytes, ...]:
    made = []
    for width, by, rect in ((40, 0, (0, 0, 255, 255)), (64, 1, (3, 2, 20, 20)), (90, 2, (1, 1, 9, 200))):
        plane = np.add.outer(np.arange(64), 3 * np.arange(width + 1)).astype(np.uint8)
        plane[:12], plane[50:], plane[:, :7] = 0, 255, 30
        made.append(bytes((width, by, 0, *rect)) + plane.tobytes())
    floats = np.tile(np.arange(0, 250, 2.5, dtype="<f4"), 12)
    return (*made, bytes((30, 0, 1, 0, 0, 40, 40)) + floats.tobytes())


TARGETS = {"planes": Target(planes, _seeds, refused=(), quick=100, native=True)}
