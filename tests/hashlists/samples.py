"""Small neutral lists, one of each form that a format reads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from leadlight.keypoints import listing
from leadlight.keypoints.listing import Learnt

MD5 = "0123456789abcdef0123456789abcdef"
SHA1 = "0123456789abcdef0123456789abcdef01234567"
SHA256 = "0123456789abcdef" * 4
PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

VERSION_TABLE = """
CREATE TABLE VERSION (
  version VARCHAR UNIQUE NOT NULL, build_set VARCHAR NOT NULL, build_date TIMESTAMP NOT NULL,
  release_date TIMESTAMP NOT NULL, description VARCHAR NOT NULL, PRIMARY KEY (version))
"""
MINIMAL_FILE = """
CREATE TABLE FILE (
  sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL, {crc}
  file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL, package_id INTEGER NOT NULL)
"""
FULL = """
CREATE TABLE METADATA (
  metadata_id INTEGER PRIMARY KEY, object_id INTEGER, key_hash VARCHAR, crc32 VARCHAR, md5 VARCHAR, sha1 VARCHAR,
  sha256 VARCHAR, file_name VARCHAR, extension VARCHAR, bytes INTEGER, mtime TIMESTAMP, recoverable BOOLEAN);
CREATE TABLE PACKAGE_OBJECT (package_id INTEGER, object_id INTEGER);
CREATE VIEW FILE AS SELECT UPPER(md.sha256) AS sha256, UPPER(md.sha1) AS sha1, UPPER(md.md5) AS md5,
  md.file_name, md.bytes AS file_size, po.package_id FROM METADATA AS md, PACKAGE_OBJECT AS po
  WHERE md.object_id = po.object_id;
"""


def text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content.encode(encoding))

    return write


def nsrl(rows: int = 3, *, crc: bool = True, full: bool = False) -> Callable[[Path], None]:
    """A database as NIST publishes it: the minimal one with FILE as a table, the full one as a view."""

    def write(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute(VERSION_TABLE)
            db.executemany(
                "INSERT INTO VERSION VALUES (?, ?, ?, ?, ?)",
                [
                    ("2025.03.1", "modern", "2025-03-01", "2025-03-11", "a set"),
                    ("2024.03.1", "modern", "2024-03-01", "2024-03-12", "an older set"),
                ],
            )
            values = [(f"{n:064X}", f"{n:040X}", f"{n:032X}", "00000000", f"n{n}.txt", n, 1) for n in range(rows)]
            if full:
                db.executescript(FULL)
                for n, (sha256, sha1, md5, crc32, name, size, package) in enumerate(values):
                    db.execute(
                        "INSERT INTO METADATA VALUES (?, ?, '', ?, ?, ?, ?, ?, 'txt', ?, NULL, 1)",
                        (n, n, crc32, md5, sha1, sha256, name, size),
                    )
                    db.execute("INSERT INTO PACKAGE_OBJECT VALUES (?, ?)", (package, n))
            else:
                db.execute(MINIMAL_FILE.format(crc="crc32 VARCHAR NOT NULL," if crc else ""))
                marks = "?, ?, ?, ?, ?, ?, ?" if crc else "?, ?, ?, ?, ?, ?"
                chosen = values if crc else [v[:3] + v[4:] for v in values]
                db.executemany(f"INSERT INTO FILE VALUES ({marks})", chosen)
            db.commit()

    return write


CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#"


def vics(*media: dict[str, object], case: bool = False, bom: bool = False) -> Callable[[Path], None]:
    value = [{"CaseID": "x", "ContactOrganization": "Example unit", "Media": list(media)}] if case else list(media)
    document = {"@odata.context": CONTEXT + ("Cases" if case else "Media"), "value": value}
    return text(json.dumps(document), "utf-8-sig" if bom else "utf-8")


NCMEC = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
  <images count="3" maxTimestamp="2026-10-24T15:10:00Z">
    <image><member id="42">Example Member</member><timestamp>2026-10-24T15:00:00Z</timestamp><id>image1</id>
      <classification>A1</classification>
      <fingerprints><md5>{MD5}</md5><sha1>{SHA1}</sha1><pdna>a1a1</pdna><pdq>{PDQ}</pdq></fingerprints></image>
    <image><member id="42">Example Member</member><timestamp>2026-10-24T15:00:00Z</timestamp><id>image2</id>
      <fingerprints><md5>{"b" * 32}</md5></fingerprints></image>
    <deletedImage><member id="42">Example Member</member><id>image2</id>
      <timestamp>2026-10-24T15:10:00Z</timestamp></deletedImage>
  </images>
  <videos count="1" maxTimestamp="2026-10-24T15:20:00Z">
    <video><member id="42">Example Member</member><timestamp>2026-10-24T15:00:00Z</timestamp><id>image2</id>
      <fingerprints><md5>{"c" * 32}</md5></fingerprints></video>
  </videos>
  <paging><next>/v2/entries?start=2001&amp;size=1000</next></paging>
</queryResult>
"""

SIGNALS = [
    {"signal_type": "pdq", "signal_str": PDQ, "tags": ["one", "two"]},
    {"type": "HASH_MD5", "indicator": MD5.upper(), "tags": {"data": [{"id": "1", "text": "inner"}]}},
    {"type": "HASH_TMK", "indicator": "not of a kind that is matched"},
]


def learnt(path: Path) -> None:
    with path.open("w+b") as out:
        pictures = [Learnt(bytes.fromhex(SHA256), bytes.fromhex(PDQ), 80, b""), Learnt(bytes(32), None, 0, b"")]
        listing.write(out, pictures, name="learnt", kind="known", made="2026-11-01T00:00:00+00:00", software="1")


SAMPLES: dict[str, dict[str, Callable[[Path], None]]] = {
    "csv": {
        "bare.txt": text(f"{MD5}\n{SHA1}\n{SHA256}\n"),
        "header.csv": text(f"sha1,MD5,label\n{SHA1},{MD5},a label\n"),
        "sums.txt": text(f"{SHA256}  one file.png\n{SHA256} *two.png\n"),
        "semicolons.csv": text(f'"SHA-256";"Category"\r\n"{SHA256}";"2"\r\n', "utf-8-sig"),
        "hashes.csv": text(f"# pdq\nhash,quality\n{PDQ},100\n"),
        "powershell.csv": text(f'"Algorithm","Hash","Path"\r\n"SHA256","{SHA256}","C:\\a.png"\r\n', "utf-16"),
        "NSRLFile.txt": text(
            '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\r\n'
            f'"{SHA1}","{MD5}","AABBCCDD","n\xe4me.txt",1,2,"358",""\r\n',
            "latin-1",
        ),
    },
    "nsrl": {"minimal.db": nsrl(), "newer.db": nsrl(crc=False), "full.db": nsrl(full=True)},
    "vics": {
        "hashset.json": vics({"MediaID": 1, "Category": 0, "MD5": MD5.upper(), "SHA1": SHA1.upper()}),
        "case.json": vics({"MediaID": 1, "Category": None, "MD5": MD5}, case=True, bom=True),
    },
    "threatexchange": {
        "dataset.csv": text(f"collab,signal_type,signal_str,category,tags\nx,pdq,{PDQ},WORTH_INVESTIGATING,t\n"),
        "graph.json": text(json.dumps({"data": SIGNALS, "paging": {"next": "x"}}, indent=1)),
        "signals.ndjson": text("\n".join(map(json.dumps, SIGNALS)), "utf-8-sig"),
        "hash.txt": text(f"pdq {PDQ}\npdq {PDQ}\n"),
        "pairs.csv": text(f"{PDQ},pdq\n{MD5},video_md5\n"),
        "entries.xml": text(NCMEC),
    },
    "features": {"learnt.features": learnt},
}
