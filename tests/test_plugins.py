"""The plugin list: order, clashes, circles, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from leadlight.errors import ConfigError, UnknownName
from leadlight.plugins import assemble, kind_of, order, registry
from leadlight.seams import Cost


class Fake:
    version, extra, families, per_place = "1", None, frozenset[str](), False

    def __init__(self, name: str, needs: str = "", gives: str = "", cost: Cost = Cost.HEADER, **more: Any) -> None:
        self.name, self.cost = name, cost
        self.needs, self.gives = frozenset(needs.split()), frozenset(gives.split())
        self.requires: tuple[str, ...] = more.get("requires", ())
        self.extra = more.get("extra")

    def examples(self) -> tuple[()]:
        return ()

    def analyse(self, item: object, content: object, known: object) -> Iterator[Any]:
        return iter(())


def names(*fakes: Fake) -> list[str]:
    return [a.name for a in order(fakes)]


def test_each_runs_after_what_it_needs_and_the_cheap_first() -> None:
    late = Fake("a.late", needs="picture", gives="x", cost=Cost.HEADER)
    decode = Fake("z.decode", gives="picture", cost=Cost.DECODE)
    cheap = Fake("m.cheap", gives="y")
    assert names(late, decode, cheap) == ["m.cheap", "z.decode", "a.late"]
    assert names(cheap, decode, late) == names(late, cheap, decode)


def test_a_circle_and_a_need_that_nobody_gives_are_refused() -> None:
    with pytest.raises(ConfigError, match="circle"):
        order([Fake("a", needs="x", gives="y"), Fake("b", needs="y", gives="x")])
    with pytest.raises(ConfigError, match="no available analyser gives"):
        order([Fake("a", needs="nothing")])


def test_two_of_one_name_are_refused_and_kinds_may_share_names() -> None:
    with pytest.raises(ConfigError, match=r"one\.module and other\.module"):
        assemble([("one.module", Fake("same"), ""), ("other.module", Fake("same"), "")])


def test_a_missing_library_is_listed_with_its_cure() -> None:
    made = assemble(
        [
            ("m.a", Fake("a", requires=("no_such_library",), extra="special"), ""),
            ("m.b", Fake("b", requires=("json",)), ""),
            ("m.c", Fake("c", requires=("no_such_library",)), ""),
        ]
    )
    assert [a.name for a in made.analysers] == ["b"]
    missing = {i.name: i.missing for i in made.infos}
    assert "pip install 'leadlight[special]'" in missing["a"]
    assert missing["b"] == ""
    assert "pip install no_such_library" in missing["c"]


def test_what_fills_no_seam_is_refused() -> None:
    with pytest.raises(ConfigError, match="fills no seam"):
        kind_of(object())


def test_names_are_looked_up_with_a_list_of_those_there_are() -> None:
    with pytest.raises(UnknownName, match="vics"):
        registry().format("none")
    assert registry().format("vics").name == "vics"
    with pytest.raises(UnknownName, match="report"):
        registry().exporter("none")
