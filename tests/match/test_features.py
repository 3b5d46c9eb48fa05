"""Partial matches over a view of a case: found, said in words, only where nothing else was, always the same."""

from __future__ import annotations

import base64

import pytest
from PIL import Image as Pil

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.match import features as module
from leadlight.match.features import PLUGIN
from leadlight.plugins import registry
from leadlight.records import Finding, ListKind
from leadlight.records.finding import FEATURES, MATCH
from leadlight.seams import ListedPicture
from tests.scenes import record_of, scene
from tests.views import MemoryView, sha


def taken(record: bytes) -> Finding:
    payload = {"algorithm": "orb", "features": 1, "value": base64.b64encode(record).decode()}
    return Finding("fingerprint.features", "1", FEATURES, "x", payload)


@pytest.fixture(scope="module")
def records() -> dict[str, bytes]:
    base = [scene(n) for n in range(4)]
    both = Pil.new("RGB", (1280, 480))
    both.paste(base[0], (0, 0))
    both.paste(base[1], (640, 0))
    made = {f"scene {n}": record_of(p) for n, p in enumerate(base)}
    made["crop"] = record_of(base[0].crop((40, 30, 616, 462)))
    made["turned"] = record_of(base[1].rotate(20))
    made["both"] = record_of(both)
    made["stranger"] = record_of(scene(77))
    return made


def view_of(
    records: dict[str, bytes], *contents: str, listed: tuple[str, ...] = ("scene 0", "scene 1", "scene 2")
):
    view = MemoryView()
    number = view.add_list("a list", [], ListKind.KNOWN)
    view.listed[number] = [ListedPicture(sha(n), records[n]) for n in listed]
    view.found = [(sha(c), taken(records[c])) for c in contents]
    return view


def test_parts_and_turned_copies_match(records) -> None:
    view = view_of(records, "crop", "turned", "stranger", "scene 3")
    found = dict(PLUGIN.match(view, Settings()))
    assert set(found) == {sha("crop"), sha("turned")}
    crop = found[sha("crop")]
    assert crop.kind == MATCH
    assert crop.payload["algorithm"] == "features"
    assert crop.payload["entry"] == sha("scene 0")
    assert (crop.payload["list_id"], crop.payload["list"], crop.payload["list_kind"]) == (1, "a list", "known")
    assert 1 <= crop.payload["distance"] < 64
    assert crop.payload["false_match_rate"] == 1e-6
    assert crop.payload["shared"] == pytest.approx(0.81, abs=0.03)
    agreeing, pairs, shared = (crop.payload[k] for k in ("agreeing", "pairs", "shared"))
    assert crop.statement == (
        f'Shows the same picture as an entry of the list "a list", cropped to {100 * shared:.0f} %: '
        f"{agreeing} of {pairs} local features that look alike agree in position."
    )
    assert "turned by 20 degrees" in found[sha("turned")].statement


def test_a_collage_names_the_best_entry_and_counts_the_others(records) -> None:
    ((_, found),) = PLUGIN.match(view_of(records, "both"), Settings())
    assert found.payload["entries"] == 2
    assert found.payload["entry"] in (sha("scene 0"), sha("scene 1"))
    assert found.statement.endswith("1 other entry of it agrees too.")


def test_what_another_matcher_found_on_the_list_is_not_looked_at(records) -> None:
    view = view_of(records, "crop", "turned")
    near = Finding("match.near", "2", MATCH, "x", {"list_id": 1, "algorithm": "pdq"})
    elsewhere = Finding("match.near", "2", MATCH, "x", {"list_id": 9, "algorithm": "pdq"})
    view.found += [(sha("crop"), near), (sha("turned"), elsewhere)]
    assert [s for s, _ in PLUGIN.match(view, Settings())] == [sha("turned")]


def test_it_runs_behind_the_other_matchers() -> None:
    names = [m.name for m in registry().matchers]
    assert names.index("match.partial") > max(names.index("match.exact"), names.index("match.near"))


def test_earlier_findings_of_its_own_change_nothing_and_blocks_neither(records, monkeypatch) -> None:
    view = view_of(records, "crop", "turned", "both")
    once = list(PLUGIN.match(view, Settings()))
    view.found += once
    assert list(PLUGIN.match(view, Settings())) == once
    monkeypatch.setattr(module, "LISTED", 1)
    monkeypatch.setattr(module, "ASKED", 1)
    assert list(PLUGIN.match(view, Settings())) == once


def test_silence_without_features_on_either_side(records) -> None:
    assert not list(PLUGIN.match(view_of(records, "crop", listed=()), Settings()))
    assert not list(PLUGIN.match(view_of(records), Settings()))


def test_altered_features_are_damage(records) -> None:
    view = view_of(records, "crop")
    for value in ("***", "AAAA", None, 5):
        view.found = [(sha("crop"), Finding("x", "1", FEATURES, "x", {"value": value}))]
        with pytest.raises(CaseDamaged):
            list(PLUGIN.match(view, Settings()))
