"""Each format by itself: what its record says, and whether a picture was put in."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.provenance.generator import a1111, json_styles, labels, with_text
from leadlight.provenance.generator.normal import Form, Lora
from leadlight.records import Proposition
from tests.provenance.generator_cases import NEGATIVE, PROMPT, said

BASE = (
    f"{PROMPT} <lora:demo_lora:0.8>\nNegative prompt: {NEGATIVE}\nSteps: 20, Sampler: Euler a, Seed: 42, "
    "Size: 512x768"
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", False),
        (", Denoising strength: 0.4", True),
        (", Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent", False),
        (", Denoising strength: 0.4, Mask blur: 4, Hires upscale: 2", True),
        (', ControlNet 0: "Module: canny, Model: demo, Weight: 1"', True),
        (", App: SD.Next, Operations: img2img", True),
        (", App: SD.Next, Operations: txt2img; hires, Denoising strength: 0.3", False),
    ],
)
def test_settings_text_tells_an_input_picture(more, expected) -> None:
    record = a1111.parse(BASE + more)
    assert record is not None
    assert record.has_input is expected
    assert record.prompt.startswith(PROMPT)
    assert record.negative_prompt == NEGATIVE


def test_settings_text_in_full() -> None:
    record = a1111.parse(
        f"{BASE}, Model hash: 0123abcd45, Model: demo, VAE: v.pt, Schedule type: Karras, CFG scale: 6.5, "
        'Denoising strength: 0.4, Hires upscale: 1.5, Hires prompt: "a, b: c, Seed: 7", '
        'Lora hashes: "demo_lora: abcdef, other: 123456", Version: v1.10.1\nTemplate: a text, Seed: 9'
    )
    assert record is not None
    assert (record.seed, record.cfg, record.vae, record.scheduler) == (42, 6.5, "v.pt", "Karras")
    assert record.size == (768, 1152)
    assert record.loras == (Lora("demo_lora", "abcdef", 0.8), Lora("other", "123456", None))


@pytest.mark.parametrize(
    ("tail", "name"),
    [
        ("Version: f2.0.1v1.10.1", "Stable Diffusion web UI Forge"),
        ("Version: v1.9.4", "Stable Diffusion web UI"),
        ("App: SD.Next, Version: 1234567", "SD.Next"),
        ("Version: Fooocus v2.5.5", "Fooocus"),
        ("Version: ComfyUI", "ComfyUI"),
    ],
)
def test_programs_of_one_shape_are_told_apart(tail, name) -> None:
    record = a1111.parse(f"{BASE}, {tail}")
    assert record is not None
    assert record.generator == name


@pytest.mark.parametrize(
    "text",
    ["", "Steps: 20", "Steps to the church: 20, Seed: 1, Model: x", "a text, with: colons", "Steps: many, a: b"],
)
def test_other_texts_are_not_settings(text) -> None:
    assert a1111.parse(text) is None


def test_lost_line_breaks() -> None:
    record = a1111.parse(BASE.replace("\n", " "))
    assert record is not None
    assert record.seed == 42
    assert record.negative_prompt == NEGATIVE


@given(st.text(max_size=300), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_settings_line(head, pairs) -> None:
    line = ", ".join(f"{k}: {v}" for k, v in pairs.items())
    a1111.settings(head)
    record = a1111.parse(f"{head}\nSteps: 20, Sampler: x, Seed: 5, {line}")
    if record is not None:
        assert record.raw


@given(st.lists(st.tuples(st.from_regex(r"[A-Z][a-z]{1,8}", fullmatch=True), st.text(max_size=20)), max_size=6))
@settings(max_examples=150, deadline=None)
def test_quoted_values_come_back(pairs) -> None:
    unique = dict(pairs)
    line = ", ".join(f"{k}: {json.dumps(v)}" for k, v in unique.items())
    assert a1111.settings(line) == {k: v or "" for k, v in unique.items()}


SWARM = {"prompt": PROMPT, "model": "demo/base", "seed": 1, "steps": 20, "loras": ["x"], "loraweights": ["0.5"]}


@pytest.mark.parametrize(
    ("reader", "table", "expected"),
    [
        (json_styles.swarmui, {"sui_image_params": SWARM}, False),
        (json_styles.swarmui, {"sui_image_params": SWARM | {"initimage": "x"}}, True),
        (json_styles.swarmui, {"sui_image_params": SWARM | {"initimagecreativity": 0}}, True),
        (json_styles.invokeai, {"app_version": "5", "generation_mode": "sdxl_img2img"}, True),
        (json_styles.invokeai, {"app_version": "5", "generation_mode": "txt2img", "controlnets": []}, False),
        (json_styles.invokeai, {"app_version": "5", "ipAdapters": [{"weight": 1}]}, True),
        (json_styles.invokeai_old, {"app_id": "x", "image": {"type": "img2img", "seed": 1}}, True),
        (
            json_styles.invokeai_old,
            {"app_id": "x", "image": {"type": "txt2img", "prompt": [{"prompt": "a"}]}},
            False,
        ),
        (json_styles.draw_things, {"c": PROMPT, "model": "m.ckpt", "strength": 0.5}, True),
        (json_styles.draw_things, {"c": PROMPT, "model": "m.ckpt", "strength": 1}, False),
        (json_styles.draw_things, {"c": PROMPT, "model": "m.ckpt"}, None),
        (json_styles.fooocus, {"base_model": "m", "metadata_scheme": "fooocus"}, None),
        (json_styles.fooocus, {"base_model": "m", "version": "Fooocus v2", "inpaint_mode": "x"}, True),
    ],
)
def test_tables_tell_an_input_picture(reader, table, expected) -> None:
    record = reader(table, json.dumps(table))
    assert record is not None
    assert record.has_input is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"request_type": "PromptGenerateRequest"}, False),
        ({"request_type": "Img2ImgRequest"}, True),
        ({"request_type": "NativeInfillingRequest"}, True),
        ({"strength": 0.7, "noise": 0}, True),
    ],
)
def test_novelai_tells_an_input_picture(more, expected) -> None:
    table = {"prompt": PROMPT, "steps": 28, "seed": 77} | more
    record = json_styles.novelai(table, {"Software": "NovelAI", "Source": "Demo"}, "raw")
    assert record is not None
    assert record.has_input is expected
    assert json_styles.novelai(table, {}, "raw") is None


def test_dream_command() -> None:
    record = json_styles.dream(f'"{PROMPT}" -s 50 -S 7 -W512 -H512 -C7.5 -A k_lms')
    assert record is not None
    assert (record.seed, record.steps, record.cfg, record.size) == (7, 50, 7.5, (512, 512))
    assert record.prompt == PROMPT
    assert record.has_input is False
    changed = json_styles.dream(f'"{PROMPT}" -s 50 -S 7 -I view.png -f 0.5')
    assert changed is not None
    assert changed.has_input is True


@pytest.mark.parametrize(
    ("label", "form"),
    [("1", Form.LABEL), (1, Form.LABEL), ("2", Form.FAINT), ("3", Form.FAINT), ("9", Form.MENTION)],
)
def test_labels_of_generated_content(label, form) -> None:
    record = labels.aigc({"Label": label, "ContentProducer": "demo", "ProduceID": "1"}, "raw")
    assert record is not None
    assert record.form is form
    assert record.has_input is None
    nested = labels.aigc({"AIGC": {"Label": label, "ContentProducer": "demo"}}, "raw")
    assert nested is not None
    assert nested.label == str(label)


def test_code_of_the_provider_is_checked() -> None:
    record = labels.aigc({"Label": "1", "ContentProducer": "001191350100M000100Y4300001"}, "raw")
    assert record is not None
    assert record.facts["uscc"] == "91350100M000100Y43"
    assert record.facts["uscc_check"] is True
    wrong = labels.aigc({"Label": "1", "ContentProducer": "001191350100M000100Y4400001"}, "raw")
    assert wrong is not None
    assert wrong.facts["uscc_check"] is False


@pytest.mark.parametrize(
    ("value", "proposition", "weight"),
    [
        ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", Proposition.GENERATED, 0.5),
        ("trainedAlgorithmicMedia", Proposition.GENERATED, 0.5),
        (
            "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia/",
            Proposition.ALTERED,
            0.5,
        ),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia", None, None),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic", None, None),
    ],
)
def test_source_types(value, proposition, weight) -> None:
    (made,) = said(_with_xmp(f'<e:DigitalSourceType xmlns:e="{IPTC}">{value}</e:DigitalSourceType>'))
    assert (made.weight.proposition if made.weight else None) == proposition
    assert (made.weight.log10_lr if made.weight else None) == weight


IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def _with_xmp(inner: str) -> bytes:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="">{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return with_text("XML:com.adobe.xmp", packet)


@pytest.mark.parametrize(
    "value", ["digitalCapture", "humanEdits", "compositeCapture", "", "http://", "screenCapture"]
)
def test_source_types_of_cameras_and_people_are_not_ours(value) -> None:
    assert labels.source_type(value) is None


def test_credit_line_in_xmp() -> None:
    photoshop = "http://ns.adobe.com/photoshop/1.0/"
    (made,) = said(_with_xmp(f'<p:Credit xmlns:p="{photoshop}">Made with Google AI</p:Credit>'))
    assert made.payload["generator"] == "Google AI"
    assert made.weight is not None
    assert made.weight.log10_lr == 0.5
    assert said(_with_xmp(f'<p:Credit xmlns:p="{photoshop}">Made with Google AIR</p:Credit>')) == []


def test_credit_line_in_iptc() -> None:
    text = b"Made with Google AI"
    records = b"\x1c\x02\x6e" + len(text).to_bytes(2, "big") + text
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records + b"\0"
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG")
    jpeg = out.getvalue()
    data = jpeg[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]
    (made,) = said(data)
    assert made.payload["carrier"] == "IPTC"


def test_program_names() -> None:
    (made,) = said(with_text("Software", "NovelAI"))
    assert made.payload["form"] == "software"
    assert made.weight is not None
    assert made.weight.log10_lr == 0.3
    (made,) = said(with_text("Software", "Midjourney 7"))
    assert made.weight is None
    assert made.payload["knowledge"] == "unsure"
    for other in ("GIMP 2.10", "Adobe Photoshop 26.0", "novelaide", "gnome-screenshot", "DiMAGE Z5 v1.01"):
        assert said(with_text("Software", other)) == []


def test_the_table_of_names_is_sound() -> None:
    lines = labels.known_names()
    assert len({(line.where, line.starts) for line in lines}) == len(lines)
    for line in lines:
        assert set(line.where) <= {"software", "credit"}
        assert line.knowledge in ("seen", "stated", "unsure")
        assert line.starts == line.starts.strip()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f"{PROMPT} --ar 1:1 --v 7 --seed 11", False),
        (f"https://example.org/a.png {PROMPT} --v 7 --seed 11", True),
        (f"{PROMPT} --v 7 --seed 11 --cref https://example.org/a.png", True),
        (f"{PROMPT} --v 7 --seed 11 --sref 123", False),
        (f"{PROMPT} --v 7 --iw 2 --seed 11", True),
    ],
)
def test_job_description(words, expected) -> None:
    record = labels.job(f"{words} Job ID: 00000000-0000-4000-8000-0000000000AB", "demo_user")
    assert record is not None
    assert record.has_input is expected
    assert record.seed == 11
    assert record.version == "7"
    assert record.facts["job_id"] == "00000000-0000-4000-8000-0000000000ab"


def test_job_numbers_of_others() -> None:
    assert labels.job("Printed by the shop. Job ID: 12345") is None
    assert labels.job("no number") is None
