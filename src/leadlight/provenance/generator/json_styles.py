"""Records that are one JSON table: SwarmUI, Fooocus, InvokeAI, NovelAI, Draw Things; and InvokeAI's old command.

Which keys a program writes was read off files where one was at hand; those that were only known from its
published source are read too, since a key that never comes costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadlight.provenance.generator.normal import (
    NAMES,
    Lora,
    Record,
    as_int,
    as_list,
    as_number,
    as_size,
    as_table,
    as_text,
    as_word,
    stem,
)

DREAM = 64 * 1024
"""Characters of an InvokeAI command that are read."""


def swarmui(table: Mapping[str, Any], raw: str) -> Record | None:
    """SwarmUI: ``sui_image_params``, ``sui_models``, ``sui_extra_data``."""
    params = table.get("sui_image_params")
    if not isinstance(params, dict):
        return None
    hashes: dict[str, str] = {}
    model_file = None
    for entry in map(as_table, as_list(table.get("sui_models"))[:NAMES]):
        name, value = as_text(entry.get("name")), as_text(entry.get("hash")).removeprefix("0x")
        if name and value.strip("0"):
            hashes[stem(name)] = value
        if entry.get("param") == "model":
            model_file = name
    model = as_word(params.get("model")) or model_file
    weights = as_list(params.get("loraweights"))
    loras = tuple(
        Lora(name, hashes.get(stem(name)), as_number(weights[n]) if n < len(weights) else None)
        for n, name in enumerate(as_list(params.get("loras"))[:NAMES])
        if isinstance(name, str)
    )
    sign = _present(params, {"initimage": "an initial picture", "maskimage": "inpainting"})
    sign = sign or _present(
        params,
        {
            "initimagecreativity": "an initial picture",
            "promptimages": "a picture steers it",
            "controlnetimageinput": "a picture steers it (ControlNet)",
            "controlnetmodel": "a picture steers it (ControlNet)",
        },
    )
    return Record(
        generator="SwarmUI",
        interface="SwarmUI parameters",
        version=as_word(params.get("swarm_version")),
        model=model,
        model_hash=hashes.get(stem(model)) if model else None,
        loras=loras,
        vae=as_word(params.get("vae")),
        sampler=as_word(params.get("sampler")),
        scheduler=as_word(params.get("scheduler")),
        steps=as_int(params.get("steps")),
        cfg=as_number(params.get("cfgscale")),
        seed=as_int(params.get("seed")),
        size=as_size(params.get("width"), params.get("height")),
        resized=any(key.startswith(("refinerupscale", "upscale")) for key in params),
        has_input=bool(sign),
        input_sign=sign,
        prompt=as_text(params.get("prompt")),
        negative_prompt=as_text(params.get("negativeprompt")),
        raw=raw,
    )


def fooocus(table: Mapping[str, Any], raw: str, scheme: str = "") -> Record | None:
    """Fooocus: ``base_model``, ``metadata_scheme``; `scheme` is the text beside it."""
    stated = scheme or as_text(table.get("metadata_scheme"))
    version = as_text(table.get("version"))
    if "base_model" not in table or not (stated or "fooocus" in version.lower()):
        return None
    loras = [
        Lora(part[0], as_word(part[2]) if len(part) > 2 else None, as_number(part[1]))
        for part in as_list(table.get("loras"))[:NAMES]
        if isinstance(part, list) and len(part) > 1 and isinstance(part[0], str)
    ]
    for number in range(1, 17):
        name, _, weight = as_text(table.get(f"lora_combined_{number}")).partition(" : ")
        if name and all(stem(name) != stem(lora.name) for lora in loras):
            loras.append(Lora(name, None, as_number(weight)))
    width, _, height = as_text(table.get("resolution")).strip("()").partition(",")
    changed = any(key.startswith(("inpaint", "outpaint", "uov")) and value for key, value in table.items())
    refiner = as_word(table.get("refiner_model"))
    base = as_word(table.get("base_model"))
    return Record(
        generator="Fooocus",
        interface="Fooocus parameters",
        version=version or None,
        model=base,
        model_hash=as_word(table.get("base_model_hash")),
        models=(base, refiner) if base and refiner and refiner.lower() != "none" else (),
        loras=tuple(loras[:NAMES]),
        vae=as_word(table.get("vae")),
        sampler=as_word(table.get("sampler")),
        scheduler=as_word(table.get("scheduler")),
        steps=as_int(table.get("steps")),
        cfg=as_number(table.get("guidance_scale")),
        seed=as_int(table.get("seed")),
        size=as_size(width, height),
        resized=True,
        has_input=True if changed else None,
        input_sign="inpainting or variation" if changed else "",
        prompt=as_text(table.get("prompt")),
        negative_prompt=as_text(table.get("negative_prompt")),
        raw=raw,
    )


def invokeai(table: Mapping[str, Any], raw: str) -> Record | None:
    """InvokeAI since 3: ``invokeai_metadata``."""
    if not ({"app_version", "generation_mode", "positive_prompt"} & table.keys()):
        return None
    model = as_table(table.get("model"))
    mode = as_text(table.get("generation_mode")).lower()
    sign = "image to image" if any(w in mode for w in ("img2img", "inpaint", "outpaint", "i2i", "upscale")) else ""
    sign = sign or _present(
        table,
        {
            "init_image": "an initial picture",
            "controlnets": "a picture steers it (ControlNet)",
            "ipAdapters": "a picture steers it",
            "t2iAdapters": "a picture steers it",
            "ref_images": "a picture steers it",
        },
    )
    loras = []
    for entry in map(as_table, as_list(table.get("loras"))[:NAMES]):
        named = as_table(entry.get("model") or entry.get("lora"))
        if name := as_word(named.get("name")) or as_word(named.get("model_name")):
            loras.append(Lora(name, as_word(named.get("hash")), as_number(entry.get("weight"))))
    return Record(
        generator="InvokeAI",
        interface="InvokeAI metadata",
        version=as_word(table.get("app_version")),
        model=as_word(model.get("name")) or as_word(model.get("model_name")),
        model_hash=as_word(model.get("hash")),
        loras=tuple(loras),
        vae=as_word(as_table(table.get("vae")).get("name")),
        sampler=None,
        scheduler=as_word(table.get("scheduler")),
        steps=as_int(table.get("steps")),
        cfg=as_number(table.get("cfg_scale")),
        seed=as_int(table.get("seed")),
        size=as_size(table.get("width"), table.get("height")),
        resized=bool(sign) or "hrf_enabled" in table,
        has_input=bool(sign),
        input_sign=sign,
        prompt=as_text(table.get("positive_prompt")),
        negative_prompt=as_text(table.get("negative_prompt")),
        raw=raw,
    )


def invokeai_old(table: Mapping[str, Any], raw: str) -> Record | None:
    """InvokeAI 2: ``sd-metadata``."""
    image = as_table(table.get("image"))
    if not image or not ({"app_id", "app_version", "model_weights"} & table.keys()):
        return None
    words = image.get("prompt")
    if isinstance(words, list):
        words = "\n".join(as_text(as_table(part).get("prompt")) for part in words[:NAMES])
    sign = "image to image" if as_text(image.get("type")) not in ("", "txt2img") else ""
    sign = sign or _present(image, {"init_image_path": "an initial picture", "init_mask": "inpainting"})
    return Record(
        generator="InvokeAI",
        interface="InvokeAI 2 metadata",
        version=as_word(table.get("app_version")),
        model=as_word(table.get("model_weights")) or as_word(table.get("model")),
        model_hash=as_word(table.get("model_hash")),
        sampler=as_word(image.get("sampler")),
        steps=as_int(image.get("steps")),
        cfg=as_number(image.get("cfg_scale")),
        seed=as_int(image.get("seed")),
        size=as_size(image.get("width"), image.get("height")),
        resized=bool(image.get("postprocessing")),
        has_input=bool(sign),
        input_sign=sign,
        prompt=as_text(words),
        raw=raw,
    )


def dream(text: str) -> Record | None:
    """InvokeAI's command of old, ``"words" -s 50 -S 7 -W 512 -H 512 -C 7.5 -A k_lms``."""
    text = text[:DREAM].strip()
    end = text.rfind('"')
    if not text.startswith('"') or end < 1:
        return None
    options: dict[str, str] = {}
    parts = text[end + 1 :].split()[:200]
    for name, value in zip(parts, [*parts[1:], ""], strict=False):
        if name.startswith("-") and len(name) > 1:
            if value and not value.startswith("-"):
                options.setdefault(name, value)
            elif len(name) > 2 and name[1].isalpha():
                options.setdefault(name[:2], name[2:])
    steps, seed = as_int(options.get("-s")), as_int(options.get("-S"))
    if steps is None and seed is None:
        return None
    changed = "-I" in options or "-M" in options or "-f" in options
    return Record(
        generator="InvokeAI",
        interface="InvokeAI command",
        sampler=options.get("-A"),
        steps=steps,
        cfg=as_number(options.get("-C")),
        seed=seed,
        size=as_size(options.get("-W"), options.get("-H")),
        resized="-U" in options,
        has_input=changed,
        input_sign="an initial picture" if changed else "",
        prompt=text[1:end],
        raw=text,
    )


def novelai(table: Mapping[str, Any], texts: Mapping[str, str], raw: str) -> Record | None:
    """NovelAI: the table in ``Comment``, with ``Software`` and ``Source`` beside it."""
    ours = texts.get("Software", "").strip() == "NovelAI" or "signed_hash" in table
    if not ours or not ({"prompt", "sampler", "steps", "uc"} & table.keys()):
        return None
    kind = as_text(table.get("request_type"))
    sign = _present(
        table,
        {
            "image": "an initial picture",
            "mask": "inpainting",
            "reference_image": "a picture steers it",
            "reference_image_multiple": "a picture steers it",
            "director_reference_images": "a picture steers it",
        },
    )
    if not sign and ("img2img" in kind.lower() or "infill" in kind.lower()):
        sign = "image to image"
    if not sign and not kind and "strength" in table and "noise" in table:
        sign = "image to image"
    caption = as_table(as_table(table.get("v4_prompt")).get("caption"))
    against = as_table(as_table(table.get("v4_negative_prompt")).get("caption"))
    return Record(
        generator="NovelAI",
        interface="NovelAI comment",
        version=None,
        model=texts.get("Source") or None,
        sampler=as_word(table.get("sampler")),
        scheduler=as_word(table.get("noise_schedule")),
        steps=as_int(table.get("steps")),
        cfg=as_number(table.get("scale")),
        seed=as_int(table.get("seed")),
        size=as_size(table.get("width"), table.get("height")),
        resized=bool(sign),
        has_input=True if sign else (False if kind else None),
        input_sign=sign,
        prompt=as_text(table.get("prompt"))
        or texts.get("Description", "")
        or as_text(caption.get("base_caption")),
        negative_prompt=as_text(table.get("uc")) or as_text(against.get("base_caption")),
        raw=raw,
    )


def draw_things(table: Mapping[str, Any], raw: str) -> Record | None:
    """Draw Things: the table in XMP's exif:UserComment; ``c`` holds the words."""
    if "c" not in table or not ({"model", "seed", "sampler", "steps"} & table.keys()):
        return None
    strength = as_number(table.get("strength"))
    sign = "a picture steers it" if as_list(table.get("control")) else ""
    if strength is not None and strength < 1:
        sign = "image to image"
    width, _, height = as_text(table.get("size")).partition("x")
    loras = []
    for entry in map(as_table, as_list(table.get("lora"))[:NAMES]):
        if name := as_word(entry.get("model")):
            loras.append(Lora(name, None, as_number(entry.get("weight"))))
    return Record(
        generator="Draw Things",
        interface="Draw Things comment",
        model=as_word(table.get("model")),
        loras=tuple(loras),
        sampler=as_word(table.get("sampler")),
        steps=as_int(table.get("steps")),
        cfg=as_number(table.get("scale")),
        seed=as_int(table.get("seed")),
        size=as_size(width, height),
        resized="upscaler" in table or bool(sign),
        has_input=True if sign else (None if strength is None else False),
        input_sign=sign,
        prompt=as_text(table.get("c")),
        negative_prompt=as_text(table.get("uc")),
        raw=raw,
    )


def _present(table: Mapping[str, Any], signs: Mapping[str, str]) -> str:
    """The words for the first key that is there and not empty."""
    for key, words in signs.items():
        value = table.get(key)
        if value is not None and value is not False and value not in ("", [], {}):
            return words
    return ""
