"""Candidates: those that share features come first, common features do not vote, and bounds hold."""

from __future__ import annotations

import numpy as np
import pytest

from leadlight.keypoints import search
from leadlight.keypoints.record import Keypoints
from leadlight.keypoints.search import Gallery
from tests.keypoints.test_geometry import cloud, moved


def test_the_picture_shown_comes_first() -> None:
    pictures = [cloud(n) for n in range(30)]
    gallery = Gallery(pictures)
    asked = [moved(pictures[17], 40, 1.2, 0.1), cloud(99), moved(pictures[3], 0, 0.8, 0.05)]
    found = dict(gallery.candidates(asked))
    assert found[0][0] == 17
    assert found[2][0] == 3
    assert 1 not in found


def test_votes_must_agree_on_a_turn() -> None:
    base = cloud(1)
    rng = np.random.default_rng(2)
    spun = Keypoints(
        1600,
        1200,
        base.places,
        base.sizes,
        rng.uniform(0, 2 * np.pi, len(base)).astype(np.float32),
        base.words,
    )
    few = Keypoints(1600, 1200, *(getattr(spun, n)[:12] for n in ("places", "sizes", "angles", "words")))
    assert dict(Gallery([base]).candidates([few], least=8)) == {}
    straight = Keypoints(1600, 1200, *(getattr(base, n)[:12] for n in ("places", "sizes", "angles", "words")))
    assert dict(Gallery([base]).candidates([straight], least=8)) == {0: [0]}


def test_a_feature_in_very_many_pictures_does_not_vote() -> None:
    common = cloud(1)
    assert dict(Gallery([common] * search.COMMON_LEAST).candidates([common]))
    assert not dict(Gallery([common] * (search.COMMON_LEAST + 1)).candidates([common]))


@pytest.mark.parametrize("most", [1, 3])
def test_candidates_are_bounded(most: int) -> None:
    base = cloud(1)
    found = dict(Gallery([moved(base, 0, 1, 0, seed=n) for n in range(6)]).candidates([base], most=most))
    assert len(found[0]) == most


def test_nothing_to_ask_or_to_find() -> None:
    assert list(Gallery([]).candidates([cloud(1)])) == []
    assert list(Gallery([cloud(1)]).candidates([])) == []
    none = cloud(1, np.empty(0))
    assert list(Gallery([none]).candidates([none, cloud(1)])) == []
