"""Series: contents that state the same camera, the same generator model, LoRA or seed, or lay in one archive.

What a file states of its camera or generator anyone can write; these links say where to look next, and speak for
nothing. A seed alone links only above 2**16: people type 1, 42 and 123456789 into unlike programs, so a small
seed links only together with the same model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from leadlight.config import Settings
from leadlight.records import Link, LinkKind, display_name, display_text
from leadlight.records.finding import CAMERA, GENERATOR
from leadlight.seams import CaseView

SMALL_SEED = 1 << 16
"""Seeds up to this are chosen by people too often to link on their own."""
_LORAS = 50
"""LoRAs taken of one content."""
_PLACEHOLDER = re.compile(r"[\W_]*|(?:0[\W_]*)+|(?:none|null|unknown|undefined|n/?a|serial ?number|default)", re.I)
"""Serial numbers that are none: zeros, signs, words."""


class _Sets:
    """Digests by key, held as bytes: 32 for each, whatever the number of keys they share.

    Digests arrive in order, as a CaseView gives them, so repeats stand side by side.
    """

    def __init__(self) -> None:
        self._held: dict[Any, bytearray] = {}

    def add(self, key: Any, sha256: str) -> None:
        raw = bytes.fromhex(sha256)
        held = self._held.setdefault(key, bytearray())
        if held[-32:] != raw:
            held += raw

    def links(self) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """Keys with two members or more, sorted."""
        for key in sorted(k for k, held in self._held.items() if len(held) > 32):
            held = self._held[key]
            members = tuple(held[i : i + 32].hex() for i in range(0, len(held), 32))
            if any(a >= b for a, b in pairwise(members)):
                members = tuple(sorted(set(members)))
            if len(members) > 1:
                yield key, members


class SeriesLinker:
    """Links by what files state of their making, and by the archive they lay in."""

    name = "link.series"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def link(self, view: CaseView, settings: Settings) -> Iterator[Link]:
        yield from _cameras(view)
        yield from _generators(view)
        yield from _archives(view)


def _cameras(view: CaseView) -> Iterator[Link]:
    sets = _Sets()
    written: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    for sha256, finding in view.findings(CAMERA):
        make, model, serial = (_text(finding.payload.get(k)) for k in ("make", "model", "serial"))
        if (make or model) and len(serial) > 2 and not _PLACEHOLDER.fullmatch(serial):
            key = (make.casefold(), model.casefold(), serial.casefold())
            written.setdefault(key, (make, model, serial))
            sets.add(key, sha256)
    for key, members in sets.links():
        make, model, serial = written[key]
        camera = _named(make, model)
        yield Link(
            LinkKind.CAMERA,
            " / ".join((make, model, serial)),
            members,
            f"{len(members)} files state the same camera: {camera}, serial number {serial}",
            {"make": make, "model": model, "serial": serial},
        )


def _named(make: str, model: str) -> str:
    return model if not make or model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()


def _generators(view: CaseView) -> Iterator[Link]:
    models, hashes, loras, seeds, small = _Sets(), _Sets(), _Sets(), _Sets(), _Sets()
    for sha256, finding in view.findings(GENERATOR):
        payload = finding.payload
        name, digest = _text(payload.get("model")), _text(payload.get("model_hash")).lower()
        if name:
            models.add(name, sha256)
        if digest:
            hashes.add(digest, sha256)
        for lora in _loras(payload.get("loras")):
            loras.add(lora, sha256)
        seed = _seed(payload.get("seed"))
        if seed is not None and seed > SMALL_SEED:
            seeds.add(seed, sha256)
        elif seed is not None and (digest or name):
            small.add((seed, digest or name), sha256)
    seen = set()
    for digest, members in hashes.links():
        seen.add(members)
        yield _model(f"hash {digest}", members, f"the same model, by its hash {digest}", {"model_hash": digest})
    for name, members in models.links():
        if members not in seen:
            yield _model(f"model {name}", members, f"the same model, by its name: {name}", {"model": name})
    for lora, members in loras.links():
        yield _model(f"LoRA {lora}", members, f"the same LoRA: {lora}", {"lora": lora})
    for seed, members in seeds.links():
        yield _seeded(str(seed), members, f"the same seed {seed}", {"seed": str(seed)})
    for (seed, model), members in small.links():
        yield _seeded(
            f"{seed} {model}",
            members,
            f"the same seed {seed} and the same model {model}; people often choose such a small seed",
            {"seed": str(seed), "model": model},
        )


def _model(key: str, members: tuple[str, ...], what: str, facts: Mapping[str, Any]) -> Link:
    return Link(LinkKind.MODEL, key, members, f"{len(members)} files state {what}", facts)


def _seeded(key: str, members: tuple[str, ...], what: str, facts: Mapping[str, Any]) -> Link:
    return Link(LinkKind.SEED, key, members, f"{len(members)} files state {what}", facts)


def _loras(value: Any) -> Iterable[str]:
    """The LoRAs a content states, by hash where it states one, else by name."""
    if not isinstance(value, list | tuple):
        return ()
    found = set()
    for one in value[:_LORAS]:
        if isinstance(one, Mapping):
            found.add(_text(one.get("hash")).lower() or _text(one.get("name")))
        else:
            found.add(_text(one))
    return sorted(found - {""})


def _seed(value: Any) -> int | None:
    """A seed as a number, or None for none and for the -1 that means 'any'."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if len(value) <= 40 and value.isascii() and value.isdigit() else None
    return value if isinstance(value, int) and 0 <= value < 1 << 128 else None


def _text(value: Any) -> str:
    """Text of the payload as one safe line, '' where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return display_text(" ".join(str(value).split()), 200)


def _archives(view: CaseView) -> Iterator[Link]:
    sets = _Sets()
    for sha256, item in view.items():
        if item.place.depth:
            sets.add(item.place.outer, sha256)
    for place, members in sets.links():
        outer = display_name(place)
        yield Link(
            LinkKind.ARCHIVE,
            outer,
            members,
            f"{len(members)} files lay in the same archive: {outer}",
            {"archive": outer},
        )


PLUGIN = SeriesLinker()
