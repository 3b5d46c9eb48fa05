"""A small neutral case to learn on: drawn pictures of invented cameras and generators, lists, and a trust anchor.

Everything is made by program when it is built, in seconds and without a network; nothing in it shows a person.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadlight.demo.evidence import Piece, lake, pieces
from leadlight.demo.signing import make_authority
from leadlight.errors import UsageError
from leadlight.fingerprint.pdq import pdq

__all__ = ["DemoList", "DemoMaterial", "build"]

_VICS = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media"


@dataclass(frozen=True, slots=True)
class DemoList:
    """A hash list of the demo, with what an operator would say of it."""

    path: Path
    format: str
    name: str
    kind: str
    """known, generated or benign."""


@dataclass(frozen=True, slots=True)
class DemoMaterial:
    """What lies where, and the lines that teach it."""

    evidence: Path
    lists: tuple[DemoList, ...]
    trust_anchors: Path
    """The root that vouches for the demo's signatures, PEM; it is trusted only where it is named."""
    guide: tuple[str, ...]


def build(folder: Path) -> DemoMaterial:
    """Build the demo in a new or empty `folder`; the same bytes each time, but for keys and signatures.

    Raises UsageError where something lies in the way or the folder can't be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError("is not empty", subject=str(folder), advice="Name a new folder.")
        return _build(folder)
    except OSError as e:
        raise UsageError(
            f"can't be written ({e.strerror})", subject=str(e.filename or folder), advice="Name another folder."
        ) from e


def _build(folder: Path) -> DemoMaterial:
    authority = make_authority("Demo Signer", "Leadlight Demo", issuer="Leadlight Demo Root")
    files = {piece.path: piece for piece in pieces(authority)}
    evidence = folder / "evidence"
    for piece in files.values():
        path = evidence / piece.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(piece.data)
        os.utime(path, (piece.modified.timestamp(),) * 2)
    anchors = folder / "trust" / "anchors.pem"
    anchors.parent.mkdir(parents=True)
    anchors.write_text(authority.pem_anchor, encoding="ascii")
    return DemoMaterial(evidence, _lists(folder / "lists", files), anchors, _guide(files))


def _lists(folder: Path, files: Mapping[str, Piece]) -> tuple[DemoList, ...]:
    folder.mkdir(parents=True)
    benign = ("system/about.txt", "system/button.png")
    texts = {
        "reference.csv": _table(
            ("sha256", "pdq", "label"),
            (_sha256(files["series/lake.jpg"].data), "", "demo series, the file"),
            ("", pdq(lake())[0].hex(), "demo series, the picture"),
        ),
        "generated.json": _vics(files["listed/pears.png"].data),
        "benign.csv": _table(("sha256", "label"), *((_sha256(files[p].data), "demo program") for p in benign)),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return (
        DemoList(folder / "reference.csv", "csv", "Demo reference list", "known"),
        DemoList(folder / "generated.json", "vics", "Demo list of generated material", "generated"),
        DemoList(folder / "benign.csv", "csv", "Demo benign list", "benign"),
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _table(*rows: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _vics(data: bytes) -> str:
    """A hash set in the shape of VICS 2.0, of one file."""
    media = {
        "MediaID": 1,
        "Category": 0,
        "MD5": hashlib.md5(data, usedforsecurity=False).hexdigest().upper(),
        "SHA1": hashlib.sha1(data, usedforsecurity=False).hexdigest().upper(),
        "MediaSize": len(data),
        "Tags": "demo",
    }
    return json.dumps({"@odata.context": _VICS, "value": [media]}, indent=1) + "\n"


def _guide(files: Mapping[str, Piece]) -> tuple[str, ...]:
    wide = max(map(len, files))
    return tuple(f"{piece.path:<{wide}}  {piece.lesson}" for piece in files.values())
