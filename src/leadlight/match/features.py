"""Partial matches: local features of the content agree in position with those of a listed picture.

Run where features were taken of the case (the setting `features`) and a list holds some, for contents that no
other matcher found on that list. Candidates are found by votes of features that look alike (`keypoints.search`),
and each is compared by position (`keypoints.geometry`); only one that passes `keypoints.judge` is a match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from leadlight.config import Settings
from leadlight.keypoints import judge
from leadlight.keypoints.geometry import Agreement, agreement
from leadlight.keypoints.payload import keypoints_of
from leadlight.keypoints.record import Keypoints, unpacked
from leadlight.keypoints.search import ASKED, Gallery
from leadlight.records import Finding, ListInfo, display_text
from leadlight.records.finding import FEATURES, MATCH
from leadlight.seams import CaseView

LISTED = 20_000
"""Pictures of a list searched at a time: what bounds the memory, at about 35 kB each."""


@dataclass(frozen=True, slots=True)
class _Best:
    """The listed picture that a content agrees with in most features; of equals, the smallest digest."""

    entry: str
    found: Agreement
    entries: int
    """Listed pictures that it agrees with, this one included."""

    def joined(self, other: _Best | None) -> _Best:
        if other is None:
            return self
        best = min(self, other, key=lambda b: (-b.found.agreeing, b.entry))
        return _Best(best.entry, best.found, self.entries + other.entries)


class PartialMatcher:
    """One finding for a content and a list. Named so that it runs behind `match.exact` and `match.near`."""

    name = "match.partial"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        if next(view.findings(FEATURES), None) is None:
            return
        for info in view.lists():
            if info.number is not None:
                yield from self._on(view, info, info.number, settings.worker_count())

    def _on(self, view: CaseView, info: ListInfo, number: int, lanes: int) -> Iterator[tuple[str, Finding]]:
        listed = view.features(number)
        best: dict[str, _Best] = {}
        known: set[str] | None = None
        while some := list(islice(listed, LISTED)):
            if known is None:
                known = self._known(view, number)
            gallery = Gallery([unpacked(p.record) for p in some])
            names = [p.sha256 for p in some]
            for sha256, found in _agreeing(view, known, gallery, names, lanes):
                best[sha256] = found.joined(best.get(sha256))
        for sha256 in sorted(best):
            yield sha256, self._finding(info, best[sha256])

    def _known(self, view: CaseView, number: int) -> set[str]:
        """Contents that others found on this list: nothing needs to be looked for in them."""
        return {
            sha256
            for sha256, finding in view.findings(MATCH)
            if finding.payload["list_id"] == number and finding.analyser != self.name
        }

    def _finding(self, info: ListInfo, best: _Best) -> Finding:
        name, found = display_text(info.name, 200), best.found
        others = best.entries - 1
        more = (
            f" {others} other {'entries' if others > 1 else 'entry'} of it agree{'' if others > 1 else 's'} too."
        )
        return Finding(
            analyser=self.name,
            version=self.version,
            kind=MATCH,
            statement=f'Shows the same picture as an entry of the list "{name}"{judge.differences(found)}: '
            f"{found.agreeing} of {found.pairs} local features that look alike agree in position."
            + (more if others else ""),
            payload={
                "list_id": info.number,
                "list": name,
                "list_kind": str(info.kind),
                "algorithm": "features",
                "distance": max(1, found.distance),
                "entry": best.entry,
                "label": "",
                "entries": best.entries,
                **judge.facts(found),
            },
        )


def _agreeing(
    view: CaseView, known: set[str], gallery: Gallery, names: list[str], lanes: int
) -> Iterator[tuple[str, _Best]]:
    contents = ((s, keypoints_of(s, f)) for s, f in view.findings(FEATURES) if s not in known)
    while asked := list(islice(contents, ASKED)):
        for place, candidates in gallery.candidates([k for _, k in asked], lanes=lanes):
            sha256, own = asked[place]
            yield from ((sha256, b) for c in candidates if (b := _compared(own, gallery.pictures[c], names[c])))


def _compared(own: Keypoints, other: Keypoints, name: str) -> _Best | None:
    found = agreement(own, other)
    return _Best(name, found, 1) if found is not None and judge.matches(found) else None


PLUGIN = PartialMatcher()
