"""Links between parts of one picture: near-copies are left to others, and nothing is chained."""

from __future__ import annotations

from leadlight.config import Settings
from leadlight.link import features as module
from leadlight.link.features import PLUGIN
from leadlight.records import LinkKind
from leadlight.seams import Print
from tests.match.test_features import taken
from tests.scenes import record_of, scene
from tests.views import MemoryView, flipped, sha


def view_of(**records: bytes) -> MemoryView:
    view = MemoryView()
    view.found = [(sha(n), taken(r)) for n, r in records.items()]
    return view


def test_parts_of_one_picture_are_linked() -> None:
    whole, other = scene(1), scene(2)
    view = view_of(
        whole=record_of(whole),
        crop=record_of(whole.crop((0, 0, 480, 360))),
        turned=record_of(whole.rotate(20)),
        other=record_of(other),
        piece=record_of(other.crop((60, 60, 600, 440))),
        stranger=record_of(scene(3)),
    )
    found = {link.members: link for link in PLUGIN.link(view, Settings())}
    assert set(found) == {
        tuple(sorted(map(sha, ("whole", "crop", "turned")))),
        tuple(sorted(map(sha, ("other", "piece")))),
    }
    for members, link in found.items():
        assert link.kind is LinkKind.PART
        assert link.key == members[0]
        assert set(link.facts) == set(members[1:])
        assert f"{len(members)} show the same picture" in link.statement


def test_near_copies_are_left_to_pdq() -> None:
    whole = scene(1)
    view = view_of(a=record_of(whole), b=record_of(whole.resize((600, 450))))
    assert len(list(PLUGIN.link(view, Settings()))) == 1
    value = bytes(range(32))
    for other in (value, flipped(value, 1, 2, 3)):
        view.pdq = [Print(sha("a"), value, 100), Print(sha("b"), other, 100)]
        assert not list(PLUGIN.link(view, Settings()))
    view.pdq = [Print(sha("a"), value, 100), Print(sha("b"), bytes(32), 100)]
    assert len(list(PLUGIN.link(view, Settings()))) == 1


def test_bounds_and_silence(monkeypatch) -> None:
    assert not list(PLUGIN.link(MemoryView(), Settings()))
    whole = scene(1)
    view = view_of(a=record_of(whole), b=record_of(whole.rotate(10)))
    assert list(PLUGIN.link(view, Settings()))
    monkeypatch.setattr(module, "MOST", 1)
    assert not list(PLUGIN.link(view, Settings()))
