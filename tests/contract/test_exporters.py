"""Every exporter keeps the contract of the seam."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from leadlight.errors import LeadlightError
from leadlight.plugins import registry
from leadlight.seams import Exporter
from tests.export import dossiers

EXPORTERS = registry().exporters
each = pytest.mark.parametrize("plugin", EXPORTERS, ids=lambda e: e.name)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_there_is_one() -> None:
    assert "report" in {e.name for e in EXPORTERS}


@each
def test_shape(plugin: Exporter) -> None:
    assert plugin.version
    assert "/" in plugin.media_type
    losses = plugin.losses()
    assert losses, "every format leaves something out"
    assert all(isinstance(loss, str) and loss.strip() and loss.isprintable() for loss in losses)


@each
@pytest.mark.parametrize("build", [dossiers.full, dossiers.empty], ids=["full", "empty"])
def test_the_manifest_fits_what_was_written(plugin: Exporter, build, tmp_path: Path) -> None:
    manifest = plugin.export(build(), tmp_path / "out")
    assert manifest.losses == plugin.losses()
    assert manifest.files
    named = {}
    for path, digest, size in manifest.files:
        data = Path(path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest, size)
        named[str(Path(path).relative_to(tmp_path))] = data
    assert named == tree(tmp_path), "all that was written is named, and nothing else lies there"


@each
def test_the_same_dossier_gives_the_same_bytes(plugin: Exporter, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        plugin.export(dossiers.full(), folder / "out")
        made.append(tree(folder))
    assert made[0] == made[1]


@each
def test_a_place_that_cannot_be_written_is_told(plugin: Exporter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LeadlightError) as told:
        plugin.export(dossiers.full(), tmp_path / "file" / "out")
    assert told.value.advice
    assert tree(tmp_path) == {"file": b"in the way"}
