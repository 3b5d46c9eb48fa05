"""Certificates of a timestamp in the order that DER asks for, where a server sent them in another.

DER orders the members of a SET OF by their encoding (X.690, clause 11.6). Many servers send a certificate and its
issuer as they come, and a strict reader refuses that. No signature covers their order (RFC 5652, clause 5.1), and
ordering them changes no length, so it is mended before anything is checked.
"""

from __future__ import annotations

_SEQUENCE, _CONTEXT_0 = 0x30, 0xA0
_MEMBERS = 100


def sorted_sets(response: bytes) -> bytes:
    """`response`, a TimeStampResp in DER, with its certificates in order; the same where it has another shape."""
    try:
        start, end = _certificates(response)
        members: list[bytes] = []
        while start < end and len(members) < _MEMBERS:
            _, _, stop = _element(response, start, end)
            members.append(response[start:stop])
            start = stop
    except ValueError:
        return response
    if start != end:
        return response
    length = sum(map(len, members))
    return response[: end - length] + b"".join(sorted(members)) + response[end:]


def _certificates(data: bytes) -> tuple[int, int]:
    """Where the members of SignedData.certificates lie (RFC 3161, clause 2.4.2; RFC 5652, clauses 3 and 5.1)."""
    start, end = _inside(data, 0, len(data), _SEQUENCE)  # TimeStampResp
    start, end = _inside(data, _after(data, start, end), end, _SEQUENCE)  # ContentInfo, after the status
    start, end = _inside(data, _after(data, start, end), end, _CONTEXT_0)  # its content, after the type
    start, end = _inside(data, start, end, _SEQUENCE)  # SignedData
    for _ in ("version", "digestAlgorithms", "encapContentInfo"):
        start = _after(data, start, end)
    return _inside(data, start, end, _CONTEXT_0)


def _element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start of the content and end of the element at `at`. Raises ValueError where it does not fit."""
    if end - at < 2:
        raise ValueError("too short")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4 or end - start < count:
            raise ValueError("a length that is none")
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if length > end - start:
        raise ValueError("longer than what holds it")
    return tag, start, start + length


def _inside(data: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    tag, start, stop = _element(data, at, end)
    if tag != wanted:
        raise ValueError("another tag")
    return start, stop


def _after(data: bytes, at: int, end: int) -> int:
    return _element(data, at, end)[2]
