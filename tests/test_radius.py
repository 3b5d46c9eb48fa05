"""The radius search against comparing all with all: the kernel, the reference, and what they share."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight import radius
from leadlight.radius import RadiusIndex, distances, pack, reference, tables, unpack, words
from leadlight.radius.kernel import kernel
from leadlight.radius.reference import ReferenceIndex
from leadlight.radius.tables import Tables

HITS = list[tuple[int, int, int]]
WITHOUT = "LEADLIGHT_TEST_NO_KERNEL"
needs_kernel = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")


@pytest.fixture(params=[pytest.param("kernel", marks=needs_kernel), "tables", "reference"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By the kernel as it decides; by the kernel's tables whatever they cost; without a kernel."""
    if request.param == "tables":
        if kernel() is None:
            pytest.skip("no compiled kernel")
        probe_always(monkeypatch)
    if request.param == "reference":
        monkeypatch.setenv(WITHOUT, "1")
    return str(request.param)


def probe_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LEAST", 1)
    monkeypatch.setattr(tables, "worth_probing", lambda *_: True)


def brute(hashes: radius.WORDS, queries: radius.WORDS, within: int) -> set[tuple[int, int, int]]:
    a = [int.from_bytes(v, "big") for v in unpack(hashes)]
    b = [int.from_bytes(v, "big") for v in unpack(queries)]
    return {
        (q, h, (x ^ y).bit_count())
        for q, x in enumerate(b)
        for h, y in enumerate(a)
        if (x ^ y).bit_count() <= within
    }


def search(index: RadiusIndex, queries: radius.WORDS, within: words.RADII) -> HITS:
    return [
        (int(q), int(h), int(d)) for block in index.search(queries, within) for q, h, d in zip(*block, strict=True)
    ]


def flipped(value: bytes, bits: set[int]) -> bytes:
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(32, "big")


def random(count: int, seed: int) -> radius.WORDS:
    return np.random.default_rng(seed).integers(0, 1 << 64, size=(count, 4), dtype=np.uint64)


def changed(hashes: radius.WORDS, bits: int, seed: int) -> radius.WORDS:
    rng = np.random.default_rng(seed)
    return pack(flipped(v, set(rng.choice(256, bits, replace=False).tolist())) for v in unpack(hashes))


VALUES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=6)
BITS = st.sets(st.integers(0, 255), max_size=70)


@settings(max_examples=80, deadline=None)
@given(VALUES, st.lists(st.tuples(st.integers(0, 5), BITS), max_size=12), st.integers(0, 63))
def test_finds_what_comparing_all_finds(values, changes, within) -> None:
    made = [flipped(values[i % len(values)], bits) for i, bits in changes]
    hashes = pack(values + made)
    queries = pack(made + values)
    expected = brute(hashes, queries, within)
    with pytest.MonkeyPatch.context() as patch:
        for step in (lambda: None, lambda: probe_always(patch), lambda: patch.setenv(WITHOUT, "1")):
            step()
            found = search(RadiusIndex(hashes), queries, within)
            assert len(found) == len(set(found)), "each pair once"
            assert set(found) == expected


@pytest.mark.parametrize("within", [0, 7, 15, 16, 31, 32, 47, 48, 63])
def test_the_hardest_spread_of_bits_is_found(within, way) -> None:
    """The bits spread evenly over all chunks leave no chunk better than the pigeonhole says."""
    base = random(300, within)
    order = tables.mixed_order()
    for places in (range(256), order):
        for extra in (0, 1):
            spread = {places[16 * (n % 16) + n // 16] for n in range(within + extra)}
            queries = pack(flipped(v, spread) for v in unpack(base))
            found = {(q, h) for q, h, _ in search(RadiusIndex(base), queries, within)}
            assert {(n, n) for n in range(300)} <= found or extra
            assert not extra or not {(n, n) for n in range(300)} & found


@needs_kernel
@pytest.mark.parametrize("chunks", [11, 12, 14, 16])
def test_every_radius_at_the_borders_of_every_chunk(chunks, monkeypatch) -> None:
    """For each chunk and radius: all that may differ in it and one more, the rest in the chunks that follow."""
    probe_always(monkeypatch)
    width, wider = divmod(256, chunks)
    widths = bytes([width] * (chunks - wider) + [width + 1] * wider)
    monkeypatch.setattr(tables, "widths_for", lambda _: widths)
    order = tables.mixed_order()
    # bits of the mixed order as the numbers that `flipped` takes: word 0 is the highest
    place = [(3 - bit // 64) * 64 + bit % 64 for bit in order]
    edges = np.concatenate(([0], np.cumsum(list(widths)))).tolist()
    base = unpack(random(1, chunks))[0]
    made: list[bytes] = []
    for within in range(64):
        limits = tables.limits_for(widths, within)
        for chunk in range(chunks):
            own = [place[k] for k in range(edges[chunk], edges[chunk + 1])]
            rest = [place[(edges[chunk + 1] + k) % 256] for k in range(256 - len(own))]
            for count in {max(0, limits[chunk]), limits[chunk] + 1}:
                bits = own[:count] + rest[-max(0, within - count) :] if within > count else own[:within]
                made.append(flipped(base, set(bits[:within])))
    hashes, query = pack(made), pack([base])
    index = Tables.of(kernel(), hashes)
    apart = distances(hashes, query[0])
    for within in range(64):
        q, h, d = index.hits(query, within, 1 << 40)
        assert sorted(h.tolist()) == np.flatnonzero(apart <= within).tolist()
        assert (d == apart[h]).all()
        assert not q.any()


@needs_kernel
def test_all_radii_on_sets_that_are_random_clustered_and_crowded(monkeypatch) -> None:
    probe_always(monkeypatch)
    base = random(2000, 1)
    zeros = np.zeros((700, 4), dtype=np.uint64)
    near = np.concatenate([changed(base[:40], bits, bits) for bits in (1, 5, 20, 31, 32, 45, 63)])
    crowd = np.repeat(base[:1], 600, axis=0)
    crowd[:, 3] ^= np.arange(600, dtype=np.uint64)
    hashes = np.concatenate((base, zeros, near, crowd))
    one = RadiusIndex(hashes)
    queries = np.concatenate((base[:20], zeros[:1], near[::40], changed(crowd[:3], 9, 9)))
    for within in range(64):
        found = words.joined(list(one.search(queries, within)))
        expected = words.joined(list(reference.compare(hashes, queries, within)))
        scanned = words.joined([tables.unpacked(kernel().scan(hashes, queries, within, 1 << 40, b"", b""))])
        for a, b, c in zip(found, expected, scanned, strict=True):
            assert a.tolist() == b.tolist() == c.tolist()
    assert reference.compared(hashes, queries, 31, 3) is None


@needs_kernel
@pytest.mark.parametrize("count", [131_072, 530_000])
def test_many_queries_go_through_a_table_part_by_part(count) -> None:
    """So many that a table is larger than the cache: each planted copy is found, and nothing else."""
    hashes = random(count, 3)
    at = np.random.default_rng(4).choice(count, 3000, replace=False)
    queries = hashes[at].copy()
    queries[:, 0] ^= np.uint64(0x0101_0101_0101_0101)
    queries[:, 2] ^= np.uint64(0xFFFF_F800_0000_0000)
    queries[1::2, 3] ^= np.uint64(0x11)
    found = search(RadiusIndex(hashes), queries, 30)
    assert found == [(n, int(at[n]), 29) for n in range(0, 3000, 2)]


@pytest.mark.parametrize("within", [10, 31, 40, 63])
def test_crowded_buckets_stay_within_the_work_limit(within, way, monkeypatch) -> None:
    monkeypatch.setattr(reference, "_WORK", 1000)
    monkeypatch.setattr(words, "HELD", 1000)
    one = random(1, 1)
    crowd = np.repeat(one, 200, axis=0)
    crowd[:, 3] ^= np.arange(200, dtype=np.uint64)
    hashes = np.concatenate((crowd, random(100, 2)))
    assert search(RadiusIndex(hashes), hashes, within) == sorted(brute(hashes, hashes, within))
    sizes = [len(q) for q, _, _ in RadiusIndex(hashes).search(hashes, within)]
    assert max(sizes) <= 1000


def test_a_radius_for_each_query(way) -> None:
    base = random(50, 5)
    hashes = np.concatenate([changed(base, bits, bits) for bits in range(0, 64, 3)])
    radii = np.arange(50) % 64
    expected = [hit for hit in sorted(brute(hashes, base, 63)) if hit[2] <= radii[hit[0]]]
    assert search(RadiusIndex(hashes), base, radii) == expected
    with pytest.raises(ValueError, match="0 to 63, not 64"):
        search(RadiusIndex(hashes), base, np.where(np.arange(50) == 49, 64, 1))


def test_empty_sides_and_wrong_radius(way) -> None:
    none = pack([])
    some = pack([bytes(32)])
    assert search(RadiusIndex(none), some, 31) == []
    assert search(RadiusIndex(some), none, 31) == []
    assert search(RadiusIndex(some), some, 0) == [(0, 0, 0)]
    for wrong in (-1, 64):
        with pytest.raises(ValueError, match="0 to 63"):
            search(RadiusIndex(some), some, wrong)


def test_without_the_kernel_the_reference_runs(monkeypatch) -> None:
    monkeypatch.setenv(WITHOUT, "1")
    assert kernel() is None
    assert isinstance(RadiusIndex(random(3, 1))._index, ReferenceIndex)


@needs_kernel
def test_broken_tables_are_refused_and_never_followed(monkeypatch) -> None:
    hashes = random(5000, 6)
    for part in range(3):
        index = Tables.of(kernel(), hashes)
        for table in index.tables:
            raw = table[part].view(np.uint8)
            raw[:] = 0xFF if part != 1 else raw[::-1]
        if part == 1:
            assert index.hits(hashes[:50], 15, 1 << 40) is not None
        else:
            with pytest.raises(ValueError, match="contradicts"):
                index.hits(hashes[:50], 15, 1 << 40)


@needs_kernel
def test_the_kernel_refuses_what_does_not_fit() -> None:
    compiled = kernel()
    assert compiled is not None
    hashes, order, widths = random(10, 1), tables.mixed_order(), bytes([16] * 16)
    parts = tuple((g.view(np.uint8), p, r) for g, p, r in tables.build(compiled, hashes, widths))
    limits = bytes(16)
    for wrong in (
        (hashes, order[:-1] + order[:1], widths, parts, limits),
        (hashes, order, widths[:-1], parts[:-1], limits[:-1]),
        (hashes, order, widths, parts[:-1], limits),
        (hashes, order, widths, parts, limits[:-1]),
        (hashes, order, widths, parts, b"\x7f" * 16),
        (hashes[:-1], order, widths, parts, limits),
        (hashes, order, widths, (*parts[:-1], (parts[0][0][:-1], *parts[0][1:])), limits),
        (hashes, order, widths, (*parts[:-1], None), limits),
        (hashes.tobytes()[:-1], order, widths, parts, limits),
    ):
        with pytest.raises(ValueError):
            compiled.search(*wrong, hashes, 15, 10, b"", b"")
    with pytest.raises(ValueError):
        compiled.scan(hashes, hashes, 15, -1, b"", b"")


def test_the_plugin_list_says_what_is_missing_and_what_it_costs() -> None:
    code = "from leadlight.plugins import registry; print([i for i in registry().infos if i.kind == 'kernel'])"
    for hidden in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={WITHOUT: hidden}, capture_output=True, text=True, check=True
        )
        assert ("times as long" in done.stdout) == (hidden == "1" or kernel() is None)
        assert "name='radius'" in done.stdout


@given(st.lists(st.binary(min_size=32, max_size=32)))
def test_pack_and_unpack(values) -> None:
    assert unpack(pack(values)) == values


def test_distances_broadcast() -> None:
    a = pack([bytes(32), b"\xff" * 32])
    assert distances(a[:, None], a[None, :]).tolist() == [[0, 256], [256, 0]]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1 << 30), st.sampled_from([0, 20, 31, 47, 55]), st.sampled_from([0, 120, 999]), st.booleans()
)
def test_only_those_that_count_are_found(seed, within, least, compiled) -> None:
    """Before a bound for each query, and not skipped: with crowded buckets, probed, compared or both."""
    rng = np.random.default_rng(seed)
    hashes = random(300, seed)
    hashes[rng.integers(0, 300, 200)] = hashes[0] ^ np.uint64(1 << 7)
    queries = changed(hashes[rng.integers(0, 300, 40)], 12, seed)
    below, skip = rng.integers(0, 310, 40).astype(np.uint32), (rng.random(300) < 0.3).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADLIGHT_TEST_NO_KERNEL", "0" if compiled else "1")
        patch.setattr(tables, "LEAST", 16)
        patch.setattr(tables, "worth_probing", lambda widths, radius, count: count > least)
        index = RadiusIndex(hashes)
        found = index.among(queries, within, (below, skip))
        assert found is not None
        assert index.among(queries, within, (below, skip), most=max(0, len(found[0]) - 1)) is None or not len(
            found[0]
        )
    expected = {(q, h, d) for q, h, d in brute(hashes, queries, within) if h < below[q] and not skip[h]}
    assert sorted(zip(*(c.tolist() for c in found), strict=True)) == sorted(expected)


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_lanes_change_nothing(lanes, way, monkeypatch) -> None:
    monkeypatch.setattr(words, "ASKED", 16)
    monkeypatch.setattr(words, "HELD", 60)
    hashes = random(200, 5)
    hashes[:90] = hashes[0]
    one = list(RadiusIndex(hashes).search(hashes, 31))
    many = list(RadiusIndex(hashes, lanes=lanes).search(hashes, 31, lanes=lanes))
    assert len(one) == len(many)
    for a, b in zip(one, many, strict=True):
        assert all((x == y).all() for x, y in zip(a, b, strict=True))


def test_what_fails_in_a_lane_is_told_and_nothing_goes_on() -> None:
    done: list[int] = []

    def work(n: int) -> int:
        done.append(n)
        if n == 3:
            raise ValueError("three")
        return n

    with pytest.raises(ValueError, match="three"):
        list(words.in_order(work, range(1000), 2))
    assert len(done) < 10
