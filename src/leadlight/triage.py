"""Triage: a pure function of findings, links and policy. The same input gives the same place.

What it never does: grade, or take anything out. The lowest tiers keep their contents, counted and
searchable, each with its reason.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadlight.origin import camera_evidence, concurring, weigh
from leadlight.policy import Policy
from leadlight.records import (
    Answer,
    FailureNote,
    Item,
    ListKind,
    Match,
    Origin,
    Reason,
    Standing,
    Tier,
)
from leadlight.records import finding as kinds
from leadlight.records.hashlist import CRYPTOGRAPHIC
from leadlight.subject import Context, Subject, device_of, kilometres, times_of


def matches_of(subject: Subject, context: Context) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
    """Matches that count, and those quarantined as floods; each sorted: exact first, then by distance."""
    counted: list[Match] = []
    flooded: list[Match] = []
    for filed in subject.findings:
        if filed.finding.kind != kinds.MATCH:
            continue
        p = filed.finding.payload
        if p["list_id"] not in context.active_lists:
            continue
        match = Match(
            p["list"], ListKind(p["list_kind"]), p["algorithm"], int(p["distance"]), filed.id, p.get("edited", "")
        )
        near = match.algorithm not in CRYPTOGRAPHIC
        (flooded if near and (p["list_id"], p["entry"]) in context.floods else counted).append(match)
    order = list(ListKind)
    key = lambda m: (m.algorithm not in CRYPTOGRAPHIC, m.distance, order.index(m.kind), m.list)  # noqa: E731
    return tuple(sorted(counted, key=key)), tuple(sorted(flooded, key=key))


def place(subject: Subject, context: Context, policy: Policy) -> Standing:
    """Where `subject` stands by `policy`, and why."""
    origin = weigh(subject.findings, policy.origin)
    matches, flooded = matches_of(subject, context)
    failures = tuple(_failure_notes(subject))
    reasons: list[Reason] = []

    exact = {m.kind: m for m in reversed(matches) if m.algorithm in CRYPTOGRAPHIC}
    near = [m for m in matches if m.algorithm not in CRYPTOGRAPHIC and m.kind is not ListKind.BENIGN]
    relevance = _relevance(subject, matches, context, policy, reasons)
    recency = _recency(subject, context)
    fresh = _fresh(subject, recency, context, policy)
    evident = _evident(subject, origin, policy)

    facts = _Facts(exact, near, bool(flooded), relevance, evident, fresh)
    tier = _tier(subject, facts, origin, failures, policy, reasons)
    reasons.extend(_origin_reasons(origin))
    reasons.extend(
        Reason(
            f'An entry of the list "{m.list}" matches so much of this case that it is quarantined: it counts '
            "for no more than a place among the possible victims.",
            m.finding,
        )
        for m in flooded
    )
    agreed = 1.0 if concurring(subject.findings, policy.origin) else 0.0
    if agreed and {"concurring", "leaning"} & set(policy.order):
        words = "What is written in it and detectors both say 'generated': it comes later within its tier."
        reasons.append(Reason(words, None))
    values = {
        "relevance": -relevance,
        "leaning": _leaning(origin, policy) + agreed,
        "concurring": agreed,
        "novelty": 1.0 if subject.group in context.known_groups else 0.0,
        "rarity": float(subject.group_size),
        "recency": -recency,
    }
    return Standing(
        tier=tier,
        order=tuple(values[k] for k in policy.order),
        relevance=round(relevance, 3),
        origin=origin,
        matches=(*matches, *flooded),
        reasons=tuple(reasons),
        failures=failures,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What decides on a tier."""

    exact: Mapping[ListKind, Match]
    near: list[Match]
    flooded: bool
    relevance: float
    evident: str
    """What kind of evidence of a real picture there is, in words; '' for none."""
    fresh: str
    """What sign there is that it is new or near, in words; '' for none."""


def _tier(
    subject: Subject,
    facts: _Facts,
    origin: Origin,
    failures: tuple[FailureNote, ...],
    policy: Policy,
    reasons: list[Reason],
) -> Tier:
    def because(tier: Tier, text: str, finding: str | None = None) -> Tier:
        reasons.insert(0, Reason(text, finding))
        return tier

    exact, near, evident, fresh = facts.exact, facts.near, facts.evident, facts.fresh
    for kind, words in ((ListKind.KNOWN, "known material"), (ListKind.GENERATED, "known generated material")):
        if kind in exact:
            m = exact[kind]
            text = f'Equals an entry of the list "{m.list}" ({words}) by {m.algorithm}.'
            return because(Tier.KNOWN, text, m.finding)
    urgent = facts.relevance >= policy.relevance.relevant_at and bool(evident) and bool(fresh)
    if near and urgent and policy.tiers.index(Tier.URGENT) < policy.tiers.index(Tier.NEAR_KNOWN):
        text = f"Near-copy of listed material, itself not listed, with {evident} and {fresh}."
        return because(Tier.URGENT, text, near[0].finding)
    if near:
        m = near[0]
        return because(
            Tier.NEAR_KNOWN,
            f"{_likeness(m)}, itself not listed: may be new from a known series.",
            m.finding,
        )
    if ListKind.BENIGN in exact:
        m = exact[ListKind.BENIGN]
        text = f'Equals an entry of the benign list "{m.list}" by {m.algorithm}.'
        return because(Tier.SET_ASIDE, text, m.finding)
    aside = "" if facts.flooded else _aside(subject, failures, policy)
    if aside:
        return because(Tier.SET_ASIDE, aside)
    if urgent:
        return because(Tier.URGENT, f"Relevant, not known, with {evident} and {fresh}.")
    if evident:
        return because(Tier.POSSIBLE_VICTIM, f"Not known, with {evident}.")
    if facts.flooded:
        return because(
            Tier.POSSIBLE_VICTIM, "Not listed itself, and near to an entry that matches much of this case."
        )
    if origin.answer is Answer.GENERATED:
        return because(
            Tier.GENERATED,
            "The evidence for wholly generated is strong by policy, and nothing speaks for altered.",
        )
    return because(Tier.UNDETERMINED, _undetermined(subject, failures))


def _likeness(match: Match) -> str:
    if match.algorithm == "features":
        return f'Shows the same picture, or a part of it, as an entry of the list "{match.list}"'
    bits = f"{match.distance} of 256 bits differ"
    if match.edited and match.edited != "overlaid":
        return f'What lies within it is a near-copy of an entry of the list "{match.list}" ({bits})'
    if match.edited:
        return f'Resembles an entry of the list "{match.list}" as an edited copy does ({bits})'
    return f'Near-copy of an entry of the list "{match.list}" ({bits})'


def _undetermined(subject: Subject, failures: tuple[FailureNote, ...]) -> str:
    if subject.sha256 is None:
        return "Its bytes could not be read, so nothing is known of it: treated as possibly real."
    if subject.family in ("document", "archive", "disk"):
        return "May hold pictures that were not opened: treated as possibly real."
    if failures:
        return "Not known, and not all of it could be examined: treated as possibly real."
    hidden = _hidden(_payload(subject, kinds.FILETYPE))
    if hidden:
        return f"{hidden}: treated as possibly real."
    return "Not known, and the evidence does not decide: treated as possibly real."


def _evident(subject: Subject, origin: Origin, policy: Policy) -> str:
    if origin.answer is Answer.ALTERED:
        return "evidence that a real picture was altered"
    if camera_evidence(subject.findings, policy.origin) >= policy.origin.evidence_at:
        return "evidence of a camera"
    return ""


def _payload(subject: Subject, kind: str) -> Mapping[str, Any]:
    """The facts of the first finding of a kind; empty where there is none."""
    return next((f.finding.payload for f in subject.findings if f.finding.kind == kind), {})


def _hidden(filetype: Mapping[str, Any]) -> str:
    """What may hold pictures that nothing here opened, in words; '' where nothing points to any."""
    if filetype.get("carries"):
        return "Its bytes hold what looks like a picture, which was not opened"
    if filetype.get("also"):
        return "Another file lies in it, which was not opened"
    if filetype.get("high_entropy"):
        return "Its bytes look encrypted or packed, and nothing here opens them"
    return ""


def _aside(subject: Subject, failures: tuple[FailureNote, ...], policy: Policy) -> str:
    """Why it may be set aside unseen; '' where it may not. Whatever failed or may hide a picture may not."""
    if subject.sha256 is None or failures:
        return ""
    family = subject.family
    filetype = _payload(subject, kinds.FILETYPE)
    if family == "empty":
        return "An empty file."
    if _hidden(filetype):
        return ""
    if family in policy.aside.media:
        return _icon(subject, filetype, policy)
    if family in policy.aside.possible:
        return "A container; what it holds is listed on its own." if subject.container else ""
    if family == "unknown" and any(_suffix(i) in policy.aside.media_names for i in subject.places):
        return ""
    return (
        "No media that is known by its bytes."
        if family == "unknown"
        else "No media: its bytes are of another type."
    )


def _icon(subject: Subject, filetype: Mapping[str, Any], policy: Policy) -> str:
    """An icon is one small whole picture in a small file, with nothing larger or other in it."""
    shape = _payload(subject, kinds.PICTURE)
    if not shape or shape.get("frames", 1) != 1 or shape.get("truncated") or shape.get("method") != "full":
        return ""
    sides = [shape["width"], shape["height"], *(shape.get("largest") or ())]
    if max(sides) > policy.aside.icon_pixels or subject.size > policy.aside.icon_bytes:
        return ""
    if filetype.get("extra_bytes") or _thumbnail(subject):
        return ""
    return f"An icon: both sides at most {policy.aside.icon_pixels} pixels."


def _thumbnail(subject: Subject) -> bool:
    """Whether its metadata hold a picture of their own."""
    return bool(_payload(subject, kinds.CAMERA).get("thumbnail"))


def _suffix(item: Item) -> str:
    name = item.place.name.rsplit(b".", 1)
    return name[1].decode("ascii", "replace").lower() if len(name) == 2 else ""


def _relevance(
    subject: Subject, matches: tuple[Match, ...], context: Context, policy: Policy, reasons: list[Reason]
) -> float:
    rules = policy.relevance
    best = 0.0

    def count(value: float, text: str, finding: str | None = None) -> None:
        nonlocal best
        best = max(best, value)
        if text:
            reasons.append(Reason(text, finding))

    for m in matches:
        if m.kind is ListKind.BENIGN:
            continue
        exact = m.algorithm in CRYPTOGRAPHIC
        if m.kind is ListKind.KNOWN:
            top = rules.known if exact else rules.near_known
        else:
            top = rules.generated if exact else rules.near_generated
        count(top if exact else max(0.0, top - 0.2 * m.distance / 64), "")
    if rules.reported_all:
        count(rules.reported, "It was reported.")
    if best >= max(rules.same_device, rules.same_folder, rules.same_archive):
        return best
    for filed in subject.findings:
        if filed.finding.kind == kinds.CAMERA and device_of(filed.finding.payload) in context.devices:
            count(rules.same_device, "States the same camera, by serial number, as a match.", filed.id)
            break
    folders = [
        context.folders[f] for f in sorted({i.place.folder for i in subject.places}) if f in context.folders
    ]
    if folders:
        small = min(folders) <= rules.crowd
        count(rules.same_folder * (1 if small else 0.5), f"Lies in a folder of {min(folders)} files with a match.")
    within = {i.place.within for i in subject.places if i.place.within}
    archives = [context.archives[w] for w in sorted(within) if w in context.archives]
    if archives:
        small = min(archives) <= rules.crowd
        count(
            rules.same_archive * (1 if small else 0.5),
            f"Lies in an archive of {min(archives)} files with a match.",
        )
    if _near_moment(subject, context, rules.minutes * 60):
        count(rules.same_minutes, f"Its file time is within {rules.minutes} minutes of a match.")
    return best


def _near_moment(subject: Subject, context: Context, seconds: float) -> bool:
    for item in subject.places:
        if item.times.modified is None or not context.moments:
            continue
        at = item.times.modified.timestamp()
        i = bisect_left(context.moments, at - seconds)
        if i < len(context.moments) and context.moments[i] <= at + seconds:
            return True
    return False


def _recency(subject: Subject, context: Context) -> float:
    """Days since 1970 of its newest time that is not in the future of the evidence; 0 where none is known."""
    known = [t.timestamp() / 86400 for t in times_of(subject) if t <= context.as_of]
    return max(known, default=0.0)


def _fresh(subject: Subject, recency: float, context: Context, policy: Policy) -> str:
    if recency and context.as_of.timestamp() / 86400 - recency <= policy.new.recent_days:
        return f"a time within {policy.new.recent_days} days of the newest file"
    for filed in subject.findings:
        gps = filed.finding.payload.get("gps")
        if filed.finding.kind == kinds.CAMERA and isinstance(gps, Mapping):
            lat, lon = gps.get("lat"), gps.get("lon")
            if isinstance(lat, int | float) and isinstance(lon, int | float):
                for near in policy.new.places:
                    if kilometres(lat, lon, near) <= near.km:
                        return "a stated place near one that the policy names"
    return ""


def _leaning(origin: Origin, policy: Policy) -> float:
    if origin.log10_lr is None or origin.answer is Answer.ALTERED:
        return 0.0
    if origin.log10_lr >= policy.origin.evidence_at:
        return 1.0
    return -1.0 if -origin.log10_lr >= policy.origin.evidence_at else 0.0


def _origin_reasons(origin: Origin) -> list[Reason]:
    head = [Reason(f"Origin: {origin.answer}; {origin.verbal}.", None)]
    return head + [
        Reason(t.text, t.finding) for t in (*origin.supporting, *origin.opposing) if t.counted and t.log10_lr > 0
    ]


def _failure_notes(subject: Subject) -> list[FailureNote]:
    return [
        FailureNote(
            analyser=f.finding.analyser,
            reason=str(f.finding.payload.get("reason", "failed")),
            text=f.finding.statement,
            advice=str(f.finding.payload.get("advice", "")),
            finding=f.id or None,
        )
        for f in subject.findings
        if f.finding.kind == kinds.FAILURE
    ]
