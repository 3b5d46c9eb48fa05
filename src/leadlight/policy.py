"""Triage policy: data in TOML, three profiles shipped, any other by path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from leadlight.errors import ConfigError, UnknownName
from leadlight.records import Tier

KEYS = ("relevance", "leaning", "concurring", "novelty", "rarity", "recency")
"""What may order contents within a tier."""

_FIXED = (Tier.URGENT, Tier.POSSIBLE_VICTIM, Tier.UNDETERMINED, Tier.GENERATED, Tier.SET_ASIDE)
"""These keep their order in every policy, so that evidence of a camera never lowers a place."""


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """When the weights suffice for an answer. All figures are log10 likelihood ratios."""

    generated_at: float = 2.0
    independent: int = 2
    camera_at: float = 1.0
    altered_at: float = 0.5
    evidence_at: float = 0.2
    writable_cap: float = 1.0
    pixels_cap: float = 2.0
    cap: float = 6.0


@dataclass(frozen=True, slots=True)
class RelevancePolicy:
    """What makes a content belong to what is searched for. Figures order; they are no probabilities."""

    reported_all: bool = False
    relevant_at: float = 0.3
    known: float = 1.0
    generated: float = 0.6
    near_known: float = 0.9
    near_generated: float = 0.7
    same_device: float = 0.5
    same_archive: float = 0.4
    same_folder: float = 0.4
    same_minutes: float = 0.3
    reported: float = 0.5
    crowd: int = 500
    minutes: int = 10


@dataclass(frozen=True, slots=True)
class NearPlace:
    """A circle on the map that the operator cares for."""

    lat: float
    lon: float
    km: float


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """What is a sign of new, or near in place."""

    recent_days: int = 90
    places: tuple[NearPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class AsidePolicy:
    """What may be set aside without a look. Nothing that may hold a picture."""

    icon_pixels: int = 48
    icon_bytes: int = 32_768
    media: tuple[str, ...] = ("picture", "video", "audio")
    possible: tuple[str, ...] = ("document", "archive", "disk")
    media_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """All that triage is told beside findings and links."""

    name: str = "default"
    version: str = "1"
    summary: str = ""
    tiers: tuple[Tier, ...] = tuple(Tier)
    order: tuple[str, ...] = ("relevance", "concurring", "novelty", "rarity", "recency")
    origin: OriginPolicy = field(default_factory=OriginPolicy)
    relevance: RelevancePolicy = field(default_factory=RelevancePolicy)
    new: NewPolicy = field(default_factory=NewPolicy)
    aside: AsidePolicy = field(default_factory=AsidePolicy)


def profile_names() -> tuple[str, ...]:
    """The shipped profiles."""
    folder = files("leadlight") / "data" / "profiles"
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def load_policy(name: str) -> Policy:
    """A shipped profile by name, or a file by path. Raises UnknownName or ConfigError."""
    if name in profile_names():
        text = (files("leadlight") / "data" / "profiles" / f"{name}.toml").read_text("utf-8")
        return parse_policy(text, name)
    path = Path(name)
    if not path.is_file():
        raise UnknownName(
            "no such profile",
            subject=name,
            advice=f"Shipped: {', '.join(profile_names())}; or give the path of a TOML file.",
        )
    try:
        return parse_policy(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"can't be read ({e})", subject=name, advice="Check the file.") from e


def parse_policy(text: str, subject: str) -> Policy:
    """A policy from TOML. Raises ConfigError naming the key that does not fit."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise ConfigError(f"is not TOML: {e}", subject=subject, advice="Mend the line named.") from e
    policy = _fill(Policy, values, subject)
    _check(policy, subject)
    return policy


R = TypeVar("R", Policy, OriginPolicy, RelevancePolicy, NewPolicy, AsidePolicy, NearPlace)


def _fill(kind: type[R], values: Mapping[str, Any], subject: str) -> R:
    known = {f.name for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ConfigError(
                f"no such key: {name}", subject=subject, advice=f"Keys here are: {', '.join(sorted(known))}."
            )
    try:
        made: dict[str, Any] = {name: _value(kind, name, value, subject) for name, value in values.items()}
        return kind(**made)
    except (TypeError, ValueError) as e:
        raise ConfigError(f"a value does not fit: {e}", subject=subject, advice="Mend it.") from e


_LARGEST = 1e9
_TABLES: dict[str, type[Any]] = {
    "origin": OriginPolicy,
    "relevance": RelevancePolicy,
    "new": NewPolicy,
    "aside": AsidePolicy,
}


def _value(kind: type[Any], name: str, value: Any, subject: str) -> Any:
    if kind is Policy and name in _TABLES and isinstance(value, Mapping):
        return _fill(_TABLES[name], value, f"{subject} [{name}]")
    if name == "tiers":
        return tuple(Tier(t) for t in value)
    if name == "places":
        return tuple(_fill(NearPlace, p, f"{subject} places") for p in value)
    default = next((f.default for f in fields(kind) if f.name == name), None)
    if kind is Policy and name in _TABLES:
        raise ValueError(f"{name} is not a table")
    if isinstance(default, tuple) != isinstance(value, list):
        raise ValueError(f"{name} is {'one value and not a list' if isinstance(default, tuple) else 'a list'}")
    if isinstance(value, list):
        return tuple(str(v) for v in value)
    if isinstance(default, bool) != isinstance(value, bool):
        raise ValueError(f"{name} = {value!r}")
    if (kind is NearPlace or isinstance(default, int | float)) and not isinstance(value, int | float):
        raise ValueError(f"{name} = {value!r}")
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise ValueError(f"{name} is not a figure between -{_LARGEST:g} and {_LARGEST:g}")
    if isinstance(default, str) and not isinstance(value, str):
        raise ValueError(f"{name} = {value!r}")
    return value


def _check(policy: Policy, subject: str) -> None:
    if sorted(policy.tiers) != sorted(Tier):
        raise ConfigError(
            "tiers must name each tier once", subject=subject, advice=f"They are: {', '.join(Tier)}."
        )
    ranks = [policy.tiers.index(t) for t in _FIXED]
    if ranks != sorted(ranks):
        raise ConfigError(
            f"{', '.join(_FIXED)} must stand in this order",
            subject=subject,
            advice="Evidence of a camera must never lower a place. Only known and near-known may move.",
        )
    if not policy.order or not set(policy.order) <= set(KEYS) or len(set(policy.order)) != len(policy.order):
        raise ConfigError("order names unknown keys", subject=subject, advice=f"Keys: {', '.join(KEYS)}.")
    if {"leaning", "concurring"} <= set(policy.order):
        raise ConfigError(
            "order names both leaning and concurring",
            subject=subject,
            advice="Name one: 'leaning' orders by what 'concurring' does, too.",
        )
    o = policy.origin
    if not (0 < o.writable_cap < o.generated_at <= o.cap and o.independent >= 2 and o.altered_at > 0):
        raise ConfigError(
            "origin: needs 0 < writable_cap < generated_at <= cap, independent of 2 or more, altered_at above 0",
            subject=subject,
            advice="What anyone can write must never suffice for 'generated'.",
        )
    if not 0 < o.pixels_cap <= o.cap:
        raise ConfigError(
            "origin: needs 0 < pixels_cap <= cap",
            subject=subject,
            advice="It is the most that detectors count for, together.",
        )
    if not 0 < o.evidence_at <= o.camera_at:
        raise ConfigError(
            "origin: needs 0 < evidence_at <= camera_at", subject=subject, advice="Mend the two figures."
        )
    media = {"picture", "video", "audio"}
    if not media <= set(policy.aside.media):
        raise ConfigError(
            "aside.media must hold picture, video and audio",
            subject=subject,
            advice="Media is never set aside unseen.",
        )
