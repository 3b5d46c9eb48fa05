from __future__ import annotations

import hashlib
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.chart import chart_pixels, png
from leadlight.config import Limits
from leadlight.content import Picture, content_of
from leadlight.errors import LimitReached, Undecodable
from leadlight.provenance.generator import stealth
from leadlight.provenance.stealth_bits import PLUGIN, hide
from leadlight.records import Basis, Item, Place
from leadlight.records import finding as kinds
from leadlight.seams import Known
from tests.provenance.generator_cases import PROMPT, leaks, run, said

VARIANTS = ("stealth_pnginfo", "stealth_pngcomp", "stealth_rgbinfo", "stealth_rgbcomp")
SETTINGS = f"{PROMPT}\nSteps: 20, Sampler: Euler a, Seed: 42, Model: demo_v1"


def _read(data: bytes, variant: str, limits: Limits | None = None) -> stealth.Hidden | None:
    from tests.provenance.generator_cases import Opener

    picture = next(Opener().decode(content_of(data, {"sha256": hashlib.sha256(data)})))
    if "rgb" in variant:
        return stealth.read(picture.pixels, stealth.COLOURS, limits or Limits())
    assert picture.alpha is not None
    return stealth.read(picture.alpha, stealth.ALPHA, limits or Limits())


@pytest.mark.parametrize("variant", VARIANTS)
def test_public_files(public_files, variant) -> None:
    (made,) = said((public_files / "formats" / "own-fixtures" / f"{variant}.png").read_bytes(), PLUGIN)
    assert made.payload["variant"] == variant
    assert made.payload["model"] == "demo_model_v1"
    assert made.payload["seed"] == 12345
    assert made.payload["stated_size_matches"] is True
    assert made.weight is not None
    assert made.weight.basis is Basis.WATERMARK
    assert made.weight.log10_lr == 0.7
    assert not leaks(made)


def test_pictures_without_are_silent(public_files) -> None:
    for name in ("plain.png", "plain.jpg", "a1111.png"):
        assert run((public_files / "formats" / "own-fixtures" / name).read_bytes(), PLUGIN) == []


@given(
    st.sampled_from(VARIANTS),
    st.text(min_size=1, max_size=300).filter(lambda t: t.isprintable()),
    st.integers(1, 90),
    st.integers(60, 200),
)
@settings(max_examples=120, deadline=None)
def test_round_trip(variant, text, height, width) -> None:
    pixels = chart_pixels(width, height)
    room = pixels.size if "rgb" in variant else height * width
    if stealth.HEAD_BITS + 8 * (len(text.encode()) + 64) > room:
        return
    found = _read(hide(pixels, variant, text), variant)
    assert found == stealth.Hidden(variant, text)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 900), st.integers(0, 900))
@settings(max_examples=100, deadline=None)
def test_bits_are_those_of_the_whole_plane(height, width, start, count) -> None:
    samples = np.random.default_rng(height * 41 + width).integers(0, 256, (height, width, 3), np.uint8)
    whole = (samples & 1).transpose(1, 0, 2).reshape(-1)
    assert np.array_equal(stealth.bits(samples, start, count), whole[start : start + count])
    plane = samples[..., 0]
    assert np.array_equal(stealth.bits(plane, start, count), (plane & 1).T.reshape(-1)[start : start + count])


def test_novelai_table_of_texts() -> None:
    comment = json.dumps({"prompt": PROMPT, "steps": 28, "seed": 77, "sampler": "k_euler", "uc": "blurry"})
    table = {"Description": PROMPT, "Software": "NovelAI", "Source": "Demo V4", "Comment": comment}
    (made,) = said(hide(chart_pixels(96, 96), "stealth_pngcomp", json.dumps(table)), PLUGIN)
    assert made.payload["generator"] == "NovelAI"
    assert made.payload["seed"] == 77
    assert made.payload["carrier"] == "stealth alpha bits"
    assert made.sealed["prompt"] == PROMPT


def test_text_of_no_known_shape_is_told_and_sealed() -> None:
    (made,) = said(hide(chart_pixels(96, 96), "stealth_rgbinfo", PROMPT), PLUGIN)
    assert made.payload["generator"] is None
    assert made.sealed["raw"] == PROMPT
    assert PROMPT[:12] not in made.statement


@pytest.mark.parametrize(
    ("payload", "variant"),
    [(b"\xff" * 40, "stealth_pnginfo"), (b"not gzip", "stealth_rgbcomp"), (b"", "stealth_rgbinfo")],
)
def test_name_without_text_is_a_failure(payload, variant) -> None:
    (made,) = run(hide(chart_pixels(64, 48), variant, "", payload=payload), PLUGIN)
    assert made.kind == kinds.FAILURE
    assert made.payload["reason"] == "undecodable"


def test_length_beyond_the_picture() -> None:
    data = hide(chart_pixels(64, 48), "stealth_pnginfo", "x")
    picture = np.zeros((48, 64), np.uint8)
    stream = b"stealth_pnginfo" + (2**32 - 8).to_bytes(4, "big")
    line = picture.T.reshape(-1).copy()
    line[: 8 * len(stream)] = np.unpackbits(np.frombuffer(stream, np.uint8))
    with pytest.raises(Undecodable):
        stealth.read(line.reshape(64, 48).T, stealth.ALPHA, Limits())
    assert _read(data, "stealth_pnginfo") is not None


def test_a_bomb_is_stopped_at_the_limit() -> None:
    data = hide(chart_pixels(128, 128), "stealth_rgbcomp", "\0" * 2_000_000)
    with pytest.raises(LimitReached):
        _read(data, "stealth_rgbcomp", Limits(metadata_bytes=100_000))


def test_cut_gzip_is_a_failure() -> None:
    import gzip

    packed = gzip.compress(SETTINGS.encode(), mtime=0)[:-12]
    with pytest.raises(Undecodable):
        _read(hide(chart_pixels(96, 96), "stealth_rgbcomp", "", payload=packed), "stealth_rgbcomp")


def test_previews_are_not_read() -> None:
    class Preview:
        def decode(self, content):
            pixels = np.frombuffer(hide(chart_pixels(64, 48), "stealth_rgbinfo", SETTINGS), np.uint8)
            yield Picture(np.resize(pixels, (48, 64, 3)), None, "RGB", method="preview")

    data = png(chart_pixels(64, 48))
    content = content_of(data, {"sha256": hashlib.sha256(data)})
    content.decoder = Preview()
    assert list(PLUGIN.analyse(Item(Place(b"/e", (b"x",)), "test"), content, Known())) == []


def test_a_picture_without_the_name_costs_next_to_nothing() -> None:
    pixels = np.zeros((4000, 6000, 3), np.uint8)
    before = time.process_time()
    for _ in range(10):
        assert stealth.read(pixels, stealth.COLOURS, Limits()) is None
    assert time.process_time() - before < 0.1


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_payload_gives_text_or_a_content_error(payload) -> None:
    for variant in VARIANTS:
        for finding in run(hide(chart_pixels(64, 48), variant, "", payload=payload), PLUGIN):
            assert finding.payload.get("reason") in (None, "undecodable", "limit")
