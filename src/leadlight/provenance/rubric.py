"""What a C2PA manifest signals: the official rubric, evaluated over its actions and ingredients.

Source: C2PA Conformance Task Force, Asset Signals Rubric (Local) 1.0 of 2026-08-06
(c2pa-org/conformance-public, asset-rubrics/asset-rubric-signals-local.yml, CC BY 4.0), reimplemented and widened:
actions and ingredients of all versions are read, and an action template that states a source type counts as an
action. Source types: IPTC NewsCodes digitalsourcetype (2024-10-23) and c2pa.org/digitalsourcetype.

All input is evidence: every shape is checked, every list is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 1000
"""Actions or ingredients read of one manifest."""

INCEPTION = frozenset({"c2pa.created", "c2pa.opened"})
NON_EDITORIAL = frozenset(
    "c2pa." + name
    for name in (
        "converted",
        "published",
        "repackaged",
        "transcoded",
        "resized.proportional",
        "enhanced",
        "edited.metadata",
        "watermarked",
        "watermarked.bound",
        "watermarked.unbound",
        "redacted",
    )
)
GENAI = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "trainedAlgorithmicData",
    }
)
CAPTURED = frozenset(
    {"digitalCapture", "computationalCapture", "compositeCapture", "negativeFilm", "positiveFilm", "print"}
)
"""Source types of what a camera or a scanner took."""
_CHANGES_ONLY = frozenset(
    "c2pa." + name
    for name in (
        "adjustedColor",
        "color_adjustments",
        "changedSpeed",
        "cropped",
        "deleted",
        "filtered",
        "orientation",
        "removed",
        "resized",
        "trimmed",
    )
)
"""Editorial steps that take away or shift, and can't bring another picture in."""
_WHOLLY_GENAI = GENAI - {"compositeSynthetic"}
"""A synthetic composite may hold parts that are not synthetic."""
POSSIBLY_GENAI = frozenset({"digitalArt", "composite"})

_INCEPTION_SIGNALS = {
    "empty": "blankCanvas",
    "digitalCapture": "capturedMedia",
    "computationalCapture": "capturedMedia",
    "compositeCapture": "capturedMediaStitched",
    "composite": "compositionMayContainGenAI",
    "trainedAlgorithmicMedia": "fullyGenAIMedia",
    "digitalCreation": "nonGenAIDigitalCreation",
    "compositeWithTrainedAlgorithmicMedia": "partlyGenAICreation",
    "screenCapture": "screenCaptureMayContainGenAI",
}
_KNOWN_URI = re.compile(
    r"https?://(?:cv\.iptc\.org/newscodes/digitalsourcetype|c2pa\.org/digitalsourcetype)/(\w{1,64})"
)
_LABEL = re.compile(r"c2pa\.(actions|ingredient)(?:\.v\d+)?(?:__\d+)?")
_MANIFEST = re.compile(r"self#jumbf=/c2pa/([^/]+)")
_GOOD = (".validated", ".match", ".trusted", ".insideValidity", ".notRevoked")
_NEITHER = ("timeStamp.", "signingCredential.ocsp.", "ingredient.unknownProvenance")
"""Codes of version 1 records, which keep successes, failures and remarks in one list."""
_MARK = re.compile(r"(?i)mark|synthid|castlabs|imatag|digimarc|steg")
"""In the names of soft-binding algorithms that are watermarks and no fingerprints."""
_NOT_MEDIA = ("c2pa.types.model", "c2pa.types.generator.prompt", "c2pa.types.dataset", "c2pa.types.generator.seed")


@dataclass(frozen=True, slots=True)
class Action:
    """One step that the signer says it took."""

    name: str
    source_type: str | None
    """The last word of a known source type, the whole text of an unknown one, or None."""

    @property
    def editorial(self) -> bool:
        """Whether it may change what is seen: anything but an inception or a known non-editorial step."""
        return self.name not in INCEPTION and self.name not in NON_EDITORIAL


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One thing that went in."""

    relationship: str
    """parentOf, componentOf or inputTo."""
    manifest: str | None
    """The label of its own manifest, or None where it has none."""
    media: bool
    """False for prompts, models and other things that are no picture, video or document."""
    recorded: tuple[tuple[str, str, str], ...]
    """What the signer found when it took it in: 'success' or 'failure', code, URL."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of one manifest, each sorted."""

    inception: tuple[str, ...]
    transformation: tuple[str, ...]


def source_type(value: object) -> str | None:
    """A digital source type by its last word, or as it stands where its vocabulary is not known."""
    if not isinstance(value, str) or not value:
        return None
    known = _KNOWN_URI.fullmatch(value)
    return known[1] if known else value[:200]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (v for v in value[:MOST] if isinstance(v, Mapping))


def _assertions(manifest: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for label, value in sorted(_mapping(manifest.get("assertions")).items()):
        match = _LABEL.fullmatch(label)
        if match and match[1] == kind:
            yield label, _mapping(value)


def actions(manifest: Mapping[str, Any]) -> tuple[Action, ...]:
    """All actions of a manifest in Conformance JSON, in order, templates with a source type last."""
    found: list[Action] = []
    for _, assertion in _assertions(manifest, "actions"):
        for action in _mappings(assertion.get("actions")):
            name = action.get("action")
            found.append(
                Action(name[:200] if isinstance(name, str) else "", source_type(action.get("digitalSourceType")))
            )
        for template in _mappings(assertion.get("templates")):
            if kind := source_type(template.get("digitalSourceType")):
                name = template.get("action")
                found.append(Action(name[:200] if isinstance(name, str) else "", kind))
    return tuple(found[:MOST])


def may_bring_other(action: Action) -> bool:
    """Whether a step may have brought in what no model made, so that 'wholly generated' can't rest on the rest.

    Steps stated as a model's are believed under a name of the standard; of those without a source type only such
    as take away; an inception stated as anything but a model's or an empty canvas is another beginning.
    """
    if action.name in NON_EDITORIAL:
        return False
    if action.name in INCEPTION:
        return action.source_type not in _WHOLLY_GENAI | {"empty", None}
    if action.name == "c2pa.unknown" or not action.name.startswith("c2pa."):
        return True
    if action.source_type is None:
        return action.name not in _CHANGES_ONLY
    return action.source_type not in _WHOLLY_GENAI


def ingredients(manifest: Mapping[str, Any]) -> tuple[Ingredient, ...]:
    """All ingredients of a manifest."""
    found = []
    for _, assertion in _assertions(manifest, "ingredient"):
        relationship = assertion.get("relationship")
        found.append(
            Ingredient(
                relationship=relationship if isinstance(relationship, str) else "",
                manifest=_manifest_of(assertion),
                media=_is_media(assertion),
                recorded=tuple(_recorded(assertion)),
            )
        )
    return tuple(found[:MOST])


def _manifest_of(assertion: Mapping[str, Any]) -> str | None:
    reference = _mapping(assertion.get("activeManifest") or assertion.get("c2pa_manifest"))
    match = _MANIFEST.match(str(reference.get("url", "")))
    return match[1] if match else None


def _is_media(assertion: Mapping[str, Any]) -> bool:
    media_type = str(assertion.get("dc:format") or "")
    if media_type.startswith(("text/", "audio/")) or media_type == "application/json":
        return False
    types = [str(t.get("type", "")) for t in _mappings(assertion.get("dataTypes"))]
    return not types or not all(t.startswith(_NOT_MEDIA) for t in types)


def _recorded(assertion: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status in _mappings(assertion.get("validationStatus")):
        code = str(status.get("code", ""))[:200]
        if not code.startswith(_NEITHER):
            outcome = "success" if status.get("success") is True or code.endswith(_GOOD) else "failure"
            yield outcome, code, str(status.get("url", ""))[:500]
    results = _mapping(assertion.get("validationResults"))
    parts = [_mapping(results.get("activeManifest"))]
    parts += [_mapping(d.get("validationDeltas")) for d in _mappings(results.get("ingredientDeltas"))]
    for part in parts:
        for outcome in ("success", "failure"):
            for status in _mappings(part.get(outcome)):
                yield outcome, str(status.get("code", ""))[:200], str(status.get("url", ""))[:500]


def watermarks(manifest: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The algorithms of the watermarks that a manifest states, sorted; empty where it names none; None where it
    states no watermark. Soft bindings (C2PA 2.x, 'c2pa.soft-binding') may be fingerprints too: they count where
    they name a watermark or a step says that one was put in.
    """
    marked = any(a.name.split(".")[:2] == ["c2pa", "watermarked"] for a in actions(manifest))
    names = {
        str(value.get("alg", ""))[:80]
        for label, value in sorted(_mapping(manifest.get("assertions")).items())
        if label.split("__")[0] == "c2pa.soft-binding" and isinstance(value, Mapping)
    }
    named = sorted(n for n in names if n and (marked or _MARK.search(n)))[:8]
    return tuple(named) if named or marked else None


def manifest_label(url: str) -> str | None:
    """The manifest that a JUMBF URL lies in, or None."""
    match = _MANIFEST.match(url)
    return match[1] if match else None


def signals(manifest: Mapping[str, Any]) -> Signals:
    """The rubric over one manifest in Conformance JSON."""
    acts = actions(manifest)
    inception = {
        _INCEPTION_SIGNALS[a.source_type]
        for a in acts
        if a.name in INCEPTION and a.source_type in _INCEPTION_SIGNALS
    }
    if any(i.manifest is None for i in ingredients(manifest) if i.media):
        inception.add("mediaUnknownProvenance")
    transformation = set()
    for act in acts:
        if act.name in NON_EDITORIAL:
            transformation.add("nonEditorial")
        elif act.name and act.name not in INCEPTION and act.source_type is not None:
            genai = act.source_type in GENAI
            transformation.add("perceptibleGenAI" if genai else "perceptibleNonGenAI")
            if act.source_type in POSSIBLY_GENAI:
                transformation.add("perceptiblePossiblyGenAI")
    if _ambiguous(manifest, acts):
        transformation.add("ambiguousActions")
    return Signals(tuple(sorted(inception)), tuple(sorted(transformation)))


def _ambiguous(manifest: Mapping[str, Any], acts: tuple[Action, ...]) -> bool:
    if not acts or any(a.name == "c2pa.unknown" or not a.name.startswith("c2pa.") for a in acts):
        return True
    if any(v.get("allActionsIncluded") is not True for _, v in _assertions(manifest, "actions")):
        return True
    gathered = _mapping(manifest.get("claim.v2")).get("gathered_assertions")
    return any("c2pa.actions" in str(g.get("url", "")) for g in _mappings(gathered))
