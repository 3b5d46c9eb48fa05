"""Learnt lists as hash lists: what becomes an entry, and what they may be of."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadlight.errors import HashListError
from leadlight.hashlists.features import PLUGIN
from leadlight.keypoints import listing
from leadlight.keypoints.listing import Learnt
from leadlight.records import ListEntry, ListKind


def write(path: Path, kind: str = "known") -> Path:
    pictures = [
        Learnt(b"\1" * 32, b"\2" * 32, 50, b""),
        Learnt(b"\3" * 32, b"\4" * 32, 49, b""),
        Learnt(b"\5" * 32, None, 0, b""),
    ]
    with path.open("w+b") as out:
        listing.write(out, pictures, name="our list", kind=kind, made="2026-11-01T00:00:00+00:00", software="1")
    return path


def test_digests_of_all_and_pdq_of_those_that_are_not_flat(tmp_path: Path) -> None:
    path = write(tmp_path / "x.features", "generated")
    assert list(PLUGIN.entries(path)) == [
        ListEntry("sha256", b"\1" * 32),
        ListEntry("pdq", b"\2" * 32),
        ListEntry("sha256", b"\3" * 32),
        ListEntry("sha256", b"\5" * 32),
    ]
    info = PLUGIN.describe(path)
    assert (info.name, info.kind, info.format) == ("our list", ListKind.GENERATED, "features")
    assert info.date.startswith("2026-11-01")


def test_a_kind_that_can_not_be_is_refused(tmp_path: Path) -> None:
    for kind in ("benign", "other"):
        with pytest.raises(HashListError, match=kind):
            PLUGIN.describe(write(tmp_path / "x.features", kind))
