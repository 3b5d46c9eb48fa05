"""Calibrating a model: its scores on known pictures become likelihood ratios with bounds.

The card that is written is the model's own with the new calibration in it; beside it stand what the figures are
and how they look, so that nobody has to believe the curve.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from leadlight.config import Settings
from leadlight.errors import UsageError
from leadlight.records import display_name
from leadlight.records.codec import dumps
from leadlight.scoring import bounds, diagrams, figures, measures
from leadlight.scoring.calibration import METHODS, STATES, STRONGEST
from leadlight.scoring.card import Card, read
from leadlight.scoring.corpus import Found, corpus
from leadlight.scoring.detector import CARD_FILE
from leadlight.scoring.diagrams import Axis, Series
from leadlight.scoring.fit import Fit, Known, enough, fit
from leadlight.scoring.laundering import OF
from leadlight.scoring.laundering import STATES as LAUNDERED
from leadlight.trial import Ask, Examiner, Outcome, Scorer, model_folder, run

REPORT, FIGURES, SCORES = "calibration.md", "calibration.json", "scores.csv"
USABLE: Final = ("", "calibration")
"""What a model says of a picture that it would answer, were it calibrated."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to calibrate."""

    method: str = "logistic"
    state: str = "any"
    seed: int = 0
    most: int = 0
    """Pictures of one source at most; 0 for all."""
    split: str = ""
    """Only pictures that a table puts in this split; '' for all."""
    name: str = ""
    """Of the set of known pictures; '' for the names of its folders."""
    force: bool = False
    tables: tuple[Path, ...] = ()
    """That name the pictures by their digests, in place of those beside them and of folders."""
    most_side: int = 0
    """Only pictures whose longer side, as the model sees them, has so many pixels or fewer; 0 for all. The
    calibration stands beside those of its state in the card. Small pictures were oftener made smaller, and say
    less: one of their own keeps their ratios from being overstated.
    """


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, and how it was come by."""

    card: Card
    """The model's card with the calibration in it."""
    fit: Fit
    left_out: Counter[str]
    """Pictures that could not be used, by why."""
    figures: dict[str, figures.Figure]


def calibrate(
    model: str,
    out: Path,
    *,
    camera: Sequence[Path],
    generated: Sequence[Path],
    settings: Settings,
    options: Options | None = None,
    progress: Callable[[int, int], None] = lambda done, all_: None,
    scorer: Scorer | None = None,
) -> Calibrated:
    """Calibrate a model on known pictures and write its card, figures and diagrams into the folder `out`.

    Each picture is laundered as `laundering.OF` says for the state, the same for both kinds. Raises ConfigError
    where lir is not installed or the model can't be used; UsageError where the pictures are too few, or `out` is
    there already or lies among them; EvidenceError where a folder can't be read.
    """
    how = options or Options()
    bounds.need()
    _check(how, out, [*camera, *generated])
    folder = None if scorer is not None else model_folder(model, settings)
    card = scorer.card if folder is None and scorer is not None else read((folder or Path()) / CARD_FILE, model)
    pictures, left_out = _pictures(camera, generated, how)
    enough([p.generated for p in pictures], [p.source for p in pictures])
    ask = Ask(OF[how.state], one_state=True, model=str(folder) if folder else "")
    examiner = None if scorer is None else Examiner(ask, settings, scorer=scorer)
    outcomes = run(pictures, ask, settings, examiner=examiner)
    known = list(_known(outcomes, len(pictures), left_out, progress, most_side=how.most_side))
    name = how.name or ", ".join(
        dict.fromkeys(display_name(os.fsencode(p.resolve().name)) for p in (*camera, *generated))
    )
    found = fit(
        known,
        name=name[:200],
        method=how.method,
        state=how.state,
        date=datetime.now(UTC).date().isoformat(),
        seed=how.seed,
    )
    new = found.calibration
    kept = tuple(c for c in card.calibration if c.state != new.state or (how.most_side and c.name != new.name))
    made = replace(card, calibration=(*kept, new))
    done = Calibrated(made, found, left_out, summary(found, seed=how.seed))
    write(done, out)
    return done


def _check(how: Options, out: Path, folders: Sequence[Path]) -> None:
    if how.method not in METHODS or how.state not in STATES:
        raise UsageError(
            "no such method or state",
            subject=f"{how.method}, {how.state}",
            advice=f"Methods: {', '.join(METHODS)}. States: {', '.join(STATES)}.",
        )
    shown = display_name(os.fsencode(out))
    if any(out.resolve().is_relative_to(f.resolve()) for f in folders):
        raise UsageError(
            "lies within the known pictures, which are never written to",
            subject=shown,
            advice="Name a folder elsewhere with --out.",
        )
    if os.path.lexists(out) and not how.force:
        raise UsageError("is there already", subject=shown, advice="Name another folder, or give --force.")


def _pictures(camera: Sequence[Path], generated: Sequence[Path], how: Options) -> tuple[list[Found], Counter[str]]:
    pictures: list[Found] = []
    left_out: Counter[str] = Counter()
    for folders, flag in ((camera, False), (generated, True)):
        for folder in folders:
            there = corpus(folder, split=how.split, most=how.most, generated=flag, tables=how.tables)
            pictures += there.pictures
            left_out.update(there.left_out)
    return pictures, left_out


def _known(
    outcomes: Iterator[Outcome],
    count: int,
    left_out: Counter[str],
    progress: Callable[[int, int], None],
    *,
    most_side: int,
) -> Iterator[Known]:
    for done, outcome in enumerate(outcomes, start=1):
        progress(done, count)
        scored = outcome.scored[0] if outcome.scored else None
        if outcome.failed or scored is None:
            left_out[outcome.failed or "not read"] += 1
        elif scored.raw is None or scored.abstained not in USABLE:
            left_out[f"the model abstains: {scored.abstained}"] += 1
        elif 0 < most_side < max(scored.width, scored.height):
            left_out["larger than asked for"] += 1
        else:
            p = outcome.found
            yield Known(p.shown, p.source, p.generated, scored.raw, scored.width, scored.height)


def summary(found: Fit, *, seed: int = 0) -> dict[str, figures.Figure]:
    """The figures of a calibration: of the scores as they are, and of the ratios cross-validated by source."""
    scores = figures.Told(found.raw, found.labels, found.sources, found.weights)
    llrs = figures.Told(found.llrs, found.labels, found.sources, found.weights)
    return {**figures.reliability(llrs, seed=seed), **figures.discrimination(scores, seed=seed)}


def write(done: Calibrated, out: Path) -> None:
    """Everything into the folder `out`, which is made where it is not there."""
    out.mkdir(parents=True, exist_ok=True)
    files = {CARD_FILE: done.card.text(), REPORT: report(done), FIGURES: dumps(plain(done)) + "\n"}
    files |= {f"{name}.svg": text for name, text in drawn(done.fit).items()} | {SCORES: _scores(done.fit)}
    for name, text in files.items():
        (out / name).write_text(text, "utf-8")


def plain(done: Calibrated) -> dict[str, Any]:
    """The calibration and its figures as JSON values."""
    found = done.fit
    return {
        "model": done.card.name,
        "calibration": {k: v for k, v in found.calibration.plain().items() if k != "knots"},
        "bounds": {
            "elub": [round(v, 3) for v in found.bounds.elub],
            "by_sources": [round(v, 3) for v in found.bounds.by_sources],
            "by_rates": [round(v, 3) for v in found.bounds.by_rates],
        },
        "figures": {name: figure.plain() for name, figure in done.figures.items()},
        "sources": [dict(zip(_COLUMNS, row, strict=True)) for row in by_source(found)],
        "left_out": dict(sorted(done.left_out.items())),
    }


_COLUMNS: Final = (
    "source",
    "kind",
    "pictures",
    "median_log10_lr",
    "ten_or_more",
    "hundred_or_more",
    "tenth_or_less",
)


def by_source(found: Fit) -> list[tuple[str, str, int, float, float, float, float]]:
    """A row a source: kind, pictures, median log10 ratio, and the shares with ratios of 10 or more, 100 or more, a
    tenth or less; each when the source itself was left out of the fit.
    """
    names = np.array(found.sources)
    out = []
    for flag, kind in ((False, "camera"), (True, "generated")):
        for source in sorted(set(names[found.labels == flag].tolist())):
            llrs = found.llrs[(names == source) & (found.labels == flag)]
            shares = (np.mean(llrs >= 1), np.mean(llrs >= 2), np.mean(llrs <= -1))
            row = (round(float(np.median(llrs)), 3), *(round(float(s), 4) for s in shares))
            out.append((source, kind, len(llrs), *row))
    return out


def report(done: Calibrated) -> str:
    """What was done and what came out, in Markdown."""
    found, c = done.fit, done.fit.calibration
    counts = Counter(found.labels.tolist())
    sources = {flag: len({p.source for p in found.pictures if p.generated == flag}) for flag in (False, True)}
    how = "; ".join(f"`{s}` ({LAUNDERED[s]})" for s in OF[c.state])
    text = [
        f"# Calibration of `{done.card.name}` {done.card.version} on “{c.name}”",
        f"{c.date}, method {c.method}, state {c.state}. {counts[False]:,} camera pictures from {sources[False]} "
        f"sources, {counts[True]:,} generated pictures from {sources[True]} sources.",
        f"Before the model saw them all were freed of metadata and put through {how}"
        f"{', each through one of these' if len(OF[c.state]) > 1 else ''}. No source weighs more than twice its "
        "even share of its kind. All likelihood ratios are cross-validated: each source was left out in turn.",
        "A likelihood ratio says how many times more often such a score is met among outputs of generators than "
        "among camera captures. It is no probability that a picture is generated.",
        figures.of_figures(done.figures).rstrip("\n"),
        "## Bounds",
        f"Stated are ratios from {_ratio(c.lower)} to {_ratio(c.upper)} (log10: {c.lower:+.2f} to {c.upper:+.2f})"
        f" for pictures with a long side of {c.least_side} to {c.most_side} pixels and a JPEG quality of "
        f"{c.least_quality} or more. The narrowest of these was taken:",
        figures.table(
            ["bound", "lower, log10", "upper, log10"],
            [
                ["empirical bounds (ELUB) of all pictures", *_pair(found.bounds.elub)],
                ["the same in nine of ten sets of sources drawn anew", *_pair(found.bounds.by_sources)],
                ["misleading ratios as rare as they must be", *_pair(found.bounds.by_rates)],
            ],
        ).rstrip("\n"),
        _held_back(found),
        "## Sources, each when it was left out",
        figures.table(
            ["source", "kind", "pictures", "median log10", "LR 10 or more", "LR 100 or more", "LR 1/10 or less"],
            [[s, k, f"{n:,}", f"{m:+.2f}", *map(figures.share, rest)] for s, k, n, m, *rest in by_source(found)],
        ).rstrip("\n"),
        *(f"![{name}]({name}.svg)" for name in drawn(found)),
    ]
    if done.left_out:
        text += ["## Left out", "\n".join(f"- {why}: {n:,}" for why, n in sorted(done.left_out.items()))]
    return "\n\n".join(text) + "\n"


def _held_back(found: Fit) -> str:
    false, missed = (
        measures.share_at(sign * found.llrs, found.labels if sign > 0 else ~found.labels, figures.STRONG)[1]
        for sign in (1, -1)
    )
    words = (
        f"A ratio of 100 or more for generated is stated of {figures.share(false)} of the camera pictures, and "
        f"one for camera of {figures.share(missed)} of the generated ones. "
    )
    if found.bounds.by_rates[1] < min(found.bounds.elub[1], found.bounds.by_sources[1]):
        return words + "The upper bound was lowered because camera pictures met high ratios too often."
    return words + ("No ratio of 100 is stated." if found.calibration.upper < figures.STRONG else "")


def _pair(both: tuple[float, float]) -> tuple[str, str]:
    low, high = (f"{v:+.2f}" if abs(v) < STRONGEST else "none found" for v in both)
    return low, high


def _ratio(log10: float) -> str:
    return f"{10**log10:.3g}" if log10 >= 0 else f"1/{10**-log10:.3g}"


def drawn(found: Fit) -> dict[str, str]:
    """The diagrams: Tippett, PAV, reliability and empirical cross-entropy."""
    llrs, labels, weights = found.llrs, found.labels, found.weights
    reach = max(1.0, float(np.ceil(2 * max(-found.calibration.lower, found.calibration.upper)) / 2))
    lr = Axis("log10 likelihood ratio, for generated", -reach, reach)
    observed = Axis("log10 ratio observed", -reach, reach)
    even = Series("stated as observed", [(-reach, -reach), (reach, reach)])
    t = measures.tippett(llrs, labels, weights)
    best = measures.pav(llrs, labels, weights)
    parts = measures.reliability(llrs, labels, weights)
    prior = np.linspace(-3, 3, 61)
    cost = measures.cross_entropy(llrs, labels, prior, weights)
    least = measures.cross_entropy(best, labels, prior, weights)
    none = measures.cross_entropy(np.zeros_like(llrs), labels, prior, weights)
    order = np.argsort(llrs, kind="stable")
    return {
        "tippett": diagrams.lines(
            "Tippett plot",
            "The share of generated and of camera pictures whose likelihood ratio is at least so much.",
            lr,
            Axis("share with at least this ratio", 0, 1),
            [
                Series("generated", list(zip(t.log10_lr, t.generated, strict=True)), steps=True),
                Series("camera", list(zip(t.log10_lr, t.camera, strict=True)), steps=True),
            ],
        ),
        "pav": diagrams.lines(
            "Stated ratios and the best after the fact (PAV)",
            "Where the line lies on the dashed one, ratios are stated as they should be.",
            lr,
            observed,
            [
                Series("pool adjacent violators", list(zip(llrs[order], best[order], strict=True)), steps=True),
                even,
            ],
        ),
        "reliability": diagrams.lines(
            "Reliability",
            "Groups of pictures with like ratios: stated against observed.",
            lr,
            observed,
            [Series("groups of pictures", [(b.stated, b.observed) for b in parts], dots=True), even],
        ),
        "cross-entropy": diagrams.lines(
            "Empirical cross-entropy",
            "What stays unknown once the ratio is told, for each prior odds; less is better.",
            Axis("log10 prior odds of generated", -3, 3),
            Axis("bits", 0, 1.2),
            [
                Series("stated", list(zip(prior, cost, strict=True))),
                Series("best after the fact", list(zip(prior, least, strict=True))),
                Series("no ratio at all", list(zip(prior, none, strict=True))),
            ],
        ),
    }


def _scores(found: Fit) -> str:
    rows = ["kind,source,path,raw,log10_lr"]
    for picture, llr in zip(found.pictures, found.llrs.tolist(), strict=True):
        kind = "generated" if picture.generated else "camera"
        cells = (kind, picture.source, picture.path, f"{picture.raw:.6g}", f"{llr:.4f}")
        rows.append(",".join(f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & set(',"') else c for c in cells))
    return "\n".join(rows) + "\n"
