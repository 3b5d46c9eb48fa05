"""Containers in containers: every leaf is found with its exact name and bytes, within the limits."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.content import Content
from leadlight.errors import LimitReached
from leadlight.limits import Budget
from leadlight.records import Item, Place
from leadlight.sources import folder
from leadlight.sources.zip import PLUGIN as ZIP
from tests.sources.archives import KINDS, PLACE, Leaf, drained, sevenzipped, tarred, unpacker_for, walk, zipped

Tree = dict[bytes, "bytes | tuple[str, Tree]"]

_LEAF = st.binary(max_size=200).filter(lambda data: unpacker_for(data) is None)
_NAME = st.text(
    st.characters(codec="ascii", min_codepoint=33, exclude_characters="/\\#"), min_size=1, max_size=10
).filter(lambda n: n not in (".", ".."))
_TREE = st.recursive(
    _LEAF,
    lambda inner: st.tuples(
        st.sampled_from(sorted(KINDS)), st.dictionaries(_NAME.map(str.encode), inner, min_size=1, max_size=4)
    ),
    max_leaves=10,
)


def build(tree: object) -> bytes:
    if isinstance(tree, bytes):
        return tree
    kind, files = tree  # type: ignore[misc]
    return KINDS[kind]([(name, build(inner)) for name, inner in files.items()])


def leaves(tree: object, steps: tuple[bytes, ...]) -> Iterator[tuple[tuple[bytes, ...], bytes]]:
    if isinstance(tree, bytes):
        yield steps, tree
        return
    for name, inner in tree[1].items():  # type: ignore[index]
        yield from leaves(inner, (*steps, name))


@settings(max_examples=120, deadline=None)
@given(_TREE)
def test_every_leaf_of_a_random_nest_is_found(tree: object) -> None:
    data = build(tree)
    found = list(walk(data, budget=Budget(Limits(depth=100))))
    assert not [leaf for leaf in found if leaf.data is None]
    assert [(leaf.item.place.steps, leaf.data) for leaf in found] == list(leaves(tree, PLACE.steps))
    assert len({leaf.item.place.key for leaf in found}) == len(found)


def test_zip_in_tar_gz_in_7z() -> None:
    inner = zipped([(b"deep/leaf.txt", b"oak"), (b"x", b"elm")])
    outer = sevenzipped([(b"box.tgz", gzip.compress(tarred([(b"d/inner.zip", inner), (b"y", b"ash")])))])
    found = {leaf.item.place.steps[1:]: leaf.data for leaf in walk(outer)}
    assert found == {
        (b"box.tgz", b"d/inner.zip", b"deep/leaf.txt"): b"oak",
        (b"box.tgz", b"d/inner.zip", b"x"): b"elm",
        (b"box.tgz", b"y"): b"ash",
    }
    [leaf] = [leaf for leaf in walk(outer) if leaf.data == b"oak"]
    assert str(leaf.item.place) == "/evidence/box!/box.tgz!/d/inner.zip!/deep/leaf.txt"


def test_depth_is_held() -> None:
    data = b"leaf"
    for _ in range(6):
        data = zipped([(b"in.zip", data)])
    assert [leaf.data for leaf in walk(data, budget=Budget(Limits(depth=6)))] == [b"leaf"]
    with pytest.raises(LimitReached) as caught:
        list(walk(data, budget=Budget(Limits(depth=5))))
    assert caught.value.limit == "limits.depth"


@pytest.mark.parametrize("limits", [Limits(members=5), Limits(total_bytes=30_000)])
def test_a_limit_of_the_whole_file_ends_the_containers_around(limits: Limits) -> None:
    """A nested bomb must not be met again by each container around it."""
    inner = zipped([(b"%d" % n, bytes(9000)) for n in range(9)])
    outer = zipped([(b"in.zip", inner), (b"after", b"x"), (b"later", b"x")], 0)
    budget = Budget(limits)
    seen: list[Leaf] = []
    ended: list[LimitReached] = []

    def opened(place: Place, data: bytes) -> None:
        unpacker = unpacker_for(data)
        if unpacker is None:
            return
        content = Content.read(io.BytesIO(data), hashers={"sha256": hashlib.sha256()}, limits=limits)
        try:
            for member in unpacker.unpack(place, content, budget):
                seen.append(Leaf(member.item, None))
                assert member.stream is not None
                try:
                    got = member.stream.read()
                except LimitReached:
                    continue
                opened(member.item.place, got)
        except LimitReached as e:
            ended.append(e)

    opened(PLACE, outer)
    assert len(ended) == 2
    assert b"after" not in [leaf.name for leaf in seen]
    assert len(seen) <= 6


def test_members_of_a_content_too_large_for_memory() -> None:
    """Read through a file on disk, as the pipeline does with what it can't rewind."""
    limits = Limits(memory_bytes=1000)
    data = zipped([(b"a", os.urandom(5000)), (b"b", b"birch")])
    content = Content.read(io.BytesIO(data), hashers={"sha256": hashlib.sha256()}, limits=limits)
    got = [m.stream.read() for m in ZIP.unpack(PLACE, content, Budget(limits)) if m.stream]
    assert len(got[0]) == 5000
    assert got[1] == b"birch"
    content.close()


def test_nothing_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in KINDS.keys() - {"7z"}:  # whose writer here refuses such names
        data = KINDS[kind]([(b"../up", b"1"), (b"/abs", b"2"), (b"plain", b"3")])
        assert {b"../up", b"plain"} <= drained_names(data)
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "up").exists()


def drained_names(data: bytes) -> set[bytes]:
    unpacker = unpacker_for(data)
    assert unpacker is not None
    return {leaf.name for leaf in drained(unpacker, data)[0]}


def test_evidence_is_unchanged_after_the_whole_walk(tmp_path: Path) -> None:
    for kind, build_ in KINDS.items():
        (tmp_path / kind).write_bytes(build_([(b"a", b"apple"), (b"b", b"banana")]))
    os.utime(tmp_path / "zip", ns=(10**18, 10**18))
    before = {p.name: (p.stat().st_mtime_ns, p.stat().st_ctime_ns, p.read_bytes()) for p in tmp_path.iterdir()}
    found = 0
    for item in folder.PLUGIN.items(tmp_path):
        assert isinstance(item, Item)
        with folder.PLUGIN.open(item) as stream:
            data = stream.read()
        found += sum(leaf.data is not None for leaf in walk(data, item.place))
    assert found == 2 * len(KINDS)
    after = {p.name: (p.stat().st_mtime_ns, p.stat().st_ctime_ns, p.read_bytes()) for p in tmp_path.iterdir()}
    assert after == before
