"""The radius search against comparing all with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight import radius
from leadlight.radius import RadiusIndex, distances, pack, unpack


def brute(hashes: radius.WORDS, queries: radius.WORDS, within: int) -> set[tuple[int, int, int]]:
    a = [int.from_bytes(v, "big") for v in unpack(hashes)]
    b = [int.from_bytes(v, "big") for v in unpack(queries)]
    return {
        (q, h, (x ^ y).bit_count())
        for q, x in enumerate(b)
        for h, y in enumerate(a)
        if (x ^ y).bit_count() <= within
    }


def search(index: RadiusIndex, queries: radius.WORDS, within: int) -> list[tuple[int, int, int]]:
    return [
        (int(q), int(h), int(d)) for block in index.search(queries, within) for q, h, d in zip(*block, strict=True)
    ]


def flipped(value: bytes, bits: set[int]) -> bytes:
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(32, "big")


VALUES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=6)
BITS = st.sets(st.integers(0, 255), max_size=70)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.lists(st.tuples(st.integers(0, 5), BITS), max_size=12), st.integers(0, 63))
def test_finds_what_comparing_all_finds(values, changes, within) -> None:
    made = [flipped(values[i % len(values)], bits) for i, bits in changes]
    hashes = pack(values + made)
    queries = pack(made + values)
    found = search(RadiusIndex(hashes), queries, within)
    assert len(found) == len(set(found)), "each pair once"
    assert set(found) == brute(hashes, queries, within)


@pytest.mark.parametrize("within", [0, 7, 15, 16, 31, 32, 47, 48, 63])
def test_the_hardest_spread_of_bits_is_found(within) -> None:
    """The bits spread evenly over all chunks leave no chunk better than the pigeonhole says."""
    rng = np.random.default_rng(within)
    base = rng.integers(0, 1 << 63, size=(300, 4), dtype=np.uint64)
    for extra in (0, 1):
        spread = {16 * (n % 16) + n // 16 for n in range(within + extra)}
        queries = pack(flipped(v, spread) for v in unpack(base))
        found = {(q, h) for q, h, _ in search(RadiusIndex(base), queries, within)}
        assert {(n, n) for n in range(300)} <= found or extra
        assert not extra or not {(n, n) for n in range(300)} & found


@pytest.mark.parametrize("within", [10, 31, 40, 63])
def test_crowded_buckets_stay_within_the_work_limit(within, monkeypatch) -> None:
    monkeypatch.setattr(radius, "_WORK", 1000)
    rng = np.random.default_rng(1)
    one = rng.integers(0, 1 << 63, size=(1, 4), dtype=np.uint64)
    crowd = np.repeat(one, 200, axis=0)
    crowd[:, 3] ^= np.arange(200, dtype=np.uint64)
    other = rng.integers(0, 1 << 63, size=(100, 4), dtype=np.uint64)
    hashes = np.concatenate((crowd, other))
    assert set(search(RadiusIndex(hashes), hashes, within)) == brute(hashes, hashes, within)


def test_empty_sides_and_wrong_radius() -> None:
    none = pack([])
    some = pack([bytes(32)])
    assert search(RadiusIndex(none), some, 31) == []
    assert search(RadiusIndex(some), none, 31) == []
    for wrong in (-1, 64):
        with pytest.raises(ValueError, match="0 to 63"):
            search(RadiusIndex(some), some, wrong)


@given(st.lists(st.binary(min_size=32, max_size=32)))
def test_pack_and_unpack(values) -> None:
    assert unpack(pack(values)) == values


def test_distances_broadcast() -> None:
    a = pack([bytes(32), b"\xff" * 32])
    assert distances(a[:, None], a[None, :]).tolist() == [[0, 256], [256, 0]]
