"""Digests in lanes: the same as in turn, whatever the chunks, each in its own thread once the content is large."""

from __future__ import annotations

import hashlib
import io
import random
import threading

import pytest

from leadlight import lanes
from leadlight.config import Limits
from leadlight.content import Content
from leadlight.lanes import Lanes
from leadlight.plugins import registry

NAMES = ("md5", "sha1", "sha256")


@pytest.mark.parametrize("apart_from", [0, 1000, 1 << 40])
def test_digests_are_the_same_in_lanes_and_in_turn(apart_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "APART_FROM", apart_from)
    monkeypatch.setattr(lanes.os, "cpu_count", lambda: 4)
    rng = random.Random(apart_from)
    running = [hashlib.new(n, usedforsecurity=False) for n in NAMES]
    fed, many = b"", Lanes([h.update for h in running])
    for _ in range(40):
        chunk = rng.randbytes(rng.randrange(1, 90_000))
        fed += chunk
        many.feed(chunk)
    many.close()
    assert [h.hexdigest() for h in running] == [
        hashlib.new(n, fed, usedforsecurity=False).hexdigest() for n in NAMES
    ]
    assert not [t for t in threading.enumerate() if t.name.startswith("digest")]


def test_a_large_content_is_digested_by_several_threads_and_a_small_one_by_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "APART_FROM", 3 << 20)
    monkeypatch.setattr(lanes.os, "cpu_count", lambda: 4)
    threads: set[str] = set()

    class Noting:
        def __init__(self) -> None:
            self._real = hashlib.sha256()

        def update(self, data: bytes) -> None:
            threads.add(threading.current_thread().name)
            self._real.update(data)

        def hexdigest(self) -> str:
            return self._real.hexdigest()

    for size, count in ((1 << 20, 1), (8 << 20, 4)):
        threads.clear()
        data = random.Random(size).randbytes(size)
        hashers = {n: Noting() for n in ("sha256", "a", "b")}
        content = Content.read(io.BytesIO(data), hashers=hashers, limits=Limits())
        assert set(content.digests.values()) == {hashlib.sha256(data).hexdigest()}
        assert len(threads) == count or count > 1 < len(threads)


def test_a_fault_in_one_lane_comes_out() -> None:
    def broken(chunk: bytes) -> None:
        raise MemoryError

    many = Lanes([broken, lambda chunk: None])
    with pytest.raises(MemoryError):
        many.feed(b"x" * 10)


def test_a_fault_in_one_thread_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "APART_FROM", 0)
    monkeypatch.setattr(lanes.os, "cpu_count", lambda: 4)

    def broken(chunk: bytes) -> None:
        raise MemoryError

    many = Lanes([broken, lambda chunk: None])
    many.feed(b"x")
    with pytest.raises(MemoryError):
        many.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("digest")]


def test_the_digests_of_triage_are_right_for_a_large_content() -> None:
    data = random.Random(5).randbytes(lanes.APART_FROM + 3_000_001)
    content = Content.read(io.BytesIO(data), hashers=registry().hashers.hashers(), limits=Limits())
    for name in NAMES:
        assert content.digests[name] == hashlib.new(name, data, usedforsecurity=False).hexdigest()
