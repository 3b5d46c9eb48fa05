"""Evaluating on known pictures: how a model does in each state of laundering, and what the weighing answers.

Metadata are stripped and both kinds are encoded alike before a model sees a pixel: a file's format, quality and
metadata give its kind away, and a test that leaves them in measures those. What the files themselves add is told
apart, by weighing each as it is and stripped.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from leadlight.config import Settings
from leadlight.errors import UsageError
from leadlight.plugins import registry
from leadlight.records import Answer, display_name
from leadlight.records.codec import dumps
from leadlight.scoring import figures, measures, scoreboard
from leadlight.scoring.card import Card, read
from leadlight.scoring.corpus import KINDS, corpus
from leadlight.scoring.detector import CARD_FILE
from leadlight.scoring.figures import Figure, Told
from leadlight.scoring.laundering import STATES
from leadlight.scoring.shelf import kept
from leadlight.trial import AS_IS, STRIPPED, Ask, Examiner, Outcome, Scored, Scorer, Weighed, model_folder, run

REPORT, FIGURES = "evaluation.md", "evaluation.json"
LARGE_SOURCE: Final = 50
"""Pictures from which on a source is told of on its own by the policy's rates."""
FALSE_RATE: Final = 0.01
"""Of camera pictures, where the threshold lies at which sources are compared."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to evaluate."""

    states: tuple[str, ...] = tuple(STATES)
    weighed: bool = True
    """Whether the whole weighing of origin is asked too, of the file as it is and stripped."""
    seed: int = 0
    most: int = 0
    split: str = ""
    force: bool = False
    tables: tuple[Path, ...] = ()
    """That name the pictures by their digests, in place of those beside them and of folders."""


def evaluate(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    model: str = "",
    options: Options | None = None,
    progress: Callable[[int, int], None] = lambda done, all_: None,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Judge a model and the policy on the known pictures below `folder`; tables and plots go to the folder `out`.

    Without `model`, the shipped one is judged, and the policy alone where there is none. Gives the figures as JSON
    values. Raises UsageError where `out` is there already or lies among the pictures, or where there are none of a
    kind; UnknownName for a model; ConfigError for one that can't be used; EvidenceError for an unreadable folder.
    """
    how = options or Options()
    _check(how, folder, out)
    known = corpus(folder, split=how.split, most=how.most, tables=how.tables)
    lacking = [kind for flag, kind in KINDS.items() if not any(p.generated == flag for p in known.pictures)]
    if lacking:
        raise UsageError(
            f"holds no pictures of the kind {lacking[0]}",
            subject=display_name(os.fsencode(folder)),
            advice="Both kinds are needed: folders camera/SOURCE and generated/SOURCE, or a table.",
        )
    there = _model(model, settings) if scorer is None else None
    card = scorer.card if scorer is not None else read(there / CARD_FILE, there.name) if there else None
    ask = Ask(how.states if card else (), model=str(there or ""), weighed=how.weighed)
    if how.weighed:
        registry().check(replace(settings, detect="on" if kept(settings) else "off"))
    examiner = None if scorer is None else Examiner(ask, settings, scorer=scorer)
    outcomes = []
    for outcome in run(known.pictures, ask, settings, examiner=examiner):
        outcomes.append(outcome)
        progress(len(outcomes), len(known.pictures))
    left_out = known.left_out + Counter(o.failed for o in outcomes if o.failed)
    done = document([o for o in outcomes if not o.failed], card, how)
    failed = sum(1 for o in outcomes if o.failed)
    done |= {"left_out": dict(sorted(left_out.items())), "failed": failed, "split": how.split}
    write(done, out)
    return done


def _check(how: Options, folder: Path, out: Path) -> None:
    if unknown := sorted(set(how.states) - set(STATES)):
        raise UsageError("no such state", subject=unknown[0], advice=f"There are: {', '.join(STATES)}.")
    shown = display_name(os.fsencode(out))
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "lies within the known pictures, which are never written to",
            subject=shown,
            advice="Name a folder elsewhere with --out.",
        )
    if os.path.lexists(out) and not how.force:
        raise UsageError("is there already", subject=shown, advice="Name another folder, or give --force.")


def _model(name: str, settings: Settings) -> Path | None:
    if name:
        return model_folder(name, settings)
    shipped = [k.folder for k in kept(settings) if k.shipped]
    return shipped[0] if shipped else None


def write(done: dict[str, Any], out: Path) -> None:
    """Report, figures and plots into the folder `out`, which is made where it is not there."""
    out.mkdir(parents=True, exist_ok=True)
    plots = scoreboard.plots(done)
    (out / REPORT).write_text(scoreboard.report(done, tuple(plots)), "utf-8")
    (out / FIGURES).write_text(dumps(done) + "\n", "utf-8")
    for name, text in plots.items():
        (out / f"{name}.svg").write_text(text, "utf-8")


def document(outcomes: Sequence[Outcome], card: Card | None, how: Options) -> dict[str, Any]:
    """All figures, as JSON values."""
    counts = Counter(o.found.generated for o in outcomes)
    out: dict[str, Any] = {
        "model": card and {"name": card.name, "version": card.version, "digest": card.digest},
        "pictures": {
            kind: {
                "pictures": counts[flag],
                "sources": len({o.found.source for o in outcomes if o.found.generated == flag}),
            }
            for flag, kind in KINDS.items()
        },
        "seconds": _speed(outcomes),
        "laundering": {},
        "sources": [],
        "families": [],
        "policy": {},
    }
    if card is not None:
        out["laundering"] = {s: _state(outcomes, s, how.seed) for s in how.states}
        out["sources"] = _groups(outcomes, how, lambda o: (o.found.source, o.found.generated))
        families = [o for o in outcomes if o.found.generated]
        camera = [o for o in outcomes if not o.found.generated]
        out["families"] = [
            g
            for g in _groups([*families, *camera], how, lambda o: (o.found.family, o.found.generated))
            if g["kind"] == KINDS[True]
        ]
    if how.weighed:
        out["policy"] = {w: _policy(outcomes, w, how.seed) for w in (AS_IS, STRIPPED)}
    return out


def _read(outcomes: Iterable[Outcome], state: str) -> list[tuple[Outcome, Scored]]:
    return [(o, s) for o in outcomes for s in o.scored if s.state == state]


def _told(read_: Sequence[tuple[Outcome, Scored]], *, stated: bool) -> Told:
    """Stated ratios of those that are answered, or the raw scores of all that have one."""
    chosen = [(o, s.log10_lr if stated else s.raw) for o, s in read_]
    values = [(o, v) for o, v in chosen if v is not None]
    return Told.of(
        (v for _, v in values), (o.found.generated for o, _ in values), [o.found.source for o, _ in values]
    )


def _state(outcomes: Sequence[Outcome], state: str, seed: int) -> dict[str, Any]:
    """What a model does with pictures in one state."""
    found = _read(outcomes, state)
    scores, ratios = _told(found, stated=False), _told(found, stated=True)
    out: dict[str, Any] = {"figures": {}, "answered": {}, "misleading": {}, "abstained": {}}
    if scores.both:
        out["figures"] |= {k: f.plain() for k, f in figures.discrimination(scores, seed=seed).items()}
    if ratios.both:
        out["figures"] |= {k: f.plain() for k, f in figures.reliability(ratios, seed=seed).items()}
        out["tippett"] = _tippett(ratios)
    for flag, kind in KINDS.items():
        mine = [(o, s) for o, s in found if o.found.generated == flag]
        sources = [o.found.source for o, _ in mine]
        answered = [(o, s.log10_lr) for o, s in mine if s.log10_lr is not None]
        wrong = [(lr > 0) != flag and abs(lr) > 0 for _, lr in answered]
        out["answered"][kind] = figures.rate([s.log10_lr is not None for _, s in mine], sources, seed=seed).plain()
        out["misleading"][kind] = figures.rate(wrong, [o.found.source for o, _ in answered], seed=seed).plain()
        out["abstained"][kind] = dict(sorted(Counter(s.abstained for _, s in mine if s.abstained).items()))
    return out


def _tippett(ratios: Told) -> dict[str, list[float]]:
    t = measures.tippett(ratios.values, ratios.labels, ratios.weights)
    at = np.unique(np.linspace(0, len(t.log10_lr) - 1, 200).astype(int))
    return {
        "log10_lr": [round(float(v), 4) for v in t.log10_lr[at]],
        "generated": [round(float(v), 4) for v in t.generated[at]],
        "camera": [round(float(v), 4) for v in t.camera[at]],
    }


def _groups(
    outcomes: Sequence[Outcome], how: Options, key: Callable[[Outcome], tuple[str, bool]]
) -> list[dict[str, Any]]:
    """Each source or family against all pictures of the other kind, in each state, and what it is answered."""
    out: dict[tuple[bool, str], dict[str, Any]] = {}
    for name, flag in sorted({key(o) for o in outcomes}, key=lambda k: (k[1], k[0])):
        mine = [o for o in outcomes if key(o) == (name, flag)]
        row: dict[str, Any] = {"name": name, "kind": KINDS[flag], "pictures": len(mine), "states": {}}
        row["policy"] = {w: _answers(mine, w) for w in (AS_IS, STRIPPED)} if how.weighed else {}
        out[flag, name] = row
    for state in how.states:
        found = [(o, s) for o, s in _read(outcomes, state) if s.raw is not None]
        scores = _told(found, stated=False)
        if not scores.both:
            continue
        threshold = _threshold(scores)
        keys = [key(o) for o, _ in found]
        for (flag, name), row in out.items():
            own = np.array([k == (name, flag) for k in keys])
            if own.any():
                row["states"][state] = _one_group(scores, own, flag, threshold, [s for _, s in found], how.seed)
    return list(out.values())


def _threshold(scores: Told) -> float:
    """The score that FALSE_RATE of the camera pictures, by weight, lie above."""
    camera, weights = scores.values[~scores.labels], scores.weights[~scores.labels]
    order = np.argsort(-camera, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(camera[order][min(int(np.searchsorted(reached, FALSE_RATE)), len(order) - 1)])


def _one_group(
    scores: Told, own: measures.Flags, flag: bool, threshold: float, read_: Sequence[Scored], seed: int
) -> dict[str, Any]:
    part = own | (scores.labels != flag)
    sources = [s for s, chosen in zip(scores.sources, part.tolist(), strict=True) if chosen]
    against = Told(scores.values[part], scores.labels[part], sources, scores.weights[part])
    mine = [s for s, chosen in zip(read_, own.tolist(), strict=True) if chosen]
    stated = [s.log10_lr for s in mine if s.log10_lr is not None]
    return {
        "auc": against.figure(measures.auc, seed=seed, rounds=100).plain(),
        "above_threshold": round(float(np.mean(scores.values[own] > threshold)), 6),
        "answered": round(len(stated) / len(mine), 6),
        "misleading_ten": round(sum((lr >= 1) if not flag else (lr <= -1) for lr in stated) / len(mine), 6),
        "median_log10_lr": round(float(np.median(stated)), 4) if stated else None,
    }


def _answers(outcomes: Iterable[Outcome], how: str) -> dict[str, int]:
    """How many pictures get each answer."""
    return dict(sorted(Counter(w.answer for o in outcomes for w in o.weighed if w.how == how).items()))


def _policy(outcomes: Sequence[Outcome], how: str, seed: int) -> dict[str, Any]:
    """What the weighing of origin answers: the costliest error first."""
    found: list[tuple[Outcome, Weighed]] = [(o, w) for o in outcomes for w in o.weighed if w.how == how]
    out: dict[str, Any] = {"answers": {}, "answered": {}, "wrong": {}, "abstained": {}}
    for flag, kind in KINDS.items():
        mine = [(o, w) for o, w in found if o.found.generated == flag]
        sources = [o.found.source for o, _ in mine]
        answered = [(o, w) for o, w in mine if w.answer != Answer.UNDETERMINED]
        wrong = {Answer.GENERATED, Answer.ALTERED} if not flag else {Answer.CAMERA}
        out["answers"][kind] = _answers((o for o, _ in mine), how)
        out["answered"][kind] = _rate(mine, lambda w: w.answer != Answer.UNDETERMINED, seed)
        out["wrong"][kind] = _rate(answered, lambda w, no=wrong: w.answer in no, seed)  # type: ignore[misc]
        out["abstained"][kind] = dict(sorted(Counter(a for _, w in mine for a in w.abstained).items()))
        if not flag:
            called = [w.answer == Answer.GENERATED for _, w in mine]
            out["camera_called_generated"] = figures.rate(called, sources, seed=seed).plain()
            sizes = Counter(sources)
            hits = Counter(o.found.source for o, w in mine if w.answer == Answer.GENERATED)
            out["by_large_source"] = {
                s: round(hits[s] / n, 6) for s, n in sorted(sizes.items()) if n >= LARGE_SOURCE
            }
    return out


def _rate(mine: Sequence[tuple[Outcome, Weighed]], hit: Callable[[Weighed], bool], seed: int) -> dict[str, Any]:
    found: Figure = figures.rate([hit(w) for _, w in mine], [o.found.source for o, _ in mine], seed=seed)
    return found.plain()


def _speed(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Seconds of processor time a picture: to decode, and for the model."""
    decode = [o.decode_seconds for o in outcomes]
    model = [s.seconds for o in outcomes for s in o.scored]
    return {
        "decode_median": round(float(np.median(decode)), 4) if decode else None,
        "model_median": round(float(np.median(model)), 4) if model else None,
        "model_slowest_of_twenty": round(float(np.quantile(model, 0.95)), 4) if model else None,
    }
