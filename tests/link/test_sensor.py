"""Links by sensor noise: enrolled cameras, unknown ones, and nothing beyond what the noise says."""

from __future__ import annotations

import numpy as np
import pytest

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.link import sensor as module
from leadlight.link.sensor import PLUGIN
from leadlight.records import Finding, Link, LinkKind
from leadlight.records.finding import RESIDUE, SENSOR
from leadlight.sensornoise.compact import compacted, payload_of
from leadlight.sensornoise.residue import luma_of, residue_of
from tests.sensors import shot_by
from tests.views import MemoryView, sha


def kept(seed: int, number: int, size: tuple[int, int] = (400, 300)) -> Finding:
    residue = residue_of(luma_of(shot_by(seed, number, size)))
    return Finding("detect.sensor", "1", RESIDUE, "noise", payload_of(compacted(residue)))


def shown(camera: str, digest: str = "ab" * 32) -> Finding:
    return Finding("detect.sensor", "1", SENSOR, "pattern", {"camera": camera, "camera_file": digest})


def links(*found: tuple[str, Finding]) -> list[Link]:
    view = MemoryView()
    view.found = [(sha(name), f) for name, f in found]
    return list(PLUGIN.link(view, Settings()))


def members(*names: str) -> tuple[str, ...]:
    return tuple(sorted(map(sha, names)))


def test_pictures_of_unknown_cameras_are_linked_by_their_noise_alone() -> None:
    found = links(
        *((f"a{n}", kept(1, 70 + n)) for n in range(4)),
        *((f"b{n}", kept(2, 70 + n)) for n in range(3)),
        ("stranger", kept(3, 70)),
    )
    assert {link.members for link in found} == {members("a0", "a1", "a2", "a3"), members("b0", "b1", "b2")}
    for link in found:
        assert link.kind is LinkKind.SENSOR
        assert link.key == link.members[0]
        assert "pictures of one generator or program can too" in link.statement
        assert (link.facts["width"], link.facts["height"]) == (400, 300)
        assert link.facts["mean"] > 3


def test_pictures_of_other_sizes_are_not_compared() -> None:
    found = links(
        *((f"a{n}", kept(1, n)) for n in range(3)), *((f"b{n}", kept(1, n, (300, 400))) for n in range(2))
    )
    assert {link.members for link in found} == {members("a0", "a1", "a2"), members("b0", "b1")}


def test_pictures_of_an_enrolled_camera_are_linked_by_its_file() -> None:
    found = links(
        ("a", shown("Phone A")),
        ("b", shown("Phone A")),
        ("c", shown("Phone B")),
        ("d", shown("Phone A", "cd" * 32)),
    )
    assert [link.members for link in found] == [members("a", "b")]
    assert found[0].statement == "2 pictures show the sensor pattern of the enrolled camera Phone A"
    assert found[0].key == "Phone A / " + "ab" * 8


def test_a_group_that_an_enrolled_camera_took_is_told_once() -> None:
    pictures = [(f"a{n}", kept(1, 70 + n)) for n in range(3)]
    named = [(name, shown("Phone A")) for name, _ in pictures]
    assert [link.facts.get("camera") for link in links(*pictures, *named)] == ["Phone A"]
    assert len(links(*pictures, *named[:2])) == 2


def test_the_number_compared_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [(f"a{n}", kept(1, 70 + n)) for n in range(5)]
    first = sorted((n for n, _ in pictures), key=sha)
    monkeypatch.setattr(module, "MOST", 3)
    assert [link.members for link in links(*pictures)] == [members(*first[:3])]
    monkeypatch.setattr(module, "HELD", 2)
    assert [link.members for link in links(*pictures)] == [members(*first[:2])]


def test_an_empty_case_and_one_picture_have_no_links() -> None:
    assert links() == []
    assert links(("a", kept(1, 1))) == []


def test_a_record_that_no_leadlight_wrote_is_damage() -> None:
    good = kept(1, 1)
    broken = Finding("detect.sensor", "1", RESIDUE, "noise", {**good.payload, "value": "AAAA"})
    with pytest.raises(CaseDamaged, match="noise"):
        links(("a", broken))


def test_names_from_a_file_are_printable() -> None:
    found = links(("a", shown("Phone\x1b[2J")), ("b", shown("Phone\x1b[2J")))
    assert found[0].statement.isprintable()
    assert found[0].key.isprintable()


def test_strangers_with_nothing_in_common_are_not_linked() -> None:
    noise = np.random.default_rng(1)
    found = [
        (f"n{n}", Finding("s", "1", RESIDUE, "noise", payload_of(compacted(noise.standard_normal((256, 256))))))
        for n in range(30)
    ]
    assert links(*found) == []
