from __future__ import annotations

import pytest

from leadlight.config import Settings
from leadlight.link.series import PLUGIN
from leadlight.records import Finding, Item, Link, LinkKind, Place
from leadlight.records.codec import dumps
from leadlight.records.finding import CAMERA, GENERATOR
from tests.views import MemoryView, sha


def run(view: MemoryView) -> list[Link]:
    links = list(PLUGIN.link(view, Settings()))
    for link in links:
        assert list(link.members) == sorted(set(link.members))
        assert len(link.members) > 1
        assert link.statement.isprintable()
        dumps(dict(link.facts))
    assert len({(link.kind, link.key) for link in links}) == len(links)
    return links


def told(kind: str, *payloads: object) -> MemoryView:
    view = MemoryView()
    view.found = [(sha(n), Finding("t", "1", kind, "x", p)) for n, p in enumerate(payloads)]
    return view


def test_same_camera() -> None:
    camera = {"make": "Maker", "model": "Maker One", "serial": "A-1234567"}
    (link,) = run(told(CAMERA, camera, {**camera, "make": "MAKER"}, {**camera, "serial": "A-1234568"}))
    assert link.kind is LinkKind.CAMERA
    assert set(link.members) == {sha(0), sha(1)}
    assert link.key in {"Maker / Maker One / A-1234567", "MAKER / Maker One / A-1234567"}
    assert link.statement == "2 files state the same camera: Maker One, serial number A-1234567"


def test_links_of_one_kind_have_names_of_their_own() -> None:
    camera = {"model": "Maker One", "serial": "A-1234567"}
    assert len(run(told(CAMERA, camera, camera, {**camera, "make": "Maker"}, {**camera, "make": "Maker"}))) == 2


@pytest.mark.parametrize("serial", ["", "0", "0000000", "None", "n/a", "----", None, True, ["x"], 7.5, "12"])
def test_serial_numbers_that_are_none(serial) -> None:
    camera = {"make": "Maker", "model": "One", "serial": serial}
    assert run(told(CAMERA, camera, camera)) == []


def test_a_serial_number_without_a_camera_links_nothing() -> None:
    assert run(told(CAMERA, {"serial": "1234567"}, {"serial": "1234567"})) == []


def test_same_model_by_hash_then_by_name() -> None:
    one = {"model": "alpha", "model_hash": "ABCD"}
    (link,) = run(told(GENERATOR, one, {"model": "alpha", "model_hash": "abcd"}))
    assert (link.kind, link.key) == (LinkKind.MODEL, "hash abcd")
    by_hash, by_name = run(told(GENERATOR, one, one, {"model": "alpha"}))
    assert (by_hash.key, len(by_hash.members)) == ("hash abcd", 2)
    assert (by_name.key, len(by_name.members)) == ("model alpha", 3)


def test_same_lora() -> None:
    links = run(
        told(
            GENERATOR,
            {"loras": [{"name": "x", "hash": "1F"}, {"name": "y"}]},
            {"loras": [{"name": "renamed", "hash": "1f"}]},
            {"loras": ["y"]},
        )
    )
    assert [link.key for link in links] == ["LoRA 1f", "LoRA y"]


def test_a_great_seed_links_alone_and_a_small_one_only_with_its_model() -> None:
    great = {"seed": 3_405_691_582}
    (link,) = run(told(GENERATOR, great, {"seed": "3405691582", "model": "alpha"}))
    assert (link.kind, link.key) == (LinkKind.SEED, "3405691582")
    small = {"seed": 42, "model_hash": "aa"}
    links = run(told(GENERATOR, small, small, {"seed": 42, "model_hash": "bb"}, {"seed": 42}))
    (seeded,) = [link for link in links if link.kind is LinkKind.SEED]
    assert set(seeded.members) == {sha(0), sha(1)}
    assert "same model" in seeded.statement
    assert run(told(GENERATOR, {"seed": 65536}, {"seed": 65536})) == []
    assert run(told(GENERATOR, {"seed": 65537}, {"seed": 65537}))


@pytest.mark.parametrize("seed", [-1, "-1", True, None, 1.5, "x", "9" * 50, "٣٣٣٣٣٣٣"])
def test_seeds_that_are_none(seed) -> None:
    assert run(told(GENERATOR, {"seed": seed}, {"seed": seed})) == []


def test_strange_payloads_are_borne() -> None:
    strange = [{}, {"model": 5, "loras": "x"}, {"model": ["a"], "loras": [None, {}, {"hash": 4}]}, {"loras": {}}]
    run(told(GENERATOR, *strange, *strange))
    run(told(CAMERA, *strange, {"make": {}, "model": b"x", "serial": []}))


def test_one_content_stated_twice_is_no_series() -> None:
    view = told(GENERATOR, {"model": "alpha"})
    view.found *= 2
    assert run(view) == []


def item(*steps: bytes) -> Item:
    return Item(Place(b"/evidence", steps), "test")


def test_one_archive_found_by_two_roots() -> None:
    other = Item(Place(b"/evidence/a", (b"b.zip", b"x")), "test")
    (link,) = run(MemoryView(places=[(sha(1), item(b"a/b.zip", b"y")), (sha(2), other)]))
    assert link.key == "/evidence/a/b.zip"


def test_same_outermost_archive() -> None:
    view = MemoryView(
        places=[
            (sha(1), item(b"a.zip", b"one.png")),
            (sha(2), item(b"a.zip", b"inner.zip", b"two.png")),
            (sha(1), item(b"a.zip", b"again.png")),
            (sha(3), item(b"b.zip", b"three.png")),
            (sha(4), item(b"open.png")),
            (sha(5), item(b"open.png")),
        ]
    )
    (link,) = run(view)
    assert link.kind is LinkKind.ARCHIVE
    assert set(link.members) == {sha(1), sha(2)}
    assert link.key == "/evidence/a.zip"
    assert link.statement == "2 files lay in the same archive: /evidence/a.zip"
