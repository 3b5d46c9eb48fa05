"""Named texts to records: which generator wrote this set of texts. Shared by all carriers.

A set is what lies together in one carrier: the texts of a PNG, the fields of an EXIF block, what hidden bits
say. Each format is tried on the names it uses and, by its shape, on texts under common names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from leadlight.config import Limits
from leadlight.errors import ContentError
from leadlight.provenance.generator import a1111, comfyui, json_styles, labels
from leadlight.provenance.generator.normal import Record, as_table, as_text, load_json

COMMON = frozenset(
    {
        "parameters", "usercomment", "comment", "description", "imagedescription", "xpcomment", "xptitle",
        "xpkeywords", "caption", "prompt", "metadata", "generation_data",
    }
)  # fmt: skip
"""Names, in lower case, under which any program may write its record."""
MARKS = ('"sui_image_params"', '"class_type"', '"ContentProducer"', '"metadata_scheme"', '"invokeai')
"""A broken JSON text that holds one of these is reported; others are no business of ours."""
ROUNDS = 4
"""Texts of one name that are read."""

Found = Record | ContentError


def records(texts: Mapping[str, str], carrier: str, limits: Limits) -> Iterator[Found]:
    """All records in one set of named texts; a ContentError in the place of one that is broken."""
    used: set[str] = set()
    for read in (_comfyui, _invokeai, _novelai, _others):
        for got in _guarded(lambda read=read: read(texts, used, limits)):  # type: ignore[misc]
            yield replace(got, carrier=carrier) if isinstance(got, Record) else got


def rounds(entries: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Sets of texts in which no name stands twice: the first of each name, then the second, and so on."""
    sets: list[dict[str, str]] = []
    for name, text in entries:
        for held in sets:
            if name not in held:
                held[name] = text
                break
        else:
            if len(sets) < ROUNDS:
                sets.append({name: text})
    return sets


def _guarded(read: Callable[[], Iterator[Found]]) -> Iterator[Found]:
    try:
        yield from read()
    except ContentError as e:
        yield e


def _comfyui(texts: Mapping[str, str], used: set[str], limits: Limits) -> Iterator[Found]:
    prompt, workflow = texts.get("prompt"), texts.get("workflow")
    if prompt is None and workflow is None:
        return
    fault: ContentError | None = None
    try:
        record = comfyui.parse(prompt, workflow, limits)
    except ContentError as e:
        fault, record = e, _either(prompt, workflow, limits)
    if record is not None or fault is not None:
        used |= {"prompt", "workflow"}
    if record is not None:
        yield record
    if fault is not None:
        yield fault


def _either(prompt: str | None, workflow: str | None, limits: Limits) -> Record | None:
    """What can be read of one graph where the other is broken."""
    for one, other in ((prompt, None), (None, workflow)):
        try:
            if (record := comfyui.parse(one, other, limits)) is not None:
                return record
        except ContentError:
            continue
    return None


def _invokeai(texts: Mapping[str, str], used: set[str], limits: Limits) -> Iterator[Found]:
    for name, read in (("invokeai_metadata", json_styles.invokeai), ("sd-metadata", json_styles.invokeai_old)):
        if text := texts.get(name):
            used.add(name)
            raw = "\n".join(t for t in (text, texts.get("invokeai_graph", "")) if t)
            record = read(as_table(load_json(text, f"the text '{name}'", limits)), raw)
            if record is not None:
                yield record
                return
    if text := texts.get("Dream"):
        used.add("Dream")
        if (record := json_styles.dream(text)) is not None:
            yield record


def _novelai(texts: Mapping[str, str], used: set[str], limits: Limits) -> Iterator[Found]:
    text = texts.get("Comment", "")
    software = texts.get("Software", "").strip() == "NovelAI"
    if text.lstrip()[:1] == "{" and (software or '"signed_hash"' in text):
        used |= {"Comment", "Description", "Software", "Source", "Title"}
        raw = "\n".join(t for t in (texts.get("Description", ""), text) if t)
        record = json_styles.novelai(as_table(load_json(text, "the record of NovelAI", limits)), texts, raw)
        if record is not None:
            yield record


def _others(texts: Mapping[str, str], used: set[str], limits: Limits) -> Iterator[Found]:
    for name, text in texts.items():
        if name not in used:
            yield from _guarded(lambda n=name, t=text: _one(n, t, texts, limits))  # type: ignore[misc]


def _one(name: str, text: str, texts: Mapping[str, str], limits: Limits) -> Iterator[Found]:
    lower = name.lower()
    record: Record | None = None
    if lower == "aigc":
        record = labels.aigc(as_table(load_json(text, "the label 'AIGC'", limits)), text)
    elif lower in COMMON:
        if text.lstrip()[:1] == "{":
            record = from_json(text, texts, limits)
        else:
            record = a1111.parse(text) or labels.job(text, texts.get("Author", "") or texts.get("Artist", ""))
    if record is not None:
        yield record


def from_json(text: str, texts: Mapping[str, str], limits: Limits) -> Record | None:
    """The record of a JSON text, by its shape.

    Raises Undecodable or LimitReached where it is broken and bears the mark of a generator.
    """
    try:
        value = load_json(text, "the record of a generator", limits)
    except ContentError:
        if any(mark in text for mark in MARKS):
            raise
        return None
    table = as_table(value)
    readers: tuple[Callable[[Mapping[str, Any], str], Record | None], ...] = (
        json_styles.swarmui,
        labels.aigc,
        lambda t, raw: json_styles.fooocus(t, raw, texts.get("fooocus_scheme", "")),
        json_styles.draw_things,
        json_styles.invokeai,
        json_styles.invokeai_old,
        lambda t, raw: json_styles.novelai(t, texts, raw),
        _graphs,
    )
    for read in readers:
        if (record := read(table, text)) is not None:
            return record
    return None


def _graphs(table: Mapping[str, Any], raw: str) -> Record | None:
    """A graph by itself, or graphs as members of a table."""
    prompt, workflow = as_table(table.get("prompt")), as_table(table.get("workflow"))
    if prompt or workflow:
        return comfyui.from_tables(prompt, workflow, raw)
    return comfyui.from_tables(table, table if "nodes" in table else {}, raw)


def hidden(payload: str, carrier: str, limits: Limits) -> Iterator[Found]:
    """Records in a text that was hidden in pixels: a table of named texts as NovelAI writes, or one record."""
    names: dict[str, str] = {}
    if payload.lstrip()[:1] == "{":
        try:
            table = as_table(load_json(payload, "the hidden text", limits))
        except ContentError as e:
            yield e
            return
        names = {k: as_text(v) for k, v in table.items() if isinstance(v, str)}
    found = list(records(names, carrier, limits)) if names else []
    yield from found or records({"parameters": payload}, carrier, limits)


def with_facts(record: Record, facts: Mapping[str, Any]) -> Record:
    """The record with further facts."""
    return replace(record, facts={**record.facts, **facts})
