from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.sensornoise.compact import MOST, Compact, compact_in, compacted, payload_of, step_for


def _residue(shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_half_of_the_bits_are_set_and_each_says_its_square() -> None:
    residue = _residue((300, 400))
    compact = compacted(residue)
    assert (compact.width, compact.height, compact.step, compact.samples) == (400, 300, 1, 120_000)
    bits = np.unpackbits(np.frombuffer(compact.bits, np.uint8))[: compact.samples].reshape(300, 400)
    assert abs(bits.mean() - 0.5) < 0.01
    assert (bits == (residue > np.median(residue))).mean() > 0.999


def test_large_pictures_keep_means_over_squares() -> None:
    residue = _residue((1500, 1403))
    compact = compacted(residue)
    assert compact.step == 2
    assert compact.samples == 750 * 701
    means = np.clip(residue[:, :1402], -2, 2).reshape(750, 2, 701, 2).mean(axis=(1, 3))
    bits = np.unpackbits(np.frombuffer(compact.bits, np.uint8))[: compact.samples].reshape(means.shape)
    assert (bits == (means > np.median(means))).mean() > 0.99


@pytest.mark.parametrize("size", [(256, 256), (4032, 3024), (8000, 6000), (65_535, 3000)])
def test_the_room_is_bounded(size: tuple[int, int]) -> None:
    step = step_for(*size)
    assert (size[0] // step) * (size[1] // step) <= MOST
    assert step == 1 or size[0] * size[1] / (step - 1) ** 2 > MOST


def test_a_payload_gives_it_back() -> None:
    compact = compacted(_residue((256, 300)))
    payload = payload_of(compact)
    assert json.loads(json.dumps(payload)) == payload
    assert compact_in(payload) == compact


GOOD = payload_of(Compact(256, 256, 1, bytes(8192)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 100),
        ("width", True),
        ("width", None),
        ("height", 1 << 40),
        ("step", 2),
        ("step", 0),
        ("value", "AAAA"),
        ("value", "*"),
        ("value", b"AAAA"),
        ("value", base64.b64encode(bytes(8193)).decode()),
    ],
)
def test_what_cannot_have_been_written_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match="noise of a picture"):
        compact_in({**GOOD, field: value})


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.none() | st.integers() | st.text() | st.floats()))
def test_any_values_are_read_or_refused(values: dict[str, object]) -> None:
    if all(type(GOOD[k]) is type(v) and GOOD[k] == v for k, v in values.items()):
        assert compact_in({**GOOD, **values}) == compact_in(GOOD)
        return
    with pytest.raises(ValueError, match="noise of a picture"):
        compact_in({**GOOD, **values})
