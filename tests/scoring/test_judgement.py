"""When a detector abstains, in which order, and which calibration it rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.raster import Picture
from leadlight.scoring.card import Abstain
from leadlight.scoring.detector import Reading
from leadlight.scoring.judgement import judge
from tests.scoring.cards import CALIBRATION, card

SOUND = Reading(raw=30.0, patches=9, plain=0, disagreement=1.0, shift=0.5, over=False, seen=0.3, grey=False)
CARD = card(abstain=Abstain(least_side=100, least_patches=3, most_disagreement=2.0))


def picture(width: int = 400, height: int = 300, **changes) -> Picture:
    base = Picture(np.broadcast_to(np.zeros(1, np.uint8), (height, width, 3)), None, "RGB")
    return replace(base, **changes)


def test_a_sound_reading_gets_its_ratio() -> None:
    said = judge(CARD, SOUND, picture(), 90)
    assert said.log10_lr == 1.0
    assert said.calibration is CALIBRATION
    assert (said.abstained, said.why) == ("", "")
    assert judge(CARD, replace(SOUND, raw=-60.0), picture(), 90).log10_lr == -1.5


CASES = [
    ({}, {"method": "preview"}, {}, "preview"),
    ({}, {"complete": False}, {}, "incomplete"),
    ({}, {"mode": "CMYK"}, {}, "colour"),
    ({}, {"mode": "P"}, {}, "colour"),
    ({}, {"mode": "L"}, {}, "colour"),
    ({"raw": None, "patches": 0}, {}, {}, "size"),
    ({}, {"pixels": np.zeros((99, 500, 3), np.uint8)}, {}, "size"),
    ({"patches": 2}, {}, {}, "patches"),
    ({"plain": 7}, {}, {}, "plain"),
    ({"grey": True}, {}, {}, "colour"),
    ({"disagreement": 2.1}, {}, {}, "disagreement"),
    ({"over": True}, {}, {}, "shift"),
    ({}, {}, {"calibration": ()}, "calibration"),
    ({}, {}, {"calibration": (replace(CALIBRATION, state="original"),)}, "calibration"),
    ({}, {}, {"calibration": (replace(CALIBRATION, least_side=401),)}, "calibration"),
    ({}, {}, {"calibration": (replace(CALIBRATION, most_side=399),)}, "calibration"),
    ({}, {}, {"calibration": (replace(CALIBRATION, least_quality=91),)}, "calibration"),
]


@pytest.mark.parametrize(("reading", "shown", "stated", "word"), CASES)
def test_each_reason_to_abstain(reading: dict, shown: dict, stated: dict, word: str) -> None:
    said = judge(replace(CARD, **stated), replace(SOUND, **reading), picture(**shown), 90)
    assert said.abstained == word
    assert said.log10_lr is None
    assert said.calibration is None
    assert said.why
    assert said.why.isprintable()


def test_what_a_card_allows_is_no_reason() -> None:
    grey = replace(CARD, abstain=replace(CARD.abstain, grey=True))
    assert judge(grey, replace(SOUND, grey=True), picture(mode="L"), 90).log10_lr == 1.0
    loose = replace(CARD, abstain=Abstain())
    assert judge(loose, replace(SOUND, disagreement=99.0, plain=8), picture(20, 20), 90).log10_lr == 1.0


def test_an_unknown_quality_takes_a_calibration_that_asks_for_none() -> None:
    asking = replace(CARD, calibration=(replace(CALIBRATION, least_quality=50),))
    assert "is not known" in judge(asking, SOUND, picture(), None).why
    assert "is about 40" in judge(asking, SOUND, picture(), 40).why
    assert judge(asking, SOUND, picture(), 50).log10_lr == 1.0
    assert judge(CARD, SOUND, picture(), None).log10_lr == 1.0


def test_calibrations_of_one_state_are_never_used() -> None:
    bold = replace(CALIBRATION, state="original", upper=6.0, knots=((-60.0, -6.0), (60.0, 6.0)))
    said = judge(replace(CARD, calibration=(bold, CALIBRATION)), SOUND, picture(), 90)
    assert said.calibration is CALIBRATION


def test_of_several_that_apply_the_one_that_states_least_is_taken() -> None:
    weak = replace(CALIBRATION, name="weak", knots=((-60.0, -0.5), (60.0, 0.5)))
    for order in ((weak, CALIBRATION), (CALIBRATION, weak)):
        said = judge(replace(CARD, calibration=order), SOUND, picture(), 90)
        assert said.log10_lr == 0.25
        assert said.calibration is weak
    against = replace(CALIBRATION, name="against", knots=((0.0, -1.0), (60.0, -0.5)))
    said = judge(replace(CARD, calibration=(CALIBRATION, against)), SOUND, picture(), 90)
    assert said.abstained == "calibration"


@given(
    st.floats(-100, 100),
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 3), st.sampled_from(["any", "resized"])), max_size=4),
)
def test_no_more_is_ever_stated_than_each_that_applies_states(raw: float, curves: list) -> None:
    found = tuple(
        replace(CALIBRATION, knots=((-100.0, low), (100.0, low + rise)), state=state)
        for low, rise, state in curves
    )
    said = judge(replace(CARD, calibration=found), replace(SOUND, raw=raw), picture(), 90)
    ratios = [c.log10_lr(raw) for c in found if c.state == "any"]
    if said.log10_lr is None:
        assert not ratios or min(ratios) < 0 < max(ratios)
    else:
        assert all(abs(said.log10_lr) <= abs(r) and said.log10_lr * r >= 0 for r in ratios)
