"""Detectors: a card and a network together, checked against each other; what they say of pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.errors import ConfigError
from leadlight.raster import Picture
from leadlight.scoring.card import Abstain, Input, Output, SelfTest, Shift
from leadlight.scoring.crops import crops
from leadlight.scoring.detector import CARD_FILE, MODEL_FILE, Detector, distance
from leadlight.scoring.inputs import patches, values
from leadlight.scoring.runtime import Network
from leadlight.scoring.selftest import DRAWN, Outcome, recorded, run
from tests.scoring.cards import card, install, made
from tests.scoring.graphs import detector

PIXELS = chart_pixels(400, 300, 5)
KINDS = {
    given_: made({"input": given_, "abstain": Abstain()})
    for given_ in (
        Input(side=64, count=9),
        Input("centre", 64),
        Input("centre", 64, resize=70),
        Input("resize", 64),
    )
}


def by_hand(pixels: np.ndarray, data: bytes, card_input: Input) -> np.ndarray:
    """The logits of its crops, worked out from the parts."""
    taken = crops(pixels, side=card_input.side, count=card_input.count).astype(np.float32)
    ready = (taken / 255 - np.array(card_input.mean, np.float32)) / np.array(card_input.std, np.float32)
    return Network(data, subject="net").run("pixels", ready.transpose(0, 3, 1, 2).astype(np.float32), ["logits"])[
        0
    ]


def test_a_reading_is_the_mean_of_its_patches() -> None:
    stated = Input(side=64, count=9, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    reading = made({"input": stated}).read(Picture(PIXELS, None, "RGB"))
    logits = by_hand(PIXELS, detector(), stated)[:, 0]
    assert reading.patches == len(logits) == 9
    assert reading.raw == pytest.approx(logits.mean(), abs=1e-4)
    assert reading.disagreement == pytest.approx(logits.std(), abs=1e-4)
    assert reading.disagreement > 0
    assert reading.seen == pytest.approx(9 * 64 * 64 / (300 * 400))
    assert reading.features is not None
    assert reading.features.shape == (8,)
    assert not reading.grey
    assert reading.shift is None


def test_patches_taken_before_are_read_alike() -> None:
    reading = made().read_pixels(PIXELS)
    again = made().read_patches(crops(PIXELS, side=64, count=9))
    assert replace(again, features=None) == replace(reading, features=None, seen=1.0)
    assert np.array_equal(again.features, reading.features)
    assert made().read_patches(np.empty((0, 64, 64, 3), np.uint8)).raw is None


def test_flat_patches_count_only_where_the_card_takes_all() -> None:
    half = chart_pixels(512, 256, 4)
    half[:, 256:] = 90
    pixels, flat = np.ascontiguousarray(half[:, :256]), np.full((256, 256, 3), 90, np.uint8)
    everything = {"input": Input(side=64, count=32)}
    textured = {**everything, "output": Output("logits", features="features", aggregate="textured")}
    both = made(everything).read_pixels(half)
    busy, calm = (made({"input": Input(side=64, count=16)}).read_pixels(p) for p in (pixels, flat))
    assert (both.patches, both.plain) == (32, 16)
    assert both.raw == pytest.approx((busy.raw + calm.raw) / 2, abs=1e-4)
    told = made(textured).read_pixels(half)
    assert (told.patches, told.plain) == (32, 16)
    assert told.raw == pytest.approx(busy.raw, abs=1e-4)
    assert told.disagreement == pytest.approx(busy.disagreement, abs=1e-4)
    assert np.allclose(told.features, busy.features, atol=1e-4)
    assert made(textured).read_pixels(flat).raw == pytest.approx(calm.raw, abs=1e-4)  # where all are flat


def test_colours_the_other_way_round_give_another_value() -> None:
    turned = made({"input": Input(side=64, count=9, colours="BGR")}).read_pixels(PIXELS)
    assert turned.raw == pytest.approx(made().read_pixels(PIXELS[..., ::-1]).raw)
    assert turned.raw != pytest.approx(made().read_pixels(PIXELS).raw, abs=1e-3)


def test_layouts_and_batches_of_one_give_the_same() -> None:
    raw = made().read_pixels(PIXELS).raw
    last = made({"input": Input(side=64, count=9, layout="NHWC")}, layout="NHWC").read_pixels(PIXELS)
    single = made(batch=1).read_pixels(PIXELS)
    assert last.raw == pytest.approx(raw, abs=1e-4)
    assert single.raw == pytest.approx(raw, abs=1e-4)
    assert single.patches == 9


def test_each_meaning_becomes_a_logit_for_generated() -> None:
    two = detector(classes=3, gain=1.0)
    logits = by_hand(PIXELS, two, Input(side=64, count=9)).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for index in range(3):
        expected = np.log(shares[:, index] / (1 - shares[:, index])).mean()
        output = Output("logits", "logits", index)
        assert made({"output": output}, classes=3, gain=1.0).read_pixels(PIXELS).raw == pytest.approx(
            expected, abs=1e-3
        )
        output = Output("logits", "probabilities", index)
        soft = made({"output": output}, classes=3, gain=1.0, end="Softmax").read_pixels(PIXELS)
        assert soft.raw == pytest.approx(expected, abs=1e-3)
    raw = made(gain=1.0).read_pixels(PIXELS).raw
    assert raw is not None
    sure = made({"output": Output("logits", "probability")}, gain=1.0, end="Sigmoid").read_pixels(PIXELS)
    assert sure.raw == pytest.approx(raw, abs=1e-3)
    other = made({"output": Output("logits", "logit", speaks_for="camera")}, gain=1.0).read_pixels(PIXELS)
    assert other.raw == pytest.approx(-raw)


def test_what_are_no_probabilities_is_said() -> None:
    with pytest.raises(ConfigError, match="outside of 0 to 1"):
        made({"output": Output("logits", "probability")}, gain=40.0).read_pixels(PIXELS)


def test_a_picture_that_is_too_small_gives_no_value() -> None:
    reading = made().read_pixels(PIXELS[:63])
    assert (reading.raw, reading.patches, reading.seen) == (None, 0, 0.0)


def test_the_distance_is_that_to_the_nearest() -> None:
    shifts = (Shift((0.0, 0.0), (1.0, 2.0), 1.0), Shift((10.0, 0.0), (1.0, 1.0), 0.5))
    assert distance(np.array([3.0, 8.0]), shifts) == (pytest.approx(np.sqrt((9 + 16) / 2)), True)
    assert distance(np.array([10.0, 0.5]), shifts) == (pytest.approx(np.sqrt(0.125)), False)
    assert distance(np.array([1.0]), shifts) == (None, True)
    assert distance(np.array([1.0]), ()) == (None, False)


def test_features_outside_of_what_it_was_calibrated_on_are_noticed() -> None:
    at = made().read_pixels(PIXELS).features
    assert at is not None
    near = Shift(tuple(at), (1.0,) * 8, 0.5)
    reading = made({"shift": (near,)}).read_pixels(PIXELS)
    assert reading.shift == pytest.approx(0, abs=1e-5)
    assert not reading.over
    far = replace(near, mean=tuple(at + 10))
    reading = made({"shift": (far,)}).read_pixels(PIXELS)
    assert reading.shift == pytest.approx(10, abs=1e-4)
    assert reading.over


def test_resize_and_centre_take_what_pillow_and_torchvision_take() -> None:
    wide = chart_pixels(501, 300, 3)
    squashed = patches(wide, Input("resize", 96, filter="bicubic"))
    assert np.array_equal(
        squashed.pixels[0], np.asarray(Image.fromarray(wide).resize((96, 96), Image.Resampling.BICUBIC))
    )
    assert squashed.seen == 1
    middle = patches(wide, Input("centre", 96, resize=110))
    scaled = np.asarray(Image.fromarray(wide).resize((183, 110), Image.Resampling.BILINEAR))
    assert np.array_equal(middle.pixels[0], scaled[7:103, 44:140])  # 43.5 is rounded to even
    tall = patches(np.ascontiguousarray(wide.transpose(1, 0, 2)), Input("centre", 96, resize=110))
    scaled = np.asarray(
        Image.fromarray(wide.transpose(1, 0, 2).copy()).resize((110, 183), Image.Resampling.BILINEAR)
    )
    assert np.array_equal(tall.pixels[0], scaled[44:140, 7:103])
    bare = patches(wide, Input("centre", 96))
    assert np.array_equal(bare.pixels[0], wide[102:198, 202:298])
    assert len(patches(wide[:95], Input("centre", 96)).pixels) == 0
    assert len(patches(wide[:2], Input("centre", 96, resize=110)).pixels) == 0


@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from(
        [Input(side=64, count=9), Input("centre", 64), Input("centre", 64, resize=70), Input("resize", 64)]
    ),
    st.integers(0, 2**32 - 1),
)
def test_any_picture_has_a_finite_value_or_none(height: int, width: int, given_: Input, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    reading = KINDS[given_].read_pixels(pixels)
    assert (reading.raw is None) == (reading.patches == 0)
    assert reading.raw is None or np.isfinite(reading.raw)
    assert 0 <= reading.seen <= 1
    assert 0 <= reading.plain <= reading.patches <= given_.count
    assert reading.disagreement >= 0
    if given_.kind == "crops":
        assert (reading.patches > 0) == (min(height, width) >= 64)


def test_values_are_scaled_then_normalised() -> None:
    stated = Input(side=64, colours="BGR", scale=0.5, mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0))
    out = values(np.array([[[[10, 20, 30]]]], np.uint8), stated)
    assert out.dtype == np.float32
    assert out.reshape(-1).tolist() == [(15 - 1) / 2, (10 - 2) / 4, (5 - 3) / 8]


def test_grey_is_seen_by_the_pixels() -> None:
    grey = np.repeat(PIXELS.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert made().read_pixels(grey).grey
    assert not made().read_pixels(PIXELS).grey


MISFITS = [
    ({"input": Input(side=128, count=4)}, {}, "n x 3 x 64 x 64, and its card asks for n x 3 x 128 x 128"),
    ({"input": Input(side=64, count=4, layout="NHWC")}, {}, "asks for n x 64 x 64 x 3"),
    ({"input": Input(side=64, count=4, name="image")}, {}, "its inputs are 'pixels', and its card says 'image'"),
    ({}, {"batch": 4}, "takes 4 patches at a time"),
    ({}, {"kind": 10}, "tensor\\(float16\\)|can't be run"),
    ({"output": Output("probs")}, {}, "its outputs are 'logits', 'features', and its card says 'probs'"),
    ({"output": Output("logits", features="deep")}, {}, "its card says 'deep'"),
    ({}, {"classes": 2}, "gives 2 values of each patch, and its card says 'logit'"),
    ({"output": Output("logits", "logits", 2)}, {"classes": 2}, "gives 2 values of each patch"),
    ({"output": Output("logits", "logits", 0)}, {"classes": 1}, "gives 1 values of each patch"),
    (
        {"output": Output("logits", features="features"), "shift": (Shift((0.0,), (1.0,), 1.0),)},
        {},
        "gives 8 features, and its card has a shift of 1",
    ),
]


@pytest.mark.parametrize(("changes", "network", "words"), MISFITS, ids=[m[2][:40] for m in MISFITS])
def test_what_does_not_fit_together_is_refused(changes: dict, network: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        made({"abstain": Abstain(), **changes}, **network)


def test_a_detector_is_loaded_from_its_folder(tmp_path: Path) -> None:
    there = install(tmp_path)
    assert Detector.load(there).read_pixels(PIXELS).raw == made().read_pixels(PIXELS).raw
    (there / MODEL_FILE).write_bytes(detector(seed=2))
    with pytest.raises(ConfigError, match="another one than its card says"):
        Detector.load(there)
    (there / MODEL_FILE).unlink()
    with pytest.raises(ConfigError, match="model can't be read"):
        Detector.load(there)
    (there / CARD_FILE).unlink()
    with pytest.raises(ConfigError, match="card can't be read"):
        Detector.load(there)


def test_a_card_without_a_digest_is_of_no_model() -> None:
    with pytest.raises(ConfigError, match="states no digest"):
        Detector.of(card(), detector())


def test_the_selftest_notices_a_wrong_preprocessing() -> None:
    told = run(made())
    assert [o.test for o in told] == list(DRAWN)
    assert all(o.passed for o in told)
    kept = recorded(card(detector()), told)
    again = run(Detector.of(kept, detector()))
    assert all(o.passed and o.test.raw is not None for o in again)
    turned = replace(kept, input=replace(kept.input, colours="BGR"))
    assert not any(o.passed for o in run(Detector.of(turned, detector())))


def test_a_selftest_that_gives_no_value_is_not_passed() -> None:
    (told,) = run(made({"selftest": (SelfTest(32, 32),)}))
    assert told.raw is None
    assert not told.passed
    assert not Outcome(SelfTest(32, 32, raw=1.0, tolerance=0.5), 1.6).passed
    assert Outcome(SelfTest(32, 32, raw=1.0, tolerance=0.5), 1.4).passed
