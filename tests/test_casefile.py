"""Names in the case's own file that are no UTF-8, and a case that may not be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.casefile import read_facts, write_facts
from leadlight.errors import CaseError, CaseMissing

FACTS = {"number": "1", "created": "2026-01-01T00:00:00+00:00", "profile": "victim-first"}


@pytest.mark.parametrize(
    ("name", "written"), [("c\udcff", r"c\xff"), ("c\ud800", r"c\ud800"), (os.fsdecode(b"\xe2\x82"), r"\xe2\x82")]
)
def test_a_name_that_is_no_text_is_spelt_out(name: str, written: str, tmp_path: Path) -> None:
    write_facts(tmp_path, {**FACTS, "name": name})
    assert read_facts(tmp_path)["name"] == written


@given(st.text(st.characters(), max_size=20))
def test_no_name_makes_a_file_that_can_never_be_read(name: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_facts(Path(folder), {**FACTS, "name": name})
        assert read_facts(Path(folder))["number"] == "1"


def test_a_case_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CaseMissing):
        read_facts(tmp_path)
    write_facts(tmp_path, {**FACTS, "name": "n"})

    def refuse(self: Path, *args: object, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(CaseError, match=r"Permission denied.*Check who may read"):
        read_facts(tmp_path)
