"""What is said of a content: Finding, its Weight, and failures, which are findings too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

FILETYPE: Final = "filetype"
"""What the bytes are. Payload: media_type, family (see identify/filetype), extension."""
NAME: Final = "name"
"""A file's name contradicts its bytes. Said of a place, not of a content."""
PICTURE: Final = "picture"
"""The picture opens. Payload: width, height, mode, frames, orientation, method."""
DIGEST: Final = "fingerprint.digest"
"""A cryptographic digest. Payload: algorithm, value (hex), quality (null), method."""
PDQ: Final = "fingerprint.pdq"
"""A PDQ hash. Payload: algorithm 'pdq', value (64 hex characters), quality 0-100, method, frame."""
REGIONS: Final = "fingerprint.regions"
"""PDQ of rectangles within a picture. Payload: prints (algorithm, value, quality, way, rectangle), exact."""
FEATURES: Final = "fingerprint.features"
"""Local features. Payload: algorithm (orb), features (how many), value (base64 of their record)."""
MATCH: Final = "match"
"""A hit on a hash list. Payload: list_id, list, list_kind, algorithm, distance, entry."""
SIGNED: Final = "provenance.signed"
"""What a C2PA manifest states and whether its signature holds."""
CAMERA: Final = "provenance.camera"
"""What EXIF, XMP and IPTC state of a camera, a time and a place."""
GENERATOR: Final = "provenance.generator"
"""What a generator wrote into the file."""
STRUCTURE: Final = "provenance.structure"
"""How the file is built: tables, markers, writer signature."""
CONTRADICTION: Final = "provenance.contradiction"
"""Two statements in one file that can't both be true."""
AGREEMENT: Final = "provenance.agreement"
"""What a camera writes in several places of one file agrees. Payload: checked (words)."""
WATERMARK: Final = "provenance.watermark"
"""A mark that a generator, or its service, hid in the pixels. Payload: scheme, mark, and what the reader adds."""
SCORE: Final = "score"
"""A detector's score. It may move a file down the queue; it never removes or grades one."""
SENSOR: Final = "sensor"
"""The sensor pattern of an enrolled camera is in the picture. Payload: see detect/sensor."""
RESIDUE: Final = "sensor.residue"
"""The noise of a picture, kept to find others of its camera by. Payload: width, height, step, value (base64)."""
FAILURE: Final = "failure"
"""Something could not be read or done. Payload: reason, subject, advice; limit where one was reached."""


class Proposition(StrEnum):
    """What a weight speaks for. Its alternative is stated with it (ENFSI evaluative reporting, 2015)."""

    CAMERA = "camera"
    """The picture is a camera capture, rather than the output of a generative model."""
    GENERATED = "generated"
    """The picture is wholly the output of a generative model, rather than a camera capture."""
    ALTERED = "altered"
    """A real picture was changed by a model, rather than left as captured. It may have a real victim."""


class Basis(StrEnum):
    """What a weight rests on. Weights on one basis depend on each other; only different bases add up."""

    SIGNATURE = "signature"
    """A cryptographic signature by a key on the trust list."""
    METADATA = "metadata"
    """Text that anyone can write: EXIF, XMP, IPTC, chunks, labels, unsigned or untrusted manifests."""
    WATERMARK = "watermark"
    """An open watermark or stealth bits: anyone can write them."""
    STRUCTURE = "structure"
    """How the file is built. Anyone who re-saves a file with the same program gets the same."""
    PIXELS = "pixels"
    """A detector that looks at the picture."""
    SENSOR = "sensor"
    """The noise of one camera's sensor."""


class WeightSource(StrEnum):
    """Where a likelihood ratio comes from, from best to least."""

    MEASURED = "measured"
    TABLE = "table"
    POLICY = "policy"
    """Set by judgement; bounded low."""


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a finding speaks for one proposition against its alternative."""

    proposition: Proposition
    log10_lr: float
    """The base-10 logarithm of the likelihood ratio; 0 or more: the direction is in the proposition."""
    basis: Basis
    source: WeightSource
    note: str = ""
    """What the figure rests on, in a few words."""

    def __post_init__(self) -> None:
        if not 0 <= self.log10_lr <= 12:
            raise ValueError(f"log10_lr must lie in 0 to 12, not {self.log10_lr}: turn the proposition instead")


def _frozen(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return payload if isinstance(payload, MappingProxyType) else MappingProxyType(dict(payload))


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement by one analyser at one version about one content (or one place)."""

    analyser: str
    version: str
    kind: str
    """One of the constants above, or a plugin's own, as dotted lower-case words."""
    statement: str
    """The finding in plain words, as an examiner would write it; no prompt text, no raw bytes."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Facts as JSON values."""
    weight: Weight | None = None
    """None where the finding speaks for nothing."""
    sealed: Mapping[str, str] = field(default_factory=dict)
    """Text that may be harmful to read (prompts): stored, shown only when an operator asks."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "payload", _frozen(self.payload))
        object.__setattr__(self, "sealed", _frozen(self.sealed))


def failure(analyser: str, version: str, *, reason: str, what: str, advice: str, **facts: Any) -> Finding:
    """A Failure: 'could not be read' is evidence too, and is shown.

    `reason` is one word of `errors` (undecodable, unsupported, encrypted, limit, unreadable) or 'crashed',
    'timeout', 'failed'.
    """
    return Finding(
        analyser=analyser,
        version=version,
        kind=FAILURE,
        statement=what,
        payload={"reason": reason, "advice": advice, **facts},
    )


@dataclass(frozen=True, slots=True)
class Filed:
    """A finding as it stands in the record, with what names it there."""

    id: str
    """The first 12 hex characters of the digest over subject and statement: the same in every scan of the same
    evidence, whatever the order of work. '' outside a case."""
    finding: Finding
