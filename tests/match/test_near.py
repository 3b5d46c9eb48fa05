from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Settings
from leadlight.match import near
from leadlight.match.near import PLUGIN
from leadlight.records import ListEntry, ListKind
from leadlight.records.codec import dumps, finding_out
from leadlight.seams import Doubting, Print
from tests.views import MemoryView, flipped, sha

BASE = random.Random(1).randbytes(32)


def run(view: MemoryView, **values):
    return list(PLUGIN.match(view, Settings(**values)))


def case(*values: bytes, quality: int = 100) -> MemoryView:
    return MemoryView(pdq=[Print(sha(n), v, quality) for n, v in enumerate(values)])


def test_says_how_far_and_from_which_entry() -> None:
    view = case(BASE)
    entry = flipped(BASE, *range(0, 240, 20))
    number = view.add_list("drawn things", [ListEntry("pdq", entry, "label")], ListKind.GENERATED)
    ((content, finding),) = run(view)
    assert content == sha(0)
    assert finding.statement == 'Near-copy of an entry of the list "drawn things": 12 of 256 bits differ.'
    assert finding.weight is None
    assert dict(finding.payload) == {
        "list_id": number,
        "list": "drawn things",
        "list_kind": "generated",
        "algorithm": "pdq",
        "distance": 12,
        "entry": entry.hex(),
        "label": "label",
        "quality": 100,
        "orientation": "as stored",
        "exact": True,
    }
    assert dumps(finding_out(finding))


def test_equal_hashes_are_still_called_near() -> None:
    view = case(BASE)
    view.add_list("x", [ListEntry("pdq", BASE)])
    ((_, finding),) = run(view)
    assert finding.statement == 'Near-copy of an entry of the list "x": the same perceptual hash.'
    assert finding.payload["distance"] == 0


@pytest.mark.parametrize(("bits", "hit"), [(31, True), (32, False)])
def test_radius_is_the_setting(bits, hit) -> None:
    view = case(BASE)
    view.add_list("x", [ListEntry("pdq", flipped(BASE, *range(bits)))])
    assert bool(run(view)) is hit
    assert run(view, near_radius=bits)


def test_flat_pictures_do_not_match() -> None:
    view = case(BASE, quality=49)
    view.add_list("x", [ListEntry("pdq", BASE)])
    assert run(view) == []
    assert run(view, near_quality=49)


def test_turned_copies_are_found_and_said_so() -> None:
    turned = random.Random(2).randbytes(32)
    view = case(BASE)
    view.dihedral = [Print(sha(0), v, 100) for v in (BASE, turned)]
    view.add_list("x", [ListEntry("pdq", flipped(turned, 3))])
    view.add_list("y", [ListEntry("pdq", flipped(turned, 3)), ListEntry("pdq", BASE)])
    first, second = (f for _, f in run(view))
    assert first.payload["orientation"] == "turned or mirrored"
    assert "turned or mirrored" in first.statement
    assert second.payload["orientation"] == "as stored"


def test_the_nearest_entry_wins_then_the_smaller_value() -> None:
    view = case(BASE)
    tied = [flipped(BASE, 1), flipped(BASE, 2)]
    entries = [flipped(BASE, 1, 2, 3), *tied]
    view.add_list("x", [ListEntry("pdq", e) for e in entries])
    view.add_list("y", [ListEntry("pdq", e) for e in reversed(entries)])
    assert [f.payload["entry"] for _, f in run(view)] == [min(tied).hex()] * 2


def test_frames_of_one_content_give_one_finding() -> None:
    frames = [random.Random(n).randbytes(32) for n in range(5)]
    view = MemoryView(pdq=[Print(sha("film"), f, 60 + n) for n, f in enumerate(frames)])
    view.add_list("x", [ListEntry("pdq", flipped(f, n)) for n, f in enumerate(frames[1:3])])
    ((_, finding),) = run(view)
    assert finding.payload["distance"] == 1
    assert finding.payload["quality"] in (61, 62)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 40), st.integers(0, 40), st.sampled_from([1, 7, 1000]))
def test_blocks_change_nothing(seed, contents, entries, block) -> None:
    """Against comparing all with all, with blocks so small that every boundary is met."""
    rng = random.Random(seed)
    centres = [rng.randbytes(32) for _ in range(4)]

    def somewhere() -> bytes:
        return flipped(rng.choice(centres), *(rng.randrange(256) for _ in range(rng.randrange(40))))

    view = MemoryView()
    for n in range(contents):
        view.pdq += [Print(sha(n), somewhere(), rng.randrange(101)) for _ in range(rng.randrange(1, 3))]
        view.dihedral += [Print(sha(n), somewhere(), 80) for _ in range(rng.randrange(3))]
    listed = [somewhere() for _ in range(entries)]
    view.add_list("x", [ListEntry("pdq", v) for v in listed])
    wanted = {}
    for p in (*view.pdq, *view.dihedral):
        for value in listed:
            distance = (int.from_bytes(p.value, "big") ^ int.from_bytes(value, "big")).bit_count()
            if p.quality >= 50 and distance <= 31:
                old = wanted.get(p.sha256, (999, b""))
                wanted[p.sha256] = min(old, (distance, value))
    before = near.BLOCK
    try:
        near.BLOCK = block
        found = run(view)
    finally:
        near.BLOCK = before
    assert {s: (f.payload["distance"], bytes.fromhex(f.payload["entry"])) for s, f in found} == wanted
    assert [s for s, _ in found] == sorted(wanted)


def fast(*values: bytes, quality: int = 100) -> MemoryView:
    return MemoryView(pdq=[Print(sha(n), v, quality, exact=False) for n, v in enumerate(values)])


def test_a_fast_hash_that_nobody_confirmed_says_so() -> None:
    view = fast(BASE)
    view.add_list("x", [ListEntry("pdq", flipped(BASE, 1, 2))])
    ((_, finding),) = run(view)
    assert finding.payload["exact"] is False
    assert finding.statement.endswith("2 of 256 bits differ, by a fast hash that could not be confirmed.")


def test_an_exact_hash_speaks_before_a_nearer_fast_one() -> None:
    view = MemoryView(pdq=[Print(sha(1), BASE, 90, exact=False), Print(sha(1), flipped(BASE, 9, 10), 90)])
    view.add_list("x", [ListEntry("pdq", BASE)])
    ((_, finding),) = run(view)
    assert (finding.payload["exact"], finding.payload["distance"]) == (True, 2)


@pytest.mark.parametrize(("bits", "doubted"), [(0, True), (31, True), (31 + near.SLACK, True), (48, False)])
def test_fast_hashes_near_an_entry_are_doubted(bits, doubted) -> None:
    """Within the radius and beyond it: the exact hash may lie on the other side."""
    view = fast(BASE)
    view.add_list("other", [ListEntry("pdq", random.Random(4).randbytes(32))])
    view.add_list("x", [ListEntry("pdq", flipped(BASE, *range(bits)))])
    assert list(PLUGIN.doubtful(view, Settings())) == ([sha(0)] if doubted else [])
    assert bool(run(view)) is (bits <= 31)


def test_exact_hashes_are_never_doubted_and_turned_fast_ones_are() -> None:
    view = case(BASE)
    view.dihedral = [Print(sha(n), flipped(BASE, n), 100, exact=n != 3) for n in range(5)]
    view.add_list("x", [ListEntry("pdq", BASE)])
    assert list(PLUGIN.doubtful(view, Settings())) == [sha(3)]


@pytest.mark.parametrize(("quality", "doubted"), [(50, True), (40, True), (39, False)])
def test_quality_is_in_doubt_too(quality, doubted) -> None:
    view = fast(BASE, quality=quality)
    view.add_list("x", [ListEntry("pdq", BASE)])
    assert bool(list(PLUGIN.doubtful(view, Settings()))) is doubted


def test_every_radius_leaves_room_for_doubt() -> None:
    view = fast(BASE)
    view.add_list("x", [ListEntry("pdq", BASE)])
    assert list(PLUGIN.doubtful(view, Settings(near_radius=63))) == [sha(0)]


def test_the_matcher_offers_the_seam() -> None:
    assert isinstance(PLUGIN, Doubting)


def test_lists_without_perceptual_entries_cost_nothing() -> None:
    view = case(BASE)
    view.add_list("x", [ListEntry("md5", bytes(16))])
    assert run(view) == []
