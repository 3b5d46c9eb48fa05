"""How a case is kept: opened with its key, encrypted, and given another key.

The key of a case changes by a copy of the database under the new one, compared, and put in the place of the old as
a whole: whatever interrupts it, `case.db` is the old or the new, and what is left over goes with the next command.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from leadlight.casefile import DATABASE_FILE, folder_error, write_facts
from leadlight.casekey import KEY_FILE, PASSPHRASE, SALT, CaseKey, Lock
from leadlight.config import Settings
from leadlight.durable import settle
from leadlight.errors import CaseBusy, CaseDamaged, CaseLocked, UsageError
from leadlight.keypoints.listing import FOLDER as FEATURES_FOLDER
from leadlight.records import display_name
from leadlight.store import cipher
from leadlight.store.database import Database
from leadlight.store.features import take_in
from leadlight.store.nearness import FOLDER as LISTS_FOLDER
from leadlight.store.record import Recorder

OLD = f"{DATABASE_FILE}.old"
NEW = f"{DATABASE_FILE}.new"
_BESIDE = ("", "-wal", "-shm", "-journal")


def put_right(folder: Path, facts: dict[str, str], database: Database) -> None:
    """Clear what an interrupted change of the key left in a held case, and write down which key it has now."""
    if database.lock is not None and (folder / OLD).exists():
        write_facts(folder, facts)
    _clear(folder)


def key_of(settings: Settings) -> CaseKey | None:
    """The key that the settings name. Raises KeyUnusable."""
    return CaseKey.from_file(Path(settings.case_key_file)) if settings.case_key_file else None


def is_encrypted(folder: Path, facts: Mapping[str, str]) -> bool:
    """Whether the case is opened with a key: what its database begins with says so.

    Raises CaseDamaged where `case.toml` says it is, and the database is not.
    """
    path, said = folder / DATABASE_FILE, facts.get("encrypted") == "true"
    try:
        plain = cipher.is_plain(path)
    except OSError:
        return False  # opening it says what is wrong
    if plain and said:
        raise CaseDamaged(
            "is not encrypted, and case.toml says that it is: another file was put in its place",
            subject=_shown(path),
            advice="Keep both files as they are and restore the case from a copy.",
        )
    return not plain and (said or (folder / OLD).exists())


def opened(folder: Path, facts: dict[str, str], settings: Settings, key: CaseKey | None) -> Database:
    """The database of a case, with `key` or the one that the settings name; `facts` are put right where a change
    of the key was interrupted.

    Raises CaseLocked for no key or a wrong one, CaseDamaged where the key is right and the file is not.
    """
    path = folder / DATABASE_FILE
    if not is_encrypted(folder, facts):
        return Database.open(path)
    key = key or key_of(settings)
    if key is None:
        raise CaseLocked(
            "is encrypted, and no key was given",
            subject=_shown(folder),
            advice="Name its key file with --key-file, or run in a terminal and give its passphrase.",
        )
    lock = key.lock(cipher.salt_of(path))
    try:
        database = Database.open(path, lock)
    except CaseDamaged:
        if _is_its_key(folder, facts, key, lock):
            raise
        kind = facts.get("key") if facts.get("key") in (PASSPHRASE, KEY_FILE) else "key"
        raise CaseLocked(
            f"this is not its key (it was locked with a {kind})",
            subject=_shown(folder),
            advice="Give the right one. Without it, nobody can open the case.",
        ) from None
    if not lock.fits(facts):
        facts.update(lock.facts())
    return database


def _is_its_key(folder: Path, facts: Mapping[str, str], key: CaseKey, lock: Lock) -> bool:
    """Whether the key is the one recorded, with the salt as recorded where that of the file was overwritten."""
    if lock.fits(facts):
        return True
    with suppress(ValueError):
        salt = bytes.fromhex(facts.get("key_salt", ""))
        other = len(salt) == SALT and salt != lock.salt and not (folder / OLD).exists()
        return other and key.lock(salt).fits(facts)
    return False


def relock(folder: Path, facts: dict[str, str], database: Database, key: CaseKey, actor: str) -> None:
    """Encrypt the database of a held case under `key`, from plain or from another key, as an act of the record.

    The old file is overwritten once and removed, and so is what lies beside it in plain. Raises CaseBusy where
    another process reads the case, CaseFull, CaseDamaged.
    """
    path, new, old = folder / DATABASE_FILE, folder / NEW, folder / OLD
    lock, action = key.lock(), "case.rekey" if database.lock else "case.encrypt"
    database.engine.dispose()
    try:
        cipher.copied(path, database.lock, new, lock)
        made = Database.open(new, lock)
        take_in(made)
        Recorder(made, actor).act(action, {"key": lock.kind, "cipher": lock.facts()["cipher"]})
        made.close()
        new.chmod(path.stat().st_mode & 0o777)
        if any((folder / f"{name}-wal").exists() for name in (DATABASE_FILE, NEW)):
            raise CaseBusy(
                "another process reads this case", subject=_shown(folder), advice="End it, and try again."
            )
        with path.open("r+b") as before:
            with suppress(OSError):  # a file system without hard links
                os.link(path, old)
            new.replace(path)
            if not old.exists():
                cipher.overwrite(before.fileno())
        facts.update(lock.facts())
        write_facts(folder, facts)
        settle(folder)
    except OSError as e:
        raise folder_error(folder, e) from e
    finally:
        database.reopened(lock if cipher.salt_of(path) == lock.salt else database.lock)
        _clear(folder)
    for beside in (LISTS_FOLDER, FEATURES_FOLDER):
        for file in sorted((folder / beside).rglob("*")):
            if file.is_file():
                cipher.wipe(file)
        shutil.rmtree(folder / beside, ignore_errors=True)


def refuse_plain(target: Path, folder: Path, database: Database) -> None:
    """Raise UsageError where something in plain would be written into the folder of an encrypted case."""
    if database.lock is not None and target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "would lie in plain within an encrypted case",
            subject=_shown(target),
            advice="Encrypt it with --encrypt-to, or name a file elsewhere with --out.",
        )


def _clear(folder: Path) -> None:
    """Remove what an interrupted change of the key left: the copy, or the old database, overwritten."""
    with suppress(OSError):
        for name in (f"{NEW}{end}" for end in _BESIDE):
            if (folder / name).exists():
                cipher.wipe(folder / name)
        old = folder / OLD
        if old.exists():
            if old.samefile(folder / DATABASE_FILE):
                old.unlink()
            else:
                cipher.wipe(old)


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))
