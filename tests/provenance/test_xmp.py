from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.provenance import specimen, xmp
from leadlight.provenance.xmp import read_xmp


def test_attributes_elements_lists_and_structures() -> None:
    body = (
        "<dc:subject><rdf:Bag><rdf:li>boat</rdf:li><rdf:li>lake</rdf:li></rdf:Bag></dc:subject>"
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default"> A boat </rdf:li></rdf:Alt></dc:title>'
        '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved" stEvt:softwareAgent="Editor 1"/>'
        '<rdf:li rdf:parseType="Resource"><stEvt:softwareAgent>Editor 2</stEvt:softwareAgent></rdf:li>'
        "</rdf:Seq></xmpMM:History>"
        '<photoshop:Source rdf:resource="https://example.org/"/>'
    )
    read = read_xmp([specimen.packet('tiff:Make="Example"', body)])
    assert read.first(xmp.TIFF, "Make") == "Example"
    assert read.all(xmp.DC, "subject") == ("boat", "lake")
    assert read.first(xmp.DC, "title") == "A boat"
    assert read.all(xmp.ST_EVT, "softwareAgent") == ("Editor 1", "Editor 2")
    assert read.first(xmp.PHOTOSHOP, "Source") == "https://example.org/"
    assert read.first(xmp.DC, "creator") is None
    assert not read.notes


def test_metadata_of_ingredients_is_left_out() -> None:
    body = "<xmpMM:Pantry><rdf:Bag><rdf:li tiff:Make='Other'/></rdf:Bag></xmpMM:Pantry>"
    assert read_xmp([specimen.packet("", body)]).first(xmp.TIFF, "Make") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    text = specimen.packet('dc:format="größer"').decode("utf-8").replace("\ufeff", "")
    assert read_xmp([text.encode(encoding)]).first(xmp.DC, "format") == "größer"


def test_padding_and_leading_rubbish() -> None:
    packet = b"\0\0rubbish" + specimen.packet('dc:format="x"') + b"\0" * 50
    assert read_xmp([packet]).first(xmp.DC, "format") == "x"


@pytest.mark.parametrize(
    "packet",
    [
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><open></x:xmpmeta>",
        b"no markup",
        b'<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>',
        b'<!DOCTYPE r SYSTEM "http://example.org/x.dtd"><r/>',
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>',
    ],
)
def test_broken_or_hostile_gives_nothing_and_a_note(packet: bytes) -> None:
    read = read_xmp([packet])
    assert not read.values
    assert read.notes


def test_one_broken_packet_leaves_the_others() -> None:
    read = read_xmp([b"<broken", specimen.packet('dc:format="x"')])
    assert read.first(xmp.DC, "format") == "x"
    assert read.notes


def test_depth_and_number_are_bounded() -> None:
    deep = "<dc:a>" * 5000 + "x" + "</dc:a>" * 5000
    assert read_xmp([specimen.packet("", deep)]).notes
    many = "<dc:a/>" * 410_000
    assert "more elements" in read_xmp([specimen.packet("", many)]).notes[0]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=20), st.integers(0, 2000))
def test_damaged_packets_never_raise(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(
        specimen.packet('tiff:Make="Example"', "<dc:subject><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject>")
    )
    for at, value in changes:
        data[at % len(data)] = value
    read_xmp([bytes(data[: len(data) - cut % len(data)])])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_never_raise(data: bytes) -> None:
    read_xmp([data, b"<" + data, b'<?xml version="1.0" encoding="unicode_escape"?><a>' + data + b"</a>"])
