"""Exact matches: the content's digest is on a list, so its bytes are those of the listed file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from leadlight.config import Settings
from leadlight.records import Finding, ListInfo, display_text
from leadlight.records.finding import MATCH
from leadlight.seams import CaseView, Hit

_STRENGTH = {"sha256": (0, "SHA-256"), "blake3": (1, "BLAKE3"), "sha1": (2, "SHA-1"), "md5": (3, "MD5")}
"""From strongest: MD5 and SHA-1 can be made to collide on purpose, so they speak only where nothing else does."""


class ExactMatcher:
    """One finding for a content and a list, by the strongest digest that both have."""

    name = "match.exact"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        for info in view.lists():
            if info.number is None:
                continue
            for sha256, hits in groupby(view.hits(info.number), key=lambda h: h.sha256):
                known = [h for h in hits if h.algorithm in _STRENGTH]
                if known:
                    best = min(known, key=lambda h: (_STRENGTH[h.algorithm][0], h.value, h.label))
                    yield sha256, self._finding(info, best)

    def _finding(self, info: ListInfo, hit: Hit) -> Finding:
        name = display_text(info.name, 200)
        return Finding(
            analyser=self.name,
            version=self.version,
            kind=MATCH,
            statement=f'Equals an entry of the list "{name}" by {_STRENGTH[hit.algorithm][1]}.',
            payload={
                "list_id": info.number,
                "list": name,
                "list_kind": str(info.kind),
                "algorithm": hit.algorithm,
                "distance": 0,
                "entry": hit.value.hex(),
                "label": display_text(hit.label, 200),
            },
        )


PLUGIN = ExactMatcher()
