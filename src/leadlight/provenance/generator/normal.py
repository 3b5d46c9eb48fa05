"""The normalised record: what any generator wrote, in one shape, and the finding made of it.

The words of a prompt may be harmful to read. They leave this module in one way only, as ``Finding.sealed``;
statement and payload hold their length and SHA-256, which is enough to link two files by one prompt. Names
of model and LoRA files are shown, cut and escaped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from leadlight.config import Limits
from leadlight.errors import LimitReached, Undecodable
from leadlight.records import Basis, Finding, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds

NAME_LENGTH = 120
NAMES = 64
"""LoRAs and models kept of one record."""
PARTS = 2_000_000
"""Lists, tables and values of one JSON text: a text with more is refused before it fills the memory."""
RUN = 12
"""A run of this many characters of a prompt never stands in a statement or payload."""
GUARDED = 1024 * 1024
"""Beside a prompt of more characters, which nobody types, no longer word of a record is shown at all."""

_EXTENSIONS = (".safetensors", ".ckpt", ".gguf", ".pth", ".pt", ".bin", ".sft", ".onnx")


class Form(Enum):
    """How much a record says, with the base-10 logarithm of the likelihood ratio it is given, by policy."""

    RECORD = ("record", 0.7)
    """Settings in the shape that a generator writes."""
    LABEL = ("label", 0.5)
    """A statement that the picture is generated: a label, a credit line, a job number."""
    FAINT = ("faint label", 0.3)
    """A label that says 'possibly' or 'suspected'."""
    SOFTWARE = ("software", 0.3)
    """The name of a program that generates."""
    MENTION = ("mention", 0.0)
    """Speaks for nothing: too vague, or not known well enough."""

    @property
    def word(self) -> str:
        """For payloads."""
        return self.value[0]

    @property
    def log10_lr(self) -> float:
        """0 for none."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Lora:
    """One low-rank adaptation that was applied to the model."""

    name: str
    hash: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What one generator wrote in one place. Values are as the evidence has them: not safe to print."""

    generator: str
    """The program or service, our own words: 'ComfyUI'; '' where the record names none."""
    interface: str
    """The shape it is written in, our own words: 'ComfyUI graph'."""
    form: Form = Form.RECORD
    carrier: str = ""
    """Where it lies, our own words: 'PNG text', 'EXIF UserComment', 'XMP', 'stealth alpha bits'."""
    version: str | None = None
    model: str | None = None
    model_hash: str | None = None
    models: tuple[str, ...] = ()
    """All models, where there are several: a base and its refiner."""
    loras: tuple[Lora, ...] = ()
    vae: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    cfg: float | None = None
    seed: int | None = None
    size: tuple[int, int] | None = None
    """Width and height as stated, after upscaling where the record states its factor."""
    resized: bool = False
    """True where the record speaks of upscaling or cropping, so that another size contradicts nothing."""
    has_input: bool | None = None
    """True where a picture was put in; False where the record would say so and does not; None where unknown."""
    input_sign: str = ""
    """What says so, in our own words."""
    prompt: str = ""
    negative_prompt: str = ""
    raw: str = ""
    provider: str | None = None
    label: str | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further facts: text is escaped and cut like a name."""
    said: str = ""
    """Our own words for the statement, in place of 'A ... record'."""


def load_json(text: str, what: str, limits: Limits) -> Any:
    """JSON from evidence. Raises Undecodable, and LimitReached over ``limits.metadata_bytes``."""
    if len(text) > limits.metadata_bytes:
        raise LimitReached(
            f"{what} is too long to be read",
            limit="limits.metadata_bytes",
            allowed=limits.metadata_bytes,
            met=len(text),
        )
    try:
        if text.count("[") + text.count("{") + text.count(",") > PARTS:
            raise ValueError("too many parts")
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Undecodable(
            f"{what} is broken and could not be read",
            advice="Look at the text in the file by hand; it may have been cut or crafted.",
        ) from e


def as_table(value: Any) -> Mapping[str, Any]:
    """The value where it is a table, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value where it is a list, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value where it is text, else ''."""
    return value if isinstance(value, str) else ""


def as_word(value: Any) -> str | None:
    """Short text or a number as text, or None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return str(as_number(value)) if isinstance(value, float) else (str(value) if abs(value) < 10**30 else None)
    return value.strip() or None if isinstance(value, str) else None


def as_int(value: Any) -> int | None:
    """A whole number of up to 64 bits, from a number or text, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = value.strip()
        if not 0 < len(value) <= 24 or not value.lstrip("+-").isdecimal():
            return None
        try:
            value = int(value)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) < 2**64 else None


def as_number(value: Any) -> float | None:
    """A finite number below 1e9 either way, or None."""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > 24):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1e9 else None


def as_size(width: Any, height: Any) -> tuple[int, int] | None:
    """Width and height of 1 to a million pixels each, or None."""
    w, h = as_int(width), as_int(height)
    return (w, h) if w and h and 0 < w <= 10**6 and 0 < h <= 10**6 else None


def stem(name: str) -> str:
    """A model's name without folder and extension, so that programs agree on it."""
    name = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].strip()
    lower = name.lower()
    for extension in _EXTENSIONS:
        if lower.endswith(extension) and len(name) > len(extension):
            return name[: -len(extension)]
    return name


def clean(text: str) -> str:
    """Text that survives UTF-8: lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def digest(text: str) -> dict[str, Any] | None:
    """Length in characters and SHA-256 of the UTF-8 of a prompt, spaces at both ends aside; None where empty."""
    text = clean(text).strip()
    if not text:
        return None
    return {"length": len(text), "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest()}


def proposition(record: Record) -> Proposition:
    """GENERATED, or ALTERED where a picture was put in: a real one may lie under the result."""
    return Proposition.ALTERED if record.has_input else Proposition.GENERATED


def finding(
    record: Record, *, analyser: str, version: str, basis: Basis, actual: tuple[int, int] | None = None
) -> Finding:
    """The finding for one record; `actual` is the picture's width and height where known."""
    payload = _payload(record, actual)
    parts = {"prompt": record.prompt, "negative_prompt": record.negative_prompt, "raw": record.raw}
    weight = None
    if record.form.log10_lr:
        weight = Weight(
            proposition(record),
            record.form.log10_lr,
            basis,
            WeightSource.POLICY,
            note=f"a {record.form.word} that anyone can write or remove",
        )
    return Finding(
        analyser=analyser,
        version=version,
        kind=kinds.GENERATOR,
        statement=_statement(record, payload),
        payload=payload,
        weight=weight,
        sealed={k: clean(v) for k, v in parts.items() if v.strip()},
    )


def _payload(record: Record, actual: tuple[int, int] | None) -> dict[str, Any]:
    guarded = tuple(clean(p) for p in (record.prompt, record.negative_prompt) if len(p) >= RUN)

    def word(value: str | None) -> str | None:
        return _word(value, guarded)

    models = [_name(m) for m in record.models[:NAMES]]
    return {
        "generator": record.generator or None,
        "interface": record.interface,
        "form": record.form.word,
        "carrier": record.carrier,
        "version": word(record.version),
        "model": _name(record.model),
        "model_hash": _hash(record.model_hash),
        "models": models or ([_name(record.model)] if record.model else []),
        "loras": [
            {"name": _name(item.name), "hash": _hash(item.hash), "weight": item.weight}
            for item in record.loras[:NAMES]
        ],
        "vae": _name(record.vae),
        "sampler": word(record.sampler),
        "scheduler": word(record.scheduler),
        "steps": record.steps,
        "cfg": record.cfg,
        "seed": record.seed,
        "size": list(record.size) if record.size else None,
        "stated_size_matches": _matches(record, actual),
        "has_input": record.has_input,
        "input_sign": record.input_sign or None,
        "prompt": digest(record.prompt),
        "negative_prompt": digest(record.negative_prompt),
        "provider": word(record.provider),
        "label": word(record.label),
        **{k: word(v) if isinstance(v, str) else v for k, v in record.facts.items()},
    }


def _matches(record: Record, actual: tuple[int, int] | None) -> bool | None:
    if record.size is None or actual is None:
        return None
    if all(abs(a - b) < 8 for a, b in zip(record.size, actual, strict=True)):
        return True
    return None if record.resized else False


def _name(value: str | None) -> str | None:
    return display_text(clean(stem(value)), NAME_LENGTH) or None if value else None


def _hash(value: str | None) -> str | None:
    return display_text(clean(value.strip().removeprefix("0x").lower()), NAME_LENGTH) or None if value else None


def _word(value: str | None, guarded: tuple[str, ...]) -> str | None:
    """Short text for a payload, or None where it repeats a run of a prompt."""
    if not value:
        return None
    text = clean(value.strip()[:NAME_LENGTH])
    if len(text) >= RUN and any(len(prompt) > GUARDED for prompt in guarded):
        return None
    for at in range(len(text) - RUN + 1):
        if any(text[at : at + RUN] in prompt for prompt in guarded):
            return None
    return display_text(text) or None


def _statement(record: Record, payload: Mapping[str, Any]) -> str:
    said = record.said or f"A record of {record.generator} is written in the file"
    parts: list[str] = []
    if payload["model"]:
        parts.append(f"model {payload['model']}")
    if payload["loras"]:
        count = len(payload["loras"])
        parts.append(f"{count} LoRA{'s' if count > 1 else ''}")
    if payload["seed"] is not None:
        parts.append(f"seed {payload['seed']}")
    if payload["provider"]:
        parts.append(f"provider {payload['provider']}")
    if payload["prompt"]:
        count = payload["prompt"]["length"]
        parts.append(f"prompt of {count} character{'s' if count > 1 else ''} (kept sealed)")
    told = f"{said} ({record.carrier})" if record.carrier else said
    if parts:
        told = f"{told}: {', '.join(parts)}"
    if record.has_input:
        told = f"{told}. A picture was put in ({record.input_sign or 'as stated'}): a real one may lie under it"
    return f"{told}. Anyone can write this."
