"""A case in memory, for tests of matchers and linkers: the same order and the same streams as a stored one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from leadlight.radius import HITS, WORDS, RadiusIndex, pack
from leadlight.records import Finding, Item, ListEntry, ListInfo, ListKind
from leadlight.records.hashlist import CRYPTOGRAPHIC
from leadlight.seams import Hit, ListedPicture, Print


def sha(name: object) -> str:
    """A content's digest for tests."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def flipped(value: bytes, *bits: int) -> bytes:
    """A hash with these bits turned over."""
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(len(value), "big")


class MemoryNear:
    """The PDQ entries of a list in memory."""

    def __init__(self, entries: list[ListEntry]) -> None:
        self._entries = sorted((e for e in entries if e.algorithm == "pdq"), key=lambda e: e.value)
        self._index = RadiusIndex(pack(e.value for e in self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, hashes: WORDS, radius: int, *, lanes: int = 1) -> Iterator[HITS]:
        return self._index.search(hashes, radius, lanes=lanes)

    def entries(self, numbers: Sequence[int]) -> list[ListEntry]:
        return [self._entries[n] for n in numbers]


@dataclass
class MemoryView:
    """Fill the lists, then hand it to a matcher or linker."""

    pdq: list[Print] = field(default_factory=list)
    dihedral: list[Print] = field(default_factory=list)
    found: list[tuple[str, Finding]] = field(default_factory=list)
    places: list[tuple[str, Item]] = field(default_factory=list)
    digests: dict[str, dict[str, bytes]] = field(default_factory=dict)
    held: list[tuple[ListInfo, list[ListEntry]]] = field(default_factory=list)
    listed: dict[int, list[ListedPicture]] = field(default_factory=dict)

    def add_list(self, name: str, entries: list[ListEntry], kind: ListKind = ListKind.KNOWN) -> int:
        number = len(self.held) + 1
        self.held.append((ListInfo(name, kind, "csv", number=number, entries=len(entries)), entries))
        return number

    def rename(self, number: int, name: str) -> None:
        info, entries = self.held[number - 1]
        self.held[number - 1] = (replace(info, name=name), entries)

    def prints(self, algorithm: str) -> Iterator[Print]:
        chosen = {"pdq": self.pdq, "pdq.dihedral": self.dihedral}[algorithm]
        return iter(sorted(chosen, key=lambda p: p.sha256))

    def findings(self, kind: str) -> Iterator[tuple[str, Finding]]:
        return iter(sorted(((s, f) for s, f in self.found if f.kind == kind), key=lambda x: x[0]))

    def items(self) -> Iterator[tuple[str, Item]]:
        return iter(sorted(self.places, key=lambda x: x[0]))

    def lists(self) -> tuple[ListInfo, ...]:
        return tuple(info for info, _ in self.held)

    def entries(self, list_number: int, algorithm: str) -> Iterator[ListEntry]:
        return (e for e in self.held[list_number - 1][1] if e.algorithm == algorithm)

    def near(self, list_number: int) -> AbstractContextManager[MemoryNear]:
        return nullcontext(MemoryNear(self.held[list_number - 1][1]))

    def features(self, list_number: int) -> Iterator[ListedPicture]:
        return iter(self.listed.get(list_number, ()))

    def hits(self, list_number: int) -> Iterator[Hit]:
        wanted = {(e.algorithm, e.value): e.label for e in self.held[list_number - 1][1]}
        for sha256 in sorted(self.digests):
            for algorithm, value in self.digests[sha256].items():
                if algorithm in CRYPTOGRAPHIC and (algorithm, value) in wanted:
                    yield Hit(sha256, algorithm, value, wanted[algorithm, value])
