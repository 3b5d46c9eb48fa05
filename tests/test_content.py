"""One opened content: read once, decoded once, bounded in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.config import MIB, Limits
from leadlight.content import Content, Picture, content_of
from leadlight.errors import LimitReached, ReadFailed, Undecodable, Unsupported

SMALL = Limits(memory_bytes=1000)


def hashers() -> dict[str, object]:
    return {"sha256": hashlib.sha256()}


def read(stream: io.BytesIO, **keywords) -> Content:
    return Content.read(stream, hashers=hashers(), **{"limits": Limits(), **keywords})


class Counting:
    """A decoder of `count` one-pixel frames that counts how often it starts and how far it goes."""

    def __init__(self, count: int = 3, error: Exception | None = None) -> None:
        self.count = count
        self.error = error
        self.started = self.given = 0

    def decode(self, content: Content) -> Iterator[Picture]:
        self.started += 1
        if self.error is not None:
            raise self.error
        for n in range(self.count):
            self.given += 1
            yield Picture(np.full((1, 1, 3), n, np.uint8), None, "RGB", index=n, frames=self.count)


def decodable(decoder: Counting) -> Content:
    content = content_of(b"x", hashers())
    content.decoder = decoder
    return content


def test_small_content_is_read_once_and_held() -> None:
    data = b"a line\n" * 1000
    stream = io.BytesIO(data)
    content = read(stream)
    assert stream.tell() == len(data)
    assert (content.size, content.data()) == (len(data), data)
    assert content.sha256 == hashlib.sha256(data).hexdigest()
    stream.close()
    with content.open() as again:
        assert again.read() == data


@pytest.mark.parametrize("limits", [Limits(), SMALL])
def test_head_and_tail(limits: Limits) -> None:
    data = bytes(range(256)) * 8
    content = read(io.BytesIO(data), limits=limits)
    assert content.head(10) == data[:10]
    assert content.tail(10) == data[-10:]
    assert content.tail(0) == b""
    assert content.head(10_000) == content.tail(10_000) == data
    content.close()


def test_large_content_of_a_stream_is_spooled() -> None:
    data = bytes(range(256)) * 40
    content = read(io.BytesIO(data), limits=SMALL)
    with pytest.raises(LimitReached) as caught:
        content.data()
    assert caught.value.limit == "limits.memory_bytes"
    with content.open() as one, content.open() as other:
        assert one.read(7) == data[:7]
        other.seek(-5, io.SEEK_END)
        assert other.read() == data[-5:]
        assert one.read(7) == data[7:14]
        one.seek(300)
        one.seek(2, io.SEEK_CUR)
        assert one.read(3) == data[302:305]
    content.close()


def test_large_content_of_a_medium_is_reopened_and_not_spooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise AssertionError("spooled")

    monkeypatch.setattr("leadlight.content.tempfile.TemporaryFile", refuse)
    data = b"0123456789" * 1000
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as stream:
        content = read(stream, limits=SMALL, reopen=lambda: path.open("rb"))
    with content.open() as again:
        assert again.read() == data


@given(data=st.binary(min_size=1, max_size=3000), start=st.integers(0, 3500), length=st.integers(0, 400))
def test_spooled_and_held_contents_read_alike(data: bytes, start: int, length: int) -> None:
    held, spooled = (read(io.BytesIO(data), limits=Limits(memory_bytes=n)) for n in (4000, 1))
    with held.open() as one, spooled.open() as other:
        one.seek(start)
        other.seek(start)
        assert one.read(length) == other.read(length)
    assert held.head(50) == spooled.head(50)
    assert held.tail(50) == spooled.tail(50)
    assert held.sha256 == spooled.sha256
    spooled.close()


class Failing(io.BytesIO):
    """Gives `sound` bytes, then fails."""

    def __init__(self, sound: bytes, error: Exception) -> None:
        super().__init__(sound)
        self.error = error

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(size)
        if not got:
            raise self.error
        return got


def test_a_medium_that_fails_at_once_is_a_failed_read() -> None:
    with pytest.raises(ReadFailed, match="past byte 0"):
        read(Failing(b"", OSError(5, "Input/output error")))


@pytest.mark.parametrize("limits", [Limits(), SMALL])
def test_what_came_before_a_failure_is_kept_and_the_failure_with_it(limits: Limits) -> None:
    data = b"sound bytes " * 200
    content = read(Failing(data, OSError(5, "Input/output error")), limits=limits)
    assert isinstance(content.broken, ReadFailed)
    assert content.sha256 == hashlib.sha256(data).hexdigest()
    with content.open() as stream:
        assert stream.read() == data
    content.close()


def test_a_broken_container_is_told_apart_from_a_broken_medium() -> None:
    assert isinstance(read(Failing(b"x", EOFError())).broken, Undecodable)


def test_a_long_read_shows_life() -> None:
    ticks: list[int] = []
    read(io.BytesIO(bytes(130 * MIB)), tick=lambda: ticks.append(1))
    assert len(ticks) == 2


def test_the_first_picture_is_decoded_once_however_often_asked() -> None:
    decoder = Counting()
    content = decodable(decoder)
    assert content.picture() is content.picture()
    assert [p.index for p in content.frames()] == [0, 1, 2]
    assert (decoder.started, content.decodes, decoder.given) == (1, 1, 3)


def test_one_picture_costs_one_frame() -> None:
    decoder = Counting()
    decodable(decoder).picture()
    assert decoder.given == 1


def test_frames_again_decode_again_and_agree() -> None:
    decoder = Counting()
    content = decodable(decoder)
    once, again = ([int(p.pixels[0, 0, 0]) for p in content.frames()] for _ in range(2))
    assert once == again == [0, 1, 2]
    assert content.decodes == 2


def test_an_error_of_the_decoder_is_the_same_error_each_time() -> None:
    error = Undecodable("is broken", advice="Look for a whole copy.")
    decoder = Counting(error=error)
    content = decodable(decoder)
    for _ in range(2):
        with pytest.raises(Undecodable) as caught:
            content.picture()
        assert caught.value is error
    with pytest.raises(Undecodable):
        list(content.frames())
    assert decoder.started == 1


def test_no_decoder_and_no_frame_are_unsupported() -> None:
    with pytest.raises(Unsupported):
        content_of(b"x", hashers()).picture()
    with pytest.raises(Unsupported, match="no picture"):
        decodable(Counting(count=0)).picture()


def test_memo_builds_once_and_keeps_no_error() -> None:
    content = content_of(b"x", hashers())
    calls: list[int] = []

    def build() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise Undecodable("is broken", advice="None.")
        return 7

    with pytest.raises(Undecodable):
        content.memo("test.memo", build)
    assert [content.memo("test.memo", build) for _ in range(3)] == [7, 7, 7]
    assert len(calls) == 2


def test_a_closed_content_gives_nothing() -> None:
    content = content_of(b"abc", hashers())
    content.close()
    with pytest.raises(ValueError):
        content.open()
    content.close()
