"""An evaluation shown: its tables in Markdown and its plots, from its figures as JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from leadlight.scoring.diagrams import Axis, Row, Series, intervals, lines
from leadlight.scoring.figures import SHARES, TITLES, Figure, number, share, shown, table
from leadlight.scoring.laundering import STATES

MOST_ROWS: Final = 60
"""Of a plot; the tables hold all."""
_NONE: Final = "-"


def report(done: Mapping[str, Any], plots: Sequence[str]) -> str:
    """The whole evaluation in Markdown."""
    model, counts = done["model"], done["pictures"]
    text = [
        "# Evaluation of " + (f"`{model['name']}` {model['version']}" if model else "the weighing of origin"),
        "; ".join(f"{n['pictures']:,} {kind} pictures from {n['sources']} sources" for kind, n in counts.items())
        + (f"; split `{done['split']}`." if done.get("split") else "."),
        "Before the model sees a picture its metadata are stripped, and both kinds are encoded alike: "
        + "; ".join(f"`{s}` ({STATES[s]})" for s in done["laundering"])
        + "."
        if done["laundering"]
        else "No model was judged: none is installed.",
        "Intervals are of 95 %, by sources drawn anew. A likelihood ratio compares two origins; nothing here is a "
        "probability that a picture is generated.",
    ]
    if done["laundering"]:
        text += [
            "## By laundering",
            _by_state(done["laundering"]),
            "### Why the model abstains",
            _abstentions(done["laundering"]),
        ]
        text += ["## By source", _by_group(done["sources"], done["laundering"])]
        text += ["## By family of generators", _by_group(done["families"], done["laundering"])]
    if done["policy"]:
        text += ["## What the weighing of origin answers", _policy(done["policy"])]
        text += ["### Sources of 50 pictures and more: camera pictures called generated", _large(done["policy"])]
        text += ["### Why detectors abstain there", _abstentions(done["policy"])]
    seconds = done["seconds"]
    text += [
        "## Speed",
        f"Median seconds of processor time a picture: decoding {_seconds(seconds['decode_median'])}, the model "
        f"{_seconds(seconds['model_median'])} (19 of 20 below {_seconds(seconds['model_slowest_of_twenty'])}).",
    ]
    text += [f"![{name}]({name}.svg)" for name in plots]
    if done.get("left_out"):
        text += ["## Left out", "\n".join(f"- {why}: {n:,}" for why, n in done["left_out"].items())]
    return "\n\n".join(part.rstrip("\n") for part in text) + "\n"


def _by_state(states: Mapping[str, Any]) -> str:
    rows = []
    for name, title in TITLES.items():
        cells = [_shown(s["figures"].get(name), as_share=name in SHARES) for s in states.values()]
        if set(cells) != {_NONE}:
            rows.append([title, *cells])
    for part, words in (("answered", "answered"), ("misleading", "of those answered, for the wrong side")):
        for kind in ("camera", "generated"):
            cells = [_shown(s[part][kind], as_share=True) for s in states.values()]
            rows.append([f"{kind.capitalize()} pictures: {words}", *cells])
    return table(["", *states], rows)


def _by_group(groups: Iterable[Mapping[str, Any]], states: Mapping[str, Any]) -> str:
    chosen = [s for s in ("clean", "1080q75") if s in states] or list(states)[:1]
    head = ["", "kind", "pictures", *(f"AUC, {s}" for s in chosen), "over the 1 % threshold", "answered"]
    head += ["misled by 10 or more", "called generated, as is", "stripped"]
    rows = []
    for g in groups:
        first = g["states"].get(chosen[0], {})
        cells = [_shown(g["states"].get(s, {}).get("auc"), as_share=False) for s in chosen]
        cells += [_share(first.get(k)) for k in ("above_threshold", "answered", "misleading_ten")]
        cells += [_called(g["policy"].get(how), g["pictures"]) for how in ("as is", "stripped")]
        rows.append([g["name"], g["kind"], f"{g['pictures']:,}", *cells])
    return table(head, rows)


def _policy(policy: Mapping[str, Any]) -> str:
    rows = [
        [
            "Camera pictures called generated",
            *(_shown(p["camera_called_generated"], as_share=True) for p in policy.values()),
        ]
    ]
    for kind in ("camera", "generated"):
        for answer in ("camera", "generated", "altered", "undetermined"):
            rows.append(
                [
                    f"{kind.capitalize()} pictures: {answer}",
                    *(f"{p['answers'][kind].get(answer, 0):,}" for p in policy.values()),
                ]
            )
        rows.append(
            [
                f"{kind.capitalize()} pictures answered",
                *(_shown(p["answered"][kind], as_share=True) for p in policy.values()),
            ]
        )
        rows.append(
            [
                f"{kind.capitalize()} pictures: wrong, of those answered",
                *(_shown(p["wrong"][kind], as_share=True) for p in policy.values()),
            ]
        )
    return table(["", *policy], rows)


def _large(policy: Mapping[str, Any]) -> str:
    sources = sorted({s for p in policy.values() for s in p["by_large_source"]})
    return table(
        ["source", *policy],
        [[s, *(_share(p["by_large_source"].get(s)) for p in policy.values())] for s in sources],
    )


def _abstentions(parts: Mapping[str, Any]) -> str:
    columns = [(name, kind) for name in parts for kind in ("camera", "generated")]
    words = sorted({w for p in parts.values() for kind in p["abstained"].values() for w in kind})
    rows = [[w, *(f"{parts[name]['abstained'][kind].get(w, 0):,}" for name, kind in columns)] for w in words]
    return table(["why", *(f"{name}, {kind}" for name, kind in columns)], rows)


def plots(done: Mapping[str, Any]) -> dict[str, str]:
    """The plots by name."""
    out: dict[str, str] = {}
    if not done["laundering"]:
        return out
    auc = Axis("AUC", 0, 1)
    rows = [r for s, v in done["laundering"].items() if (r := _row(s, v["figures"].get("auc"))) is not None]
    out["by-laundering"] = intervals(
        "AUC by laundering", "How well scores part the kinds in each state.", auc, rows
    )
    for name, title, part in (
        ("by-source", "AUC by source", "sources"),
        ("by-family", "AUC by family of generators", "families"),
    ):
        state = next(iter(done["laundering"]))
        found = [
            r for g in done[part] if (r := _row(g["name"], g["states"].get(state, {}).get("auc"))) is not None
        ]
        worst = sorted(found, key=lambda r: r.value)[:MOST_ROWS]
        words = f"Each against all pictures of the other kind, in the state {state}; the worst first."
        out[name] = intervals(title, words, auc, worst)
    for state, found in done["laundering"].items():
        if "tippett" in found:
            out[f"tippett-{state}"] = _tippett(state, found["tippett"])
    return out


def _tippett(state: str, found: Mapping[str, Sequence[float]]) -> str:
    ratios = found["log10_lr"]
    reach = max(1.0, *(abs(v) for v in ratios))
    return lines(
        f"Tippett plot, {state}",
        "The share of generated and of camera pictures whose stated likelihood ratio is at least so much.",
        Axis("log10 likelihood ratio, for generated", -reach, reach),
        Axis("share with at least this ratio", 0, 1),
        [
            Series(kind, list(zip(ratios, found[kind], strict=True)), steps=True)
            for kind in ("generated", "camera")
        ],
    )


def _row(name: str, told: Mapping[str, Any] | None) -> Row | None:
    if told is None or told["value"] is None:
        return None
    ends = told["interval"]
    return Row(name, told["value"], (ends[0], ends[1]) if ends and None not in ends else None)


def _shown(told: Mapping[str, Any] | None, *, as_share: bool) -> str:
    if told is None or told["value"] is None:
        return _NONE
    ends = told["interval"]
    kept = (ends[0], ends[1]) if ends and None not in ends else None
    return shown(Figure(told["value"], kept), as_share=as_share)


def _share(value: float | None) -> str:
    return _NONE if value is None else share(value)


def _called(answers: Mapping[str, int] | None, pictures: int) -> str:
    return _NONE if answers is None else share(answers.get("generated", 0) / max(1, pictures))


def _seconds(value: float | None) -> str:
    return _NONE if value is None else number(value)
