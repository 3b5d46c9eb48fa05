from __future__ import annotations

import numpy as np

from leadlight.sensornoise.cluster import figures, groups

SAMPLES = 40_000


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(SAMPLES)


def bits(plane: np.ndarray) -> bytes:
    return np.packbits(plane > np.median(plane)).tobytes()


def by(sensor: int, count: int, strength: float, model: int | None = None, common: float = 0.0) -> list[bytes]:
    """Pictures by a sensor, each with noise of its own, and what its model has in common."""
    shared = common * noise(model) if model is not None else 0.0
    return [bits(noise(1000 * sensor + n) + strength * noise(sensor) + shared) for n in range(1, count + 1)]


def found(*sets: list[bytes]) -> list[list[int]]:
    pictures = [b for one in sets for b in one]
    return [members for members, _ in groups(figures(pictures, SAMPLES), SAMPLES)]


def test_figures_are_those_of_the_signs() -> None:
    pictures = [bits(noise(n)) for n in range(3)]
    signs = [2.0 * np.unpackbits(np.frombuffer(p, np.uint8))[:SAMPLES] - 1 for p in pictures]
    pairs = figures(pictures, SAMPLES)
    assert np.isclose(pairs[0, 2], signs[0] @ signs[2] / SAMPLES**0.5, atol=1e-4)
    assert not np.diag(pairs).any()
    assert np.abs(pairs).max() < 5


def test_pictures_of_two_cameras_make_two_groups_and_strangers_none() -> None:
    assert found(by(1, 6, 0.3), by(2, 5, 0.3), by(3, 1, 0.3)) == [list(range(6)), list(range(6, 11))]


def test_weak_pairs_add_up() -> None:
    pictures = by(1, 40, 0.16)
    pairs = figures(pictures, SAMPLES)
    assert np.median(pairs[np.triu_indices(40, 1)]) < 4
    members, mean = groups(pairs, SAMPLES)[0]
    assert len(members) >= 36
    assert 2 < mean < 4


def test_a_picture_that_two_cameras_share_joins_them_not() -> None:
    both = bits(noise(99) + 0.3 * noise(1) + 0.3 * noise(2))
    made = found(by(1, 8, 0.3), by(2, 8, 0.3), [both])
    assert len(made) == 2
    assert not any({0, 8} <= set(members) for members in made)


def test_what_a_model_has_in_common_joins_no_two_cameras() -> None:
    one, other = (by(n, 40, 0.25, model=7, common=0.07) for n in (1, 2))
    pairs = figures([*one, *other], SAMPLES)
    across = pairs[:40, 40:]
    # added up over the groups it would stand out far
    assert across.sum() / 40 > 20
    assert found(one, other) == [list(range(40)), list(range(40, 80))]


def test_copies_of_one_picture_are_no_group() -> None:
    picture = noise(5)
    copies = [bits(picture + 0.2 * noise(50 + n)) for n in range(4)]
    assert found(copies) == []
    joined = found(copies, by(1, 4, 0.3))
    assert joined == [[4, 5, 6, 7]]


def test_few_or_no_pictures() -> None:
    assert found([bits(noise(1))]) == []
    assert groups(np.zeros((0, 0), dtype=np.float32), SAMPLES) == []


def test_no_false_group_among_many_strangers() -> None:
    assert found([bits(noise(n)) for n in range(120)]) == []
