"""The record of acts: who did what to the case, when. Append-only and hash-chained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64
"""What the first act names as the one before it."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act. Its digest covers all other fields and the digest of the act before."""

    number: int
    when: datetime
    """UTC."""
    actor: str
    action: str
    """A verb with its object: 'case.create', 'scan.start', 'findings.append', 'list.add', 'grade'."""
    details: Mapping[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Grade:
    """A person's word on one content. Only people grade."""

    sha256: str
    grade: str
    actor: str
    when: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One deliberate look at a picture by a person."""

    sha256: str
    actor: str
    when: datetime
    form: str
    """How it was shown: size, blur, colour."""
