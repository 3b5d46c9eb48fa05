"""How a JPEG is built: tables, sampling, markers, what follows the end, and who is known to write so. How coarsely
a WebP is coded.

The build tells which program saved the file last, not what it shows. Method: comparison of quantisation tables
and header structure (Kee, Johnson and Farid, Digital Image Authentication from JPEG Headers, 2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from leadlight.config import Settings
from leadlight.content import Content
from leadlight.provenance import specimen, writers
from leadlight.provenance.exif import exif_of, jpeg_size
from leadlight.provenance.riff import is_webp
from leadlight.provenance.stream import Stream, read_stream, what_follows
from leadlight.provenance.vp8 import COARSEST, Coding, read_webp
from leadlight.provenance.writers import Writer
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import plain
from leadlight.seams import Cost, Example, Known

WEAK: Final = 0.3
"""log10 of the likelihood ratio of a table hit: whoever saves with the same program gets the same build."""
_SPEAKS: Final = {"camera": Proposition.CAMERA, "phone": Proposition.CAMERA, "generator": Proposition.GENERATED}


class Structure:
    """Reads the build of JPEG and WebP files; gives one finding for each."""

    name = "provenance.structure"
    version = "2"
    extra = None
    requires: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    gives = frozenset({kinds.STRUCTURE})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.BYTES

    def __init__(self, added: tuple[Writer, ...] = ()) -> None:
        self._added = added

    def configure(self, settings: Settings) -> Structure:
        """With the operator's writers added. Raises ConfigError naming file and line."""
        return Structure(writers.load(Path(settings.writers))) if settings.writers else self

    def examples(self) -> Iterator[Example]:
        yield Example(
            "plain IJG tables are a library's, nobody's own",
            lambda: specimen.jpeg(quality=85),
            (kinds.STRUCTURE,),
            {"quality": 85, "ijg": True, "sampling": "4:2:0", "huffman": "standard", "writer_kind": "library"},
            name="library.jpg",
        )
        yield Example(
            "a video behind the end",
            lambda: specimen.jpeg() + b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat",
            (kinds.STRUCTURE,),
            {"trailing_bytes": 32, "trailing": "MP4 or QuickTime video"},
            name="motion.jpg",
        )
        yield Example(
            "tables of its own, progressive",
            lambda: specimen.jpeg(qtables=[[7] * 64, [9] * 64], progressive=True, subsampling=0),
            (kinds.STRUCTURE,),
            {"ijg": False, "progressive": True, "sampling": "4:4:4"},
            name="own.jpg",
        )
        yield Example(
            "a WebP with loss, near the quality it was saved at",
            lambda: specimen.webp(quality=95),
            (kinds.STRUCTURE,),
            {"format": "webp", "lossless": False, "quality": 95},
            name="photograph.webp",
        )

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        head = content.head(12)
        if is_webp(head):
            yield from self._of_webp(content)
        elif head[:3] == b"\xff\xd8\xff":
            yield from self._of_jpeg(content)

    def _of_webp(self, content: Content) -> Iterator[Finding]:
        coding = read_webp(content.data())
        if coding is not None:
            facts = plain({"format": "webp", "quality": coding.quality} | asdict(coding))
            yield Finding(self.name, self.version, kinds.STRUCTURE, _of_coding(coding), facts)

    def _of_jpeg(self, content: Content) -> Iterator[Finding]:
        data = content.data()
        stream = read_stream(data)
        if stream is None:
            return
        after, looks = what_follows(data, stream.end) if stream.complete else (0, "")
        found = writers.known_writers(stream, (*writers.shipped(), *self._added))
        facts = _facts(stream, content)
        if after:
            facts |= {"trailing_bytes": after, "trailing": looks}
        facts |= _writer_facts(stream, found)
        yield Finding(
            self.name,
            self.version,
            kinds.STRUCTURE,
            _statement(stream, after, looks, found),
            plain(facts),
            _weight(found),
        )


def _facts(stream: Stream, content: Content) -> dict[str, Any]:
    exif = exif_of(content)
    thumbnail = read_stream(exif.thumbnail) if exif.thumbnail else None
    facts: dict[str, Any] = {
        "format": "jpeg",
        "signature": stream.signature,
        "quantisation": stream.quantisation,
        "quality": stream.quality,
        "ijg": stream.ijg,
        "sampling": stream.sampling,
        "huffman": stream.huffman,
        "progressive": stream.progressive,
        "precision": stream.precision,
        "scans": stream.scans,
        "restart": stream.restart,
        "order": list(stream.order)[:64],
        "comment_bytes": stream.comments,
        "streams": stream.streams,
        "complete": stream.complete,
        "tables": [list(t) for t in stream.tables],
    }
    if stream.pictures:
        facts["multi_picture"] = stream.pictures
    if thumbnail is not None and exif.thumbnail is not None:
        facts["thumbnail"] = {
            "size": list(jpeg_size(exif.thumbnail) or ()),
            "quality": thumbnail.quality,
            "ijg": thumbnail.ijg,
            "sampling": thumbnail.sampling,
        }
    hints = _hints(stream, camera=bool(exif.make and exif.model))
    if hints:
        facts["hints"] = hints
    return facts


def _hints(stream: Stream, *, camera: bool) -> list[str]:
    """What a person may want to look at; none of it weighs."""
    hints: list[str] = []
    if camera and stream.ijg:
        hints.append(
            "names a camera and has the tables of an IJG-compatible encoder: saved again by a program, or by a "
            "camera that uses those tables"
        )
    if camera and stream.progressive:
        hints.append("names a camera and is progressive, which cameras seldom write: saved again by a program")
    if stream.streams > 1 and stream.pictures < stream.streams:
        hints.append("holds more JPEG pictures, one behind the other, than its index states")
    if not stream.complete:
        hints.append("breaks off before its end marker")
    return hints


def _writer_facts(stream: Stream, found: tuple[Writer, ...]) -> dict[str, Any]:
    if found:
        return {
            "writer_kind": found[0].kind if len({w.kind for w in found}) == 1 else "shared",
            "writers": [{"name": w.name, "kind": w.kind, "source": w.source, "count": w.count} for w in found[:8]],
        }
    if stream.ijg:
        return {"writer_kind": "library", "writers": [{"name": "IJG-compatible encoder", "kind": "library"}]}
    return {}


def _weight(found: tuple[Writer, ...]) -> Weight | None:
    """Weak, and only where all that write so speak for the same."""
    sides = {_SPEAKS.get(w.kind) for w in found}
    side = sides.pop() if len(sides) == 1 else None
    if side is None:
        return None
    files = sum(w.count for w in found)
    return Weight(
        side, WEAK, Basis.STRUCTURE, WeightSource.TABLE, f"a known writer's build, seen in {files} file(s)"
    )


def _of_coding(coding: Coding) -> str:
    first = "Animated WebP, its first picture" if coding.animated else "WebP"
    if coding.lossless:
        return f"{first} coded without loss."
    indices = ", ".join(str(i) for i in coding.indices)
    return f"{first} coded with loss, near quality {coding.quality} (quantiser {indices} of 0 to {COARSEST})."


def _statement(stream: Stream, after: int, looks: str, found: tuple[Writer, ...]) -> str:
    tables = (
        "no tables"
        if stream.quality is None
        else (
            f"IJG tables of quality {stream.quality}"
            if stream.ijg
            else f"tables of its own (near quality {stream.quality})"
        )
    )
    kind = "Progressive JPEG" if stream.progressive else "JPEG"
    parts = [f"{kind} with {tables}, sampling {stream.sampling}"]
    if found:
        names = ", ".join(f"{display_text(w.name, 48)} ({w.kind})" for w in found[:3])
        parts.append(f"built as by {names}")
    elif stream.ijg:
        parts.append("as many programs write")
    if stream.pictures > 1:
        parts.append(f"an index of {stream.pictures} pictures")
    if after:
        parts.append(f"{after} bytes follow its end ({looks})")
    if not stream.complete:
        parts.append("it breaks off")
    return f"{'; '.join(parts)}."


PLUGIN = Structure()
