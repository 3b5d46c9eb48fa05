"""Checking seals against the record: those that it holds, and those that were kept elsewhere.

A seal in the record shows that nothing up to it was changed since. One kept elsewhere shows as well that the
record still goes as far as it did. Without a public key a seal is compared with the record, and its signature is
not judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from leadlight.audit import Fault, Line
from leadlight.errors import TimestampFailed
from leadlight.seal.keys import Certificates, PublicKey
from leadlight.seal.signed import Signed, Timestamp, signed_in, timestamp_in
from leadlight.seal.timestamp import available, check

SEAL, REQUEST, STAMP = "seal", "seal.request", "seal.timestamp"
"""Acts: a seal of the act before it, a timestamp asked for by hand, and a timestamp over a seal."""


@dataclass(frozen=True, slots=True)
class Against:
    """What the operator brings to check seals with; without anything, seals are compared with the record alone."""

    keys: tuple[PublicKey, ...] = ()
    seals: tuple[tuple[str, Signed], ...] = ()
    """Seals kept elsewhere, each with the name of its file."""
    roots: Certificates = ()
    """Root certificates of timestamp servers."""


@dataclass(slots=True)
class _Read:
    """What one pass over the record found."""

    case: str = ""
    last: Line | None = None
    digests: dict[object, str] = field(default_factory=dict)
    """By the number of an act, of those that seals kept elsewhere name."""
    seals: dict[int, Signed] = field(default_factory=dict)
    """By the number of the act that holds it: those that fit the act before them."""
    held: int = 0
    """The last act up to which a seal was confirmed."""
    confirmed: Signed | None = None
    """The newest seal that holds; with keys, one of theirs."""
    unjudged: int = 0
    """Seals whose signature no key was given for."""
    unstamped: int = 0
    """Timestamps that could not be checked here."""
    stamps: dict[int, str] = field(default_factory=dict)
    """What timestamps that hold say, by the act that is sealed."""
    unsealed: int = 0
    """Acts after the newest seal, those of sealing left out."""


def check_seals(lines: Iterable[Line], against: Against) -> Iterator[Fault]:
    """Faults of the seals in order, then what is told of them and is no fault; nothing where there are none."""
    read = _Read()
    wanted = {signed.seal.act for _, signed in against.seals}
    for line in lines:
        if read.last is None:
            read.case = _case_of(line)
        yield from _check_line(line, read, against)
        if line.number in wanted:
            read.digests.setdefault(line.number, line.digest)
        read.last = line
    for name, signed in sorted(against.seals, key=lambda s: s[1].seal.act):
        yield from _check_kept(f"seal {name}", signed, read, against)
    if against.keys and read.confirmed is None:
        yield Fault("seals", "no seal that holds was made with a key given")
    yield from _notes(read, against)


def _check_line(line: Line, read: _Read, against: Against) -> Iterator[Fault]:
    where = f"act {line.number}"
    if line.action not in (SEAL, REQUEST, STAMP):
        read.unsealed += 1
        return
    try:
        details = _details(line)
        if line.action == SEAL:
            signed = signed_in(details)
            yield from _check_seal(where, line, signed, read, against)
        elif line.action == STAMP:
            of, timestamp = details.pop("act", None), timestamp_in(details)
            sealed = read.seals.get(of) if isinstance(of, int) else None
            if sealed is None:
                yield Fault(where, "holds a timestamp over a seal that is not there")
            else:
                yield from _check_stamp(where, replace(sealed, timestamp=timestamp), read, against)
    except ValueError as e:
        yield Fault(where, f"its seal can't be read: it {e}")


def _details(line: Line) -> dict[str, Any]:
    try:
        details = json.loads(line.details)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(details, dict):
        raise ValueError("is no object")
    return details


def _check_seal(where: str, line: Line, signed: Signed, read: _Read, against: Against) -> Iterator[Fault]:
    seal, before = signed.seal, read.last
    if before is None or seal.act != before.number or line.number != seal.act + 1:
        yield Fault(where, f"holds a seal of act {seal.act}, which is not the act before it")
    elif seal.digest != before.digest:
        yield Fault(f"act {seal.act}", f"is not the one that the seal in {where} names: {_since(read)}")
    elif seal.case != read.case:
        yield Fault(where, f"holds a seal of another case, {seal.case}")
    else:
        read.seals[line.number] = signed
        read.unsealed = 0
        yield from _judge(where, signed, read, against)


def _check_kept(where: str, signed: Signed, read: _Read, against: Against) -> Iterator[Fault]:
    seal, last = signed.seal, read.last
    if last is None:
        yield Fault("the record", f"is empty; the seal of {seal.date} names act {seal.act}")
    elif read.case != seal.case:
        yield Fault(where, f"is of another case, {seal.case}; this one is {read.case or 'without a number'}")
    elif not isinstance(last.number, int) or last.number < seal.act:
        yield Fault("the record", f"ends at act {last.number}; the seal of {seal.date} names act {seal.act}")
    elif read.digests.get(seal.act) != seal.digest:
        yield Fault(f"act {seal.act}", f"is not the one that the seal of {seal.date} names: {_since(read)}")
    else:
        held = read.seals.get(seal.act + 1)
        if held is None or held.signature != signed.signature:
            yield Fault(f"act {seal.act + 1}", f"held the seal of {seal.date}, and does not or is not there")
        yield from _judge(where, signed, read, against)
        if signed.timestamp:
            yield from _check_stamp(where, signed, read, against)


def _since(read: _Read) -> str:
    """Where a change lies that made the chain anew, as narrow as seals tell."""
    return f"the record was made anew after act {read.held}" if read.held else "the record was made anew"


def _judge(where: str, signed: Signed, read: _Read, against: Against) -> Iterator[Fault]:
    """The signature of a seal that fits the record."""
    if not against.keys:
        read.unjudged += 1
    else:
        key = next((k for k in against.keys if k.id == signed.seal.key), None)
        if key is None:
            yield Fault(where, f"its seal is by the key {signed.seal.key[:16]}…, which is none of those given")
            return
        if not signed.by(key):
            yield Fault(where, "its seal was altered: the signature does not fit its text")
            return
    if signed.seal.act >= read.held:
        read.held, read.confirmed = signed.seal.act, signed


def _check_stamp(where: str, signed: Signed, read: _Read, against: Against) -> Iterator[Fault]:
    timestamp: Timestamp | None = signed.timestamp
    if timestamp is None or not against.roots or not available():
        read.unstamped += 1
        return
    try:
        stamped = check(timestamp, signed.stamped(), against.roots)
    except TimestampFailed as e:
        yield Fault(where, f"its timestamp does not hold: {e.what}")
        return
    read.stamps[signed.seal.act] = (
        f"the seal of act {signed.seal.act}, made on {signed.seal.date} by the machine's clock, was stamped at "
        f"{stamped.time:%Y-%m-%d %H:%M} UTC by {stamped.authority}"
    )


def _notes(read: _Read, against: Against) -> Iterator[Fault]:
    def note(what: str) -> Fault:
        return Fault("seals", what, expected=True)

    if read.confirmed and against.keys:
        seal = read.confirmed.seal
        after = f"; {_counted(read.unsealed, 'act', 'acts')} after it not sealed" if read.unsealed else ""
        yield note(f"the seal of {seal.date} by the key {seal.key[:16]}… covers acts 1 to {seal.act}{after}")
    for words in read.stamps.values():
        yield note(words)
    if read.unjudged:
        fit = _counted(read.unjudged, "seal fits", "seals fit")
        yield note(f"{fit} the record; no signature was checked against a key. Name the public key with --key")
    if read.unstamped:
        how = "name the root certificate with --tsa" if available() else "run pip install 'leadlight[timestamp]'"
        yield note(f"{_counted(read.unstamped, 'timestamp was', 'timestamps were')} not checked; {how}")


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _case_of(line: Line) -> str:
    """The case's number, as its first act states it."""
    try:
        return str(_details(line).get("number", ""))[:200]
    except ValueError:
        return ""
