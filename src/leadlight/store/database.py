"""Opening a case's database: SQLite beside the case, or a server by address; errors in our own words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.schema import CreateTable

from leadlight.casekey import Lock
from leadlight.errors import CaseBusy, CaseDamaged, CaseError, CaseFull, CaseMissing, CaseNewer
from leadlight.store import cipher, schema

_SPACE = ("disk is full", "no space left", "disk i/o error", "could not extend file")
_LOCKED = ("database is locked", "could not obtain lock")
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "could not decode")
_READ_ONLY = ("readonly database", "read-only")
_GARBAGE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


@contextmanager
def understood(where: str) -> Iterator[None]:
    """Reading the text of a row: what no Leadlight can have written raises CaseDamaged, naming `where`."""
    try:
        yield
    except _GARBAGE as e:
        raise CaseDamaged(
            f"can't be read ({type(e).__name__}): no Leadlight wrote it so",
            subject=where,
            advice="Run 'leadlight verify' on the case, then restore it from a copy.",
        ) from e


def append_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, as `insert` would: the statement is made once, not each row's
    parameters anew, which for short rows costs more than the database does.
    """
    if not rows:
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    order = statement.positiontup
    values: list[Any] = [tuple(row[name] for name in order) for row in rows] if order else list(rows)
    connection.exec_driver_sql(str(statement), values)


class Database:
    """One case's database. `reading` and `writing` give connections; a write is all or nothing.

    Where the file or its folder can't be written (a sealed copy, another account), it is opened to read only.
    """

    def __init__(self, engine: Engine, subject: str, lock: Lock | None = None) -> None:
        self.engine = engine
        self.subject = subject
        self.lock = lock
        """Its key; None where it is not encrypted."""
        self.version = schema.SCHEMA_VERSION
        """Of the tables in the file. An older case is read as it is, and brought up before it is written."""

    @classmethod
    def create(cls, path: Path, lock: Lock | None = None) -> Database:
        """A new database with all tables. Raises CaseError where it can't be written."""
        database = cls(_engine(path, lock=lock), str(path), lock)
        with database.writing() as connection:
            schema.metadata.create_all(connection)
            connection.execute(
                insert(schema.meta), [{"name": "schema_version", "value": str(schema.SCHEMA_VERSION)}]
            )
        return database

    @classmethod
    def open(cls, path: Path, lock: Lock | None = None) -> Database:
        """An existing database. Raises CaseMissing, CaseNewer or CaseDamaged, which a wrong key looks like."""
        if not path.is_file():
            raise CaseMissing(
                "holds no case", subject=str(path.parent), advice="Make one with 'leadlight triage'."
            )
        database = cls(_engine(path, lock=lock), str(path), lock)
        try:
            with database.reading() as connection:
                value = connection.execute(
                    select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
                ).scalar()
        except CaseError:
            database.close()
            raise
        version = int(value) if value and value.isdigit() else 0
        if version > schema.SCHEMA_VERSION:
            raise CaseNewer(
                f"was written by a newer Leadlight (schema {version}; this one knows {schema.SCHEMA_VERSION})",
                subject=str(path.parent),
                advice="Open it with that version or a later one: pip install --upgrade leadlight.",
            )
        if version < 1:
            raise CaseDamaged("does not say its schema", subject=str(path), advice="Restore it from a copy.")
        if version < schema.SCHEMA_VERSION:
            database.engine.dispose()
            database.engine = _engine(path, stand_ins(version), lock)
            database.version = version
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the case."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed as a whole at the end, or not at all.

        Raises CaseError for a case of an older schema: `migration.bring_up` comes first.
        """
        if self.version < schema.SCHEMA_VERSION:
            raise CaseError(
                f"is of an older form (schema {self.version}) and was not brought up",
                subject=self.subject,
                advice="Run 'leadlight triage' on the evidence with this case; it brings the case up.",
            )
        with self.raising() as connection:
            yield connection

    @contextmanager
    def raising(self) -> Iterator[Connection]:
        """A transaction as `writing`, whatever the schema: for migrations alone."""
        with self._translated(), self.engine.connect() as connection:
            connection = connection.execution_options(writing=True)
            with connection.begin():
                yield connection

    def raised(self) -> None:
        """The file is of this program's schema now: every connection is made anew."""
        self.reopened(self.lock)
        self.version = schema.SCHEMA_VERSION

    def reopened(self, lock: Lock | None) -> None:
        """Another file, or one of another key, is in the place of this one: every connection is made anew."""
        self.engine.dispose()
        self.lock = lock
        self.engine = _engine(Path(self.subject), lock=lock)

    def settled(self) -> bool:
        """Write what stands in the log beside the file into the file itself; False where not all of it can be, as
        of a case that is only read, or that a scan is writing.

        Until then pages of the file may be torn, where power was lost, and yet nothing is: the log has them whole.
        """
        with self._translated():
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                busy, logged, written = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                connection.close()
        return not busy and logged == written and not self._log_left()

    def _log_left(self) -> bool:
        """Whether there is a log and no right to write it into the file."""
        path = Path(self.subject)
        log = path.with_name(path.name + "-wal")
        return log.exists() and log.stat().st_size > 0 and not _written_to(path)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as e:
            raise self._error(e) from e
        except OSError as e:
            if e.errno == errno.ENOSPC:
                raise self._full() from e
            raise

    def _error(self, error: DatabaseError | DBAPIError) -> CaseError:
        text = str(error.orig).lower()
        if any(word in text for word in _SPACE):
            return self._full()
        if any(word in text for word in _LOCKED):
            return CaseBusy(
                "is held by another process", subject=self.subject, advice="Wait until it ends, or end it."
            )
        if any(word in text for word in _BROKEN):
            return CaseDamaged(
                f"can't be read as a case ({error.orig})",
                subject=self.subject,
                advice="Keep this file as it is and restore the case from a copy, or scan the evidence again.",
            )
        if any(word in text for word in _READ_ONLY):
            return CaseError(
                "may be read here, but not written",
                subject=self.subject,
                advice="Copy the case to a folder that may be written to, or ask its owner.",
            )
        # a file that can't be made for want of room is told by SQLite as one that can't be opened
        more = ": there is no room left on its disk, or no such folder" if "unable to open" in text else ""
        return CaseError(
            f"the database refused ({error.orig}){more}",
            subject=self.subject,
            advice="Check that the folder of the case exists, has room and may be written to.",
        )

    def _full(self) -> CaseFull:
        return CaseFull(
            "there is no room left on its disk, or the disk fails",
            subject=self.subject,
            advice="Free some space and run the same command again: it goes on where it was.",
        )


ADDED: dict[int, tuple[Table, ...]] = {2: (schema.superseded, schema.examination)}
"""The tables that came with each version of the schema."""


def stand_ins(version: int) -> tuple[str, ...]:
    """Statements that make what an older file lacks, empty and in memory, so that it is read and not changed."""
    tables = [t for at, new in ADDED.items() if at > version for t in new]
    made = (str(CreateTable(t).compile(dialect=sqlite.dialect())) for t in tables)
    return tuple(text.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1) for text in made)


def _engine(path: Path, prepared: tuple[str, ...] = (), lock: Lock | None = None) -> Engine:
    read_only = path.exists() and not _written_to(path)
    if read_only:
        # Without a write-ahead log beside it the file is whole: SQLite then need not make one to read it.
        whole = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
        uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro{whole}"
        url = URL.create("sqlite", database=uri, query={"uri": "true"})
    else:
        url = URL.create("sqlite", database=str(path))
    driver = cipher.module() if lock else None
    engine = create_engine(url, connect_args={"timeout": 30}, module=driver)
    cache = cipher.CACHE_KIB if lock else 4096
    pragmas: tuple[str, ...] = (
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{cache}",
        "trusted_schema=OFF",
    )
    if not read_only:
        pragmas = ("journal_mode=WAL", "synchronous=FULL", *pragmas)

    if lock is not None:

        @event.listens_for(engine, "do_connect")
        def _unlocked(dialect: object, record: object, given: Sequence[Any], options: Mapping[str, Any]) -> Any:
            return cipher.unlock(cipher.module().connect(*given, **options), lock)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        for statement in prepared:
            connection.execute(statement)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _written_to(path: Path) -> bool:
    """Whether a database there may be written: its file, and the folder that takes its log."""
    return _writable(path) and _writable(path.parent)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
