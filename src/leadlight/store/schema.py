"""Tables of a case. One shape for SQLite and PostgreSQL; rows of evidence are only appended.

Derived tables (link, link_member, standing, queue) are rebuilt from the rest and can be dropped at any time.
Digests are 64 characters of hex where people meet them, raw bytes where they are only joined.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 2
"""Raised with each migration (see `migration`); a case with a greater one is refused."""

metadata = MetaData()

Number = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only on INTEGER primary keys."""

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

act = Table(
    "act",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

item = Table(
    "item",
    metadata,
    Column("number", Number, primary_key=True),
    Column("act", Number, nullable=False),
    Column("place_key", String(64), nullable=False),
    Column("sha256", String(64), nullable=True),
    Column("depth", SmallInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("within", Text, nullable=True),
    Column("container", Boolean, nullable=False),
    Column("modified", Float, nullable=True),
    Column("record", Text, nullable=False),
    UniqueConstraint("place_key", "sha256", name="item_once"),
)
Index("item_sha256", item.c.sha256, item.c.number)
Index("item_folder", item.c.folder)
Index("item_within", item.c.within)
Index("item_path", item.c.path)
Index("item_act", item.c.act)

finished = Table(
    "finished",
    metadata,
    Column("place_key", String(64), primary_key=True),
    Column("act", Number, primary_key=True, autoincrement=False),
    Column("stamp", String(64), nullable=False),
)
"""Files on the medium that are done with all they contain: what a resumed scan skips. The newest act counts."""
Index("finished_act", finished.c.act)

content = Table(
    "content",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("act", Number, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("family", String(16), nullable=False),
)
Index("content_family", content.c.family)

finding = Table(
    "finding",
    metadata,
    Column("number", Number, primary_key=True),
    Column("act", Number, nullable=False),
    Column("sha256", String(64), nullable=True),
    Column("place_key", String(64), nullable=True),
    Column("kind", String(64), nullable=False),
    Column("record", Text, nullable=False),
    Column("sealed", Text, nullable=True),
    Column("key", String(64), nullable=False, unique=True),
)
"""`record` is the canonical JSON of the finding without its sealed text; `key` covers subject and both."""
Index("finding_sha256", finding.c.sha256, finding.c.number)
Index("finding_place", finding.c.place_key)
Index("finding_kind", finding.c.kind, finding.c.sha256)
Index("finding_act", finding.c.act)

superseded = Table(
    "superseded",
    metadata,
    Column("finding", Number, nullable=False, primary_key=True, autoincrement=False),
    Column("act", Number, nullable=False, primary_key=True, autoincrement=False),
    Column("stands", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What a newer examination or match put in place of a finding: the newest row of a finding counts, and a finding
without one stands. `stands` is true where the same finding was made again. Nothing is ever taken out."""
Index("superseded_act", superseded.c.act)

examination = Table(
    "examination",
    metadata,
    Column("subject", String(64), nullable=False, primary_key=True),
    Column("act", Number, nullable=False, primary_key=True, autoincrement=False),
    Column("media_type", String(128), nullable=True),
    Column("family", String(16), nullable=True),
    sqlite_with_rowid=False,
)
"""Each time that a content, or a place by its key, was examined again, and what it then was; null where that try
gave nothing."""
Index("examination_act", examination.c.act)

digest = Table(
    "digest",
    metadata,
    Column("sha256", String(64), nullable=False, primary_key=True),
    Column("algorithm", String(8), nullable=False, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

perceptual = Table(
    "perceptual",
    metadata,
    Column("algorithm", String(16), nullable=False, primary_key=True),
    Column("sha256", String(64), nullable=False, primary_key=True),
    Column("ordinal", Integer, nullable=False, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

hash_list = Table(
    "hash_list",
    metadata,
    Column("number", Number, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("format", String(32), nullable=False),
    Column("owner", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("dated", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("added", String(32), nullable=False),
    Column("removed", String(32), nullable=True),
)

entry = Table(
    "hash_entry",
    metadata,
    Column("algorithm", String(8), nullable=False, primary_key=True),
    Column("value", LargeBinary, nullable=False, primary_key=True),
    Column("list", Number, ForeignKey("hash_list.number"), nullable=False, primary_key=True),
    Column("label", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("hash_entry_list", entry.c.list, entry.c.algorithm)

link = Table(
    "link",
    metadata,
    Column("number", Number, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("key", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("statement", Text, nullable=False),
    Column("facts", Text, nullable=False),
)

link_member = Table(
    "link_member",
    metadata,
    Column("sha256", String(64), nullable=False, primary_key=True),
    Column("link", Number, ForeignKey("link.number"), nullable=False, primary_key=True),
    sqlite_with_rowid=False,
)

standing = Table(
    "standing",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("sha256", String(64), nullable=True),
    Column("tier", SmallInteger, nullable=False),
    Column("tier_name", String(16), nullable=False),
    Column("answer", String(16), nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("first", Float, nullable=False),
    Column("second", Float, nullable=False),
    Column("third", Float, nullable=False),
    Column("fourth", Float, nullable=False),
    Column("fifth", Float, nullable=False),
    Column("group", String(64), nullable=True),
    Column("record", Text, nullable=False),
)
"""`subject` is the content's SHA-256, or the place's key where no bytes could be read."""
_s = standing.c
Index("standing_order", _s.tier, _s.first, _s.second, _s.third, _s.fourth, _s.fifth, _s.subject)
"""The order of the queue: kept as an index, ranking sorts nothing in memory."""

queue = Table(
    "queue",
    metadata,
    Column("rank", Number, primary_key=True, autoincrement=False),
    Column("subject", String(64), nullable=False, unique=True),
)

grade = Table(
    "grade",
    metadata,
    Column("number", Number, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("grade", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("note", Text, nullable=False),
)

look = Table(
    "look",
    metadata,
    Column("number", Number, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("form", Text, nullable=False),
)
