"""Acts, findings and items as they stand in rows. What no Leadlight can have written raises CaseDamaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from leadlight.records import Act, Finding, Item
from leadlight.records.codec import dumps, finding_in, item_in, when_in
from leadlight.store.database import understood


def act_of(row: Any) -> Act:
    """An act from its row. Raises CaseDamaged."""
    with understood(f"act {row.number}"):
        when, details = when_in(row.at), json.loads(row.details)
        if when is None or not isinstance(details, dict) or not _texts(row.actor, row.action):
            raise ValueError(row.at)
        return Act(row.number, when, row.actor, row.action, details, row.previous, row.digest)


def finding_key(sha256: str | None, place_key: str | None, record: str, sealed: str | None) -> str:
    """SHA-256 over what a finding says and of what: the same statement is recorded once."""
    return hashlib.sha256(dumps([sha256, place_key, record, sealed]).encode("ascii")).hexdigest()


def finding_of(record: str, sealed: str | None, where: str = "a finding") -> Finding:
    """The inverse of `finding_record`. Raises CaseDamaged, naming `where`."""
    with understood(where):
        found = finding_in({**json.loads(record), "sealed": json.loads(sealed) if sealed else {}})
        if not (isinstance(found.payload, Mapping) and isinstance(found.sealed, Mapping)):
            raise TypeError(where)
        if not _texts(found.analyser, found.version, found.kind, found.statement):
            raise TypeError(where)
        return found


def item_of(record: str, where: str = "an item") -> Item:
    """An item from its canonical JSON. Raises CaseDamaged, naming `where`."""
    with understood(where):
        item = item_in(json.loads(record))
        if not (_texts(item.source) and (item.size is None or isinstance(item.size, int))):
            raise TypeError(where)
        return item


def _texts(*values: object) -> bool:
    return all(isinstance(v, str) for v in values)


def item_columns(item: Item) -> dict[str, Any]:
    """What is repeated of an item beside its record, to be searched."""
    modified = item.times.modified
    return {
        "place_key": item.place.key,
        "depth": item.place.depth,
        "path": item.place.path,
        "folder": item.place.folder,
        "within": item.place.within,
        "modified": modified.timestamp() if modified else None,
    }
