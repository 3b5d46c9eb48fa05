"""What belongs together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class LinkKind(StrEnum):
    """Why contents are linked."""

    NEAR_COPY = "near-copy"
    CAMERA = "camera"
    """The same stated make, model and serial number."""
    SENSOR = "sensor"
    """The same noise of a sensor: of an enrolled camera, or of one unknown."""
    MODEL = "model"
    """The same generator model or LoRA, as written in the file."""
    SEED = "seed"
    """The same generator seed, as written in the file."""
    PART = "part"
    """They show parts of the same picture."""
    ARCHIVE = "archive"
    """Found in the same archive."""


@dataclass(frozen=True, slots=True)
class Link:
    """A set of contents that belong together, by one linker."""

    kind: LinkKind
    key: str
    """Names the link within its kind: a digest, a serial number, a model hash."""
    members: tuple[str, ...]
    """SHA-256 in hex, sorted; two or more."""
    statement: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For a near-copy group: `diameter`, the greatest distance within, in bits."""
