from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Settings
from leadlight.link import similar
from leadlight.link.similar import PLUGIN
from leadlight.radius import tables
from leadlight.radius.kernel import kernel
from leadlight.records import LinkKind
from leadlight.seams import Print
from tests.link import by_every_form
from tests.views import MemoryView, flipped, sha

BASE = random.Random(1).randbytes(32)


def run(view: MemoryView, **values):
    return list(PLUGIN.link(view, Settings(**values)))


def in_order(count: int) -> list[str]:
    return sorted(sha(n) for n in range(count))


def bits(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def test_a_group_states_its_size_and_width() -> None:
    first, second, third, alone = in_order(4)
    view = MemoryView(
        pdq=[
            Print(third, flipped(BASE, *range(5)), 90),
            Print(first, BASE, 90),
            Print(second, flipped(BASE, *range(100, 107)), 90),
            Print(alone, random.Random(2).randbytes(32), 90),
        ]
    )
    (link,) = run(view)
    assert link.kind is LinkKind.NEAR_COPY
    assert link.key == first
    assert link.members == (first, second, third)
    assert link.facts == {"diameter": 12}
    assert link.statement == "3 near-copies; at most 12 bits apart"


def test_unlike_pictures_are_not_chained() -> None:
    """A row of steps of 20 bits: each near the next, the ends 200 bits apart."""
    names = in_order(11)
    row = [flipped(BASE, *range(20 * n)) for n in range(11)]
    links = run(MemoryView(pdq=[Print(s, v, 90) for s, v in zip(names, row, strict=True)]))
    assert links
    for link in links:
        assert link.facts["diameter"] <= 62
        values = [row[names.index(m)] for m in link.members]
        assert max(bits(a, b) for a in values for b in values) <= link.facts["diameter"]
    assert len({m for link in links for m in link.members}) == sum(len(link.members) for link in links)


def test_flat_pictures_never_link() -> None:
    first, second, third = in_order(3)
    view = MemoryView(pdq=[Print(first, BASE, 10), Print(second, BASE, 49), Print(third, BASE, 50)])
    assert run(view) == []
    assert len(run(view, near_quality=0)[0].members) == 3


def test_turned_copies_link() -> None:
    first, second = in_order(2)
    turned = random.Random(5).randbytes(32)
    view = MemoryView(
        pdq=[Print(first, BASE, 90), Print(second, flipped(turned, 9), 90)],
        dihedral=[Print(first, BASE, 90), Print(first, turned, 90), Print(second, flipped(turned, 9), 90)],
    )
    (link,) = run(view)
    assert link.members == (first, second)
    assert link.facts["diameter"] == 1


def test_frames_of_one_content_are_no_group() -> None:
    view = MemoryView(pdq=[Print(sha(1), flipped(BASE, n), 90) for n in range(9)])
    assert run(view) == []
    view.pdq.append(Print(sha(2), flipped(BASE, 200), 90))
    assert [len(link.members) for link in run(view)] == [2]


def reference(values: dict[str, bytes], radius: int) -> list[tuple[str, ...]]:
    """The rule, word for word."""
    groups: dict[str, list[str]] = {}
    for name in sorted(values):
        leader = next((g for g in groups if bits(values[g], values[name]) <= radius), name)
        groups.setdefault(leader, []).append(name)
    return [tuple(members) for members in groups.values() if len(members) > 1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 120), st.sampled_from([1, 3, 16]))
def test_groups_follow_the_rule(seed, count, least) -> None:
    rng = random.Random(seed)
    centres = [rng.randbytes(32) for _ in range(5)]
    values = {
        sha((seed, n)): flipped(rng.choice(centres), *(rng.randrange(256) for _ in range(rng.randrange(30))))
        for n in range(count)
    }
    view = MemoryView(pdq=[Print(s, v, 90) for s, v in values.items()])
    before = similar._LEAST
    try:
        similar._LEAST = least
        links = run(view)
    finally:
        similar._LEAST = before
    assert [link.members for link in links] == reference(values, 31)
    for link in links:
        widest = max(bits(values[a], values[b]) for a in link.members for b in link.members)
        assert link.facts["diameter"] == widest <= 62


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.integers(0, 150),
    st.sampled_from([0, 3, 8]),
    st.sampled_from([40, 300, 1 << 22]),
    st.sampled_from([1, 7, 256]),
    st.sampled_from([2, 300]),
    st.sampled_from([0, 9, 1 << 21]),
    st.sampled_from([0, 100]),
    st.booleans(),
)
def test_groups_are_as_by_every_form(seed, count, turned, forms, least, great, hits, scanned, compiled) -> None:
    """In whatever parts they are looked for, on one core or two, with the kernel or without."""
    rng = random.Random(seed)
    centres = [rng.randbytes(32) for _ in range(rng.randrange(1, 9))]

    def somewhere() -> bytes:
        return flipped(rng.choice(centres), *(rng.randrange(256) for _ in range(rng.randrange(34))))

    view = MemoryView()
    for n in range(count):
        frames = [somewhere() for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        view.pdq += [Print(sha((seed, n)), v, rng.choice([90, 90, 20])) for v in frames]
        if rng.random() < 0.8:
            own = [frames[0], *(rng.choice([somewhere(), frames[0]]) for _ in range(turned))]
            view.dihedral += [Print(sha((seed, n)), v, 90) for v in own]
    view.dihedral.append(Print(sha("turned alone"), somewhere(), 90))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("FORMS", forms),
            ("_BLOCK", least),
            ("_LEAST", least),
            ("_GREAT", great),
            ("_HITS", hits),
        ):
            patch.setattr(similar, name, value)
        patch.setenv("LEADLIGHT_TEST_NO_KERNEL", "0" if compiled else "1")
        patch.setattr(tables, "LEAST", 32)
        patch.setattr(tables, "worth_probing", lambda widths, radius, count: count > scanned)
        for jobs in (1, 2):
            found = [(link.members, link.facts["diameter"]) for link in run(view, jobs=jobs)]
            assert found == by_every_form.groups(view, Settings())


@pytest.mark.parametrize(("changes", "alike"), [(0, True), (3, True), (16, False), (30, False)])
def test_a_flood_is_grouped_as_by_every_form(changes, alike) -> None:
    """Half of all are copies of one picture, equal or not, and each has turned forms."""
    rng = random.Random(changes)
    view = MemoryView()
    for n in range(900):
        own = flipped(BASE, *(rng.randrange(256) for _ in range(changes))) if n % 2 else rng.randbytes(32)
        view.pdq.append(Print(sha(n), own, 90))
        view.dihedral += [Print(sha(n), v, 90) for v in (own, *(rng.randbytes(32) for _ in range(7)))]
    links = run(view)
    assert [(link.members, link.facts["diameter"]) for link in links] == by_every_form.groups(view, Settings())
    assert not alike or [len(link.members) for link in links] == [450]


@pytest.mark.skipif(kernel() is None, reason="no compiled kernel")
def test_the_rest_of_a_flood_is_compared_with_the_first_alone(monkeypatch) -> None:
    """What is found in a great group meets nothing but the few before its leader, and no crowded bucket."""
    rng = random.Random(1)
    names = in_order(6000)
    copies = [flipped(BASE, rng.randrange(256), rng.randrange(256)) for _ in names]
    view = MemoryView(pdq=[Print(s, v, 90) for s, v in zip(names, copies, strict=True)])
    asked: list[int] = []
    probed = tables.Tables._probed

    def counting(self, queries, *rest):
        asked.append(len(queries))
        return probed(self, queries, *rest)

    monkeypatch.setattr(tables.Tables, "_probed", counting)
    (link,) = run(view, jobs=1)
    assert len(link.members) == 6000
    assert sum(asked) < 3000


def test_one_great_group_is_cheap() -> None:
    """20,000 copies of one picture: as many pairs as a case has by accident never."""
    rng = random.Random(3)
    view = MemoryView(
        pdq=[Print(sha(n), flipped(BASE, *(rng.randrange(256) for _ in range(3))), 90) for n in range(20_000)]
    )
    (link,) = run(view)
    assert len(link.members) == 20_000
    assert 4 <= link.facts["diameter"] <= 12
