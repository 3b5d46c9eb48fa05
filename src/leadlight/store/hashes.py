"""The rows that contents are searched by, from the findings that state their hashes: derived, and checked so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leadlight.records import Finding
from leadlight.records import finding as kinds

PRINTED = "fingerprint."
"""What the kind of a finding begins with that states digests or perceptual hashes to be searched."""
FAST = {"pdq": "pdq.fast", "pdq.dihedral": "pdq.turned.fast"}
"""Perceptual hashes of a scaled decode are stored under names of their own: a full decode's stand before them."""


def digest_rows(sha256: str, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The rows of `digest` for one content: one an algorithm."""
    rows: dict[str, dict[str, Any]] = {}
    for payload in (f.payload for f in findings if f.kind == kinds.DIGEST):
        name, value = payload["algorithm"], bytes.fromhex(payload["value"])
        rows.setdefault(name, {"sha256": sha256, "algorithm": name, "value": value})
    return list(rows.values())


def print_rows(sha256: str, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The rows of `perceptual` for one content: each hash once, in the order it was found.

    A payload states hashes as `value` with `dihedral`, its eight forms (PDQ), or as `prints`: a list of
    `algorithm`, `value` (hex) and `quality`. With `exact` false they were made from a scaled decode.
    """
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for finding in findings:
        if not finding.kind.startswith(PRINTED) or finding.kind == kinds.DIGEST:
            continue
        fast = finding.payload.get("exact") is False
        for algorithm, ordinal, value, quality in _prints(finding.payload):
            name = FAST.get(algorithm, f"{algorithm}.fast") if fast else algorithm
            row = {"sha256": sha256, "algorithm": name, "ordinal": ordinal, "value": value, "quality": quality}
            rows.setdefault((name, ordinal), row)
    return list(rows.values())


def _prints(payload: Mapping[str, Any]) -> Iterator[tuple[str, int, bytes, int]]:
    """Algorithm, ordinal, value and quality of each hash that a finding states."""
    frame = int(payload.get("frame", 0))
    if payload.get("algorithm", "pdq") == "pdq" and "value" in payload:
        quality = int(payload["quality"])
        yield "pdq", frame, bytes.fromhex(payload["value"]), quality
        for n, turned in enumerate(payload.get("dihedral", ())):
            yield "pdq.dihedral", 8 * frame + n, bytes.fromhex(turned), quality
    for n, stated in enumerate(payload.get("prints", ())):
        yield str(stated["algorithm"]), 64 * frame + n, bytes.fromhex(stated["value"]), int(stated["quality"])
