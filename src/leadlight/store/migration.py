"""Bringing a case of an older schema up to this program's: in one transaction, as an act of the record.

Reading needs none of it: what an older case lacks reads as empty. So a case is changed only once it is written to.
"""

from __future__ import annotations

from sqlalchemy import select, update

from leadlight.store import schema
from leadlight.store.database import ADDED, Database
from leadlight.store.record import append_act
from leadlight.version import __version__


def bring_up(database: Database, actor: str) -> None:
    """Make the tables that an older case lacks, raise its schema version and record that as an act.

    Nothing of what is there is changed. All of it is done, or nothing is. Raises CaseError.
    """
    if database.version >= schema.SCHEMA_VERSION:
        return
    with database.raising() as connection:
        m = schema.meta.c
        value = connection.execute(select(m.value).where(m.name == "schema_version")).scalar()
        before = int(value or 0)
        tables = [t for at, new in ADDED.items() if at > before for t in new]
        for new in ADDED.values():
            for table in new:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{table.name}")
        if before < schema.SCHEMA_VERSION:
            schema.metadata.create_all(connection, tables=tables)
            connection.execute(
                update(schema.meta).where(m.name == "schema_version").values(value=str(schema.SCHEMA_VERSION))
            )
            details = {"from": before, "to": schema.SCHEMA_VERSION, "tables": [t.name for t in tables]}
            append_act(connection, actor, "case.schema", {**details, "software": __version__})
    database.raised()
