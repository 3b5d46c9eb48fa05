"""Exports on their way out, in plain or encrypted with age."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from leadlight.age import SUFFIX, Recipients
from leadlight.errors import UsageError
from leadlight.records import display_name
from leadlight.records.dossier import Dossier, Manifest
from leadlight.seams import Exporter
from leadlight.store import cipher
from leadlight.store.check import digest_of

MEMORY = Path("/dev/shm")  # noqa: S108 (a file system in memory, where there is one)


def export_to(exporter: Exporter, dossier: Dossier, out: Path, recipients: Recipients | None) -> Manifest:
    """As `exporter.export`, each file encrypted to `recipients`; of several files each has the suffix '.age'.

    The plain file first lies in a folder of its own, for this account alone: in memory where the system has a file
    system there (it may be swapped to disk), else in the folder for temporary files. It is overwritten at the end.
    Raises UsageError where `out` can't be written, and as the exporter does.
    """
    if recipients is None:
        return exporter.export(dossier, out)
    parent = MEMORY if os.access(MEMORY, os.W_OK) else None
    scratch = Path(tempfile.mkdtemp(prefix="leadlight-", dir=parent))
    try:
        plain = scratch / (out.name.removesuffix(SUFFIX) or "export")
        manifest = exporter.export(dossier, plain)
        files = tuple(_encrypted(Path(p), _placed(Path(p), plain, out), recipients) for p, _, _ in manifest.files)
    except OSError as e:
        raise UsageError(
            f"can't be written ({e.strerror or type(e).__name__})",
            subject=display_name(os.fsencode(out)),
            advice="Name a file in a folder that you can write to.",
        ) from e
    finally:
        for file in scratch.rglob("*"):
            if file.is_file():
                cipher.wipe(file)
        shutil.rmtree(scratch, ignore_errors=True)
    return Manifest(files, manifest.losses)


def _placed(file: Path, plain: Path, out: Path) -> Path:
    if file == plain:
        return out
    target = out.parent / file.relative_to(plain.parent)
    if file.is_relative_to(plain):
        target = out / file.relative_to(plain)
    return target.with_name(target.name + SUFFIX)


def _encrypted(plain: Path, out: Path, recipients: Recipients) -> tuple[str, str, int]:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    try:
        recipients.encrypt(plain, part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    with out.open("rb") as stream:
        return str(out), digest_of(stream), out.stat().st_size
