from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import HashListError
from leadlight.hashlists.exchange import PLUGIN
from leadlight.records import ListEntry, ListKind
from leadlight.records.hashlist import DIGEST_BYTES
from tests.hashlists.samples import MD5, NCMEC, PDQ, SAMPLES, SHA1, SHA256


def read(tmp_path: Path, content: str, name: str = "x") -> list[ListEntry]:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return list(PLUGIN.entries(path))


def shown(entries: list[ListEntry]) -> list[tuple[str, str, str]]:
    return [(e.algorithm, e.value.hex(), e.label) for e in entries]


@pytest.mark.parametrize("name", ["graph.json", "signals.ndjson"])
def test_json_with_tags_and_kinds_that_are_not_matched(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    SAMPLES["threatexchange"][name](path)
    assert shown(list(PLUGIN.entries(path))) == [("pdq", PDQ, "one, two"), ("md5", MD5, "inner")]


@pytest.mark.parametrize(
    ("kind", "algorithm", "value"),
    [
        ("pdq", "pdq", PDQ),
        ("HASH_PDQ", "pdq", PDQ),
        ("md5", "md5", MD5),
        ("video_md5", "md5", MD5),
        ("HASH_VIDEO_MD5", "md5", MD5),
        ("HASH_MD5", "md5", MD5),
        ("HASH_SHA1", "sha1", SHA1),
        ("SHA-256", "sha256", SHA256),
    ],
)
@pytest.mark.parametrize(
    "keys", [("signal_type", "signal"), ("type", "indicator"), ("type", "hash"), ("indicator type", "value")]
)
def test_names_of_kinds_and_keys(
    tmp_path: Path, kind: str, algorithm: str, value: str, keys: tuple[str, str]
) -> None:
    content = json.dumps([{keys[0]: kind, keys[1]: value}])
    path = tmp_path / "x"
    path.write_text(content)
    assert PLUGIN.detect(path)
    assert shown(list(PLUGIN.entries(path))) == [(algorithm, value, "")]
    assert shown(read(tmp_path, f"{keys[0]},{keys[1]}\n{kind},{value}\n")) == [(algorithm, value, "")]


def test_the_command_line_tools_table(tmp_path: Path) -> None:
    content = (
        "collab,signal_type,signal_str,category,tags\n"
        f"c,pdq,{PDQ},TRUE_POSITIVE,one two\nc,raw_text,some words,TRUE_POSITIVE,\nc,video_md5,{MD5},,\n"
    )
    assert shown(read(tmp_path, content)) == [("pdq", PDQ, "TRUE_POSITIVE, one two"), ("md5", MD5, "")]


def test_what_an_exchange_says_does_not_match_is_left_out(tmp_path: Path) -> None:
    content = f"signal_type,signal_str,category\npdq,{PDQ},NEGATIVE_CLASS\nmd5,{MD5},POSITIVE_CLASS\n"
    assert [e.algorithm for e in read(tmp_path, content)] == ["md5"]
    one = {"type": "HASH_MD5", "indicator": MD5, "status": "NON_MALICIOUS"}
    assert [e.algorithm for e in read(tmp_path, json.dumps([one, {**one, "status": "MALICIOUS"}]))] == ["md5"]


def test_ncmec_entries_are_read_and_deleted_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "entries.xml"
    path.write_text(NCMEC)
    assert PLUGIN.describe(path).owner == "NCMEC"
    assert shown(list(PLUGIN.entries(path))) == [
        ("md5", MD5, "A1, Example Member"),
        ("sha1", SHA1, "A1, Example Member"),
        ("pdq", PDQ, "A1, Example Member"),
        ("md5", "c" * 32, "Example Member"),
    ], "a video is not an image, though its id be the same"
    later = NCMEC.replace(
        "2026-10-24T15:00:00Z</timestamp><id>image2", "2026-10-25T15:00:00Z</timestamp><id>image2"
    )
    assert ("md5", "b" * 32, "Example Member") in shown(read(tmp_path, later)), "taken up again after that"


def test_xml_of_any_length_is_streamed(tmp_path: Path) -> None:
    import tracemalloc

    entry = NCMEC[NCMEC.index("<image>") : NCMEC.index("</image>") + 8]
    head, tail = NCMEC[: NCMEC.index("<image>")], "</images></queryResult>"
    path = tmp_path / "x.xml"
    path.write_text(head + entry * 3000 + tail)
    tracemalloc.start()
    count = sum(1 for _ in PLUGIN.entries(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 9000
    assert peak < 1_000_000


def test_a_list_of_nothing_that_is_matched_says_so(tmp_path: Path) -> None:
    with pytest.raises(HashListError, match="2 of hash_tmk"):
        read(tmp_path, json.dumps([{"type": "HASH_TMK", "hash": "x"}] * 2))
    with pytest.raises(HashListError, match="left out: 1 of url"):
        read(tmp_path, "signal_type,signal_str\nurl,https://example.org\n")


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (json.dumps([{"type": "md5", "hash": MD5}, {"type": "md5", "hash": "zz"}]), "record 2, field 'hash'"),
        (f"signal_type,signal_str\nmd5,{MD5}\npdq,{MD5}\n", "line 3, field 2"),
        (f"signal_type,signal_str\nmd5,{MD5}\npdq\n", "line 3, field 2"),
        (NCMEC.replace(SHA1, "12"), "entry 1, field 'sha1'"),
        (NCMEC[:-40], "after entry 4"),
        (json.dumps([{"type": "md5", "hash": MD5}])[:-2], "after record 0"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, content: str, at: str) -> None:
    with pytest.raises(HashListError) as caught:
        read(tmp_path, content)
    assert caught.value.subject == f"x, {at}"


def test_lists_of_this_kind_are_never_benign() -> None:
    assert PLUGIN.allowed_kinds == {ListKind.KNOWN, ListKind.GENERATED}


ENTRIES = st.sampled_from(sorted(DIGEST_BYTES)).flatmap(
    lambda a: st.tuples(st.just(a), st.binary(min_size=DIGEST_BYTES[a], max_size=DIGEST_BYTES[a]))
)


@settings(max_examples=80, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=10), st.sampled_from(["array", "lines", "data", "csv"]))
def test_what_is_written_is_read(tmp_path_factory, entries, form) -> None:
    records = [{"signal_type": a, "signal_str": v.hex()} for a, v in entries]
    content = {
        "array": lambda: json.dumps(records),
        "lines": lambda: "\n".join(map(json.dumps, records)),
        "data": lambda: json.dumps({"data": records}, indent=2),
        "csv": lambda: "signal_type,signal_str\n" + "".join(f"{a},{v.hex()}\n" for a, v in entries),
    }[form]()
    path = tmp_path_factory.mktemp("list") / "x"
    path.write_text(content)
    assert PLUGIN.detect(path)
    assert [(e.algorithm, e.value) for e in PLUGIN.entries(path)] == entries
