"""Encryption of a case's database by SQLCipher, where the extra 'encryption' is installed: the one place of it.

SQLCipher encrypts each page (AES-256-CBC) of the database and of its write-ahead log and authenticates it
(HMAC-SHA512); temporary tables stay in memory. The `-shm` file beside holds page numbers and checksums alone.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from leadlight.casekey import SALT, Lock
from leadlight.errors import CaseDamaged, CaseError, CaseFull, UsageError

PLAIN = b"SQLite format 3\0"
"""How a database begins that is not encrypted."""
CACHE_KIB = 65_536
"""Of an encrypted database: a page that is read again need not be decrypted again."""
_CHUNK = 1 << 20


def module() -> Any:
    """SQLCipher as a DB-API module. Raises UsageError where the extra is missing."""
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        raise UsageError(
            "an encrypted case needs SQLCipher, which is not installed",
            advice="pip install 'leadlight[encryption]'",
        ) from None
    return dbapi2


def driver_of(connection: Connection) -> Any:
    """The DB-API module of a connection to an encrypted case; None for any other."""
    loaded = connection.dialect.loaded_dbapi
    return loaded if loaded.__name__.partition(".")[0] == "sqlcipher3" else None


def unlock(connection: Any, lock: Lock) -> Any:
    """Give a new connection its key: before anything else."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # it writes to standard error of itself
    connection.execute(f'PRAGMA key = "{lock.pragma()}"')
    return connection


def is_plain(path: Path) -> bool:
    """Whether the database can be read by anyone. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(PLAIN)) == PLAIN


def salt_of(path: Path) -> bytes:
    """The first bytes of an encrypted database. Raises OSError."""
    with path.open("rb") as file:
        return file.read(SALT)


def scratch(driver: Any) -> Any:
    """A database for sorting, in a file that has no name any more, under a key that nobody else has.

    `driver` is the DB-API module of a connection to an encrypted case. Raises CaseFull.
    """
    try:
        handle, name = tempfile.mkstemp(prefix="leadlight-")
        os.close(handle)
    except OSError as e:
        raise CaseFull(
            f"takes no file ({e.strerror or type(e).__name__})",
            subject="the folder for temporary files",
            advice="Free some space there, or name another with TMPDIR.",
        ) from e
    try:
        connection = driver.connect(name, isolation_level=None)
        unlock(connection, Lock("", secrets.token_bytes(32), secrets.token_bytes(SALT)))
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE made (n)")  # the file is open from here on
    finally:
        Path(name).unlink(missing_ok=True)
    return connection


def copied(path: Path, lock: Lock | None, out: Path, new: Lock) -> None:
    """Write the database at `path` (open to all where `lock` is None) to `out` under the key `new`, and compare.

    Nobody may write to it meanwhile. Raises CaseFull, CaseDamaged where the copy is not the same.
    """
    driver = module()
    try:
        with closing(driver.connect(str(path), isolation_level=None, timeout=30)) as connection:
            if lock is not None:
                unlock(connection, lock)
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute("ATTACH DATABASE ? AS copy KEY ?", (str(out), new.pragma()))
            connection.execute("SELECT sqlcipher_export('copy')").fetchall()
            names = [
                r[0]
                for r in connection.execute(
                    "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                )
            ]
            for name in names:
                counts = {
                    connection.execute(f'SELECT count(*) FROM {where}."{name}"').fetchone()[0]  # noqa: S608
                    for where in ("main", "copy")
                }
                if len(counts) > 1:
                    raise _not_the_same(path)
            connection.execute("DETACH DATABASE copy")
        with closing(driver.connect(str(out), isolation_level=None)) as connection:
            unlock(connection, new)
            if connection.execute("PRAGMA cipher_integrity_check").fetchall():
                raise _not_the_same(path)
    except driver.Error as e:
        if "full" in str(e) or "I/O" in str(e):
            raise CaseFull(
                "there is no room for a second copy, which is needed for a while",
                subject=str(path),
                advice="Free as much space as the case takes, and run the same command again.",
            ) from e
        raise CaseError(
            f"the database refused ({e})", subject=str(path), advice="Check it with 'leadlight verify'."
        ) from e
    with out.open("rb") as file:
        os.fsync(file.fileno())


def wipe(path: Path) -> None:
    """Overwrite a file once and remove it. What a disk keeps elsewhere of it (spare blocks of an SSD, snapshots,
    journals, earlier places on a copy-on-write file system) stays: `docs/encryption.md` says so.
    """
    with suppress(OSError), path.open("r+b") as file:
        overwrite(file.fileno())
    path.unlink(missing_ok=True)


def overwrite(handle: int) -> None:
    """Zeros over all of an open file, to the disk. Raises OSError."""
    left = os.fstat(handle).st_size
    os.lseek(handle, 0, os.SEEK_SET)
    while left > 0:
        left -= os.write(handle, bytes(min(left, _CHUNK)))
    os.fsync(handle)


def _not_the_same(path: Path) -> CaseDamaged:
    return CaseDamaged(
        "the encrypted copy is not the same; the case was left as it is",
        subject=str(path),
        advice="Check the disk, and the case with 'leadlight verify'.",
    )
