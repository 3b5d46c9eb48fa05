"""Hash lists on their way into a case: the file, its format, and what the operator says of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from leadlight.errors import HashListError
from leadlight.plugins import Registry
from leadlight.records import ListInfo, ListKind, display_name
from leadlight.roots import why_no_file
from leadlight.seams import HashList


@dataclass(frozen=True, slots=True)
class ListFile:
    """A hash list to load: its file, and what the operator says of it where the file does not."""

    path: Path
    format: str | None = None
    name: str | None = None
    kind: ListKind | None = None


def described(file: ListFile, plugins: Registry) -> tuple[HashList, ListInfo]:
    """The format that reads `file`, and what the list is.

    Raises HashListError where no format does or the kind does not fit, UnknownName for a format not at hand.
    """
    reader = _reader(file, plugins)
    info = reader.describe(file.path)
    info = replace(info, name=file.name or info.name, kind=file.kind or info.kind)
    if info.kind not in reader.allowed_kinds:
        raise HashListError(
            f"a {reader.name} list can't be taken as '{info.kind}'",
            subject=display_name(os.fsencode(file.path)),
            advice=f"Kinds for this format: {', '.join(sorted(reader.allowed_kinds))}.",
        )
    return reader, info


def _reader(file: ListFile, plugins: Registry) -> HashList:
    subject = display_name(os.fsencode(file.path))
    if not os.path.isfile(file.path):  # noqa: PTH113 (a folder that can't be entered is no fault)
        raise HashListError(why_no_file(file.path), subject=subject, advice="Name the file of a list.")
    if file.format is not None:
        return plugins.format(file.format)
    for reader in plugins.formats:
        if reader.detect(file.path):
            return reader
    raise HashListError(
        "no format here knows this list",
        subject=subject,
        advice=f"Name one with --format: {', '.join(r.name for r in plugins.formats)}.",
    )
