"""Delimited text, streamed: byte order mark, comments, quotes, and a delimiter found from the first row."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from leadlight.hashlists.reading import algorithm_by_length, fault, unreadable

HEAD = 64 * 1024
"""Bytes looked at to find the delimiter; the first row must lie in them."""
LONGEST = 128 * 1024
"""Characters of one line."""
_DELIMITERS = ("\t", ",", ";", "|")
_CLEAN = re.compile(r"[\w .\-]*")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Head:
    """How a table is written, judged from its start."""

    encoding: str
    delimiter: str | None
    """None where runs of spaces part the cells."""
    comments: tuple[str, ...]
    """Comment lines before the first row, without their sign."""
    first: tuple[str, ...]
    """The cells of the first row."""
    line: int
    """The line of the first row, from 1."""


def head(path: Path) -> Head | None:
    """The start of a table, or None where the file is not text or holds no row. Raises HashListError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(HEAD)
    except OSError as e:
        raise unreadable(path, e) from e
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, "replace")
    if "\0" in text:
        return None
    comments: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments.append(stripped.lstrip("# \t"))
        elif stripped:
            delimiter = _delimiter(stripped)
            return Head(encoding, delimiter, tuple(comments), tuple(_cells(stripped, delimiter)), number)
    return None


def rows(path: Path, start: Head) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row, the first included. Raises HashListError."""
    try:
        with path.open(encoding=start.encoding, errors="backslashreplace", newline="") as stream:
            lines = _lines(path, stream)
            if start.delimiter is None:
                yield from ((n, cells) for n, line in enumerate(lines, 1) if (cells := line.split()))
                return
            reader = csv.reader(lines, delimiter=start.delimiter, skipinitialspace=True)
            try:
                for cells in reader:
                    stripped = [c.strip() for c in cells]
                    if any(stripped):
                        yield reader.line_num, stripped
            except csv.Error as e:
                raise fault(
                    path,
                    f"is not a table here ({e})",
                    at=f"line {reader.line_num}",
                    advice="Look for a quotation mark that is not closed.",
                ) from e
    except UnicodeError as e:
        raise fault(path, f"is not {start.encoding} text", advice="Save it as UTF-8.") from e
    except OSError as e:
        raise unreadable(path, e) from e


def _lines(path: Path, stream: TextIO) -> Iterator[str]:
    """Lines of bounded length; comments come as empty lines, so that counting stays right."""
    number = 0
    while line := stream.readline(LONGEST):
        number += 1
        if len(line) >= LONGEST and not line.endswith("\n"):
            raise fault(
                path,
                f"is longer than {LONGEST} characters",
                at=f"line {number}",
                advice="Check that this is a list with one entry a line.",
            )
        yield "\n" if line.lstrip().startswith("#") else line


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [c.strip() for c in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def _delimiter(line: str) -> str | None:
    ranked = []
    for rank, delimiter in enumerate(_DELIMITERS):
        try:
            cells = _cells(line, delimiter)
        except csv.Error:
            continue
        if len(cells) > 1:
            ranked.append((bool(_CLEAN.fullmatch(cells[0])), len(cells), -rank, delimiter))
    if ranked:
        return max(ranked)[3]
    words = line.split()
    spaced = len(words) > 1 and any(algorithm_by_length(w) for w in words[:2])
    return None if spaced else ","
