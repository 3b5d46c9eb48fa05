"""Verifying a case: the record and its seals first, then the evidence, each file as it was read last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leadlight.audit import Fault
from leadlight.errors import CaseDamaged, ContentError
from leadlight.seal.check import Against, check_seals
from leadlight.seams import Source
from leadlight.store.check import check_record, digest_of, evidence, lines
from leadlight.store.database import Database
from leadlight.store.readings import Reading


def verified(database: Database, sources: Iterable[Source], against: Against | None = None) -> Iterator[Fault]:
    """Faults of the record, of its seals (checked `against` keys and seals kept elsewhere), then of the evidence.
    None where all holds.

    Where a file was read again with other content, its older contents are told of as expected: nobody looks for
    them there any more. So is a file of which the medium gave only the first bytes: those are compared.
    """
    yield from check_record(database)
    try:
        yield from check_seals(lines(database), against or Against())
    except CaseDamaged as e:
        yield Fault(e.subject, e.what)
    by_name = {s.name: s for s in sources}
    for readings in evidence(database):
        yield from _of_place(readings, by_name.get(readings[-1].item.source))


def _of_place(readings: Sequence[Reading], source: Source | None) -> Iterator[Fault]:
    """Faults of one file on the medium, from what it held each time that it was read, the oldest first."""
    *older, last = readings
    where = str(last.item.place)
    for reading in older:
        held = (
            "held other content as read" if reading.part is None else f"gave only {reading.part:,} bytes as read"
        )
        yield Fault(
            where,
            f"{held} on {reading.date} (SHA-256 {reading.sha256[:16]}…); that content is not there to be compared",
            expected=True,
        )
    if source is None:
        yield Fault(where, f"the source '{last.item.source}' that read it is not installed")
        return
    try:
        with source.open(last.item) as stream:
            now = digest_of(stream, last.part)
    except (ContentError, OSError) as e:
        yield Fault(where, f"can't be read any more ({getattr(e, 'what', e)}); it was read on {last.date}")
        return
    if now == last.sha256 and last.part is not None:
        what = f"could be read only up to byte {last.part:,} on {last.date}; it is the same up to there"
        yield Fault(where, f"{what}, and what follows is not in the record", expected=True)
        return
    known = next((r for r in older if r.sha256 == now), None)
    if now == last.sha256 or (known is not None and last.read_since):
        return
    back = f", as it was read on {known.date}" if known else ""
    yield Fault(
        where,
        f"was changed since it was read on {last.date}: SHA-256 was {last.sha256[:16]}…, is {now[:16]}…{back}",
    )
