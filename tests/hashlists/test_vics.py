from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from leadlight.errors import HashListError
from leadlight.hashlists.vics import PLUGIN
from leadlight.records import ListEntry, ListKind
from tests.hashlists.samples import CONTEXT, MD5, PDQ, SHA1, vics


def read(tmp_path: Path, *media: dict[str, object], **how: bool) -> list[ListEntry]:
    path = tmp_path / "set.json"
    vics(*media, **how)(path)
    return list(PLUGIN.entries(path))


def test_public_hash_set(public_files: Path) -> None:
    path = public_files / "formats" / "samples" / "vics20_hashset.json"
    assert PLUGIN.detect(path)
    info = PLUGIN.describe(path)
    assert (info.name, info.kind, info.version) == ("vics20_hashset", ListKind.KNOWN, "2.0 US")
    found = list(PLUGIN.entries(path))
    assert [(e.algorithm, e.value.hex()) for e in found] == [
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("pdq", "f" * 64),
    ]
    assert {e.label for e in found} == {"category 3, INVENTED"}


def test_public_case_export(public_files: Path) -> None:
    path = public_files / "formats" / "samples" / "vics20_case.json"
    assert PLUGIN.detect(path)
    info = PLUGIN.describe(path)
    assert (info.owner, info.version) == ("Example unit", "2.0 US")
    assert [e.algorithm for e in PLUGIN.entries(path)] == ["md5", "sha1"]
    assert {e.label for e in PLUGIN.entries(path)} == {""}


def test_never_a_list_of_harmless_files() -> None:
    assert ListKind.BENIGN not in PLUGIN.allowed_kinds
    assert ListKind.KNOWN in PLUGIN.allowed_kinds


@pytest.mark.parametrize(
    ("category", "label"),
    [
        (0, "category 0"),
        ("0", "category 0"),
        (4, "category 4"),
        (None, ""),
        ("", ""),
        (True, ""),
        ("x", ""),
        (2.0, "category 2"),
    ],
)
def test_category_nought_is_a_category(tmp_path: Path, category: object, label: str) -> None:
    (found,) = read(tmp_path, {"MediaID": 1, "MD5": MD5, "Category": category})
    assert found.label == label


@pytest.mark.parametrize(
    ("flag", "said"),
    [(True, True), ("true", True), ("True", True), (False, False), ("false", False), (None, False)],
)
def test_booleans_may_be_text(tmp_path: Path, flag: object, said: bool) -> None:
    (found,) = read(tmp_path, {"MediaID": 1, "MD5": MD5, "VictimIdentified": flag, "IsPrecategorized": "true"})
    assert ("victim identified" in found.label) is said


@pytest.mark.parametrize("case", [False, True])
@pytest.mark.parametrize("bom", [False, True])
def test_hash_sets_and_case_exports(tmp_path: Path, case: bool, bom: bool) -> None:
    media = [
        {
            "MediaID": n,
            "MD5": MD5.upper(),
            "SHA1": SHA1.upper(),
            "PhotoDNA": "AAAA",
            "MediaFiles": [{"MD5": "0" * 32, "FileName": "x"}],
            "Exifs": [{"MD5": "0" * 32, "PropertyName": "Make", "PropertyValue": "x"}],
            "AlternativeHashes": [
                {"MD5": MD5, "HashName": "PDQ", "HashValue": PDQ},
                {"MD5": MD5, "HashName": "md5", "HashValue": MD5},
                {"MD5": MD5, "HashName": "Other", "HashValue": "zz"},
            ],
        }
        for n in range(2)
    ]
    found = read(tmp_path, *media, case=case, bom=bom)
    one = [("md5", MD5), ("sha1", SHA1), ("pdq", PDQ)]
    assert [(e.algorithm, e.value.hex()) for e in found] == one * 2


def test_alternative_hashes_stay_with_their_media(tmp_path: Path) -> None:
    alone = {"MediaID": 1, "Series": "a", "AlternativeHashes": [{"HashName": "PDQ", "HashValue": PDQ}]}
    found = read(tmp_path, alone, {"MediaID": 2, "MD5": MD5, "Series": "b"})
    assert [(e.algorithm, e.label) for e in found] == [("pdq", "a"), ("md5", "b")]


@pytest.mark.parametrize(
    ("media", "field"),
    [
        ({"MediaID": 7, "MD5": "12"}, "MD5"),
        ({"MediaID": 7, "MD5": 12}, "MD5"),
        ({"MediaID": 7, "MD5": MD5, "SHA1": MD5}, "SHA1"),
        ({"MediaID": 7, "MD5": MD5, "AlternativeHashes": [{"HashName": "PDQ", "HashValue": "x"}]}, "HashValue"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, media: dict[str, object], field: str) -> None:
    with pytest.raises(HashListError) as caught:
        read(tmp_path, {"MediaID": 1, "MD5": MD5}, media)
    assert caught.value.subject == f"set.json, Media 2 (MediaID 7), field '{field}'"


def test_a_set_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    vics(*({"MediaID": n, "MD5": MD5} for n in range(5)))(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(HashListError, match="after record 4"):
        list(PLUGIN.entries(path))


def test_memory_stays_flat(tmp_path: Path) -> None:
    """A case export holds all its Media in one object: it must not be built."""
    path = tmp_path / "case.json"
    with path.open("w") as out:
        out.write(json.dumps({"@odata.context": CONTEXT + "Cases"})[:-1])
        out.write(', "value": [{"CaseID": "x", "Media": [')
        for n in range(20_000):
            out.write(("," if n else "") + json.dumps({"MediaID": n, "MD5": f"{n:032x}", "Comments": "x" * 200}))
        out.write("]}]}")
    tracemalloc.start()
    count = sum(1 for _ in PLUGIN.entries(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 1_000_000
