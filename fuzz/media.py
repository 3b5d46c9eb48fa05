"""Targets: pictures and what they carry: structure, the scaled decoder, metadata, generators' records, types."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image
from tests.scaled.writer import Layout, planes_of, written

from fuzz.target import LIMITS, Target
from leadlight.chart import chart_pixels
from leadlight.config import Settings
from leadlight.content import Content, content_of
from leadlight.errors import ContentError
from leadlight.identify import carving, ending, extent, largest, rarer, signatures
from leadlight.pipeline import Pipeline, failure_of
from leadlight.plugins import registry
from leadlight.provenance import (
    blocks,
    bmff,
    exif,
    iptc,
    jpeg,
    jumbf,
    specimen,
    stealth_bits,
    stream,
    tiff,
    vp8,
    xmp,
)
from leadlight.provenance.generator import carriers, labels, stealth, texts
from leadlight.provenance.generator.normal import Record
from leadlight.records import Item, Place
from leadlight.records.codec import dumps, finding_in, finding_out, plain
from leadlight.scaled import jpeg_luma
from leadlight.seams import Configurable, Known

ITEM = Item(Place(b"/evidence", (b"example.jpg",)), source="fuzz")
PIXELS = ("fingerprint.pdq", "fingerprint.regions", "fingerprint.features")
SETTINGS = replace(Settings(), limits=LIMITS)


def opened(data: bytes) -> Content:
    """The content as the pipeline would give it to an analyser."""
    content = content_of(data, {"sha256": hashlib.sha256()}, LIMITS)
    content.decoder = registry().decoder
    content.filetype = registry().identifier.identify(content)
    return content


def statements(data: bytes, names: Sequence[str]) -> list[str]:
    """What some analysers say of bytes, as canonical JSON: frozen, printable, surviving the codec."""
    content, known, said = opened(data), Known(), []
    for analyser in registry().analysers:
        if analyser.name not in names:
            continue
        if analyser.families and content.filetype.family not in analyser.families:
            continue
        running = analyser.configure(SETTINGS) if isinstance(analyser, Configurable) else analyser
        found = []
        try:
            for finding in running.analyse(ITEM, content, known):
                found.append(finding)
        except ContentError as e:
            found.append(failure_of(e, analyser.name, analyser.version))
        for finding in found:
            known.add(finding)
            assert finding.statement.isprintable(), finding.statement
            assert finding_in(finding_out(finding)) == finding
            said.append(dumps(finding_out(finding)))
    content.close()
    assert sum(map(len, said)) <= 400_000 + 64 * len(data), "findings larger than what they are of"
    return said


def saying(*names: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        assert statements(data, names) == statements(data, names), "two runs differ"

    return run


def whole(data: bytes) -> None:
    """The whole pipeline, twice; any other exception than a ContentError has become a failure 'failed'."""
    chosen = registry()
    if hashlib.sha256(data).digest()[0] % 8:  # what hashes pixels costs most and parses nothing: now and then
        chosen = replace(chosen, analysers=tuple(a for a in chosen.analysers if a.name not in PIXELS))
    pipeline = Pipeline(chosen, SETTINGS)
    both = [
        [dumps(finding_out(f)) for x in pipeline.examine(ITEM, lambda: io.BytesIO(data)) for f in x.findings]
        for _ in range(2)
    ]
    assert both[0] == both[1], "two runs differ"
    for text in both[0]:
        assert json.loads(text)["payload"].get("reason") != "failed", text


def jpeg_segments(data: bytes) -> None:
    for scans in (False, True):
        at = 0
        for one in jpeg.segments(data, scans=scans):
            assert at <= one.at < one.start <= one.end <= len(data)
            at = one.end
    found = stream.read_stream(data)
    if found is not None:
        assert 0 < found.end <= len(data)
        assert found == stream.read_stream(data)
        assert len(found.signature) == len(found.quantisation) == 16
        assert found.quality is None or 1 <= found.quality <= 100
        assert 1 <= found.streams <= stream.MAX_STREAMS
        assert found.sampling
        rest, kind = stream.what_follows(data, found.end)
        assert rest == len(data) - found.end
        assert bool(kind) == bool(rest)
    size = exif.jpeg_size(data)
    assert size is None or min(size) >= 0
    jumbf.without_store(data)


def webp_coding(data: bytes) -> None:
    found = vp8.read_webp(data)
    if found is not None:
        assert 0 <= found.quality <= 100
        assert all(0 <= index <= vp8.COARSEST for index in found.indices)
        assert found.lossless is not bool(found.indices)
        assert found.lossless is not bool(found.partitions)


def scaled(data: bytes) -> None:
    """Where the kernel gives a plane it fits the file, and squares of 8 are the DC terms of the full decoder."""
    for least in (1, 12, 192):
        found = jpeg_luma(data, least=least, pixels=LIMITS.pixels)
        if found is None:
            continue
        assert found.luma.shape == (-(-found.height // found.step), -(-found.width // found.step))
        assert found.width * found.height <= LIMITS.pixels
        assert bool(np.isfinite(found.luma).all())
        assert 0 <= float(found.luma.min()) <= float(found.luma.max()) <= 255
        again = jpeg_luma(data, least=least, pixels=LIMITS.pixels)
        assert again is not None
        assert np.array_equal(found.luma, again.luma)
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (found.width, found.height)
            assert (image.mode == "L") == (found.mode == "L")
            if found.step == 8:
                image.draft("L", (1, 1))
                reference = np.asarray(image)
                # beyond black and white the full decoder's table wraps around, and ours ends
                inside = (found.luma > 0) & (found.luma < 255)
                if reference.shape == found.luma.shape and inside.any():
                    worst = float(np.abs(reference - found.luma)[inside].max())
                    assert worst <= 1.0, f"differs from the full decoder by {worst}"


def block_reader(data: bytes) -> None:
    limit = 4096
    found = blocks.find_blocks(data, limit)
    assert found == blocks.find_blocks(data, limit)
    if data[:2] not in (b"II", b"MM"):
        held = [found.exif or b"", *found.xmp, found.iptc or b"", *(t.encode() for _, t in found.texts)]
        assert len(found.exif or b"") <= limit
        assert sum(map(len, held)) <= 3 * 4 * limit, "more was kept than the limit allows"
    assert len(found.texts) <= blocks.MAX_TEXTS
    assert len(found.notes) <= 32
    xmp.read_xmp(found.xmp)
    if found.iptc:
        iptc.read_iptc(found.iptc)
    said = exif.read_exif(found.exif)
    dumps(plain([str(said)]))
    if found.exif:
        for text in carriers.exif_texts(found.exif, limit).values():
            assert len(text) <= 2 * limit


def exif_reader(data: bytes) -> None:
    said = exif.read_exif(data)
    assert repr(said) == repr(exif.read_exif(data))
    found = tiff.read_tiff(data)
    if found is not None:
        for directory in (found.main, found.thumbnail, found.exif, found.gps):
            assert len(directory) <= tiff.MAX_FIELDS
            for field in directory.values():
                assert len(field.raw(100)) <= 100
                assert len(field.numbers()) <= tiff.MAX_VALUES
                value = field.number()
                assert value is None or math.isfinite(value)
                dumps(plain([field.text(), list(field.numbers())]))
    carriers.exif_texts(data, 65536)
    carriers.user_comment(data)


def stamps(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    first, _, second = text.partition("\n")
    stamp = exif.read_stamp(first, second or None)
    if stamp is not None:
        assert stamp.iso().startswith(stamp.local.isoformat(timespec="seconds"))
        assert stamp.utc is None or stamp.utc.utcoffset() is not None


def xmp_reader(data: bytes) -> None:
    cut = len(data) // 3
    for packets in ([data], [data[:cut], data[cut:]]):
        found = xmp.read_xmp(packets)
        assert found == xmp.read_xmp(packets)
        assert sum(len(v) for v in found.values.values()) <= len(packets) * (xmp.MAX_VALUES + 2000)
    content = opened(b"")
    for got in carriers.from_xmp(xmp.read_xmp([data]), content):
        _record(got)


def iptc_reader(data: bytes) -> None:
    found = iptc.read_iptc(data)
    assert sum(len(v) for values in found.values() for v in values) <= len(data)


def bmff_reader(data: bytes) -> None:
    at = 0
    for box in bmff.boxes(data, 0, len(data)):
        assert at <= box.start <= box.end <= len(data)
        at = box.end
    found = bmff.read_bmff(data, 4096)
    assert found == bmff.read_bmff(data, 4096)
    assert all(len(e) <= 4096 + 64 for e in (*found.exif, *found.xmp))


def _record(got: Record | ContentError) -> None:
    if isinstance(got, ContentError):
        assert got.what.isprintable()
        assert got.advice
        return
    dumps(plain({k: getattr(got, k) for k in ("model", "sampler", "seed", "size", "cfg", "steps", "label")}))


def generator_texts(data: bytes) -> None:
    """Named texts, written 'name NUL text NUL ...', as every carrier gives them; the last also as hidden text."""
    parts = [p.decode("utf-8", "replace") for p in data.split(b"\0")]
    entries = list(zip(parts[::2], parts[1::2], strict=False))[:16]
    for held in texts.rounds(entries):
        for got in texts.records(held, "PNG text", LIMITS):
            _record(got)
    for got in texts.hidden(parts[-1], "stealth", LIMITS):
        _record(got)
    for record in labels.named([("software", "EXIF", p) for p in parts[:8]]):
        _record(record)
    for part in parts[:4]:
        if (record := labels.source_type(part)) is not None:
            _record(record)
    if len(data) < 60_000:
        chunks = b"".join(_text_chunk(p) for p in _pairs(data))
        saying("provenance.generator")(_plain_png()[:33] + chunks + _plain_png()[33:])


def _pairs(data: bytes) -> list[bytes]:
    parts = data.split(b"\0")
    return [a[:79] + b"\0\0\0\0\0" + b for a, b in zip(parts[::2], parts[1::2], strict=False)][:16]


def _text_chunk(body: bytes) -> bytes:
    import zlib

    kind = b"iTXt" + body
    return len(body).to_bytes(4, "big") + kind + zlib.crc32(kind).to_bytes(4, "big")


@cache
def _plain_png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(8, 8)).save(out, "PNG")
    return out.getvalue()


def hidden_bits(data: bytes) -> None:
    """The bytes as the lowest bits of a picture, and as what a writer hid: that is read back as it was."""
    names = {**stealth.ALPHA, **stealth.COLOURS}
    stored = np.unpackbits(np.frombuffer(data or b"\0", np.uint8))
    for samples in (stored.reshape(1, -1), np.resize(stored, (max(1, len(stored) // 24), 8, 3))):
        try:
            found = stealth.read(np.ascontiguousarray(samples), names, LIMITS)
        except ContentError as e:
            assert e.what.isprintable()
            continue
        if found is not None:
            for got in texts.hidden(found.text, "stealth", LIMITS):
                _record(got)
    text = data[:200].decode("latin-1").strip("\0")
    if text:
        for variant in ("stealth_pnginfo", "stealth_rgbcomp"):
            with Image.open(io.BytesIO(stealth_bits.hide(chart_pixels(72, 64), variant, text))) as image:
                pixels = np.asarray(image)
            alpha = pixels.shape[2] == 4 and variant == "stealth_pnginfo"
            plane = np.ascontiguousarray(pixels[:, :, 3]) if alpha else np.ascontiguousarray(pixels[:, :, :3])
            read = stealth.read(plane, stealth.ALPHA if alpha else stealth.COLOURS, LIMITS)
            assert read is not None
            assert read.text == text


def file_types(data: bytes) -> None:
    content = opened(data)
    kind = content.filetype
    assert kind.media_type.count("/") == 1
    assert kind.label.isprintable()
    assert opened(data).filetype == kind
    signatures.by_signature(data)
    signatures.zip_kind(data[:4096], data[-4096:])
    rarer.rarer_type(content, data[:65536])
    ends = ending.ends_of(content)
    for start, end in (*ends.after, *ends.beside):
        assert 0 <= start < end <= len(data), (kind, start, end)
    for media in ("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/heic"):
        content.filetype = replace(kind, media_type=media)
        for start, end in (found := ending.ends_of(content)).after + found.beside:
            assert 0 <= start < end <= len(data), (media, start, end)
    width, height = largest.largest(content, (3, 2))
    assert width * height >= 6
    assert carving.carried(content) == sorted(carving.signatures(data))
    assert all(data[at : at + 3] == b"\xff\xd8\xff" for at in carving.jpegs(data))
    for form in ("GIF", "PNG", "TIFF"):
        assert 1 <= extent.frames(form, io.BytesIO(data), 7) <= extent.FRAMES
    size = extent.jxl_size(data)
    assert size is None or min(size) >= 0
    saying("identify.naming")(data)


@cache
def _jpegs() -> tuple[bytes, ...]:
    made = [specimen.jpeg(width=24, height=16), specimen.jpeg(width=40, height=24, progressive=True)]
    made.append(specimen.jpeg(width=33, height=17, subsampling=0, restart_marker_blocks=2))
    exif_ = specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS, thumbnail=made[0])
    made.append(specimen.jpeg(width=24, height=16, exif=exif_, xmp=specimen.packet('xmp:CreatorTool="Example"')))
    for layout in (Layout(40, 24), Layout(24, 24, sampling=((2, 2), (1, 1), (1, 1)), restart=1)):
        made.append(written(layout, planes_of(layout, 7)))
    out = io.BytesIO()
    Image.fromarray(chart_pixels(24, 16)).convert("L").save(out, "JPEG", progressive=True)
    return (*made, out.getvalue())


def _webps() -> tuple[bytes, ...]:
    first, second = (Image.fromarray(chart_pixels(24, 16, seed)) for seed in (0, 1))
    exif_ = specimen.exif_block(specimen.CAMERA)
    animated = io.BytesIO()
    first.save(animated, "WEBP", save_all=True, append_images=[second], quality=60)
    made = [
        specimen.webp(width=24, height=16, **how) for how in ({"quality": 40}, {"lossless": True}, {"exif": exif_})
    ]
    return (*made, animated.getvalue())


def _examples(*names: str, longest: int = 60_000) -> Callable[[], Iterable[bytes]]:
    def build() -> Iterable[bytes]:
        made = [e.build() for a in registry().analysers if not names or a.name in names for e in a.examples()]
        return [data for data in made if len(data) <= longest]

    return build


@cache
def _carried() -> tuple[bytes, ...]:
    """One small file of each container, with what it can carry."""
    exif_ = specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS)
    packet = specimen.packet('xmp:CreatorTool="Example"')
    made = list(_jpegs())
    image = Image.fromarray(chart_pixels(16, 12))
    for form, options in (
        ("PNG", {"exif": exif_}),
        ("WEBP", {"exif": b"Exif\0\0" + exif_, "xmp": packet}),
        ("GIF", {"comment": b"an apple"}),
        ("TIFF", {"tiffinfo": {700: packet, 270: "an apple"}}),
        ("AVIF", {"exif": exif_, "xmp": packet}),
        ("BMP", {}),
        ("ICO", {}),
    ):
        out = io.BytesIO()
        image.save(out, form, **options)
        made.append(out.getvalue())
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\x05apple\0"
    made.append(made[0][:2] + b"\xff\xed" + (len(resource) + 2).to_bytes(2, "big") + resource + made[0][2:])
    made.append(_plain_png()[:33] + _text_chunk(b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + _plain_png()[33:])
    return tuple(made)


def _blocks_alone() -> Iterable[bytes]:
    full = specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS, thumbnail=b"\xff\xd8\xff\xd9")
    return (full, specimen.exif_block({0x010E: "parameters", 0x9286: b"UNICODE\0a\0b\0"}), b"MM\0*\0\0\0\x08\0\0")


def _named_texts() -> Iterable[bytes]:
    """The texts of the generators' own examples, as 'name NUL text'."""
    made = [
        b"parameters\0an apple, a plate\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, CFG scale: 7, "
        b'Seed: 42, Size: 64x48, Model hash: abcdef1234, Model: demo_v1, Lora hashes: "one: 12", Version: v1'
    ]
    for data in _examples("provenance.generator")():
        found = blocks.find_blocks(data, 65536)
        pairs = [*found.texts]
        if found.exif:
            pairs += carriers.exif_texts(found.exif, 65536).items()
        if pairs:
            made.append(b"\0".join(p.encode() for pair in pairs for p in pair))
    sampler = {"seed": 42, "steps": 20, "model": ["4", 0], "positive": ["6", 0]}
    graph = {
        "3": {"class_type": "KSampler", "inputs": sampler},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "demo.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "an apple", "clip": ["4", 1]}},
    }
    made.append(b"prompt\0" + json.dumps(graph).encode())
    made.append(b'AIGC\0{"Label":"1","ContentProducer":"example","ProduceID":"1","ReservedCode1":""}')
    return made


JPEG_TOKENS = (
    b"\xff\xc0", b"\xff\xc2", b"\xff\xc4", b"\xff\xd0", b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xdb",
    b"\xff\xdd", b"\xff\xe1", b"\xff\xe2", b"\xff\xed", b"\xff\xfe",
    b"Exif\0\0", b"MPF\0MM\0*\0\0\0\x08", b"http://ns.adobe.com/xap/1.0/\0",
    b"http://ns.adobe.com/xmp/extension/\0", b"Photoshop 3.0\x008BIM\x04\x04", b"\xff\x00", b"\xff\xff",
    b"\x11\x00", b"\x22\x00", b"\x00\x3f\x00", b"jumdc2pa",
)  # fmt: skip
WEBP_TOKENS = (b"VP8 ", b"VP8L", b"VP8X", b"ANMF", b"ALPH", b"\x9d\x01\x2a", b"\xff\xff\xff\xff")
CONTAINER_TOKENS = (
    *JPEG_TOKENS[-11:], b"IHDR", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"IDAT", b"fcTL", b"IEND", b"RIFF",
    b"WEBPVP8X", b"EXIF", b"XMP ", b"GIF89a", b"!\xff\x0bXMP DataXMP", b"!\xfe", b"ftypheic", b"ftypavif",
    b"meta", b"iinf", b"iloc", b"infe", b"mdat", b"uuid", b"ispe", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0",
    b"Raw profile type exif\0", b"BM", b"\0\0\1\0", b"\xff\x0a", b"jxlc", b"jxlp", b"FUJIFILMCCD-RAW", b"8BPS",
    b"%PDF-", b"PK\x03\x04", b"\0\0\0\1", b"\0\0\0\0",
)  # fmt: skip
TIFF_TOKENS = (
    b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\x69\x87\x04\0", b"\x25\x88\x04\0", b"\x86\x92\x07\0",
    b"\x7c\x92\x07\0", b"\x01\x02\x04\0", b"\x02\x02\x04\0", b"\x03\x90\x02\0", b"UNICODE\0", b"ASCII\0\0\0",
    b"JIS\0\0\0\0\0", b"\x0a\0", b"\x0b\0", b"\x0c\0", b"\x0d\0", b"\x10\0", b"\x11\0", b"\x12\0", b"\x81\0",
    b"\0\0\0\0", b"\xff\xff\xff\xff",
)  # fmt: skip
XML_TOKENS = (
    b"<rdf:RDF", b"<rdf:Description", b"<rdf:li>", b"rdf:resource=", b"</", b"/>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&amp;", b"&#0;", b"<![CDATA[", b"]]>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"\xff\xfe", b"xmpMM:Pantry", b"xmlns:a='b'",
    b"Iptc4xmpExt:DigitalSourceType", b"AIGC", b"<!--", b"-->",
)  # fmt: skip
TEXT_TOKENS = (
    b"parameters\0", b"prompt\0", b"workflow\0", b"Comment\0", b"AIGC\0", b"Dream\0", b"sd-metadata\0",
    b"invokeai_metadata\0", b"Software\0NovelAI\0", b'"class_type"', b'"inputs"', b'"nodes"', b'"links"',
    b'"sui_image_params"', b'"ContentProducer"', b'"Label"', b'"signed_hash"', b'["3", 0]', b"Steps: ",
    b"Negative prompt: ", b"Lora hashes: ", b"<lora:a:1>", b"NaN", b"1e999", b"-1", b"null", b"true", b"{", b"}",
    b"[", b"]", b'"', b",", b": ", b"9" * 400, b"\\ud800", b"--ar 3:2", b"Job ID: ",
)  # fmt: skip

TARGETS = {
    "jpeg-segments": Target(jpeg_segments, _jpegs, tokens=JPEG_TOKENS),
    "structure": Target(saying("provenance.structure"), _jpegs, tokens=JPEG_TOKENS, quick=60),
    "webp": Target(webp_coding, _webps, refused=(), tokens=WEBP_TOKENS, quick=300),
    "scaled-jpeg": Target(scaled, _jpegs, refused=(), tokens=JPEG_TOKENS, quick=200, native=True),
    "blocks": Target(block_reader, _carried, tokens=CONTAINER_TOKENS, longest=16384),
    "camera": Target(
        saying("provenance.camera", "provenance.consistency"),
        _carried,
        tokens=CONTAINER_TOKENS,
        longest=16384,
        quick=40,
    ),
    "exif": Target(exif_reader, _blocks_alone, refused=(), tokens=TIFF_TOKENS, quick=250),
    "stamps": Target(
        stamps,
        lambda: (b"2024:05:01 10:22:03\n+02:00", b"2024-05-01T10:22:03.5Z", b"0001:01:01 00:00:00\n+23:59"),
        refused=(),
        tokens=(b"Z", b"+14:00", b"-99:99", b"0000", b"9999", b":60", b"\xd9\xa1"),
        longest=64,
        quick=300,
    ),
    "xmp": Target(
        xmp_reader,
        lambda: (specimen.packet('xmp:CreatorTool="Example"', "<dc:title>a</dc:title>"),),
        refused=(),
        tokens=XML_TOKENS,
        quick=80,
    ),
    "iptc": Target(
        iptc_reader,
        lambda: (b"\x1c\x02\x78\0\x05apple\x1c\x02\x6e\x80\x04\0\0\0\x03abc",),
        refused=(),
        tokens=(b"\x1c\x02", b"\x80\x08", b"\x80\x01"),
        longest=2048,
        quick=250,
    ),
    "bmff": Target(
        bmff_reader,
        lambda: [d for d in _carried() if d[4:8] == b"ftyp"],
        refused=(),
        tokens=CONTAINER_TOKENS,
        quick=200,
    ),
    "generator-texts": Target(generator_texts, _named_texts, refused=(), tokens=TEXT_TOKENS, quick=60),
    "stealth": Target(
        hidden_bits,
        lambda: (b"stealth_pnginfo\0\0\0\x28apple", b"stealth_rgbcomp\0\0\0\x10ab"),
        refused=(),
        tokens=(b"stealth_pngcomp", b"stealth_rgbinfo", b"\x1f\x8b\x08\0"),
        longest=2048,
        quick=30,
    ),
    "file-types": Target(
        file_types,
        lambda: [*_carried(), *_examples("identify.filetype", longest=4096)()],
        refused=(),
        tokens=CONTAINER_TOKENS,
        longest=16384,
        quick=60,
    ),
    "pipeline": Target(
        whole,
        lambda: [*_carried(), *_examples(longest=12_000)()],
        refused=(),
        tokens=CONTAINER_TOKENS,
        longest=16384,
        quick=12,
        native=True,
    ),
}
