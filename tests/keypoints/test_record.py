"""The record of local features: exact within its steps, and nothing else is read as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.keypoints.record import MOST, packed, unpacked
from leadlight.radius import unpack


def some(count: int, seed: int = 1, samples: int = 512) -> bytes:
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.uniform(0, samples, (count, 2)), rng.integers(0, 8, count), rng.uniform(0, 360, count)]
    ).astype(np.float32)
    return packed((1600, 1200), samples, rows, rng.integers(0, 256, (count, 32), dtype=np.uint8))


@given(st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_what_is_packed_is_unpacked(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.uniform(0, 512, (count, 2)), rng.integers(0, 8, count), rng.uniform(0, 360, count)]
    ).astype(np.float32)
    bits = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    read = unpacked(packed((1600, 1200), 512, rows, bits))
    kept = min(count, MOST)
    assert len(read) == kept
    assert read.frame == (1.0, 0.75)
    assert np.allclose(read.places.real, rows[:kept, 0] / 512, atol=1e-5)
    assert np.allclose(read.places.imag, rows[:kept, 1] / 512, atol=1e-5)
    assert np.allclose(read.sizes, 31 / 512 * 1.2 ** rows[:kept, 2], rtol=1e-5)
    missed = np.abs(np.exp(1j * read.angles) - np.exp(1j * np.deg2rad(rows[:kept, 3])))
    assert not kept or missed.max() < np.pi / 256 + 1e-4
    assert unpack(read.words) == [b.tobytes() for b in bits[:kept]]


def test_a_record_is_small() -> None:
    assert len(some(MOST)) * 4 / 3 <= 12 * 1024


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="local features"):
        unpacked(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: r[:-1],
        lambda r: r + b"\0",
        lambda r: b"\2" + r[1:],
        lambda r: r[:1] + b"\1" + r[2:],
        lambda r: r[:4] + bytes(4) + r[8:],
        lambda r: r[:12] + b"\0\0" + r[14:],
        lambda r: r[:18] + b"\x08" + r[19:],
    ],
    ids=["cut off", "longer", "version", "flags", "no width", "no samples", "octave"],
)
def test_a_damaged_record_is_refused(damage) -> None:
    with pytest.raises(ValueError, match="local features"):
        unpacked(damage(some(20)))
