"""Opening a case's database: SQLite beside the case, or a server by address; errors in our own words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DatabaseError, DBAPIError

from leadlight.errors import CaseBusy, CaseDamaged, CaseError, CaseFull, CaseMissing, CaseNewer
from leadlight.store import schema

_SPACE = ("disk is full", "no space left", "disk i/o error", "could not extend file")
_LOCKED = ("database is locked", "could not obtain lock")
_BROKEN = ("malformed", "not a database", "no such table", "no such column")


class Database:
    """One case's database. `reading` and `writing` give connections; a write is all or nothing."""

    def __init__(self, engine: Engine, subject: str) -> None:
        self.engine = engine
        self.subject = subject

    @classmethod
    def create(cls, path: Path) -> Database:
        """A new database with all tables. Raises CaseError where it can't be written."""
        database = cls(_engine(path), str(path))
        with database.writing() as connection:
            schema.metadata.create_all(connection)
            connection.execute(
                insert(schema.meta), [{"name": "schema_version", "value": str(schema.SCHEMA_VERSION)}]
            )
        return database

    @classmethod
    def open(cls, path: Path) -> Database:
        """An existing database. Raises CaseMissing, CaseNewer or CaseDamaged."""
        if not path.is_file():
            raise CaseMissing(
                "holds no case", subject=str(path.parent), advice="Make one with 'leadlight triage'."
            )
        database = cls(_engine(path), str(path))
        with database.reading() as connection:
            value = connection.execute(
                select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
            ).scalar()
        version = int(value) if value and value.isdigit() else 0
        if version > schema.SCHEMA_VERSION:
            raise CaseNewer(
                f"was written by a newer Leadlight (schema {version}; this one knows {schema.SCHEMA_VERSION})",
                subject=str(path.parent),
                advice="Open it with that version or a later one: pip install --upgrade leadlight.",
            )
        if version < 1:
            raise CaseDamaged("does not say its schema", subject=str(path), advice="Restore it from a copy.")
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the case."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed as a whole at the end, or not at all."""
        with self._translated(), self.engine.connect() as connection:
            connection = connection.execution_options(writing=True)
            with connection.begin():
                yield connection

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
        return CaseError(
            f"the database refused ({error.orig})",
            subject=self.subject,
            advice="Check that the folder of the case exists and may be written to.",
        )

    def _full(self) -> CaseFull:
        return CaseFull(
            "there is no room left on its disk, or the disk fails",
            subject=self.subject,
            advice="Free some space and run the same command again: it goes on where it was.",
        )


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-4096",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
