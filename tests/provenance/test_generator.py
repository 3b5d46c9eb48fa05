from __future__ import annotations

import io
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from leadlight.config import Limits
from leadlight.errors import ContentError
from leadlight.provenance.generator import PLUGIN, carriers, texts, with_text
from leadlight.provenance.generator.normal import Record
from leadlight.provenance.generator.texts import records
from leadlight.records import Basis, Proposition
from leadlight.records import finding as kinds
from tests.provenance.generator_cases import NEGATIVE, PROMPT, leaks, run, said

A1111 = {"generator": "Stable Diffusion web UI", "model": "demo_model_v1", "seed": 12345, "steps": 28, "cfg": 7.0}
FIXTURES = {
    "a1111.png": {
        **A1111,
        "carrier": "PNG text",
        "model_hash": "0123abcd45",
        "sampler": "DPM++ 2M Karras",
        "loras": [{"name": "demo_lora", "hash": "abcdef012345", "weight": None}],
        "size": [512, 512],
        "stated_size_matches": True,
        "version": "v1.10.1",
        "has_input": False,
    },
    "a1111_usercomment.jpg": {**A1111, "carrier": "EXIF UserComment", "stated_size_matches": True},
    "aigc_png_text.png": {"label": "1", "provider": "demo", "produce_id": "demo-2", "carrier": "PNG text"},
    "aigc_tc260_xmp.png": {
        "label": "1",
        "provider": "001191110000DEMO0000000X00000",
        "produce_id": "demo-1",
        "carrier": "XMP",
        "uscc": None,
    },
    "comfyui.png": {
        "generator": "ComfyUI",
        "model": "demo_model_v1",
        "seed": 5,
        "scheduler": "normal",
        "cfg": 7.0,
    },
    "drawthings_xmp.png": {"generator": "Draw Things", "model": "demo", "seed": 4, "sampler": "Euler A"},
    "fooocus.png": {"generator": "Fooocus", "model": "demoXL", "seed": 3, "version": "Fooocus v2.5.5"},
    "invokeai.png": {"generator": "InvokeAI", "model": "demo_model", "seed": 9, "version": "5.6.0"},
    "iptc_dst_trained.png": {"label": "trainedAlgorithmicMedia", "interface": "IPTC digital source type"},
    "midjourney_like.png": {
        "generator": "Midjourney",
        "version": "7",
        "author": "demo_user",
        "job_id": "00000000-0000-4000-8000-000000000000",
    },
    "novelai.png": {
        "generator": "NovelAI",
        "model": "NovelAI Diffusion V4 DEMO",
        "seed": 77,
        "sampler": "k_euler",
    },
    "swarmui.png": {"generator": "SwarmUI", "model": "sd_xl_base_1.0", "seed": 1, "version": "0.9.6.0"},
}
SILENT = ("plain.png", "plain.jpg", "stealth_pngcomp.png", "stealth_rgbinfo.png")


@pytest.mark.parametrize("name", FIXTURES)
def test_each_kind_of_record(public_files, name) -> None:
    made = said((public_files / "formats" / "own-fixtures" / name).read_bytes())
    assert any(all(f.payload.get(k) == v for k, v in FIXTURES[name].items()) for f in made), [
        dict(f.payload) for f in made
    ]
    for finding in made:
        assert not leaks(finding)
        assert finding.weight is not None
        assert finding.weight.basis is Basis.METADATA
        assert finding.weight.log10_lr <= 0.7


@pytest.mark.parametrize("name", SILENT)
def test_controls_are_silent(public_files, name) -> None:
    assert run((public_files / "formats" / "own-fixtures" / name).read_bytes()) == []


def test_camera_pictures_are_silent(public_files) -> None:
    folder = public_files / "origin" / "train" / "camera"
    names = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    assert names
    for path in names[::20]:
        assert run(path.read_bytes()) == [], path.name


@pytest.mark.parametrize(
    "name",
    ["captured.jpg", "computational.jpg", "genai_full.jpg", "genai_partly.jpg", "screen.jpg"],
)
def test_signed_manifests_are_not_ours(public_files, name) -> None:
    assert run((public_files / "formats" / "own-fixtures" / "c2pa" / name).read_bytes()) == []


def test_prompt_is_sealed_and_named_by_digest() -> None:
    (made,) = said(with_text("parameters", f"{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: 20, Seed: 1, Model: m"))
    assert made.sealed["prompt"] == PROMPT
    assert made.sealed["negative_prompt"] == NEGATIVE
    assert made.payload["prompt"]["length"] == len(PROMPT)
    assert len(made.payload["prompt"]["sha256"]) == 64
    assert f"prompt of {len(PROMPT)} characters (kept sealed)" in made.statement
    assert made.statement.endswith("Anyone can write this.")
    assert not leaks(made)


def test_words_that_repeat_the_prompt_are_not_shown() -> None:
    text = f"{PROMPT}\nSteps: 20, Sampler: {PROMPT.split(',')[0]}, Seed: 1, Version: red apple on a table"
    (made,) = said(with_text("parameters", text))
    assert made.payload["sampler"] is None
    assert made.payload["version"] is None
    assert not leaks(made)


def _exif(fields: dict[int, object], comment: bytes | None = None, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 1
    for tag, value in fields.items():
        exif[tag] = value
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = comment
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 60)).save(out, kind, exif=exif)
    return out.getvalue()


SETTINGS = (
    f"{PROMPT}\nNegative prompt: {NEGATIVE}\nSteps: 20, Sampler: Euler a, Seed: 42, Size: 64x48, Model: demo_v1"
)


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + SETTINGS.encode("utf-16-be"),
        b"UNICODE\0" + SETTINGS.encode("utf-16-le"),
        b"UNICODE\0" + SETTINGS.encode("utf-16"),
        b"ASCII\0\0\0" + SETTINGS.encode(),
        b"JIS\0\0\0\0\0" + SETTINGS.encode("iso2022_jp"),
        bytes(8) + SETTINGS.encode(),
        SETTINGS.encode(),
    ],
    ids=["utf-16-be", "utf-16-le", "mark", "ascii", "jis", "undefined", "bare"],
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_user_comment_in_every_code(comment, kind) -> None:
    (made,) = said(_exif({}, comment, kind))
    assert made.payload["seed"] == 42
    assert made.payload["carrier"] == "EXIF UserComment"
    assert made.sealed["prompt"] == PROMPT


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_user_comment_gives_back_what_was_written(text) -> None:
    body = text.encode("utf-16-be", "surrogatepass")
    assert isinstance(carriers.user_comment(b"UNICODE\0" + body), str)
    if text and text.isascii() and "\0" not in text:
        assert carriers.user_comment(b"UNICODE\0" + body) == text
        assert carriers.user_comment(b"UNICODE\0" + text.encode("utf-16-le")) == text
        assert carriers.user_comment(b"ASCII\0\0\0" + text.encode()) == text


def test_fooocus_in_exif() -> None:
    table = {"prompt": PROMPT, "base_model": "demo.safetensors", "seed": "8", "version": "Fooocus v2.5.5"}
    table["loras"] = [["demo_lora.safetensors", 0.5, "abcdef"]]
    (made,) = said(_exif({0x0131: "Fooocus v2.5.5"}, b"UNICODE\0" + json.dumps(table).encode("utf-16-be")))
    assert made.payload["generator"] == "Fooocus"
    assert made.payload["model"] == "demo"
    assert made.payload["loras"] == [{"name": "demo_lora", "hash": "abcdef", "weight": 0.5}]
    assert made.payload["has_input"] is None


def test_two_texts_of_one_name_are_both_read() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", SETTINGS)
    info.add_text("parameters", SETTINGS.replace("Seed: 42", "Seed: 43"))
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "PNG", pnginfo=info)
    assert [f.payload["seed"] for f in said(out.getvalue())] == [42, 43]


def test_findings_of_one_file_are_bounded() -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(200):
        info.add_text("parameters", SETTINGS.replace("Seed: 42", f"Seed: {number}"))
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "PNG", pnginfo=info)
    assert len(run(out.getvalue())) <= 32


def test_jpeg_comment() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG", comment=SETTINGS.encode())
    (made,) = said(out.getvalue())
    assert made.payload["carrier"] == "JPEG comment"
    assert made.payload["stated_size_matches"] is True


def test_stated_size_that_does_not_match() -> None:
    (made,) = said(with_text("parameters", SETTINGS.replace("64x48", "512x768")))
    assert made.payload["stated_size_matches"] is False


def test_broken_record_is_a_failure_beside_the_others() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("invokeai_metadata", '{"app_version": "5.6.0", "seed": ')
    info.add_text("parameters", SETTINGS)
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "PNG", pnginfo=info)
    made = run(out.getvalue())
    assert [f.kind for f in made] == [kinds.GENERATOR, kinds.FAILURE]
    assert made[1].payload["reason"] == "undecodable"


@pytest.mark.parametrize("deep", ["[", '{"a":', '{"class_type": ['])
def test_nesting_without_end_is_a_failure_or_silence(deep) -> None:
    for name in ("prompt", "workflow", "invokeai_metadata", "AIGC", "parameters"):
        for finding in run(with_text(name, deep * 100_000)):
            assert finding.payload["reason"] in ("undecodable", "limit")


def test_too_long_a_json_text_names_the_limit() -> None:
    text = json.dumps({"ContentProducer": "x" * 2000, "Label": "1"})
    (got,) = records({"AIGC": text}, "PNG text", Limits(metadata_bytes=1000))
    assert isinstance(got, ContentError)
    assert got.reason == "limit"


NAMES = st.sampled_from(
    ["parameters", "prompt", "workflow", "Comment", "Description", "Software", "AIGC", "sd-metadata", "Dream",
     "invokeai_metadata", "UserComment", "fooocus_scheme", "Source"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just(10**4000)
_WORDS = (
    "sui_image_params", "sui_models", "class_type", "inputs", "nodes", "links", "type", "model",
    "lora_name", "seed", "prompt", "image", "AIGC", "Label", "ContentProducer", "base_model", "version",
    "loras", "c", "steps", "latent_image", "definitions", "subgraphs", "widgets_values", "id",
    "app_version", "weight", "name", "v4_prompt", "caption", "on", "size", "width", "height", "ckpt_name",
    "positive", "negative", "denoise", "guider", "1", "2", "link", "lora",
)  # fmt: skip
KEYS = st.sampled_from(_WORDS)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)


def _dumped(tree) -> str:
    try:
        return json.dumps(tree)
    except ValueError:
        return "{"


@given(st.dictionaries(NAMES, st.text(max_size=200) | TREES.map(_dumped), max_size=5))
@settings(max_examples=600, deadline=None)
def test_any_texts_give_records_or_content_errors(names) -> None:
    for got in records(names, "PNG text", Limits()):
        assert isinstance(got, Record | ContentError)
        if isinstance(got, Record):
            from leadlight.provenance.generator.normal import finding
            from leadlight.records.codec import dumps, finding_in, finding_out

            made = finding(got, analyser=PLUGIN.name, version="1", basis=Basis.METADATA, actual=(1, 1))
            assert finding_in(json.loads(dumps(finding_out(made)))) == made
            assert made.statement.isprintable()


WRITTEN = [
    ("parameters", SETTINGS),
    ("AIGC", '{"Label": "1", "ContentProducer": "demo", "ProduceID": "1"}'),
    ("Description", f"{PROMPT} --v 7 Job ID: 00000000-0000-4000-8000-000000000000"),
    ("Dream", f'"{PROMPT}" -s 50 -S 7 -W 512 -H 512 -C 7.5 -A k_lms'),
]


@given(st.sampled_from(WRITTEN), st.integers(0, 300), st.integers(0, 40), st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_cut_and_spliced_texts_never_leak(written, at, length, put) -> None:
    name, text = written
    changed = text[:at] + put + text[at + length :]
    for finding in run(with_text(name, changed.encode("utf-8", "replace").decode())):
        if finding.kind == kinds.GENERATOR:
            assert not leaks(finding)


@pytest.mark.parametrize(
    "text",
    [
        "Steps: " * 150_000,
        "\nSteps: 1" * 120_000,
        "Steps: 1, " + 'a: "' * 250_000,
        "Steps: 1, " + "a: [" * 250_000,
        "Steps: 1, Sampler: x, " + "a: {}, " * 150_000,
        "<lora:" * 170_000 + "\nSteps: 1, Sampler: x, Seed: 2",
        "Negative prompt: " * 60_000,
        "Job ID:" * 150_000,
        "--v " * 250_000 + "Job ID: 00000000-0000-4000-8000-000000000000",
        '"' * 1_000_000,
    ],
    ids=["steps", "lines", "quotes", "brackets", "tables", "loras", "negatives", "jobs", "options", "marks"],
)
def test_a_megabyte_of_hostile_text_is_read_within_a_second(text) -> None:
    before = time.process_time()
    for name in ("parameters", "Description", "Dream", "prompt"):
        list(records({name: text}, "PNG text", Limits()))
    assert time.process_time() - before < 1


def test_rounds_are_bounded() -> None:
    sets = texts.rounds([("a", str(n)) for n in range(100)] + [("b", "x")])
    assert len(sets) == texts.ROUNDS
    assert sets[0] == {"a": "0", "b": "x"}


def test_an_input_picture_turns_the_proposition() -> None:
    (made,) = said(with_text("parameters", SETTINGS + ", Denoising strength: 0.5"))
    assert made.weight is not None
    assert made.weight.proposition is Proposition.ALTERED
    assert "a real one may lie under it" in made.statement
    (made,) = said(with_text("parameters", SETTINGS))
    assert made.weight is not None
    assert made.weight.proposition is Proposition.GENERATED
