"""Lists of learnt features (see `keypoints.listing`): SHA-256 and PDQ match as on any list, parts by features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leadlight.hashlists.reading import fault, file_digest
from leadlight.keypoints import listing
from leadlight.records import ListEntry, ListInfo, ListKind

LEAST_QUALITY = 50
"""PDQ hashes of lower quality are of pictures too flat to match near, and are no entries."""


class FeatureList:
    """What `leadlight features learn` writes."""

    name = "features"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    allowed_kinds = frozenset({ListKind.KNOWN, ListKind.GENERATED})

    def detect(self, path: Path) -> bool:
        return listing.is_listing(path)

    def describe(self, path: Path) -> ListInfo:
        """Raises HashListError."""
        said = listing.head(path)
        if said.kind not in {str(k) for k in self.allowed_kinds}:
            raise fault(path, f"states the kind '{said.kind}'", advice="Learn it again with --kind known.")
        return ListInfo(
            name=said.name,
            kind=ListKind(said.kind),
            format=self.name,
            version=said.software,
            date=said.made,
            digest=file_digest(path),
        )

    def entries(self, path: Path) -> Iterator[ListEntry]:
        """Raises HashListError."""
        for p in listing.read(path):
            yield ListEntry("sha256", p.sha256)
            if p.pdq is not None and p.quality >= LEAST_QUALITY:
                yield ListEntry("pdq", p.pdq)


PLUGIN = FeatureList()
