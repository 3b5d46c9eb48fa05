"""The weighing of origin: findings to one of four answers, with its doubt.

Weights on one basis depend on each other, so only the strongest of each direction counts; what anyone can
write (metadata, open watermarks, file structure) is one basis, capped. Only different bases add up. Words
follow the ENFSI guideline for evaluative reporting (2015): a likelihood ratio with both its propositions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leadlight.policy import OriginPolicy
from leadlight.records import Answer, Basis, Filed, Origin, Proposition, Term, Weight

WRITABLE = frozenset({Basis.METADATA, Basis.WATERMARK, Basis.STRUCTURE})
"""What anyone can write: one dependent group, whatever it says and however often."""

SCALE = (
    (6.0, "extremely strong"),
    (4.0, "very strong"),
    (3.0, "strong"),
    (2.0, "moderately strong"),
    (1.0, "moderate"),
    (0.301, "weak"),
)
"""The least log10 likelihood ratio of each word: ENFSI Guideline for Evaluative Reporting (2015)."""

_PROPOSITIONS = {
    Proposition.GENERATED: ("the output of a generative model", "a camera capture"),
    Proposition.CAMERA: ("a camera capture", "the output of a generative model"),
    Proposition.ALTERED: ("a real picture changed by a model", "a picture left as captured"),
}


def verbal(log10_lr: float, proposition: Proposition) -> str:
    """The ENFSI verbal scale for a log10 likelihood ratio of 0 or more, with both propositions."""
    this, other = _PROPOSITIONS[proposition]
    for least, word in SCALE:
        if log10_lr >= least:
            figure = f"{10**log10_lr:,.0f}" if log10_lr >= 1 else f"{10**log10_lr:.1f}"
            return f"{word} support (likelihood ratio {figure}) for {this} rather than {other}"
    return f"no support for {this} rather than {other}, or the other way round"


@dataclass(frozen=True, slots=True)
class _Group:
    """The counted weights of one independent group."""

    generated: float
    camera: float
    altered: float


def camera_evidence(findings: Iterable[Filed], policy: OriginPolicy) -> float:
    """The log10 likelihood ratio for a camera, against what others than the file's writer say.

    What anyone can write for 'generated' is left out: stamping a camera's picture must not take its place in the
    queue away. Adding a weight for 'camera' never lowers it.
    """
    _, sums, _ = _sums(findings, policy)
    return sum(g.camera - (0.0 if name == "writable" else g.generated) for name, g in sums.items())


def weigh(findings: Iterable[Filed], policy: OriginPolicy) -> Origin:
    """The answer, by `policy`. Adding a weight for 'camera' never moves the answer towards 'generated'.

    'generated' takes a trusted signature or `policy.independent` kinds of independent evidence, and their sum,
    without what anyone can write, must reach `policy.generated_at`; and nothing may speak for 'altered'.
    """
    weighted, sums, counted = _sums(findings, policy)
    total = sum(g.generated - g.camera for g in sums.values())
    altered = sum(g.altered for g in sums.values())
    firm = sum(
        min(0.0, g.generated - g.camera) if name == "writable" else g.generated - g.camera
        for name, g in sums.items()
    )
    independent = sum(1 for name, g in sums.items() if name != "writable" and g.generated > g.camera)
    signed = Basis.SIGNATURE in sums and sums[Basis.SIGNATURE].generated > 0
    total = max(-policy.cap, min(policy.cap, total))
    altered = min(policy.cap, altered)

    if altered >= policy.altered_at:
        answer = Answer.ALTERED
    elif firm >= policy.generated_at and altered == 0 and (signed or independent >= policy.independent):
        answer = Answer.GENERATED
    elif -total >= policy.camera_at:
        answer = Answer.CAMERA
    else:
        answer = Answer.UNDETERMINED
    return Origin(
        answer=answer,
        log10_lr=round(total, 3) if weighted else None,
        verbal=_words(answer, total, altered, bool(weighted)),
        supporting=_terms(weighted, counted, camera=False),
        opposing=_terms(weighted, counted, camera=True),
    )


def _sums(
    findings: Iterable[Filed], policy: OriginPolicy
) -> tuple[list[tuple[Filed, Weight]], dict[str, _Group], set[tuple[int, Proposition]]]:
    """All weights, the counted ones of each independent group, and which were counted."""
    weighted = [(f, f.finding.weight) for f in findings if f.finding.weight is not None]
    groups: dict[str, list[tuple[Filed, Weight]]] = {}
    for filed, weight in weighted:
        groups.setdefault("writable" if weight.basis in WRITABLE else weight.basis, []).append((filed, weight))
    counted: set[tuple[int, Proposition]] = set()
    sums: dict[str, _Group] = {}
    for name, members in groups.items():
        best: dict[Proposition, float] = {}
        for proposition in Proposition:
            speaking = [(w.log10_lr, f.id, f) for f, w in members if w.proposition is proposition]
            if speaking:
                strength, _, filed = max(speaking, key=lambda s: (s[0], s[1]))
                best[proposition] = min(strength, policy.writable_cap) if name == "writable" else strength
                counted.add((id(filed), proposition))
        sums[name] = _Group(
            best.get(Proposition.GENERATED, 0.0),
            best.get(Proposition.CAMERA, 0.0),
            best.get(Proposition.ALTERED, 0.0),
        )
    return weighted, sums, counted


def _words(answer: Answer, total: float, altered: float, any_weight: bool) -> str:
    if not any_weight:
        return "no finding speaks for or against any origin"
    if answer is Answer.ALTERED:
        return verbal(altered, Proposition.ALTERED)
    return verbal(abs(total), Proposition.GENERATED if total >= 0 else Proposition.CAMERA)


def _terms(
    weighted: list[tuple[Filed, Weight]], counted: set[tuple[int, Proposition]], *, camera: bool
) -> tuple[Term, ...]:
    terms = [
        Term(
            text=f.finding.statement,
            finding=f.id or None,
            log10_lr=w.log10_lr,
            counted=(id(f), w.proposition) in counted,
        )
        for f, w in weighted
        if (w.proposition is Proposition.CAMERA) == camera
    ]
    return tuple(sorted(terms, key=lambda t: (not t.counted, -t.log10_lr, t.finding or "", t.text)))
