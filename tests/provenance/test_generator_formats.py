"""Each format by itself: what its record says, and whether a picture was put in."""

from __future__ import annotations

import io
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.config import Limits
from leadlight.errors import Undecodable
from leadlight.provenance.generator import a1111, comfyui, comfyui_graph, json_styles, labels, with_text
from leadlight.provenance.generator.normal import Form, Lora, stem
from leadlight.records import Proposition
from tests.provenance.generator_cases import NEGATIVE, PROMPT, leaks, said

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


def _sampler(**more) -> dict:
    inputs = {"seed": 5, "steps": 20, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1}
    inputs |= {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "3": {"class_type": "KSampler", "inputs": inputs | more},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "folder\\demo_v1.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": NEGATIVE, "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    }


LOAD = {"class_type": "LoadImage", "inputs": {"image": "view.png"}}


def _parsed(graph: dict):
    record = comfyui.parse(json.dumps(graph), None, Limits())
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (_sampler(), False),
        (_sampler() | {"20": LOAD}, False),
        (_sampler() | {"20": LOAD, "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["20", 0]}}}, True),
        (
            _sampler(positive=["21", 0])
            | {
                "20": LOAD,
                "21": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0], "image": ["20", 0]}},
            },
            True,
        ),
        (
            _sampler()
            | {
                "20": LOAD,
                "8": {"class_type": "ReActorFaceSwap", "inputs": {"input_image": ["3", 0], "source": ["20", 0]}},
            },
            True,
        ),
        (_sampler(denoise=0.5), False),
        (_sampler(denoise=0.5) | {"5": {"class_type": "LoadLatent", "inputs": {"latent": "x.latent"}}}, True),
    ],
    ids=["text", "loaded and not used", "encoded", "control", "face", "second pass", "stored latent"],
)
def test_graph_tells_an_input_picture(graph, expected) -> None:
    assert _parsed(graph).has_input is expected


def test_graph_words_models_and_seed() -> None:
    graph = _sampler(seed=["30", 0], model=["31", 0]) | {
        "30": {"class_type": "Seed (demo)", "inputs": {"seed": 99}},
        "31": {
            "class_type": "LoraLoader",
            "inputs": {"lora_name": "a.safetensors", "strength_model": 0.5, "model": ["4", 0]},
        },
        "32": {
            "class_type": "Power Lora Loader",
            "inputs": {"lora_1": {"on": True, "lora": "b.safetensors", "strength": 1}},
        },
        "33": {"class_type": "Power Lora Loader", "inputs": {"lora_1": {"on": False, "lora": "c.safetensors"}}},
    }
    record = _parsed(graph)
    assert record.seed == 99
    assert record.prompt == PROMPT
    assert record.negative_prompt == NEGATIVE
    assert record.loras == (Lora("a.safetensors", None, 0.5), Lora("b.safetensors", None, 1.0))
    assert record.model is not None
    assert stem(record.model) == "demo_v1"


def test_words_of_the_other_side_are_kept_apart_behind_a_shared_node() -> None:
    shared = {"positive": ["6", 0], "negative": ["7", 0], "control_net": ["4", 0]}
    graph = _sampler(positive=["40", 0], negative=["40", 1])
    graph["40"] = {"class_type": "ControlNetApplyAdvanced", "inputs": shared}
    record = _parsed(graph)
    assert (record.prompt, record.negative_prompt) == (PROMPT, NEGATIVE)


def test_circles_end() -> None:
    graph = _sampler(latent_image=["8", 0])
    graph["8"]["inputs"]["samples"] = ["8", 0]
    graph["6"]["inputs"]["clip"] = ["6", 0]
    assert _parsed(graph).seed == 5


def test_a_graph_too_large_is_refused() -> None:
    graph = {str(n): {"class_type": "Note", "inputs": {}} for n in range(comfyui_graph.NODES + 1)}
    with pytest.raises(Undecodable):
        comfyui.parse(json.dumps(graph), None, Limits())


def test_a_crafted_graph_is_read_in_bounded_time() -> None:
    links = {f"k{n}": [str(n), 0] for n in range(30)}
    graph = {
        str(n): {"class_type": "KSampler", "inputs": links | {"model": [str(n + 1), 0], "latent_image": ["1", 0]}}
        for n in range(15_000)
    }
    before = time.process_time()
    comfyui.from_tables(graph, {}, "")
    assert time.process_time() - before < 5


WORKFLOW = {
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [5, "randomize", 20, 7, "euler", "normal", 1],
         "inputs": [{"name": "model", "link": 1}, {"name": "positive", "link": 4}, {"name": "negative", "link": 6},
                    {"name": "latent_image", "link": 2}]},
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["demo_v1.safetensors"]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 512, 1]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": [PROMPT]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": [NEGATIVE]},
        {"id": 9, "type": "SaveImage", "inputs": [{"name": "images", "link": 9}]},
        {"id": 10, "type": "LoadImage", "mode": 2, "widgets_values": ["view.png", "image"]},
    ],
    "links": [[1, 4, 0, 3, 0, "MODEL"], [2, 5, 0, 3, 3, "LATENT"], [4, 6, 0, 3, 1, "CONDITIONING"],
              [6, 7, 0, 3, 2, "CONDITIONING"], [9, 3, 0, 9, 0, "IMAGE"]],
}  # fmt: skip


def test_drawn_workflow_alone() -> None:
    record = comfyui.parse(None, json.dumps(WORKFLOW), Limits())
    assert record is not None
    assert (record.seed, record.steps, record.model) == (5, 20, "demo_v1.safetensors")
    assert (record.prompt, record.negative_prompt) == (PROMPT, NEGATIVE)
    assert record.has_input is False
    assert record.interface == "ComfyUI drawn workflow"


def test_drawn_workflow_with_graphs_within() -> None:
    inner = {"nodes": [{"id": 1, "type": "LoadImage", "widgets_values": ["view.png"]}], "links": []}
    record = comfyui.parse(None, json.dumps(WORKFLOW | {"definitions": {"subgraphs": [inner]}}), Limits())
    assert record is not None
    assert record.has_input is True


def test_drawn_and_run_graphs_of_real_files_agree(public_files) -> None:
    folder = public_files / "origin" / "train" / "generated" / "comfyanonymous-ComfyUI-examples"
    compared = 0
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            prompt, workflow = image.info.get("prompt"), image.info.get("workflow")
        if prompt is None or "inpaint" in path.name:
            continue
        one, other = comfyui.parse(prompt, None, Limits()), comfyui.parse(None, workflow, Limits())
        assert one is not None
        assert other is not None
        assert (one.model, one.sampler, one.has_input, one.size) == (
            other.model,
            other.sampler,
            other.has_input,
            other.size,
        ), path.name
        compared += 1
    assert compared > 10


COMFY_FILES = {
    "aura_flow_aura_flow_0.1_example.png": ("aura_flow_0.1", 553953983121020, False),
    "cosmos_predict2_cosmos_predict2_2b_t2i_example.png": ("cosmos_predict2_2B_t2i", 375213439693669, False),
    "flux_flux_schnell_checkpoint_example.png": ("flux1-schnell-fp8", 173805153958730, False),
    "flux_flux_schnell_example.png": ("flux1-schnell", 112298569477003, False),
    "inpaint_yosemite_outpaint_example.png": ("512-inpainting-ema", 152545289528694, True),
    "lcm_lcm_basic_example.png": ("sd_xl_1.0", 167055194337639, False),
    "sd3_sd3.5_text_encoders_example.png": ("sd3.5_large", 714772221606588, False),
    "sdturbo_sdxlturbo_example.png": ("sd_xl_turbo_1.0_fp16", 0, False),
    "sdxl_sdxl_simple_example.png": ("sd_xl_base_1.0", 721897303308196, False),
    "stable_cascade_stable_cascade__image_remixing.png": ("stable_cascade_stage_c", 641688602286696, True),
    "stable_cascade_stable_cascade__text_to_image.png": ("stable_cascade_stage_c", 314307448448003, False),
}


@pytest.mark.parametrize("name", COMFY_FILES)
def test_real_files_of_comfyui(public_files, name) -> None:
    folder = public_files / "origin" / "train" / "generated" / "comfyanonymous-ComfyUI-examples"
    (made,) = said((folder / name).read_bytes())
    payload = made.payload
    assert (payload["model"], payload["seed"], payload["has_input"]) == COMFY_FILES[name]
    assert payload["prompt"]["length"] > 30
    assert payload["stated_size_matches"] in (True, None)
    assert made.weight is not None
    wanted = Proposition.ALTERED if COMFY_FILES[name][2] else Proposition.GENERATED
    assert made.weight.proposition is wanted
    assert not leaks(made)


@pytest.mark.parametrize("tags", [(0x0110, 0x010F), (0x010E, 0x010F), (0x010F, 0x010E)])
def test_graphs_in_exif_of_webp(tags) -> None:
    exif = Image.Exif()
    exif[tags[0]] = "prompt:" + json.dumps(_sampler())
    exif[tags[1]] = "Workflow:" + json.dumps(WORKFLOW)
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 60)).save(out, "WEBP", exif=exif)
    (made,) = said(out.getvalue())
    assert made.payload["interface"] == "ComfyUI graph"
    assert made.payload["seed"] == 5
    assert made.payload["carrier"].startswith("EXIF ")


def test_broken_run_graph_beside_a_sound_drawn_one() -> None:
    from leadlight.provenance.generator.texts import records

    got = list(
        records({"prompt": '{"3": {"class_type": ', "workflow": json.dumps(WORKFLOW)}, "PNG text", Limits())
    )
    assert [type(g).__name__ for g in got] == ["Record", "Undecodable"]


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
