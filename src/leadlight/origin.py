"""The weighing of origin: findings to one of four answers, with its doubt.

Findings that rest on the same depend on each other, so they don't add up; only what rests on different things
does:

- *writable*: metadata, open watermarks, file structure. Anyone can write all of them, and whoever writes one
  writes the others. The strongest of each direction counts, and no more than `policy.writable_cap`.
- *signature*, *sensor*: the strongest of each direction counts.
- *pixels*: detectors were trained on the same kinds of picture and err on the same ones. Where they agree, the one
  nearest to a camera counts: the least sure of those that say 'generated', the surest of those that say 'camera'.
  Where they contradict each other, none counts. None counts for more than `policy.pixels_cap`, for what a
  detector meets is never quite what it was calibrated on. One that abstained does not exist here.

The sum is held to `policy.cap`: beyond it, that the kinds are independent is itself the weakest assumption. Words
follow the ENFSI guideline for evaluative reporting (2015): a likelihood ratio with both its propositions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from leadlight.policy import OriginPolicy
from leadlight.records import Answer, Basis, Filed, Origin, Proposition, Term, Weight
from leadlight.records import finding as kinds

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
_WRITABLE = "writable"
_STRONGER = "a stronger finding on the same basis counts"
_LEAST_SURE = "of detectors that agree, the least sure counts"
_CONTRADICT = "detectors contradict each other, so none counts"


def verbal(log10_lr: float, proposition: Proposition) -> str:
    """The ENFSI verbal scale for a log10 likelihood ratio of 0 or more, with both propositions."""
    this, other = _PROPOSITIONS[proposition]
    for least, word in SCALE:
        if log10_lr >= least:
            figure = f"{10**log10_lr:,.0f}" if log10_lr >= 1 else f"{10**log10_lr:.1f}"
            return f"{word} support (likelihood ratio {figure}) for {this} rather than {other}"
    return f"no support for {this} rather than {other}, or the other way round"


@dataclass(slots=True)
class _Group:
    """What one kind of evidence says: the counted figure of each direction, and why the others are not counted."""

    generated: float = 0.0
    camera: float = 0.0
    altered: float = 0.0
    for_place: float = 0.0
    """For a camera, where a place in the queue is asked: what contradicts it among its own kind aside."""
    counted: set[int] = field(default_factory=set)
    why: dict[int, str] = field(default_factory=dict)
    """By the finding's number: why it is not counted, or what it is held to."""


Weighed = tuple[int, Filed, Weight]
"""A finding's number among those weighed, the finding, its weight."""


def camera_evidence(findings: Iterable[Filed], policy: OriginPolicy) -> float:
    """The log10 likelihood ratio for a camera, against what others than the file's writer say.

    What anyone can write for 'generated' is left out: stamping a camera's picture must not take its place in the
    queue away. Where detectors contradict each other, the one for a camera is heard alone. Adding a weight for
    'camera' never lowers it.
    """
    return sum(
        g.for_place - (0.0 if name == _WRITABLE else g.generated)
        for name, g in _groups(_weighed(findings), policy).items()
    )


def concurring(findings: Iterable[Filed], policy: OriginPolicy) -> bool:
    """Whether what is written says 'generated', detectors say so with `policy.generated_at`, and nothing opposes.

    That decides nothing: anyone can write the one, and a detector errs on some camera pictures. It orders within a
    tier. Adding a weight for 'camera' or 'altered' never makes it true.
    """
    groups = _groups(_weighed(findings), policy)
    written, pixels = groups.get(_WRITABLE, _Group()), groups.get(Basis.PIXELS, _Group())
    opposed = any(g.altered or g.for_place for g in groups.values())
    return not opposed and written.generated > 0 and pixels.generated >= policy.generated_at


def weigh(findings: Iterable[Filed], policy: OriginPolicy) -> Origin:
    """The answer, by `policy`. Adding a weight for 'camera' never moves the answer towards 'generated'.

    'generated' takes a trusted signature or `policy.independent` kinds of independent evidence, and their sum,
    without what anyone can write, must reach `policy.generated_at`; and nothing may speak for 'altered'. 'camera'
    takes `policy.camera_at`, and something beside detectors that speaks for it.
    """
    weighed = _weighed(findings)
    groups = _groups(weighed, policy)
    total = sum(g.generated - g.camera for g in groups.values())
    altered = sum(g.altered for g in groups.values())
    firm = sum((0.0 if name == _WRITABLE else g.generated) - g.camera for name, g in groups.items())
    independent = sum(1 for name, g in groups.items() if name != _WRITABLE and g.generated > g.camera)
    signature = groups.get(Basis.SIGNATURE, _Group())
    signed = signature.generated > signature.camera
    total = max(-policy.cap, min(policy.cap, total))
    altered = min(policy.cap, altered)
    enough = signed or independent >= policy.independent
    beside = any(g.camera > g.generated for name, g in groups.items() if name != Basis.PIXELS)

    if altered >= policy.altered_at:
        answer = Answer.ALTERED
    elif firm >= policy.generated_at and altered == 0 and enough:
        answer = Answer.GENERATED
    elif -total >= policy.camera_at and beside:
        answer = Answer.CAMERA
    else:
        answer = Answer.UNDETERMINED
    words = _words(answer, total, altered, bool(weighed))
    if answer is Answer.UNDETERMINED and weighed:
        held = _held(total, firm, altered, enough=enough, camera=-total >= policy.camera_at)
        words = f"{words}; not decided: {held}"
    return Origin(
        answer=answer,
        log10_lr=round(total, 3) + 0.0 if weighed else None,
        verbal=words,
        supporting=_terms(weighed, groups, camera=False),
        opposing=_terms(weighed, groups, camera=True),
    )


def _weighed(findings: Iterable[Filed]) -> list[Weighed]:
    """All findings that weigh, in an order that does not depend on theirs."""
    found = [
        (f, f.finding.weight)
        for f in findings
        if f.finding.weight is not None
        and not (f.finding.kind == kinds.SCORE and f.finding.payload.get("abstained"))
    ]
    found.sort(
        key=lambda p: (p[0].id, p[0].finding.analyser, p[0].finding.statement, p[1].basis, *_by_weight(p[1]))
    )
    return [(n, filed, weight) for n, (filed, weight) in enumerate(found)]


def _by_weight(weight: Weight) -> tuple[str, float]:
    return str(weight.proposition), weight.log10_lr


def _groups(weighed: list[Weighed], policy: OriginPolicy) -> dict[str, _Group]:
    members: dict[str, list[Weighed]] = {}
    for n, filed, weight in weighed:
        name = _WRITABLE if weight.basis in WRITABLE else str(weight.basis)
        members.setdefault(name, []).append((n, filed, weight))
    caps = {_WRITABLE: policy.writable_cap, Basis.PIXELS: policy.pixels_cap}
    return {
        name: _grouped(found, caps.get(name, policy.cap), detectors=name == Basis.PIXELS)
        for name, found in members.items()
    }


def _grouped(members: list[Weighed], cap: float, *, detectors: bool) -> _Group:
    group = _Group()
    said = {p: [(w.log10_lr, n) for n, _, w in members if w.proposition is p] for p in Proposition}
    for proposition in said:
        _count(group, said[proposition], proposition, cap)
    group.for_place = group.camera
    if detectors and said[Proposition.GENERATED]:
        if said[Proposition.CAMERA]:
            for _, n in (*said[Proposition.GENERATED], *said[Proposition.CAMERA]):
                group.counted.discard(n)
                group.why[n] = _CONTRADICT
            group.generated = group.camera = 0.0
        else:
            _count(group, said[Proposition.GENERATED], Proposition.GENERATED, cap, least=True)
    return group


def _count(
    group: _Group, said: list[tuple[float, int]], proposition: Proposition, cap: float, *, least: bool = False
) -> None:
    """Count the strongest of one direction, or the least, and say why not the others."""
    if not said:
        return
    strength, chosen = min(said) if least else max(said, key=lambda s: (s[0], -s[1]))
    for _, n in said:
        group.counted.discard(n)
        group.why[n] = _LEAST_SURE if least else _STRONGER
    group.counted.add(chosen)
    group.why[chosen] = f"counted as {cap:g}, the most that its kind bears" if strength > cap else ""
    setattr(group, str(proposition), min(strength, cap))


def _held(total: float, firm: float, altered: float, *, enough: bool, camera: bool) -> str:
    """Why the figure leads to no answer; `camera`: it would do for that one, were it not of detectors alone."""
    if altered:
        return "something speaks for altering, though too little to say so"
    if camera:
        return "only a detector says so, and one kind of evidence alone decides nothing: detectors err"
    if total <= 0:
        return "the evidence is too little to decide"
    if firm <= 0:
        return "what speaks for a generator can be written by anyone"
    if not enough:
        return "no trusted signature says so, and one kind of evidence alone decides nothing: detectors err"
    return "the evidence is too little to decide"


def _words(answer: Answer, total: float, altered: float, any_weight: bool) -> str:
    if not any_weight:
        return "no finding speaks for or against any origin"
    if answer is Answer.ALTERED:
        return verbal(altered, Proposition.ALTERED)
    return verbal(abs(total), Proposition.GENERATED if total >= 0 else Proposition.CAMERA)


def _terms(weighed: list[Weighed], groups: dict[str, _Group], *, camera: bool) -> tuple[Term, ...]:
    counted = {n for g in groups.values() for n in g.counted}
    why = {n: words for g in groups.values() for n, words in g.why.items()}
    terms = [
        Term(
            text=f.finding.statement,
            finding=f.id or None,
            log10_lr=w.log10_lr,
            counted=n in counted,
            why=why.get(n, ""),
        )
        for n, f, w in weighed
        if (w.proposition is Proposition.CAMERA) == camera
    ]
    return tuple(sorted(terms, key=lambda t: (not t.counted, -t.log10_lr, t.finding or "", t.text)))
