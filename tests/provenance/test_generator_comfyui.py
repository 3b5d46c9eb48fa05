"""The graphs of ComfyUI: models, words, seeds, and whether a picture was put in."""

from __future__ import annotations

import io
import json
import time

import pytest
from PIL import Image

from leadlight.config import Limits
from leadlight.errors import Undecodable
from leadlight.provenance.generator import comfyui, comfyui_graph
from leadlight.provenance.generator.normal import Lora, stem
from leadlight.records import Proposition
from tests.provenance.generator_cases import NEGATIVE, PROMPT, leaks, said


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
