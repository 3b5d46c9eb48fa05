"""Known pictures on disk: which is camera and which generated, and from which source each comes.

Either tables say so (every CSV file right in the folder with the columns `path`, `origin` and `source`; also read
where there: `generator_or_camera` and `split`), or the folders do: a folder named `camera` or `generated`, then
one folder for each source. A source is what shares a camera or generator, a hand and a way of saving: a device, a
photographer, a data set, a gallery.

Tables that stand elsewhere, as the manifest of a training does, name pictures by their SHA-256 (column `sha256`):
then it does not matter how the files are called and where below the folder they lie.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from leadlight.errors import EvidenceError, UsageError
from leadlight.records import display_name, display_text

ORIGINS: Final = {"camera": False, "generated": True}
KINDS: Final = {False: "camera", True: "generated"}
NOT_STATED: Final = "not stated"
MOST_ROWS: Final = 2_000_000
_ASIDE: Final = frozenset({".csv", ".md", ".txt", ".json", ".toml", ".html"})
"""What stands beside pictures."""


@dataclass(frozen=True, slots=True)
class Found:
    """One known picture."""

    path: Path
    shown: str
    """Its path below the folder, as safe text."""
    generated: bool
    source: str
    family: str = NOT_STATED
    """The generator or the camera, where a table states it."""
    split: str = ""
    """The part of a set that a table puts it in: train, dev."""


@dataclass(slots=True)
class Corpus:
    """Known pictures, by kind, source and path, and what was left out."""

    pictures: tuple[Found, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    """How many, by why."""


def corpus(
    folder: Path, *, split: str = "", most: int = 0, generated: bool | None = None, tables: Iterable[Path] = ()
) -> Corpus:
    """The known pictures below `folder`; with `split`, only those that a table puts there.

    `most` keeps so many of each source (0 for all), chosen by their paths and so the same ones each time. With
    `generated`, all are of that kind, and the folders right below are the sources. `tables` name pictures by their
    digests; one without a column `origin` must be called camera.csv or generated.csv. Raises EvidenceError where
    the folder can't be read, and UsageError where nothing says what its files are, or a table can't be used.
    """
    try:
        beside = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and p.is_file())
    except OSError as e:
        raise EvidenceError(
            f"can't be read ({e.strerror})", subject=_shown(folder), advice="Name a folder of known pictures."
        ) from e
    out = Corpus()
    found: dict[Path, Found] = {}
    told = [t for t in beside if _columns(t) >= {"path", "source"}]
    by_digest = _by_digest(tables, generated)
    if by_digest is not None:
        listed = _matched(folder, by_digest)
    else:
        listed = (r for t in told for r in _rows(t, folder, generated)) if told else _walked(folder, generated)
    for one in listed:
        if isinstance(one, str):
            out.left_out[one] += 1
        elif split and one.split != split:
            out.left_out["of another split"] += 1
        elif one.path in found:
            out.left_out["listed twice"] += 1
        elif told and by_digest is None and not one.path.is_file():
            out.left_out["listed and not there"] += 1
        else:
            found[one.path] = one
    kept = list(_thinned(found.values(), most)) if most else list(found.values())
    if len(kept) < len(found):
        out.left_out["more of a source than asked for"] = len(found) - len(kept)
    if not kept:
        raise UsageError(
            "holds no known pictures",
            subject=_shown(folder),
            advice="Put them in folders camera/SOURCE and generated/SOURCE, or beside a CSV table with the columns"
            f" path, origin (camera or generated) and source{f', and a split {split!r}' if split else ''}.",
        )
    out.pictures = tuple(sorted(kept, key=lambda p: (p.generated, p.source, p.shown)))
    return out


def family_of(text: str) -> str:
    """The generator or camera as a table states it, without what stands in brackets behind."""
    return display_text(text.split(" (")[0].strip(), 80) or NOT_STATED


def _columns(table: Path) -> set[str]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            return set(next(csv.reader(stream), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()


def _rows(table: Path, folder: Path, generated: bool | None) -> Iterator[Found | str]:
    for number, row in _lines(table):
        yield _row(row, folder, generated, table, number)


def _lines(table: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=2):
                if number > MOST_ROWS:
                    raise _unfit(table, number, f"more than {MOST_ROWS:,} lines")
                yield number, row
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise _unfit(table, 0, f"can't be read ({e})") from e


def _by_digest(tables: Iterable[Path], generated: bool | None) -> dict[str, Found | str] | None:
    """What tables say of each SHA-256; None where there are none."""
    out: dict[str, Found | str] | None = None
    for table in tables:
        out = {} if out is None else out
        if not _columns(table) >= {"sha256", "source"}:
            raise _unfit(table, 0, "has no columns sha256 and source, or can't be read")
        named = ORIGINS.get(table.stem.lower(), generated)
        for number, row in _lines(table):
            row = {"origin": None if named is None else KINDS[named], **row, "path": row.get("sha256") or ""}
            one = _row(row, Path(), generated, table, number)
            out.setdefault((row["path"] or "").lower(), one)
    return out


def _matched(folder: Path, told: dict[str, Found | str]) -> Iterator[Found | str]:
    seen: set[str] = set()
    for path, below in _files(folder):
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            yield "could not be read"
            continue
        one = told.get(digest, "in no table")
        if digest in seen:
            yield "there twice"
        elif isinstance(one, str):
            yield one
        else:
            yield replace(one, path=path, shown=display_name(os.fsencode(below)))
        seen.add(digest)
    yield from ("listed and not there" for d, one in told.items() if d not in seen and not isinstance(one, str))


def _row(
    row: dict[str, str | None], folder: Path, generated: bool | None, table: Path, number: int
) -> Found | str:
    inner = row.get("path") or ""
    path = Path(inner)
    if not inner or "\0" in inner or path.is_absolute() or ".." in path.parts:
        raise _unfit(table, number, "its path is empty or leads out of the folder")
    origin = row.get("origin")
    flag = ORIGINS.get((origin or "").strip().lower(), generated if origin is None else None)
    if flag is None:
        return "of another origin than camera or generated"
    if generated is not None and flag != generated:
        return "of the other kind"
    source = display_text((row.get("source") or "").strip(), 200)
    if not source:
        raise _unfit(table, number, "states no source")
    return Found(
        folder / path,
        display_name(os.fsencode(inner)),
        flag,
        source,
        family_of(row.get("generator_or_camera") or ""),
        display_text((row.get("split") or "").strip(), 40),
    )


def _walked(folder: Path, generated: bool | None) -> Iterator[Found | str]:
    for path, below in _files(folder):
        said = _by_folders(below.parent, generated)
        if said is None:
            yield "below no folder that is named camera or generated"
        else:
            yield Found(path, display_name(os.fsencode(below)), said[0], said[1], split=said[2])


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Files that may be pictures, each with its path below `folder`; hidden ones, links and texts are none."""
    for root, inner, names in os.walk(folder):
        inner[:] = sorted(n for n in inner if not n.startswith("."))
        for name in sorted(names):
            path = Path(root) / name
            if name.startswith(".") or path.suffix.lower() in _ASIDE or path.is_symlink() or not path.is_file():
                continue
            yield path, path.relative_to(folder)


def _by_folders(below: Path, generated: bool | None) -> tuple[bool, str, str] | None:
    """The kind, source and split that a folder says; files right in the kind's folder are one source."""
    parts = [display_name(os.fsencode(p)) for p in below.parts]
    if generated is not None:
        return generated, parts[0] if parts else ".", ""
    at = next((n for n, p in enumerate(parts) if p in ORIGINS), None)
    if at is None:
        return None
    return ORIGINS[parts[at]], parts[at + 1] if len(parts) > at + 1 else ".", parts[at - 1] if at else ""


def _thinned(found: Iterable[Found], most: int) -> Iterator[Found]:
    taken: Counter[tuple[bool, str]] = Counter()
    for one in sorted(found, key=lambda p: hashlib.sha256(p.shown.encode("utf-8", "replace")).digest()):
        taken[one.generated, one.source] += 1
        if taken[one.generated, one.source] <= most:
            yield one


def _unfit(table: Path, number: int, what: str) -> UsageError:
    where = f" line {number}" if number else ""
    return UsageError(what, subject=f"{_shown(table)}{where}", advice="Mend the table, or take it away.")


def _shown(path: Path) -> str:
    return display_name(os.fsencode(path))
