"""One file at a time: what fails becomes a Failure, and all others still run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leadlight.chart import chart_png
from leadlight.config import Limits, Settings
from leadlight.content import Content
from leadlight.errors import Encrypted, LimitReached, ReadFailed, Undecodable
from leadlight.pipeline import Pipeline
from leadlight.plugins import Registry, assemble, registry
from leadlight.records import Finding, Item, Place
from leadlight.records.codec import dumps, finding_out
from leadlight.records.examined import Examined
from leadlight.seams import Cost, Example, Known
from leadlight.sources import zip as zip_source
from tests.conftest import examine_bytes

PICTURE = chart_png(64, 48, 1)


class Fake:
    """An analyser that does as told."""

    version = "7"
    extra = None
    requires: tuple[str, ...] = ()
    per_place = False
    cost = Cost.BYTES

    def __init__(
        self,
        name: str,
        act: Callable[[Content, Known], Iterator[Finding]],
        *,
        needs: str = "",
        gives: str = "fake",
        families: str = "",
    ) -> None:
        self.name = name
        self.needs = frozenset(needs.split())
        self.gives = frozenset(gives.split())
        self.families = frozenset(families.split())
        self._act = act

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        yield from self._act(content, known)

    def examples(self) -> tuple[Example, ...]:
        return ()


def said(name: str, kind: str = "fake", **payload: Any) -> Finding:
    return Finding(name, "7", kind, "A statement.", payload)


def with_fakes(*fakes: object) -> Registry:
    basic = [a for a in registry().analysers if a.name.startswith(("identify.", "fingerprint."))]
    offers = [(a.name, a, "") for a in (*basic, zip_source.PLUGIN, *fakes)]
    return assemble(offers)


def run(data: bytes, *fakes: object, settings: Settings | None = None, **options: Any) -> list[Examined]:
    item = Item(Place(b"/evidence", (b"example",)), source="test", size=len(data))
    pipeline = Pipeline(with_fakes(*fakes), settings or Settings())
    return list(pipeline.examine(item, lambda: io.BytesIO(data), **options))


def of(found: list[Examined], analyser: str) -> list[Finding]:
    return [f for x in found for f in (*x.of_place, *(x.of_content or ())) if f.analyser == analyser]


def raising(error: Exception, *before: Finding) -> Callable[[Content, Known], Iterator[Finding]]:
    def act(content: Content, known: Known) -> Iterator[Finding]:
        yield from before
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Undecodable("is broken", advice="Look for another."), "undecodable"),
        (Encrypted("is locked", advice="Ask for the key."), "encrypted"),
        (ReadFailed("did not come", advice="Try again."), "unreadable"),
        (LimitReached("is too much", limit="limits.pixels", allowed=1, met=2), "limit"),
        (MemoryError(), "memory"),
        (ZeroDivisionError("division\ud800"), "failed"),
        (RecursionError(), "failed"),
        (KeyError("x"), "failed"),
        (OSError(5, "Input/output error"), "failed"),
    ],
)
def test_an_error_becomes_a_failure_and_the_others_still_run(error: Exception, reason: str) -> None:
    first = Fake("a.breaks", raising(error, said("a.breaks", note=1)))
    second = Fake("b.works", lambda content, known: iter([said("b.works", "other")]), gives="other")
    found = run(PICTURE, first, second)
    kept, failed = of(found, "a.breaks")
    assert kept.payload == {"note": 1}
    assert failed.kind == "failure"
    assert failed.version == "7"
    assert failed.payload["reason"] == reason
    assert failed.payload["advice"]
    assert failed.statement.isprintable()
    assert dumps(finding_out(failed))
    if reason == "limit":
        assert (failed.payload["limit"], failed.payload["allowed"], failed.payload["met"]) == (
            "limits.pixels",
            1,
            2,
        )
    assert of(found, "b.works")
    assert of(found, "fingerprint.pdq")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, object()])
def test_a_finding_that_is_not_json_is_a_failure(value: object) -> None:
    fake = Fake("a.odd", lambda content, known: iter([said("a.odd", fine=1), said("a.odd", odd=value)]))
    kept, failed = of(run(b"neutral text", fake), "a.odd")
    assert kept.payload == {"fine": 1}
    assert failed.payload["reason"] == "failed"


def test_an_analyser_runs_only_after_what_it_needs_was_found() -> None:
    giver = Fake(
        "b.gives", lambda content, known: iter([said("b.gives", "given")]), gives="given", families="text"
    )
    taker = Fake(
        "a.takes",
        lambda content, known: iter([said("a.takes", "taken", n=len(known.of("given")))]),
        needs="given",
        gives="taken",
    )
    (found,) = of(run(b"neutral text", giver, taker), "a.takes")
    assert found.payload == {"n": 1}
    assert not of(run(PICTURE, giver, taker), "a.takes")


def test_a_failure_is_no_finding_of_the_kind_that_others_need() -> None:
    giver = Fake("a.gives", raising(ValueError()), gives="given")
    taker = Fake("b.takes", lambda content, known: iter([said("b.takes")]), needs="given")
    assert not of(run(PICTURE, giver, taker), "b.takes")


def test_families_are_kept_to() -> None:
    fake = Fake("a.film", lambda content, known: iter([said("a.film")]), families="video")
    assert not of(run(PICTURE, fake), "a.film")


def test_a_content_that_was_claimed_before_is_not_examined_again() -> None:
    found = run(PICTURE, claim=lambda sha256, item: False)
    (only,) = found
    assert only.of_content is None
    assert only.sha256


def test_identical_bytes_give_identical_findings_wherever_they_lie() -> None:
    once, again = (examine_bytes(PICTURE, name)[0] for name in ("one.png", "two.png"))
    assert once.sha256 == again.sha256
    assert [dumps(finding_out(f)) for f in once.of_content or ()] == [
        dumps(finding_out(f)) for f in again.of_content or ()
    ]


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_one_read_and_one_decode_per_content_in_nested_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [chart_png(64, 48, n) for n in range(5)]
    inner = zipped(c=pictures[2], d=pictures[3], again=pictures[0])
    outer = zipped(a=pictures[0], b=pictures[1], text=b"neutral text", inner=zipped(e=pictures[4], deeper=inner))
    reads: list[str] = []
    decodes: list[str] = []
    decoder = registry().decoder
    read, decode = Content.read.__func__, type(decoder).decode  # type: ignore[attr-defined]

    def counted_read(cls: type[Content], stream: Any, **options: Any) -> Content:
        content = read(cls, stream, **options)
        reads.append(content.sha256)
        return content

    def counted_decode(self: object, content: Content) -> Iterator[Any]:
        decodes.append(content.sha256)
        return decode(self, content)

    monkeypatch.setattr(Content, "read", classmethod(counted_read))
    monkeypatch.setattr(type(decoder), "decode", counted_decode)
    seen: set[str] = set()

    def claim(sha256: str, item: Item) -> bool:
        new = sha256 not in seen
        seen.add(sha256)
        return new

    item = Item(Place(b"/evidence", (b"box",)), source="test")
    found = list(Pipeline(registry(), Settings()).examine(item, lambda: io.BytesIO(outer), claim=claim))
    files = 1 + 4 + 2 + 3
    assert len(found) == len(reads) == files
    assert len(decodes) == len(set(decodes)) == 5
    assert [x.item.place.depth for x in found if x.sha256 == found[1].sha256] == [1, 3]
    assert sum(x.of_content is None for x in found) == 1


def test_a_file_that_can_not_be_opened_is_a_failure() -> None:
    def refused() -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    item = Item(Place(b"/evidence", (b"x",)), source="test")
    (found,) = Pipeline(with_fakes(), Settings()).examine(item, refused)
    assert found.sha256 is None
    assert found.of_place[0].payload["reason"] == "unreadable"


class Failing(io.BytesIO):
    """Gives `whole` bytes, then raises."""

    def __init__(self, data: bytes, error: Exception, whole: int) -> None:
        super().__init__(data)
        self._error, self._whole = error, whole

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(min(size or 0, max(0, self._whole - self.tell())) if size != -1 else self._whole)
        if not got:
            raise self._error
        return got


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(5, "Input/output error"), "unreadable"), (MemoryError(), "memory"), (KeyError("odd"), "failed")],
)
def test_a_read_that_fails_at_once_is_a_failure(error: Exception, reason: str) -> None:
    item = Item(Place(b"/evidence", (b"x",)), source="test")
    (found,) = Pipeline(with_fakes(), Settings()).examine(item, lambda: Failing(PICTURE, error, 0))
    assert found.sha256 is None
    assert found.of_place[0].payload["reason"] == reason


def test_a_read_that_fails_midway_keeps_the_part_and_says_so() -> None:
    item = Item(Place(b"/evidence", (b"x",)), source="test")
    error = OSError(5, "Input/output error")
    (found,) = Pipeline(with_fakes(), Settings()).examine(item, lambda: Failing(PICTURE, error, 5000))
    assert found.size == 5000
    (said_,) = [f for f in found.of_place if f.kind == "failure"]
    assert said_.payload["bytes_read"] == 5000
    assert any(f.kind == "fingerprint.pdq" for f in found.of_content or ())


def test_a_medium_that_is_gone_after_the_read_is_a_failure_and_not_the_end() -> None:
    """A large file is read again by analysers that need its head; then the disk has been pulled."""
    opened = 0

    def once() -> io.BytesIO:
        nonlocal opened
        opened += 1
        if opened > 1:
            raise ReadFailed("is gone", advice="Plug it in again.")
        return io.BytesIO(PICTURE)

    item = Item(Place(b"/evidence", (b"x",)), source="test")
    (found,) = Pipeline(with_fakes(), Settings(limits=Limits(memory_bytes=1000))).examine(item, once)
    assert found.sha256
    assert any(f.payload.get("reason") == "unreadable" for f in found.of_place)
    assert any(f.kind == "fingerprint.digest" for f in found.of_content or ())


def test_a_content_is_closed_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    close = Content.close
    monkeypatch.setattr(Content, "close", lambda self: (closed.append(self.sha256), close(self))[1])
    assert len(run(PICTURE, Fake("a.breaks", raising(RuntimeError())))) == len(closed) == 1
    item = Item(Place(b"/evidence", (b"x",)), source="test")
    walk = Pipeline(with_fakes(), Settings()).examine(item, lambda: io.BytesIO(zipped(a=PICTURE, b=b"text")))
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    assert len(closed) == 2


def test_an_archive_without_an_opener_is_said_to_be_closed_to_us() -> None:
    found = run(b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24))
    (failed,) = of(found, "unpack")
    assert failed.payload["reason"] == "unsupported"
