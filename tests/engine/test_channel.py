"""Messages survive pipes in any slices; a stream that is not ours is refused."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.engine.channel import Inbox, examined_in, examined_out, send
from leadlight.records import Basis, Finding, Item, Place, Proposition, Times, Weight, WeightSource, failure
from leadlight.records.codec import dumps, item_in, item_out, plain
from leadlight.records.examined import Examined

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
places = st.builds(
    lambda root, steps: Place(root, tuple(steps)),
    st.binary(max_size=40),
    st.lists(st.binary(max_size=40), max_size=4),
)
findings = st.builds(
    Finding,
    analyser=st.just("test"),
    version=st.just("1"),
    kind=st.sampled_from(["filetype", "provenance.camera"]),
    statement=texts,
    payload=st.dictionaries(texts, json_values, max_size=4),
    weight=st.none()
    | st.builds(
        Weight,
        st.sampled_from(list(Proposition)),
        st.floats(0, 12),
        st.sampled_from(list(Basis)),
        st.sampled_from(list(WeightSource)),
        texts,
    ),
    sealed=st.dictionaries(texts, texts, max_size=2),
)
examined = st.builds(
    Examined,
    item=st.builds(Item, places, st.just("folder"), st.none() | st.integers(0, 2**60), st.just(Times())),
    sha256=st.none() | st.just("ab" * 32),
    size=st.integers(0, 2**60),
    of_place=st.lists(findings, max_size=3).map(tuple),
    of_content=st.none() | st.lists(findings, max_size=3).map(tuple),
    container=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(examined)
def test_what_is_sent_is_what_is_received(value: Examined) -> None:
    assert examined_in(examined_out(value)) == value


@given(places)
def test_places_of_any_bytes_survive_and_have_stable_keys(place: Place) -> None:
    item = Item(place, "folder")
    again = item_in(item_out(item))
    assert again == item
    assert again.place.key == place.key
    assert str(place).isprintable()
    assert place.path.isprintable()


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), max_size=5), st.integers(1, 9))
def test_messages_come_whole_from_any_slices(messages: list, step: int) -> None:
    reading, writing = os.pipe()
    try:
        for message in messages:
            send(writing, message)
        os.close(writing)
        inbox, got = Inbox(), []
        while data := os.read(reading, step):
            got.extend(inbox.feed(data))
        assert got == messages
    finally:
        os.close(reading)


def test_a_stream_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        list(Inbox().feed(b"\xff\xff\xff\xff...."))
    with pytest.raises(ValueError, match="object"):
        list(Inbox().feed(b"\0\0\0\x02[]"))


@given(st.recursive(st.none() | st.floats() | st.binary(max_size=9) | st.text(max_size=9), st.lists, max_leaves=6))
def test_plain_makes_anything_fit_for_json(value: object) -> None:
    assert dumps(plain(value))


def test_a_weight_out_of_range_is_refused() -> None:
    for bad in (-0.1, 12.5, float("nan")):
        with pytest.raises(ValueError, match="log10_lr"):
            Weight(Proposition.CAMERA, bad, Basis.SENSOR, WeightSource.POLICY)


def test_findings_are_frozen_through_and_through() -> None:
    note = failure("x", "1", reason="limit", what="w", advice="a", limit="limits.depth")
    with pytest.raises(TypeError):
        note.payload["reason"] = "other"  # type: ignore[index]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 2**63},
        {"size": -1},
        {"size": "12"},
        {"size": True},
        {"sha256": "x"},
        {"sha256": "00" * 32 + "\n"},
        {"sha256": 5},
        {"of_place": 3},
        {"of_place": -1},
        {"of_content": False, "of_place": 0},
        {"item": {"place": ["YQ=="], "source": "a", "size": 2**63, "times": {}}},
        {"item": {"place": ["YQ=="], "source": ["a"], "size": 1, "times": {}}},
        {"item": {"place": ["YQ=="], "source": "a", "size": 1, "times": {"created": "0001-01-01T00:00:00+14:00"}}},
        {"written": [[dumps({"analyser": 1, "version": "1", "kind": [], "statement": "a"}), None]]},
    ],
)
def test_a_result_that_no_file_gives_goes_no_further(changes: dict) -> None:
    found = failure("read", "1", reason="undecodable", what="is broken", advice="Look.")
    sent = examined_out(Examined(Item(Place(b"/a", ()), "folder"), "00" * 32, 12, (), (found,)))
    assert examined_in(sent).findings == (found,)
    with pytest.raises((ValueError, TypeError, KeyError)):
        examined_in({**sent, **changes})
