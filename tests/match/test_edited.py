from __future__ import annotations

import random

import pytest

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.match import edited
from leadlight.match.edited import PLUGIN, RADIUS
from leadlight.records import Finding, ListEntry, ListKind
from leadlight.records.codec import dumps, finding_out
from leadlight.records.finding import REGIONS
from leadlight.seams import Print
from tests.views import MemoryView, flipped, sha

BASE = random.Random(1).randbytes(32)
INNER = random.Random(2).randbytes(32)
OTHER = random.Random(3).randbytes(32)


def run(view: MemoryView, **values):
    return list(PLUGIN.match(view, Settings(**values)))


def cut(value: bytes, way: str = "bars", quality: int = 100) -> Finding:
    print_ = {
        "algorithm": "pdq.region",
        "value": value.hex(),
        "quality": quality,
        "way": way,
        "rectangle": [0, 5, 90, 60],
    }
    return Finding("fingerprint.regions", "1", REGIONS, "Rectangles.", {"prints": [print_], "exact": False})


def case(*cuts: Finding) -> MemoryView:
    return MemoryView(pdq=[Print(sha(0), BASE, 100)], found=[(sha(0), f) for f in cuts])


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("bar", "after a bar along one side was cut away"),
        ("bars", "after bars on two sides were cut away"),
        ("inner", "after all around a picture within it was cut away"),
    ],
)
def test_says_what_was_cut_away_and_how_far(way: str, words: str) -> None:
    view = case(cut(OTHER), cut(INNER, way))
    entry = flipped(INNER, *range(6))
    number = view.add_list("drawn things", [ListEntry("pdq", entry, "label")], ListKind.GENERATED)
    ((content, finding),) = run(view)
    assert content == sha(0)
    assert finding.statement == f'Near-copy of an entry of the list "drawn things" {words}: 6 of 256 bits differ.'
    assert finding.weight is None
    assert dict(finding.payload) == {
        "list_id": number,
        "list": "drawn things",
        "list_kind": "generated",
        "algorithm": "pdq",
        "distance": 6,
        "entry": entry.hex(),
        "label": "label",
        "quality": 100,
        "orientation": "as stored",
        "exact": False,
        "edited": way,
        "rectangle": [0, 5, 90, 60],
        "false_rate_below": 3e-7,
    }
    assert dumps(finding_out(finding))


@pytest.mark.parametrize(("bits", "hit"), [(RADIUS, True), (RADIUS + 1, False)])
def test_rectangles_have_a_radius_of_their_own(bits: int, hit: bool) -> None:
    view = case(cut(INNER))
    view.add_list("x", [ListEntry("pdq", flipped(INNER, *range(bits)))])
    assert bool(run(view)) is hit


@pytest.mark.parametrize(("bits", "hit"), [(31, False), (32, True), (60, True), (61, False)])
def test_the_whole_picture_resembles_beyond_the_radius_of_a_copy(bits: int, hit: bool) -> None:
    view = case()
    view.add_list("x", [ListEntry("pdq", flipped(BASE, *range(bits)))])
    found = run(view)
    assert bool(found) is hit
    if found:
        assert found[0][1].statement.startswith(f'Resembles an entry of the list "x": {bits} of 256 bits differ')
        assert found[0][1].payload["edited"] == "overlaid"
        assert found[0][1].payload["rectangle"] is None


def test_the_longer_a_list_the_smaller_the_radius(monkeypatch) -> None:
    view = case()
    view.add_list("x", [ListEntry("pdq", flipped(BASE, *range(52))), ListEntry("pdq", OTHER)])
    for wide, hit in ((((2, 52),), True), (((2, 51),), False), (((1, 60), (2, 52)), True), (((1, 60),), False)):
        monkeypatch.setattr(edited, "WIDE", wide)
        assert bool(run(view)) is hit


def test_a_copy_needs_no_second_finding_for_the_same_list() -> None:
    turned = random.Random(4).randbytes(32)
    view = case(cut(INNER))
    view.dihedral = [Print(sha(0), turned, 100)]
    view.add_list("plain copy", [ListEntry("pdq", INNER), ListEntry("pdq", flipped(BASE, 1))])
    view.add_list("turned copy", [ListEntry("pdq", INNER), ListEntry("pdq", flipped(turned, 1))])
    view.add_list("edited", [ListEntry("pdq", INNER), ListEntry("pdq", OTHER)])
    assert [f.payload["list"] for _, f in run(view)] == ["edited"]


def test_the_nearest_of_all_ways_wins() -> None:
    view = case(cut(INNER, "bars"), cut(OTHER, "inner"))
    view.add_list("x", [ListEntry("pdq", flipped(INNER, 1, 2)), ListEntry("pdq", flipped(OTHER, 1))])
    ((_, finding),) = run(view)
    assert (finding.payload["edited"], finding.payload["distance"]) == ("inner", 1)


def test_flat_rectangles_and_pictures_do_not_match() -> None:
    view = MemoryView(pdq=[Print(sha(0), BASE, 49)], found=[(sha(0), cut(INNER, quality=49))])
    view.add_list("x", [ListEntry("pdq", INNER), ListEntry("pdq", flipped(BASE, *range(40)))])
    assert run(view) == []
    assert run(view, near_quality=49)


def test_blocks_change_nothing(monkeypatch) -> None:
    rng = random.Random(5)
    values = [rng.randbytes(32) for _ in range(7)]
    view = MemoryView(
        pdq=[Print(sha(n), rng.randbytes(32), 100) for n in range(7)],
        found=[(sha(n), cut(v)) for n, v in enumerate(values)],
    )
    view.add_list("x", [ListEntry("pdq", flipped(v, n)) for n, v in enumerate(values[::2])])
    whole = run(view)
    monkeypatch.setattr(edited, "BLOCK", 2)
    assert run(view) == whole
    assert sorted(s for s, _ in whole) == sorted(sha(n) for n in range(0, 7, 2))


def test_no_list_of_perceptual_hashes_asks_nothing_of_the_case() -> None:
    view = case(cut(INNER))
    view.add_list("x", [ListEntry("sha256", bytes(32))])
    assert run(view) == []


def test_a_broken_finding_is_named() -> None:
    broken = Finding(
        "fingerprint.regions", "1", REGIONS, "Rectangles.", {"prints": [{"way": "bar", "value": "zz"}]}
    )
    view = case(broken)
    view.add_list("x", [ListEntry("pdq", INNER)])
    with pytest.raises(CaseDamaged, match="rectangles"):
        run(view)
