"""The case's own file: exact for any name, whole or not at all, and not on a network share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.casefile import read_facts, refuse_network_share, write_facts
from leadlight.errors import CaseDamaged, CaseError

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(names)
def test_any_name_survives(name: str) -> None:
    import tempfile

    facts = {"number": "1", "name": name, "created": "2026-01-01T00:00:00+00:00", "profile": "victim-first"}
    with tempfile.TemporaryDirectory() as folder:
        write_facts(Path(folder), facts)
        assert read_facts(Path(folder)) == facts


def test_what_is_damaged_says_so(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("number = 1")
    with pytest.raises(CaseDamaged, match="lacks created, name, profile"):
        read_facts(tmp_path)
    (tmp_path / "case.toml").write_bytes(b"\xff")
    with pytest.raises(CaseDamaged, match="can't be read"):
        read_facts(tmp_path)


def test_a_network_share_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path}/share nfs4 rw 0 0\n")
    refuse_network_share(tmp_path / "local" / "case", mounts)
    with pytest.raises(CaseError, match="nfs4"):
        refuse_network_share(tmp_path / "share" / "case", mounts)
    mounts.write_text(f"server:/x {tmp_path}/share nfs4 rw 0 0\n/dev/sdb {tmp_path}/share/disk ext4 rw 0 0\n")
    refuse_network_share(tmp_path / "share" / "disk" / "case", mounts)
    refuse_network_share(tmp_path, tmp_path / "none")
