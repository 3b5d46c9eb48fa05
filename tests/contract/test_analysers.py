"""Every analyser, present and future, keeps the contract of the seam."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from leadlight.pipeline import Pipeline
from leadlight.plugins import order, registry
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps, finding_in, finding_out
from leadlight.seams import Analyser
from tests.conftest import examine_bytes

ANALYSERS = registry().analysers
EXAMPLES = [pytest.param(a, e, id=f"{a.name}-{e.title}") for a in ANALYSERS for e in a.examples()]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("analyser", ANALYSERS, ids=lambda a: a.name)
def test_shape(analyser: Analyser) -> None:
    assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9-]+)*", analyser.name)
    assert analyser.version
    assert analyser.gives
    assert isinstance(analyser.needs, frozenset)
    assert len({a.name for a in ANALYSERS}) == len(ANALYSERS)
    assert list(analyser.examples()), "an analyser brings at least one example"


@pytest.mark.parametrize(("analyser", "example"), EXAMPLES)
def test_examples(analyser: Analyser, example) -> None:
    data = example.build()
    first = examine_bytes(data, example.name)[0]
    made = [f for f in (*first.of_place, *(first.of_content or ())) if f.analyser == analyser.name]
    found = {f.kind for f in made}
    for kind in example.expects:
        assert kind in found, (example.title, [f.statement for f in made])
    if not example.expects:
        assert not made, [f.statement for f in made]
    if example.payload:
        assert any(
            f.kind in example.expects and all(f.payload.get(k) == v for k, v in example.payload.items())
            for f in made
        ), [dict(f.payload) for f in made]
    for finding in made:
        assert finding.version == analyser.version
        assert finding.kind in analyser.gives | {kinds.FAILURE}
        assert finding_in(finding_out(finding)) == finding
        assert finding.statement
        assert finding.statement.isprintable()


@pytest.mark.parametrize(("analyser", "example"), EXAMPLES)
def test_two_runs_agree(analyser: Analyser, example) -> None:
    data = example.build()
    once, again = (
        [
            dumps(finding_out(f))
            for x in examine_bytes(data, example.name)
            for f in (*x.of_place, *(x.of_content or ()))
        ]
        for _ in range(2)
    )
    assert once == again


@pytest.mark.parametrize(("analyser", "example"), EXAMPLES)
def test_broken_bytes_give_failures_not_exceptions(analyser: Analyser, example) -> None:
    data = example.build()
    rng = random.Random(example.title)
    broken = [data[: len(data) // 2], data[: max(1, len(data) - 7)], data[:64]]
    for _ in range(6 if data else 0):
        mutated = bytearray(data)
        for _ in range(max(1, len(data) // 500)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        broken.append(bytes(mutated))
    for damaged in broken:
        for examined in examine_bytes(damaged, example.name):
            for finding in (*examined.of_place, *(examined.of_content or ())):
                assert finding.payload.get("reason") != "failed", (finding.statement, finding.payload)


def test_needs_exist_and_form_no_circle() -> None:
    assert [a.name for a in order(ANALYSERS)] == [a.name for a in ANALYSERS]
    before: set[str] = set()
    for analyser in ANALYSERS:
        assert analyser.needs <= before, f"{analyser.name} runs before what it needs"
        before |= analyser.gives


def test_one_read_and_one_decode_per_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted over the examples of all analysers: no content is decoded more than once."""
    from leadlight.content import Content

    counts: list[int] = []
    close = Content.close
    monkeypatch.setattr(Content, "close", lambda self: (counts.append(self.decodes), close(self))[1])
    for analyser in ANALYSERS:
        for example in analyser.examples():
            examine_bytes(example.build(), example.name)
    assert counts
    assert max(counts) == 1


def test_every_plugin_is_named_in_the_docs() -> None:
    text = "\n".join(p.read_text("utf-8") for p in DOCS.rglob("*.md"))
    absent = [i.name for i in registry().infos if f"`{i.name}`" not in text]
    assert not absent


def test_pipeline_reads_each_stream_once() -> None:
    import io

    from leadlight.config import Settings
    from leadlight.records import Item, Place

    reads = 0

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal reads
            got = super().read(size)
            reads += len(got)
            return got

    data = next(iter(ANALYSERS[-1].examples())).build()
    item = Item(Place(b"/evidence", (b"x",)), source="test")
    list(Pipeline(registry(), Settings()).examine(item, lambda: Counted(data)))
    assert reads == len(data)
