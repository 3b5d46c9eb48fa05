"""`case.toml`: what a case is, beside its record."""

from __future__ import annotations

import errno
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadlight.errors import CaseDamaged, CaseError, CaseFull, CaseMissing

CASE_FILE = "case.toml"
DATABASE_FILE = "case.db"
LOCK_FILE = "case.lock"


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A folder to make a case in, which becomes `folder` at the end, whole or not at all.

    `folder` must not exist or be empty. What an interrupted attempt left beside it is taken away first.
    """
    target = folder.resolve()
    making = target.with_name(f".{target.name}.making")
    try:
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(parents=True, mode=0o700)
        yield making
        making.rename(target)
    except OSError as e:
        shutil.rmtree(making, ignore_errors=True)
        raise folder_error(folder, e) from e
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def read_facts(folder: Path) -> dict[str, str]:
    """What `case.toml` says. Raises CaseMissing, CaseDamaged, or CaseError where it may not be read."""
    try:
        if not (folder / CASE_FILE).is_file():
            raise CaseMissing(
                "holds no case",
                subject=str(folder),
                advice="Check the path, or make a case with 'leadlight triage'.",
            )
        facts = {k: str(v) for k, v in tomllib.loads((folder / CASE_FILE).read_text("utf-8")).items()}
    except OSError as e:
        raise CaseError(
            f"can't be read ({e.strerror})", subject=str(folder / CASE_FILE), advice="Check who may read the case."
        ) from e
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise CaseDamaged(
            f"can't be read ({e})", subject=str(folder / CASE_FILE), advice="Restore it from a copy."
        ) from e
    absent = {"number", "name", "created", "profile"} - set(facts)
    if absent:
        raise CaseDamaged(
            f"lacks {', '.join(sorted(absent))}", subject=str(folder / CASE_FILE), advice="Restore it from a copy."
        )
    return facts


def write_facts(folder: Path, facts: dict[str, str]) -> None:
    """Write `case.toml` as a whole or not at all. Raises CaseError."""
    text = "# A Leadlight case. The record is in case.db; keep both together.\n" + "".join(
        f"{k} = {_toml(v)}\n" for k, v in facts.items()
    )
    new = folder / (CASE_FILE + ".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / CASE_FILE)
    except OSError as e:
        raise folder_error(folder, e) from e


def _toml(value: str) -> str:
    r"""A basic string. TOML has no lone surrogates: bytes that are no UTF-8 are spelt out as ``\xff``."""
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "backslashreplace")
    text = raw.decode("utf-8", "backslashreplace")
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{escaped}"'


_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"})


def refuse_network_share(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raise CaseError where `folder` lies on a network share: SQLite's write-ahead log is not safe there.

    Known by the table of mounts; where the system has none, nothing is known and nothing refused.
    """
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    there = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        point = Path(fields[1].replace("\\040", " ")) if len(fields) > 2 else None
        if point is not None and there.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    if kind in _REMOTE:
        raise CaseError(
            f"lies on a network share ({kind}), where the record of a case is not safe",
            subject=str(folder),
            advice="Name a folder on a disk of this machine with --case; copy the finished case afterwards.",
        )


def folder_error(folder: Path, error: OSError) -> CaseError:
    """The error of our own for a folder that can't be written."""
    if error.errno == errno.ENOSPC:
        return CaseFull(
            "there is no room left on its disk", subject=str(folder), advice="Free some space and try again."
        )
    return CaseError(
        f"can't be written ({error.strerror})", subject=str(folder), advice="Name a folder that may be written to."
    )
