"""`case.toml`: what a case is, beside its record."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadlight.durable import settle
from leadlight.errors import CaseBusy, CaseDamaged, CaseError, CaseFull, CaseMissing

CASE_FILE = "case.toml"
DATABASE_FILE = "case.db"
LOCK_FILE = "case.lock"


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A folder to make a case in, which becomes `folder` at the end, whole or not at all, and is then on the disk.

    `folder` must not exist or be empty. What an interrupted attempt left beside it is taken away first. Raises
    CaseBusy where another process makes the same case.
    """
    target = folder.resolve()
    making = target.with_name(f".{target.name}.making")
    new = [p for p in target.parents if not p.exists()]
    try:
        making.mkdir(parents=True, mode=0o700, exist_ok=True)
        with _locked(os.open(making, os.O_RDONLY), making, busy(folder, "makes this case")):
            try:
                _empty(making)
                yield making
                settle(making)
                making.rename(target)
            except BaseException:
                shutil.rmtree(making, ignore_errors=True)
                raise
        for parent in (target.parent, *(p.parent for p in new)):
            settle(parent)
    except OSError as e:
        there = e.errno in (errno.ENOTEMPTY, errno.EEXIST)
        raise busy(folder, "made this case") if there else folder_error(folder, e) from e


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """A case to ourselves. Raises CaseBusy where another process writes to it."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as e:
        raise folder_error(folder, e) from e
    with _locked(lock, folder / LOCK_FILE, busy(folder, "is working on this case")):
        yield


@contextmanager
def _locked(handle: int, path: Path, taken: CaseBusy) -> Iterator[None]:
    """Hold the lock of an open file, which is then closed. Raises `taken` where another process holds it, or where
    `path` names another file by now: a lock on what was removed or renamed holds nothing.
    """
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(handle), os.stat(path))  # noqa: PTH116 (beside fstat)
        except OSError:
            raise taken from None
        if not same:
            raise taken
        yield
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for inner in folder.iterdir():
        if inner.is_dir() and not inner.is_symlink():
            shutil.rmtree(inner)
        else:
            inner.unlink()


def busy(folder: Path, what: str) -> CaseBusy:
    """The error for a case on which another process does, or did, `what`."""
    return CaseBusy(
        f"another process {what}",
        subject=str(folder),
        advice="Wait until it ends, or end it; then run the same command again.",
    )


def read_facts(folder: Path) -> dict[str, str]:
    """What `case.toml` says. Raises CaseMissing, CaseDamaged, or CaseError where it may not be read."""
    try:
        if not (folder / CASE_FILE).is_file():
            raise CaseMissing(
                "holds no case",
                subject=str(folder),
                advice="Check the path, or make a case with 'leadlight triage'.",
            )
        facts = {k: _plain(v) for k, v in tomllib.loads((folder / CASE_FILE).read_text("utf-8")).items()}
    except OSError as e:
        raise CaseError(
            f"can't be read ({e.strerror})", subject=str(folder / CASE_FILE), advice="Check who may read the case."
        ) from e
    except (ValueError, RecursionError) as e:
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
        f"{k} = {v if v in _TRUTHS else _toml(v)}\n" for k, v in facts.items()
    )
    new = folder / (CASE_FILE + ".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / CASE_FILE)
        settle(folder)
    except OSError as e:
        raise folder_error(folder, e) from e


_TRUTHS = ("true", "false")


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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
