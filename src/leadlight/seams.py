"""Every seam of Leadlight on one page.

A module in a stage folder offers itself with one constant, ``PLUGIN``; another package points an entry
point of group ``leadlight.plugins`` at the same kind of constant. All seams share four attributes:

``name``      unique, lower-case, dotted: 'provenance.c2pa'
``version``   of its results: raise it when the same bytes would give another finding
``extra``     the optional extra that brings its library, or None
``requires``  the modules it can't work without; one that is missing makes the plugin unavailable
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.content import Content, Decoder, FileType, Hasher
from leadlight.limits import Budget
from leadlight.records import Finding, Item, Link, ListEntry, ListInfo, ListKind, Place
from leadlight.records.dossier import Dossier, Manifest
from leadlight.records.examined import Examined


@runtime_checkable
class Plugin(Protocol):
    """What every seam has."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def extra(self) -> str | None: ...
    @property
    def requires(self) -> tuple[str, ...]: ...


class Cost(IntEnum):
    """How dear an analyser is; the cheap run first among those that are ready."""

    HEADER = 1
    BYTES = 2
    DECODE = 3
    MODEL = 4


@dataclass(frozen=True, slots=True)
class Example:
    """A small neutral file and what the analyser must say of it. Examples are tests."""

    title: str
    build: Callable[[], bytes]
    expects: tuple[str, ...]
    """Kinds that must be found; empty where the analyser must stay silent."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Facts that one finding of an expected kind must hold."""
    name: str = "example"
    """The file's name as found."""


class Known:
    """What was said of the same content before, by kind."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._by_kind: dict[str, list[Finding]] = {}
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """Only the pipeline adds."""
        self._by_kind.setdefault(finding.kind, []).append(finding)

    def of(self, kind: str) -> tuple[Finding, ...]:
        """All findings of a kind, in the order they were made."""
        return tuple(self._by_kind.get(kind, ()))

    def first(self, kind: str) -> Finding | None:
        """The first of a kind, or None."""
        found = self._by_kind.get(kind)
        return found[0] if found else None


@runtime_checkable
class Analyser(Plugin, Protocol):
    """Says something of one content. Pure: the same bytes give the same findings.

    Raise a ContentError for what can't be examined: the pipeline makes the Failure. Any other exception
    becomes a Failure too, with the reason 'failed'.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Kinds of finding that must have been looked for before."""
        ...

    @property
    def gives(self) -> frozenset[str]:
        """Kinds of finding it makes (failures aside)."""
        ...

    @property
    def families(self) -> frozenset[str]:
        """Families of FileType it looks at; empty for all."""
        ...

    @property
    def per_place(self) -> bool:
        """True where it judges the place too and must run for each copy: cheap ones only."""
        ...

    @property
    def cost(self) -> Cost: ...

    def examples(self) -> Iterable[Example]: ...

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]: ...


@runtime_checkable
class Configurable(Protocol):
    """A plugin that the operator's settings change. `PLUGIN` itself stays as it is: configuring gives another."""

    def configure(self, settings: Settings) -> Analyser:
        """A copy with these settings. Raises ConfigError for one that can't be used."""
        ...


@runtime_checkable
class Lacking(Protocol):
    """A plugin that may lack something else than a module: data that the operator adds."""

    def lacks(self, settings: Settings) -> str:
        """What is missing, in words, with the command that gets it; '' where nothing is."""
        ...


@runtime_checkable
class Identifier(Protocol):
    """The analyser that also names the file type, before anything else runs."""

    def identify(self, content: Content) -> FileType: ...


@runtime_checkable
class HasherSource(Protocol):
    """The analyser that also brings the digests for the one read."""

    def hashers(self) -> dict[str, Hasher]: ...


@runtime_checkable
class PictureDecoder(Decoder, Protocol):
    """The analyser that also decodes, for all others."""


@runtime_checkable
class Source(Plugin, Protocol):
    """A kind of medium: a folder, a disk image, a feed."""

    @property
    def priority(self) -> int:
        """The lowest that detects a locator opens it."""
        ...

    def detect(self, locator: Path) -> bool: ...

    def items(self, locator: Path) -> Iterator[Item | Examined]:
        """All files in a fixed order; an Examined with a Failure for what can't even be listed.

        Raises EvidenceError where the locator itself can't be read.
        """
        ...

    def open(self, item: Item) -> BinaryIO:
        """The bytes of an item of this source, seekable, read-only. Raises ReadFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a container, its stream valid until the next is asked for."""

    item: Item
    stream: BinaryIO | None
    """None where a failure stands in its place."""
    failure: Finding | None = None


@runtime_checkable
class Unpacker(Plugin, Protocol):
    """Opens one kind of container and streams its members; nothing is written to disk under its own name."""

    @property
    def media_types(self) -> frozenset[str]:
        """FileType.media_type values it opens."""
        ...

    def unpack(self, place: Place, content: Content, budget: Budget) -> Iterator[Member]:
        """Members in the container's order. A limit or a broken member yields a failure and, where the
        format allows, goes on; a container that can't be opened at all raises a ContentError.
        """
        ...


@runtime_checkable
class HashList(Plugin, Protocol):
    """A format of hash lists."""

    @property
    def allowed_kinds(self) -> frozenset[ListKind]:
        """What a list of this format may be added as; another kind is refused with a HashListError."""
        ...

    def detect(self, path: Path) -> bool:
        """Whether the file looks like this format; reads little."""
        ...

    def describe(self, path: Path) -> ListInfo:
        """What the list states of itself. Raises HashListError."""
        ...

    def entries(self, path: Path) -> Iterator[ListEntry]:
        """All entries, streamed. Raises HashListError naming file, line (or record) and field."""
        ...


@dataclass(frozen=True, slots=True)
class Print:
    """One stored perceptual hash."""

    sha256: str
    value: bytes
    quality: int
    exact: bool = True
    """False where it was made from a scaled decode: a few bits may differ from the reference's."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One exact hit found by joining the case's digests with a list."""

    sha256: str
    algorithm: str
    value: bytes
    label: str


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """The local features that a list holds of one picture."""

    sha256: str
    record: bytes
    """As `keypoints.record.packed` writes them."""


class NearEntries(Protocol):
    """The PDQ entries of one list, numbered from 0 in order of value, found by nearness."""

    def __len__(self) -> int: ...
    def search(
        self, hashes: npt.NDArray[np.uint64], radius: int, *, lanes: int = 1
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]]:
        """Blocks of (place in `hashes`, number of the entry, bits that differ), as leadlight.radius gives them.

        `hashes` has shape (n, 4), `radius` lies in 0 to 63; `lanes` threads search at the same time.
        """
        ...

    def entries(self, numbers: Sequence[int]) -> list[ListEntry]:
        """The entries of these numbers, in their order."""
        ...


class CaseView(Protocol):
    """What matchers and linkers may read of a case. Everything is streamed in order of SHA-256."""

    def prints(self, algorithm: str) -> Iterator[Print]: ...
    def findings(self, kind: str) -> Iterator[tuple[str, Finding]]: ...
    def items(self) -> Iterator[tuple[str, Item]]: ...
    def lists(self) -> tuple[ListInfo, ...]:
        """Lists that are not removed."""
        ...

    def entries(self, list_number: int, algorithm: str) -> Iterator[ListEntry]: ...
    def near(self, list_number: int) -> AbstractContextManager[NearEntries]:
        """The list's PDQ entries to be searched, for as long as the context lasts; none where it has none."""
        ...

    def features(self, list_number: int) -> Iterator[ListedPicture]:
        """Local features of the list's pictures, in its file's order; none where it has none."""
        ...

    def hits(self, list_number: int) -> Iterator[Hit]:
        """Exact hits on any cryptographic digest, by a join."""
        ...


@runtime_checkable
class Matcher(Plugin, Protocol):
    """Finds contents on lists."""

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        """Pairs of SHA-256 and a finding of kind 'match'."""
        ...


@runtime_checkable
class Doubting(Protocol):
    """A matcher whose findings may rest on fast hashes, which a full decode must confirm first."""

    def doubtful(self, view: CaseView, settings: Settings) -> Iterator[str]:
        """SHA-256 of each content that a fast hash brings near an entry, in any order: to be hashed exactly."""
        ...


@runtime_checkable
class Linker(Plugin, Protocol):
    """Finds what belongs together, across contents."""

    def link(self, view: CaseView, settings: Settings) -> Iterator[Link]: ...


@runtime_checkable
class Exporter(Plugin, Protocol):
    """Writes a dossier in one format. Sees the dossier and nothing else."""

    @property
    def media_type(self) -> str: ...

    def losses(self) -> tuple[str, ...]:
        """What the format can't say, in plain words."""
        ...

    def export(self, dossier: Dossier, out: Path) -> Manifest: ...


class Desk(Protocol):
    """Where an engine delivers, and asks. One desk, one process: engines call it from one thread."""

    def claims(self, sha256s: Sequence[str]) -> list[bool]:
        """For each, True once: whoever gets a content examines it; others only report the place."""
        ...

    def release(self, sha256: str) -> None:
        """The one that claimed it ended without delivering."""
        ...

    def take(self, examined: Examined) -> None:
        """One file is done."""
        ...

    def finish(self, item: Item) -> None:
        """A file on the medium is done with all that it contains."""
        ...


class Engine(Protocol):
    """Runs the pipeline over items, here or elsewhere."""

    def run(self, items: Iterator[Item], desk: Desk) -> None:
        """Returns when all are done. Raises KeyboardInterrupt or CaseError from the desk, workers stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is, for display."""

    items: int
    contents: int
    bytes: int
    failures: int
    started: datetime
    listed: int
    """Files on the medium listed so far."""
    finished: int
    """... and done."""
    listing: bool
    """True while the medium is still being listed: totals will grow."""
    bytes_listed: int
    bytes_finished: int
