"""Cryptographic digests of all bytes, all in the one read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import blake3

from leadlight.chart import chart_png
from leadlight.content import Content, Hasher
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

_TITLES = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "blake3": "BLAKE3"}


class Digests:
    """MD5 and SHA-1 because lists are kept in them; SHA-256 names the content; BLAKE3 for newer lists.

    Sources: RFC 1321, FIPS 180-4, the BLAKE3 paper (2020).
    """

    name = "fingerprint.digests"
    version = "1"
    extra = None
    requires = ("blake3",)
    needs: frozenset[str] = frozenset()
    gives = frozenset({finding.DIGEST})
    families: frozenset[str] = frozenset()
    per_place = False
    cost = Cost.HEADER

    def hashers(self) -> dict[str, Hasher]:
        """Running digests for one read."""
        return {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha1": hashlib.sha1(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "blake3": blake3.blake3(),
        }

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        for algorithm, value in content.digests.items():
            yield Finding(
                self.name,
                self.version,
                finding.DIGEST,
                f"{_TITLES.get(algorithm, algorithm)} of all bytes.",
                {"algorithm": algorithm, "value": value, "quality": None, "method": "all bytes"},
            )

    def examples(self) -> tuple[Example, ...]:
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        return (
            Example("empty", lambda: b"", (finding.DIGEST,), {"algorithm": "sha256", "value": empty}),
            Example("chart", lambda: chart_png(8, 8, 1), (finding.DIGEST,)),
        )


PLUGIN = Digests()
