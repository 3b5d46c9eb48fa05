"""Settings: one frozen record, from a file, then the environment, then flags; the later wins.

The file is TOML, named by ``LEADLIGHT_CONFIG`` or found at ``$XDG_CONFIG_HOME/leadlight/config.toml``
(``~/.config`` where that is unset). Environment variables are ``LEADLIGHT_`` and the setting in capitals,
with two underscores for a dot: ``LEADLIGHT_LIMITS__DEPTH=12``.
"""

from __future__ import annotations

import getpass
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from leadlight.errors import ConfigError

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. Each limit that is hit is recorded as a Failure that names it."""

    depth: int = 8
    """Containers within containers."""
    members: int = 1_000_000
    """Members of one file on the medium, nested ones included."""
    member_bytes: int = 8 * 1024 * MIB
    """Unpacked bytes of one member."""
    total_bytes: int = 1024 * 1024 * MIB
    """Unpacked bytes of one file on the medium, nested ones included."""
    ratio: float = 1000.0
    """Unpacked bytes to packed bytes of one container, once more than 64 MiB came out."""
    memory_bytes: int = 256 * MIB
    """Content up to this size is held in memory; a greater one is read through a file."""
    pixels: int = 400_000_000
    """Pixels of one picture before it is decoded."""
    side: int = 65_535
    """Pixels across or down of one picture before it is decoded: what JPEG itself can state at most."""
    frames: int = 16
    """Frames taken from an animated picture, spread evenly."""
    metadata_bytes: int = 16 * MIB
    """Bytes of one metadata block (EXIF, XMP, a text chunk once inflated)."""
    seconds: float = 300.0
    """Silence of a worker on one file before it is stopped."""
    worker_memory_bytes: int = 8 * 1024 * MIB
    """Memory of one worker: a file that needs more costs a Failure of its own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an operator can set."""

    jobs: int = 0
    """Worker processes; 0 for one a core."""
    actor: str = ""
    """Who acts, in the audit record; the account name where empty."""
    profile: str = "victim-first"
    """The triage policy: the name of a shipped profile, or the path of a TOML file."""
    near_radius: int = 31
    """Bits of difference up to which a PDQ hash is a near match, 0 to 63."""
    near_quality: int = 50
    """PDQ quality below which a picture is too flat to match near, 0 to 100."""
    hashing: str = "fast"
    """How pictures are decoded for perceptual hashes: 'fast' leaves detail out where the picture is large enough
    and confirms near matches by a full decode; 'exact' decodes every picture in full.
    """
    features: str = "off"
    """'on' takes local features of each picture too: they find parts and turned copies, where the extra
    'features' is installed. What was taken is matched from then on.
    """
    detect: str = "off"
    """'on' asks detectors of generated pictures, and looks for open watermarks: each picture is decoded in full.
    """
    models: str = ""
    """The folder of added models; $XDG_DATA_HOME/leadlight/models where empty."""
    sensor: str = "off"
    """'on' takes the noise that a sensor left in each picture: pictures of one camera are linked by it, and those
    of enrolled cameras named.
    """
    cameras: str = ""
    """A file of an enrolled camera, or a folder of them, to be looked for where `sensor` is 'on'."""
    flood_share: float = 0.02
    """An entry that matches near more than this share of a case is quarantined and shown."""
    flood_least: int = 50
    """... but never one that matches fewer contents than this."""
    trust_anchors: str = ""
    """A PEM file of C2PA trust anchors in place of the shipped official list."""
    writers: str = ""
    """A TOML file of known writers of JPEG structure, added to the shipped table."""
    cage: str = "on"
    """What workers are held in while they read evidence: 'on' takes every layer that this system has, 'required'
    refuses to scan where one is missing, 'off' takes none.
    """
    seal_key: str = ""
    """A private key: with it, a run ends with a seal of the record. The passphrase is never a setting."""
    timestamp_url: str = ""
    """The address of a timestamp server (RFC 3161), asked only by 'leadlight seal --timestamp'."""
    timestamp_roots: str = ""
    """A PEM file of the root certificates that timestamps must lead to."""
    case_key_file: str = ""
    """The key file of encrypted cases; a new case is encrypted with it. It stands in no record and no report, and
    no worker is told."""
    limits: Limits = field(default_factory=Limits)

    def actor_name(self) -> str:
        """Who acts: the setting, or the account's name."""
        if self.actor:
            return self.actor
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"

    def worker_count(self) -> int:
        """How many workers to start."""
        if self.jobs > 0:
            return self.jobs
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, without the place of the case's key: for records, reports and workers."""
        return {name: value for name, value in asdict(self).items() if name != "case_key_file"}


def from_plain(values: Mapping[str, Any], origin: str = "settings") -> Settings:
    """Settings from nested values; raises ConfigError naming the setting and `origin` where one does not fit."""
    return _merge(Settings(), values, origin)


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Settings from file, environment and flags (None values are ignored). Raises ConfigError."""
    environ = os.environ if environ is None else environ
    path = file or _config_path(environ)
    settings = Settings()
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as e:
            raise ConfigError(
                f"can't be read ({e.strerror})", subject=str(path), advice="Check LEADLIGHT_CONFIG."
            ) from e
        except (ValueError, RecursionError) as e:
            raise ConfigError(f"is not TOML: {e}", subject=str(path), advice="Mend the line named.") from e
        settings = _merge(settings, values, str(path))
    settings = _merge(settings, _from_environ(environ), "the environment")
    return _merge(settings, {k: v for k, v in (flags or {}).items() if v is not None}, "the command line")


def _config_path(environ: Mapping[str, str]) -> Path | None:
    if named := environ.get("LEADLIGHT_CONFIG"):
        return Path(named)
    home = environ.get("XDG_CONFIG_HOME") or (
        str(Path(environ["HOME"]) / ".config") if environ.get("HOME") else ""
    )
    path = Path(home) / "leadlight" / "config.toml" if home else None
    return path if path is not None and os.path.isfile(path) else None  # noqa: PTH113 (no fault where barred)


PASSPHRASE = "LEADLIGHT_SEAL_PASSPHRASE"  # noqa: S105 (a name)
"""The variable that holds the passphrase of the key: no setting, so that no record and no report tells it."""
_NO_SETTINGS = ("LEADLIGHT_CONFIG", PASSPHRASE)


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in environ.items():
        if not key.startswith("LEADLIGHT_") or key in _NO_SETTINGS or key.startswith("LEADLIGHT_TEST_"):
            continue
        *heads, last = key.removeprefix("LEADLIGHT_").lower().split("__")
        target = out
        for head in heads:
            inner = target.setdefault(head, {})
            if not isinstance(inner, dict):
                raise _not_a_table(head, "the environment")
            target = inner
        if isinstance(target.get(last), dict):
            raise _not_a_table(last, "the environment")
        target[last] = value
    return out


def _not_a_table(name: str, origin: str) -> ConfigError:
    return ConfigError(
        f"must be a table, in {origin}",
        subject=name,
        advice=f"Write [{name}] in a file, or LEADLIGHT_{name.upper()}__NAME in the environment.",
    )


T = TypeVar("T", Settings, Limits)


def _merge(base: T, values: Mapping[str, Any], origin: str) -> T:
    changes: dict[str, Any] = {}
    known = {f.name: getattr(base, f.name) for f in fields(base)}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(
                f"no such setting, in {origin}", subject=name, advice=f"Settings are: {', '.join(known)}."
            )
        old = known[name]
        if isinstance(old, Limits):
            if not isinstance(value, Mapping):
                raise _not_a_table(name, origin)
            changes[name] = _merge(old, value, origin)
        else:
            changes[name] = _converted(name, value, old, origin)
    return replace(base, **changes)


_BOUNDS: dict[str, tuple[float, float]] = {
    "jobs": (0, 1024),
    "near_radius": (0, 63),
    "near_quality": (0, 100),
    "flood_share": (0, 1),
    "flood_least": (1, 10**9),
    "worker_memory_bytes": (512 * MIB, 2**50),
}


_CHOICES: dict[str, tuple[str, ...]] = {
    "hashing": ("fast", "exact"),
    "features": ("off", "on"),
    "sensor": ("off", "on"),
    "detect": ("off", "on"),
    "cage": ("on", "off", "required"),
}


_NAMES = {int: "a whole number", float: "a finite number", str: "text"}


def _short(value: Any) -> str:
    """As written, cut where it is long; hexadecimal numbers in TOML can be longer than Python prints."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:
        return "a very long number"
    return text if len(text) <= 60 else text[:60] + "…"


def _converted(name: str, value: Any, old: Any, origin: str) -> Any:
    wanted = type(old)
    try:
        if isinstance(value, bool) or (wanted is str and not isinstance(value, str)):
            raise ValueError(value)
        new = wanted(value)
        shown = f"{new}"
        if wanted is str:
            new.encode("utf-8")
        elif not math.isfinite(new) or (isinstance(value, float) and new != value):
            raise ValueError(value)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(
            f"{_short(value)} is not {_NAMES[wanted]}, in {origin}",
            subject=name,
            advice=f"The default is {old!r}.",
        ) from None
    if name in _CHOICES and new not in _CHOICES[name]:
        raise ConfigError(
            f"{_short(shown)} is none of {', '.join(_CHOICES[name])}, in {origin}",
            subject=name,
            advice=f"The default is {old!r}.",
        )
    low, high = _BOUNDS.get(name, (1, 2**62) if wanted is not str else (0, 0))
    if wanted is not str and not low <= new <= high:
        raise ConfigError(
            f"{_short(shown)} is out of range {low:g} to {high:g}, in {origin}",
            subject=name,
            advice=f"The default is {old!r}.",
        )
    return new
