"""What generators write into files: settings, graphs, labels, credits, in one shape for all.

What is found here can be forged in both directions. Anyone can write such a record into a real picture, so
that nobody looks at it again; and most programs that pass pictures on remove it. So a record is weak evidence
that depends on every other text in the file, and its absence supports nothing. Where a record says that a
picture was put in (image to image, inpainting, a swapped face), it speaks for ALTERED and never for GENERATED:
a real picture, and a real victim, may lie under the result.

What it is good for is leads: model, LoRA, seed, job and provider link files to one another and to a source.
Prompts are sealed; see `normal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leadlight.chart import chart_pixels, chart_png, chunk, png
from leadlight.content import Content
from leadlight.errors import ContentError, LimitReached
from leadlight.provenance.exif import jpeg_size
from leadlight.provenance.generator import carriers
from leadlight.provenance.generator.normal import Form, Record, finding
from leadlight.records import Basis, Finding, Item, failure
from leadlight.records import finding as kinds
from leadlight.seams import Cost, Example, Known

MOST = 32
"""Findings of one content; the rest say nothing new."""
NEUTRAL = "a red apple on a table\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, "
"""The beginning of an invented settings text, for examples and tests."""


class Generator:
    """Reads the records of generators from texts, EXIF, XMP and IPTC."""

    name = "provenance.generator"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    gives = frozenset({kinds.GENERATOR})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.BYTES

    def examples(self) -> Iterable[Example]:
        """Neutral records in the forms met most."""
        settings = f"{NEUTRAL}Size: 64x48, Model hash: 0123abcd45, Model: demo_v1, Version: v1.10.1"
        yield Example(
            "settings text of the Stable Diffusion web UI",
            lambda: with_text("parameters", settings),
            (kinds.GENERATOR,),
            {"generator": "Stable Diffusion web UI", "seed": 42, "model": "demo_v1", "has_input": False},
            "apple.png",
        )
        yield Example(
            "image to image speaks for altered",
            lambda: with_text("parameters", f"{NEUTRAL}Denoising strength: 0.4, Model: demo_v1"),
            (kinds.GENERATOR,),
            {"has_input": True, "seed": 42},
            "apple.png",
        )
        yield Example(
            "ComfyUI graph",
            lambda: with_text("prompt", _GRAPH),
            (kinds.GENERATOR,),
            {
                "generator": "ComfyUI",
                "seed": 5,
                "model": "demo_v1",
                "has_input": False,
                "stated_size_matches": True,
            },
            "bowl.png",
        )
        yield Example(
            "label of generated content under GB 45438-2025",
            lambda: with_text("AIGC", '{"Label": "1", "ContentProducer": "demo", "ProduceID": "1"}'),
            (kinds.GENERATOR,),
            {"label": "1", "provider": "demo", "has_input": None},
            "label.png",
        )
        yield Example(
            "a broken record is a failure",
            lambda: with_text("prompt", _GRAPH[:-9]),
            (kinds.FAILURE,),
            {"reason": "undecodable"},
            "broken.png",
        )
        yield Example("a plain picture", lambda: chart_png(64, 48), (), name="plain.png")
        yield Example(
            "a comment of a photographer",
            lambda: with_text("Description", "Apples at the market. Steps to the church: 20."),
            (),
            name="market.png",
        )

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        """One finding for each record, then a Failure for each that is broken."""
        actual = _size(content, known)
        kept: list[Record] = []
        faults: list[ContentError] = []
        for got in carriers.found(content):
            if isinstance(got, ContentError):
                faults.append(got)
            elif not _repeats(got, kept):
                kept.append(got)
        for record in kept[:MOST]:
            yield finding(record, analyser=self.name, version=self.version, basis=Basis.METADATA, actual=actual)
        for fault in faults[:MOST]:
            yield fault_finding(fault, self.name, self.version)


def _repeats(record: Record, kept: list[Record]) -> bool:
    """The same words in another place, or only a name of what spoke for itself already."""
    if record.form in (Form.SOFTWARE, Form.MENTION) and not record.raw:
        return any(k.generator == record.generator for k in kept)
    return record in kept


def fault_finding(fault: ContentError, analyser: str, version: str) -> Finding:
    """The Failure for a record that is broken, beside the findings for those that are not."""
    facts = (
        {"limit": fault.limit, "allowed": fault.allowed, "met": fault.met}
        if isinstance(fault, LimitReached)
        else {}
    )
    return failure(analyser, version, reason=fault.reason, what=fault.what, advice=fault.advice, **facts)


def _size(content: Content, known: Known) -> tuple[int, int] | None:
    """Width and height of the picture, where they are known without decoding."""
    if (picture := known.first(kinds.PICTURE)) is not None:
        width, height = picture.payload.get("width"), picture.payload.get("height")
        if isinstance(width, int) and isinstance(height, int):
            return width, height
    head = content.head(32)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR":
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return jpeg_size(content.data()) if head[:2] == b"\xff\xd8" else None


def with_text(keyword: str, text: str) -> bytes:
    """A small drawn picture as PNG with one text: for examples and tests."""
    body = keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8")
    return png(chart_pixels(64, 48), extra=chunk(b"iTXt", body))


_GRAPH = (
    '{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "cfg": 7, "sampler_name": "euler", '
    '"scheduler": "normal", "denoise": 1, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], '
    '"latent_image": ["5", 0]}}, "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": '
    '"demo_v1.safetensors"}}, "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 48}}, '
    '"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red apple on a table", "clip": ["4", 1]}}, '
    '"7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}}, '
    '"9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}}'
)

PLUGIN = Generator()
