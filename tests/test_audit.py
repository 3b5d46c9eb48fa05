"""The chain: whoever alters, removes or reorders an act is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.audit import Line, check_chain, next_act
from leadlight.records import Act


def chain(length: int) -> list[Act]:
    acts: list[Act] = []
    for n in range(length):
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=(-1) ** n * n)
        last = acts[-1] if acts else None
        acts.append(next_act(last, when=when, actor="a", action="scan.record", details={"n": n}))
    return acts


def test_a_sound_chain_holds_even_where_the_clock_goes_back() -> None:
    assert not list(check_chain(map(Line.of, chain(20))))
    assert not list(check_chain([]))


@given(st.integers(2, 12), st.data())
def test_each_change_is_found_where_it_was_made(length: int, data: st.DataObject) -> None:
    acts = chain(length)
    at = data.draw(st.integers(0, length - 1))
    change = data.draw(st.sampled_from(["actor", "action", "details", "when", "digest", "remove", "swap"]))
    if change == "remove":
        if at == length - 1:
            return
        del acts[at]
    elif change == "swap":
        other = (at + 1) % length
        acts[at], acts[other] = acts[other], acts[at]
    else:
        new = {
            "actor": "b",
            "action": "grade",
            "details": {"n": -1},
            "when": datetime(2020, 1, 1, tzinfo=UTC),
            "digest": "f" * 64,
        }
        acts[at] = replace(acts[at], **{change: new[change]})
    faults = list(check_chain(map(Line.of, acts)))
    assert faults
    assert faults[0].where.startswith("act ")


@pytest.mark.parametrize("text", ["garbage", "{}", "[]", '{"n": 1}', b"\xff", None, 5])
@pytest.mark.parametrize("field", ["at", "details", "actor"])
def test_the_digest_rests_on_the_text_as_it_is_written(field: str, text: object) -> None:
    lines = [Line.of(act) for act in chain(3)]
    lines[1] = replace(lines[1], **{field: text})
    assert [f.where for f in check_chain(lines)] == ["act 2"]
