"""Agreement in position, on features made by hand: the map is found again, and chance is no agreement."""

from __future__ import annotations

import numpy as np
import pytest

from leadlight.keypoints import judge
from leadlight.keypoints.geometry import agreement
from leadlight.keypoints.record import Keypoints

COUNT = 160


def cloud(seed: int, places: np.ndarray | None = None) -> Keypoints:
    rng = np.random.default_rng(seed)
    if places is None:
        places = rng.uniform(0, 1, COUNT) + 1j * rng.uniform(0, 0.75, COUNT)
    n = len(places)
    return Keypoints(
        width=1600,
        height=1200,
        places=places.astype(np.complex64),
        sizes=rng.choice([0.05, 0.06, 0.072], n).astype(np.float32),
        angles=rng.uniform(0, 2 * np.pi, n).astype(np.float32),
        words=rng.integers(0, 1 << 64, (n, 4), dtype=np.uint64),
    )


def moved(base: Keypoints, degrees: float, scale: float, shift: complex, seed: int = 9) -> Keypoints:
    """The same features in a picture that shows `base` turned, larger and shifted; what leaves it is not in it."""
    rng = np.random.default_rng(seed)
    turn = np.exp(1j * np.deg2rad(degrees))
    places = base.places * (scale * turn) + shift
    inside = (places.real >= 0) & (places.real <= 1) & (places.imag >= 0) & (places.imag <= 0.75)
    noise = np.zeros((len(base), 4), dtype=np.uint64)
    for _ in range(20):
        noise[np.arange(len(base)), rng.integers(0, 4, len(base))] ^= np.uint64(1) << rng.integers(
            0, 64, len(base)
        ).astype(np.uint64)
    return Keypoints(
        1600,
        1200,
        (places + rng.normal(0, 0.001, len(base)))[inside].astype(np.complex64),
        (base.sizes * scale)[inside],
        ((base.angles + np.deg2rad(degrees)) % (2 * np.pi))[inside].astype(np.float32),
        (base.words ^ noise)[inside],
    )


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"),
    [
        (0, 1.0, 0),
        (5, 1.0, 0.03),
        (0, 1.25, -0.1 - 0.1j),
        (90, 0.7, 0.8 + 0.05j),
        (180, 1, 1 + 0.75j),
        (-33, 0.5, 0.3),
    ],
)
def test_the_map_is_found_again(degrees: float, scale: float, shift: complex) -> None:
    base = cloud(1)
    found = agreement(moved(base, degrees, scale, shift), base)
    assert found is not None
    assert judge.matches(found)
    assert found.agreeing >= 0.9 * found.pairs > 0
    assert abs((found.turn + degrees + 180) % 360 - 180) < 1
    assert found.scale == pytest.approx(1 / scale, rel=0.02)
    assert 10 < found.distance <= 20


def test_how_much_is_shown_is_said() -> None:
    base = cloud(2)
    crop = agreement(moved(base, 0, 1.25, -0.1 - 0.075j), base)
    assert crop is not None
    assert crop.shared == pytest.approx(0.64, abs=0.03)
    assert crop.filled > 0.97
    assert judge.differences(crop) == ", cropped to 64 %"
    inset = agreement(moved(base, 0, 0.5, 0.2 + 0.2j), base)
    assert inset is not None
    assert inset.filled == pytest.approx(0.25, abs=0.02)
    assert judge.differences(inset) == ", within a larger picture, of which it fills 25 %"
    turned = agreement(moved(base, 5, 1, 0.03 - 0.02j), base)
    assert turned is not None
    assert judge.differences(turned) == ", turned by 5 degrees"
    same = agreement(base, base)
    assert same is not None
    assert judge.differences(same) == ""
    assert judge.facts(same)["false_match_rate"] == 1e-6


def test_features_that_look_alike_at_random_places_are_no_match() -> None:
    base = cloud(3)
    rng = np.random.default_rng(4)
    other = Keypoints(1600, 1200, rng.permutation(base.places), base.sizes, base.angles, base.words)
    found = agreement(other, base)
    assert found is None or not judge.matches(found)


def test_strangers_say_nothing() -> None:
    assert agreement(cloud(5), cloud(6)) is None
    none = cloud(5, np.empty(0))
    assert agreement(none, cloud(6)) is None
    assert agreement(cloud(6), none) is None


def test_a_shared_frame_is_no_match() -> None:
    """A quarter of the features, all along the upper edge, are those of both: a letterhead."""
    head, one, other = cloud(7, np.linspace(0.05, 0.95, 50) + 0.03j), cloud(8), cloud(9)

    def with_head(body: Keypoints) -> Keypoints:
        below = body.places.imag > 0.12
        return Keypoints(
            1600,
            1200,
            *(
                np.concatenate([getattr(head, n), getattr(body, n)[below]])
                for n in ("places", "sizes", "angles", "words")
            ),
        )

    found = agreement(with_head(one), with_head(other))
    assert found is not None
    assert found.agreeing >= 40
    assert found.scatter < judge.SCATTER
    assert found.cover < judge.COVER
    assert not judge.matches(found)


def test_all_features_on_one_place() -> None:
    one = cloud(10, np.full(COUNT, 0.5 + 0.3j))
    assert agreement(one, one) is None
