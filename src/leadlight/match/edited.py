"""Near matches of edited copies, against lists that hold nothing but the hash of the whole original.

Two ways: the hash of a rectangle within the picture (bars, captions, screenshots) lies near an entry; or the whole
picture's hash lies further from one than a copy's and nearer than a stranger's, as text or a logo leaves it.

How near is near was measured (docs/edited-copies.md): among 23,575,417 pairs of a rectangle's hash and a whole
picture that shows something else the nearest lay 70 bits apart, among 10,499,184 pairs of wholes 72. None found
among so many bounds the rate of false matches at 3 in 10,000,000 pairs (95 %, the rule of three). A content may
have several rectangles, so their radius is smaller, and the longer a list the smaller the radius of wholes: so
many entries meet many strangers.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.match.listed import apart, facts, opened
from leadlight.radius import pack
from leadlight.records import Finding, ListEntry, ListInfo, display_text
from leadlight.records.finding import MATCH, REGIONS
from leadlight.seams import CaseView, NearEntries

BLOCK: Final = 200_000
"""Hashes of the case held at a time."""
RADIUS: Final = 44
"""Bits of difference up to which the hash of a rectangle is near an entry."""
WIDE: Final = ((10_000, 60), (100_000, 52))
"""The same for a whole picture that something may lie over, in lists of up to so many entries; RADIUS in longer
ones.
"""
OVERLAID: Final = "overlaid"
"""The way of a whole picture; those of rectangles are named by who hashed them."""
_WORDS: Final = {
    "bar": "after a bar along one side was cut away",
    "bars": "after bars on two sides were cut away",
    "inner": "after all around a picture within it was cut away",
}
RATE: Final = 3e-7
"""The upper bound of the rate of false matches that is stated with each."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One hash of the case that is looked for."""

    sha256: str
    value: bytes
    quality: int
    exact: bool
    way: str
    rectangle: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Best:
    """The nearest entry of a list to a content; the smallest wins."""

    distance: int
    number: int
    place: int
    """Of the hash, in its block."""


class EditedMatcher:
    """One finding for a content and a list, where no hash of the whole is as near as a copy's."""

    name = "match.edited"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        with ExitStack() as held:
            lists = opened(view, held)
            if not lists:
                return
            for asked in _blocks(view, settings.near_quality):
                found = [(info, entries, _nearest(asked, entries, settings)) for info, entries in lists]
                copies = _copies(view, asked, found, settings)
                for info, entries, best in found:
                    kept = [b for sha256, b in best.items() if (sha256, info.number) not in copies]
                    for one, entry in zip(kept, entries.entries([b.number for b in kept]), strict=True):
                        yield asked[one.place].sha256, self._finding(info, asked[one.place], one, entry)

    def _finding(self, info: ListInfo, asked: _Asked, found: _Best, entry: ListEntry) -> Finding:
        name = display_text(info.name, 200)
        bits = apart(found.distance)
        if asked.way == OVERLAID:
            said = f'Resembles an entry of the list "{name}": {bits}, as where text or a logo lies over a picture.'
        else:
            said = f'Near-copy of an entry of the list "{name}" {_WORDS[asked.way]}: {bits}.'
        return Finding(
            analyser=self.name,
            version=self.version,
            kind=MATCH,
            statement=said,
            payload={
                **facts(info, entry, found.distance, quality=asked.quality, exact=asked.exact),
                "orientation": "as stored",
                "edited": asked.way,
                "rectangle": list(asked.rectangle) if asked.rectangle else None,
                "false_rate_below": RATE,
            },
        )


def _blocks(view: CaseView, least: int) -> Iterator[list[_Asked]]:
    """Hashes in order of content, about BLOCK at a time, all of one content together."""
    whole = (_Asked(p.sha256, p.value, p.quality, p.exact, OVERLAID) for p in view.prints("pdq"))
    inner = (a for sha256, f in view.findings(REGIONS) for a in _rectangles(sha256, f.payload))
    block: list[_Asked] = []
    merged = heapq.merge(whole, inner, key=lambda a: a.sha256)
    for _, group in groupby(merged, key=lambda a: a.sha256):
        block += [a for a in group if a.quality >= least and len(a.value) == 32]
        if len(block) >= BLOCK:
            yield block
            block = []
    if block:
        yield block


def _rectangles(sha256: str, payload: Mapping[str, Any]) -> Iterator[_Asked]:
    """The rectangles of a finding. Raises CaseDamaged."""
    try:
        for stated in payload["prints"]:
            if stated["way"] in _WORDS:
                value, sides = bytes.fromhex(stated["value"]), tuple(int(n) for n in stated["rectangle"])
                yield _Asked(sha256, value, int(stated["quality"]), False, str(stated["way"]), sides)
    except (KeyError, TypeError, ValueError) as e:
        raise CaseDamaged(
            "a finding of rectangles is not as it was written",
            subject=f"content {sha256[:16]}",
            advice="Run 'leadlight verify' on the case.",
        ) from e


def _nearest(asked: list[_Asked], entries: NearEntries, settings: Settings) -> dict[str, _Best]:
    """The nearest entry by content. Contents with a whole hash within the setting's radius are left out."""
    whole = np.array([a.way == OVERLAID for a in asked], dtype=np.bool_)
    wide = next((radius for most, radius in WIDE if len(entries) <= most), RADIUS)
    best: dict[str, _Best] = {}
    copies: set[str] = set()
    for chosen, radius in ((np.flatnonzero(whole), wide), (np.flatnonzero(~whole), RADIUS)):
        if not len(chosen):
            continue
        hashes = pack(asked[n].value for n in chosen)
        for q, h, d in entries.search(hashes, radius, lanes=settings.worker_count()):
            places: npt.NDArray[np.int64] = chosen[q]
            for place, number, distance in zip(places.tolist(), h.tolist(), d.tolist(), strict=True):
                sha256 = asked[place].sha256
                if asked[place].way == OVERLAID and distance <= settings.near_radius:
                    copies.add(sha256)
                made = _Best(distance, number, place)
                if sha256 not in best or made < best[sha256]:
                    best[sha256] = made
    return {sha256: b for sha256, b in sorted(best.items()) if sha256 not in copies}


def _copies(
    view: CaseView,
    asked: list[_Asked],
    found: list[tuple[ListInfo, NearEntries, dict[str, _Best]]],
    settings: Settings,
) -> set[tuple[str, int | None]]:
    """Contents, with the number of a list, that are a turned or mirrored copy of an entry of it."""
    wanted = set().union(*(best for _, _, best in found))
    if not wanted:
        return set()
    turned = [
        p
        for p in view.prints("pdq.dihedral")
        if p.sha256 in wanted and p.quality >= settings.near_quality and len(p.value) == 32
    ]
    copies: set[tuple[str, int | None]] = set()
    for info, entries, best in found:
        own = [p for p in turned if p.sha256 in best]
        if own:
            for q, _, _ in entries.search(pack(p.value for p in own), settings.near_radius):
                copies.update((own[n].sha256, info.number) for n in q.tolist())
    return copies


PLUGIN = EditedMatcher()
