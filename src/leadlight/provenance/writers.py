"""The open table of known writers of JPEG structure: cameras, phones, editors, messengers, libraries, generators.

A TOML file of ``[[writer]]`` entries; the operator's file (``writers`` in the settings) adds to the shipped one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from leadlight.errors import ConfigError
from leadlight.provenance.stream import Stream

KINDS: Final = ("camera", "phone", "editor", "messenger", "library", "generator")
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_ADVICE: Final = "Each [[writer]] has signature or quantisation (16 hex digits), kind, name, source and count."


@dataclass(frozen=True, slots=True)
class Writer:
    """One entry: files of this build were seen to come from this writer."""

    kind: str
    """One of KINDS."""
    name: str
    source: str
    """Where the files came from."""
    count: int
    """How many files it rests on."""
    signature: str = ""
    """Digest of the whole structure ..."""
    quantisation: str = ""
    """... or of tables and sampling alone."""

    def fits(self, stream: Stream) -> bool:
        """Whether a stream has this build."""
        return self.signature == stream.signature if self.signature else self.quantisation == stream.quantisation


@cache
def shipped() -> tuple[Writer, ...]:
    """The table that comes with Leadlight."""
    return parse(files("leadlight").joinpath("data/writers.toml").read_text("utf-8"), "writers.toml")


def load(path: Path) -> tuple[Writer, ...]:
    """The entries of an operator's file. Raises ConfigError naming file and line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"can't be read ({getattr(e, 'strerror', None) or 'not UTF-8'})",
            subject=str(path),
            advice="Check the setting 'writers'.",
        ) from e
    return parse(text, str(path))


def parse(text: str, subject: str) -> tuple[Writer, ...]:
    """The entries in TOML text. Raises ConfigError naming the line of the entry at fault."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise ConfigError(f"is not TOML: {e}", subject=subject, advice="Mend the line named.") from e
    if values.keys() - {"writer"}:
        raise ConfigError(
            f"holds {', '.join(sorted(values.keys() - {'writer'}))} beside [[writer]]",
            subject=subject,
            advice=_ADVICE,
        )
    entries = values.get("writer", [])
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*writer\s*\]\]", line)]
    if not isinstance(entries, list) or len(lines) != len(entries):
        raise ConfigError("writer is not written as [[writer]]", subject=subject, advice=_ADVICE)
    return tuple(_writer(e, f"{subject}, line {line}") for e, line in zip(entries, lines, strict=True))


def _writer(entry: Mapping[str, Any], subject: str) -> Writer:
    fault = ""
    digests = [k for k in ("signature", "quantisation") if k in entry]
    unknown = entry.keys() - {"signature", "quantisation", "kind", "name", "source", "count"}
    if unknown:
        fault = f"no such field: {', '.join(sorted(unknown))}"
    elif len(digests) != 1:
        fault = "needs either signature or quantisation"
    elif not isinstance(entry[digests[0]], str) or not _DIGEST.fullmatch(entry[digests[0]]):
        fault = f"{digests[0]} is not 16 hex digits in lower case"
    elif entry.get("kind") not in KINDS:
        fault = f"kind is not one of {', '.join(KINDS)}"
    elif any(not isinstance(entry.get(k), str) or not entry[k] for k in ("name", "source")):
        fault = "name and source must be text"
    elif type(entry.get("count")) is not int or entry["count"] < 1:
        fault = "count is not a number of files"
    if fault:
        raise ConfigError(fault, subject=subject, advice=_ADVICE)
    return Writer(**entry)


def known_writers(stream: Stream, table: Iterable[Writer]) -> tuple[Writer, ...]:
    """The entries that fit: by the whole signature where any does, else by quantisation.

    Where the tables are exactly those of an IJG quality, entries for cameras, phones and generators are left
    out: hundreds of programs write the same, so such an entry would name the wrong one with an air of proof.
    """
    fitting = [
        w for w in table if w.fits(stream) and not (stream.ijg and w.kind in ("camera", "phone", "generator"))
    ]
    return tuple([w for w in fitting if w.signature] or fitting)
