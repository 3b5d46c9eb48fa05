"""The `parameters` text of the Stable Diffusion web UI (AUTOMATIC1111), Forge and SD.Next.

Shape: the prompt, a line 'Negative prompt: ...', and a last line 'Steps: 20, Sampler: ..., Seed: ...'. Values
with commas are quoted as JSON text. Lines after the last one (templates of prompts) are never read. Every step
is linear in the length of the text, which may be hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from leadlight.provenance.generator.normal import (
    NAMES,
    Lora,
    Record,
    as_int,
    as_number,
    as_size,
    as_table,
    as_text,
    stem,
)

LINE = 256 * 1024
"""Characters of the settings line that are read."""
PAIRS = 400
"""Settings of one line that are read."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_INPUT_KEYS = {
    "Mask blur": "inpainting",
    "Masked content": "inpainting",
    "Inpaint area": "inpainting",
    "Masked area padding": "inpainting",
    "Init image hash": "an initial picture",
    "Init image size": "an initial picture",
    "Image CFG scale": "an initial picture",
    "Conditional mask weight": "inpainting",
}


def parse(text: str) -> Record | None:
    """The record of a `parameters` text, or None where it has not that shape."""
    at = _settings_at(text)
    if at is None:
        return None
    end = text.find("\n", at)
    line = text[at : end if end >= 0 else len(text)][:LINE]
    pairs = settings(line)
    if len(pairs) < 3 or as_int(pairs.get("Steps", "")) is None:
        return None
    prompt, mark, negative = _split_negative(text[:at])
    if not (mark or {"Sampler", "Seed", "Model", "Model hash", "CFG scale"} & pairs.keys()):
        return None
    generator, words = _program(pairs)
    has_input, sign = _input(pairs)
    hires = any(key.startswith("Hires ") for key in pairs)
    return Record(
        generator=generator,
        interface="parameters text",
        said=f"A settings text of {words} is written in the file",
        version=pairs.get("Version"),
        model=pairs.get("Model"),
        model_hash=pairs.get("Model hash") or _hashes(pairs).get("model"),
        loras=_loras(prompt, pairs),
        vae=pairs.get("VAE"),
        sampler=pairs.get("Sampler"),
        scheduler=pairs.get("Schedule type") or pairs.get("Scheduler"),
        steps=as_int(pairs.get("Steps")),
        cfg=as_number(pairs.get("CFG scale")),
        seed=as_int(pairs.get("Seed")),
        size=_size(pairs),
        resized=hires or "Postprocess upscale by" in pairs,
        has_input=has_input,
        input_sign=sign,
        prompt=prompt,
        negative_prompt=negative,
        raw=text,
    )


def _settings_at(text: str) -> int | None:
    """Where the settings begin: the last line 'Steps: ', or the last 'Steps: <digit>' where lines were lost."""
    if text.startswith("Steps: "):
        first: int | None = 0
    else:
        first = None
    at = text.rfind("\nSteps: ")
    if at >= 0:
        return at + 1
    if first is not None:
        return first
    at = text.rfind("Steps: ")
    if at > 0 and text[at + 7 : at + 8].isdecimal() and text.find("Sampler: ", at, at + 200) > 0:
        return at
    return None


def _split_negative(head: str) -> tuple[str, bool, str]:
    before, mark, after = head.partition("Negative prompt:")
    return before.strip(), bool(mark), after.strip()


def settings(line: str) -> dict[str, str]:
    """'Key: value, Key: "quoted, value"' as a table; the first of a key counts."""
    found: dict[str, str] = {}
    at = 0
    quotes = nests = True
    for _ in range(PAIRS):
        colon = line.find(":", at, at + 200)
        if colon < 0:
            break
        key = line[at:colon].strip(" ,\n\r\t")
        start = colon + 1
        while start < len(line) and line[start] == " ":
            start += 1
        value: str | None = None
        end = start
        opening = line[start : start + 1]
        if opening == '"' and quotes:
            match = _QUOTED.match(line, start)
            if match is None:
                quotes = False
            else:
                end = match.end()
                value = _unquoted(match.group())
        elif opening in ("[", "{") and nests:
            end = _nested_end(line, start)
            nests = end > start
            value = line[start:end] if nests else None
        if value is None:
            comma = line.find(",", start)
            end = comma if comma >= 0 else len(line)
            value = line[start:end].strip()
        if key and len(key) <= 60:
            found.setdefault(key, value)
        comma = line.find(",", end)
        if comma < 0:
            break
        at = comma + 1
    return found


def _unquoted(text: str) -> str:
    try:
        return as_text(json.loads(text)) or text.strip('"')
    except (ValueError, RecursionError):
        return text.strip('"')


def _nested_end(line: str, start: int) -> int:
    """Where a JSON table or list ends, or `start` where it never does. Brackets in quotes do not count."""
    depth = 0
    at = start
    while at < len(line):
        char = line[at]
        if char == '"':
            match = _QUOTED.match(line, at)
            if match is None:
                return start
            at = match.end()
            continue
        if char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return start


def _hashes(pairs: Mapping[str, str]) -> dict[str, str]:
    try:
        table = as_table(json.loads(pairs.get("Hashes", "{}")))
    except (ValueError, RecursionError):
        return {}
    return {k: v for k, v in list(table.items())[: 4 * NAMES] if isinstance(v, str)}


def _loras(prompt: str, pairs: Mapping[str, str]) -> tuple[Lora, ...]:
    hashes: dict[str, str] = {}
    for part in pairs.get("Lora hashes", "").split(",")[:NAMES]:
        name, _, value = part.rpartition(":")
        if name.strip():
            hashes[stem(name)] = value.strip()
    for key, value in _hashes(pairs).items():
        kind, _, name = key.partition(":")
        if kind in ("lora", "lyco") and name:
            hashes.setdefault(stem(name), value)
    found: dict[str, Lora] = {}
    for opening in ("<lora:", "<lyco:"):
        at = prompt.find(opening)
        for _ in range(16 * NAMES):
            if at < 0 or len(found) >= NAMES:
                break
            start = at + len(opening)
            end = prompt.find(">", start, start + 300)
            if end > 0:
                name, _, rest = prompt[start:end].partition(":")
                name = stem(name)
                found.setdefault(
                    name, Lora(name, hashes.get(name), as_number(rest.split(":")[0]) if rest else None)
                )
            at = prompt.find(opening, start)
    for name, value in hashes.items():
        if len(found) < NAMES:
            found.setdefault(name, Lora(name, value))
    return tuple(lora for name, lora in found.items() if name)


def _size(pairs: Mapping[str, str]) -> tuple[int, int] | None:
    """Width and height of the result as stated."""
    for key in ("Hires resize", "Hires size"):
        width, _, height = pairs.get(key, "").partition("x")
        if size := as_size(width, height):
            return size
    width, _, height = pairs.get("Size", "").partition("x")
    size = as_size(width, height)
    factor = as_number(pairs.get("Hires upscale", ""))
    if size and factor and 0 < factor <= 64:
        return as_size(int(size[0] * factor), int(size[1] * factor)) or size
    return size


def _program(pairs: Mapping[str, str]) -> tuple[str, str]:
    """The program that wrote it, and how to name it in a sentence."""
    version = pairs.get("Version", "")
    if "sd.next" in pairs.get("App", "").lower():
        return "SD.Next", "SD.Next"
    for name in ("Fooocus", "ComfyUI"):
        if version.lower().startswith(name.lower()):
            return name, name
    if re.match(r"f\d", version):
        return "Stable Diffusion web UI Forge", "Stable Diffusion web UI Forge"
    return "Stable Diffusion web UI", "the Stable Diffusion web UI family"


def _input(pairs: Mapping[str, str]) -> tuple[bool, str]:
    for key, sign in _INPUT_KEYS.items():
        if key in pairs:
            return True, sign
    operations = pairs.get("Operations", "").lower()
    if "img2img" in operations or "inpaint" in operations:
        return True, "image to image"
    for key in pairs:
        if key.startswith("ControlNet"):
            return True, "a picture steers it (ControlNet)"
        if "reactor" in key.lower() or "face swap" in key.lower() or "roop" in key.lower():
            return True, "a face was swapped"
    hires = "txt2img" in operations or any(key.startswith(("Hires ", "First pass size")) for key in pairs)
    strength = as_number(pairs.get("Denoising strength", ""))
    if strength is not None and not hires:
        return True, "image to image"
    return False, ""
