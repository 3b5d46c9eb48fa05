"""The frozen result of a case: all that exporters see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadlight.records.hashlist import ListInfo
from leadlight.records.link import Link
from leadlight.records.verdict import Entry


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin as `leadlight plugins` shows it."""

    name: str
    kind: str
    """analyser, source, unpacker, format, matcher, linker, exporter, kernel (a compiled part), cage, model."""
    version: str
    module: str
    available: bool
    missing: str = ""
    """What is missing, and the command that gets it."""


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """What a case is and what made it."""

    name: str
    number: str
    """The case's own identifier, random, given once."""
    created: datetime
    evidence: tuple[str, ...]
    """The roots examined, as safe text."""
    profile: str
    software: str
    """Leadlight's version."""
    python: str
    system: str
    actor: str
    """Who made this dossier."""
    made: datetime
    """When."""
    audit_head: str
    """Digest of the newest act."""
    acts: int
    newest_seal: str = ""
    """What the newest seal of the record says, in words; empty where there is none."""
    encrypted: bool = False
    """Whether the record of the case is encrypted at rest."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was found, and how it was placed."""

    items: int
    contents: int
    bytes: int
    seconds: float
    tiers: Mapping[str, int]
    answers: Mapping[str, int]
    families: Mapping[str, int]
    failures: Mapping[str, int]
    """By reason."""
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class TimelineBin:
    """How many contents or places fall into one month."""

    month: str
    """'2026-03'."""
    captured: int
    """By the capture time that metadata states."""
    modified: int
    """By the file's modification time."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """The frozen result."""

    case: CaseInfo
    counts: Counts
    entries: tuple[Entry, ...]
    """The top of the queue."""
    failures: tuple[Entry, ...]
    """Contents and places with failures, at most as many as asked for."""
    lists: tuple[ListInfo, ...]
    plugins: tuple[PluginInfo, ...]
    timeline: tuple[TimelineBin, ...]
    sources: Mapping[str, int]
    """Contents by camera model or generator, as stated."""
    links: tuple[Link, ...]
    """The largest."""
    settings: Mapping[str, object]
    """As used."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an exporter wrote."""

    files: tuple[tuple[str, str, int], ...]
    """Path, SHA-256, bytes."""
    losses: tuple[str, ...]
    """What the format can't say."""
