"""Plain lists: CSV, TSV, one digest a line, the output of `sha256sum`, and the older NSRL text file.

With a header, columns say what they hold. Without one the length of a digest says its kind; 64 characters are
SHA-256 unless a comment before the first row says PDQ, because nothing in a value tells the two apart.
A line that does not fit is an error with its number: a list with gaps would look complete and not be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from leadlight.errors import HashListError
from leadlight.hashlists import table
from leadlight.hashlists.reading import (
    BY_LENGTH,
    TYPE_COLUMNS,
    VALUE_COLUMNS,
    algorithm_by_length,
    algorithm_named,
    bad_value,
    fault,
    file_digest,
    label_of,
    normal,
    title,
    value_of,
)
from leadlight.records import ListEntry, ListInfo, ListKind

_GENERIC = frozenset({"hash", "digest", "value", "checksum", "hash_value", "hashvalue"})
_ALGORITHM = frozenset({"algorithm", "algo", "hash_algorithm"}) | TYPE_COLUMNS
_LABELS = frozenset({"label", "labels", "category", "tag", "tags", "series", "classification"})
_RDS2 = frozenset({"sha_1", "md5", "filename", "productcode"})
"""Columns of NSRLFile.txt (RDS version 2, 'Data Formats of the NSRL Reference Data Set', 1.6)."""
_PDQ_LENGTHS = {**BY_LENGTH, 64: "pdq"}
_WORD_PDQ = re.compile(r"(?<![a-z0-9])pdq(?![a-z0-9])", re.IGNORECASE)
_WORD_SHA256 = re.compile(r"(?<![a-z0-9])sha[-_ ]?256(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Layout:
    digests: tuple[tuple[int, str | None], ...]
    """Columns of digests with their algorithm, None where the row says it."""
    labels: tuple[tuple[int, str], ...]
    algorithm: int | None
    header: tuple[str, ...]
    pdq: bool
    rds2: bool = False
    doubtful: bool = False
    """The file's name says PDQ and nothing in the file says what 64 characters are."""


class PlainList:
    """Lists as text, one entry a row."""

    name = "csv"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    allowed_kinds = frozenset(ListKind)

    def detect(self, path: Path) -> bool:
        try:
            start = table.head(path)
            if start is None:
                return False
            layout = _layout(path, start)
        except HashListError:
            return False
        if layout.header:
            names = {normal(h) for h in layout.header}
            return not (names & TYPE_COLUMNS and names & set(VALUE_COLUMNS))
        return not any(algorithm_named(c) for c in start.first)

    def describe(self, path: Path) -> ListInfo:
        """Raises HashListError where the start is no list."""
        layout = _layout(path, _start(path))
        kind = ListKind.BENIGN if layout.rds2 else ListKind.KNOWN
        owner = "NIST NSRL" if layout.rds2 else ""
        return ListInfo(title(path), kind, self.name, owner=owner, digest=file_digest(path))

    def entries(self, path: Path) -> Iterator[ListEntry]:
        start = _start(path)
        layout = _layout(path, start)
        found = False
        columns = [column for column, _ in layout.labels]
        names = tuple(name for _, name in layout.labels)
        for line, cells in table.rows(path, start):
            if layout.header and line <= start.line:
                continue
            label = _label(names, *[cells[c] if c < len(cells) else "" for c in columns]) if columns else ""
            for algorithm, value in _clear(layout, cells) or _values(path, layout, line, cells):
                found = True
                yield ListEntry(algorithm, value, label)
        if not found:
            raise _empty(path)


def _start(path: Path) -> table.Head:
    start = table.head(path)
    if start is None:
        raise _empty(path)
    return start


def _empty(path: Path) -> HashListError:
    return fault(path, "holds no digest", advice="A list has one digest a line, or columns with a header.")


def _layout(path: Path, start: table.Head) -> _Layout:
    """Which column holds what. Raises HashListError where the first row is neither header nor entry."""
    sha256 = any(_WORD_SHA256.search(c) for c in start.comments)
    said = not sha256 and any(_WORD_PDQ.search(c) for c in start.comments)
    cells = start.first
    hexed = tuple(i for i, c in enumerate(cells) if algorithm_by_length(c))
    if hexed:
        labels = [(i, "label") for i in range(len(cells)) if i not in hexed][:1] if start.delimiter else []
        # a second column that the first row lacks may still stand in later rows
        if start.delimiter and not labels:
            labels = [(len(cells), "label")]
        doubtful = not (said or sha256) and _WORD_PDQ.search(path.name) is not None
        return _Layout(tuple((i, None) for i in hexed), tuple(labels), None, (), said, doubtful=doubtful)
    names = [normal(c) for c in cells]
    if set(names) >= _RDS2:
        return _Layout(((names.index("sha_1"), "sha1"),), (), None, cells, said, rds2=True)
    digests: list[tuple[int, str | None]] = []
    for i, name in enumerate(names):
        algorithm = algorithm_named(name)
        if algorithm:
            digests.append((i, algorithm))
    if not digests:
        value = next((n for n in (*VALUE_COLUMNS, *sorted(_GENERIC)) if n in names), None)
        digests = [] if value is None else [(names.index(value), None)]
    if not digests:
        raise fault(
            path,
            "is neither a digest nor a header that names one",
            at=f"line {start.line}, field 1",
            advice="Columns are named md5, sha1, sha256, blake3 or pdq; label, category or tag.",
        )
    return _Layout(
        tuple(digests),
        tuple((i, n) for i, n in enumerate(names) if n in _LABELS),
        next((i for i, n in enumerate(names) if n in _ALGORITHM), None),
        cells,
        said,
    )


def _clear(layout: _Layout, cells: list[str]) -> list[tuple[str, bytes]]:
    """The values of a row about which there is nothing to say, as of nearly all; none where there is."""
    if layout.algorithm is not None or layout.doubtful:
        return []
    found = []
    for column, named in layout.digests:
        text = cells[column] if column < len(cells) else ""
        if text:
            algorithm = named or (_PDQ_LENGTHS if layout.pdq else BY_LENGTH).get(len(text))
            value = value_of(text, algorithm) if algorithm else None
            if not algorithm or value is None:
                return []
            found.append((algorithm, value))
    return found


def _values(path: Path, layout: _Layout, line: int, cells: list[str]) -> Iterator[tuple[str, bytes]]:
    found = False
    for column, named in layout.digests:
        text = cells[column] if column < len(cells) else ""
        if not text:
            continue
        at = f"line {line}, field {_field(layout, column)}"
        algorithm = named or _stated(path, layout, line, cells) or algorithm_by_length(text, pdq=layout.pdq)
        if algorithm is None:
            raise fault(
                path,
                "is not a digest of 32, 40 or 64 hexadecimal characters",
                at=at,
                advice="Mend or remove the line and add the list again.",
            )
        value = value_of(text, algorithm)
        if value is None:
            raise bad_value(path, text, algorithm, at=at)
        if layout.doubtful and algorithm == "sha256":
            raise fault(
                path,
                "the file's name says PDQ, but nothing in it does, and 64 characters are read as SHA-256",
                at=at,
                advice="Put a first line 'pdq' or 'sha256' above the first entry.",
            )
        found = True
        yield algorithm, value
    if not found:
        raise fault(
            path,
            "holds no digest",
            at=f"line {line}, field {_field(layout, layout.digests[0][0])}",
            advice="Mend or remove the line and add the list again.",
        )


def _stated(path: Path, layout: _Layout, line: int, cells: list[str]) -> str | None:
    if layout.algorithm is None or layout.algorithm >= len(cells) or not cells[layout.algorithm]:
        return None
    algorithm = algorithm_named(cells[layout.algorithm])
    if algorithm is None:
        raise fault(
            path,
            "names an algorithm that is not matched here",
            at=f"line {line}, field {_field(layout, layout.algorithm)}",
            advice="Algorithms are md5, sha1, sha256, blake3 and pdq.",
        )
    return algorithm


def _field(layout: _Layout, column: int) -> str:
    if column < len(layout.header):
        return f"'{label_of(layout.header[column])}'"
    return str(column + 1)


@lru_cache(maxsize=1024)
def _label(names: tuple[str, ...], *texts: str) -> str:
    """Of the cells of the columns with these names. Lists repeat a few labels."""
    return label_of(
        *(f"category {t}" if n == "category" and t.isdecimal() else t for n, t in zip(names, texts, strict=True))
    )


PLUGIN = PlainList()
