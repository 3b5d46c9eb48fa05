"""Heads on what `describe` wrote: fitted in minutes, each measured on sources that trained none of it."""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from cache import Line, lines_of
from nets import FEATURES, Described, Statistics
from torch import Tensor, nn

from leadlight.scoring.measures import auc, weights_by_source

NOISE = 0.3
"""Spread of what is added to each feature in fitting, so that no head lives by one source's fine differences."""
WIDTH = Statistics.width + Described.seen
Floats = npt.NDArray[np.float64]
PAIRS = 0.2
"""Share of the weight of each class that the pairs have."""


@dataclass(frozen=True, slots=True)
class Known:
    """Crops with what is known of them."""

    lines: list[Line]
    features: npt.NDArray[np.float16]

    @property
    def labels(self) -> npt.NDArray[np.float32]:
        return np.array([line.label for line in self.lines], np.float32)


def load(folder: Path, *names: str) -> Known:
    """All described shards of these names."""
    lines: list[Line] = []
    parts: list[npt.NDArray[np.float16]] = []
    for name in names:
        for path in sorted(folder.glob(f"{name}-[0-9][0-9][0-9].features.npy")):
            lines += lines_of(folder / f"{path.name.removesuffix('.features.npy')}.csv")
            parts.append(np.load(path))
    left_out = folder / "copies.txt"
    copies = set(left_out.read_text().split()) if left_out.exists() and "dev" not in names else set()
    kept = np.array([line.sha256 not in copies for line in lines])
    return Known([line for line, keep in zip(lines, kept, strict=True) if keep], np.concatenate(parts)[kept])


def weights(lines: list[Line]) -> npt.NDArray[np.float32]:
    """Of each crop: both classes alike, pairs PAIRS of it, makers and sources by the root of what they hold."""
    keys = [(line.label, line.source, line.maker if line.label else "") for line in lines]
    counts = Counter(keys)
    out = np.array([1 / np.sqrt(counts[k]) for k in keys])
    for label in (0, 1):
        for pair, share in ((True, PAIRS), (False, 1 - PAIRS)):
            chosen = np.array([line.label == label and (line.group == "pair") == pair for line in lines])
            if chosen.any():
                out[chosen] *= share / out[chosen].sum()
    return (out / out.mean()).astype(np.float32)


class Scaled(nn.Module):
    """Features to mean 0 and spread 1, cut off at 4."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    @classmethod
    def of(cls, features: npt.NDArray[np.float16], weight: npt.NDArray[np.float32]) -> Scaled:
        """By the weighted mean and spread of these."""
        share = weight / weight.sum()
        wide = features.astype(np.float32)
        mean = share @ wide
        std = np.sqrt(np.maximum(share @ np.square(wide - mean), 1e-6)) + 1e-3
        out = cls(features.shape[1])
        out.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        out.std.copy_(torch.from_numpy(std.astype(np.float32)))
        return out

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp((x - self.mean) / self.std, -4, 4)


class Perceptron(nn.Module):
    """Features to 64 to 32 to a logit; with `wide` 0, logistic regression."""

    def __init__(self, scaled: nn.Module, chosen: slice, n_in: int, wide: int = 64, drop: float = 0.4) -> None:
        super().__init__()
        self.scaled, self.chosen = scaled, chosen
        self.enter, self.drop = nn.Dropout(drop), nn.Dropout(0.2)
        self.plain = nn.Linear(n_in, 1) if not wide else None
        if wide:
            self.first, self.second = nn.Linear(n_in, wide), nn.Linear(wide, FEATURES)
            self.last = nn.Linear(FEATURES, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.scaled(x)[:, self.chosen]
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        x = self.enter(x)
        if self.plain is not None:
            return self.plain(x)[:, 0], x[:, :0]
        features = torch.relu(self.second(self.drop(torch.relu(self.first(x)))))
        return self.last(self.drop(features))[:, 0], features


def fitted(
    net: nn.Module,
    known: Known,
    weight: npt.NDArray[np.float32],
    *,
    epochs: int = 8,
    rate: float = 2e-3,
    decay: float = 0.02,
    smooth: float = 0.05,
    seed: int = 1,
) -> nn.Module:
    """Adam with a falling rate; labels are softened, so that no logit runs away."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    # Buffers stay; parameters are drawn anew from the seed.
    for part in net.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.reset_parameters()
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    n, size = len(known.lines), 384
    steps = max(1, epochs * n // size)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    chance = weight.astype(np.float64)
    chance /= chance.sum()
    labels = torch.from_numpy(known.labels)
    net.train()
    for _ in range(steps):
        at = rng.choice(n, size, p=chance)
        x = torch.from_numpy(known.features[at].astype(np.float32))
        y = labels[at] * (1 - 2 * smooth) + smooth
        loss = nn.functional.binary_cross_entropy_with_logits(net(x)[0], y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
    return net.eval()


def logits(net: nn.Module, known: Known) -> Floats:
    out = []
    with torch.inference_mode():
        for at in range(0, len(known.lines), 1024):
            x = torch.from_numpy(known.features[at : at + 1024].astype(np.float32))
            out.append(net(x)[0].numpy())
    return np.concatenate(out).astype(np.float64)


@dataclass(slots=True)
class Judged:
    """Pictures of one laundering with the mean of their crops' logits."""

    raw: list[float] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    makers: list[str] = field(default_factory=list)
    years: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


def judged(lines: list[Line], raw: Floats) -> dict[str, Judged]:
    """By laundering."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, line in enumerate(lines):
        groups[line.group, line.picture].append(i)
    out: dict[str, Judged] = defaultdict(Judged)
    for (group, _), at in groups.items():
        line, to = lines[at[0]], out[group]
        to.raw.append(float(raw[at].mean()))
        to.labels.append(bool(line.label))
        to.sources.append(line.source)
        to.makers.append(line.maker)
        to.years.append(line.phone_year)
        to.digests.append(line.sha256)
    return out


def interval(found: Judged, times: int = 300) -> tuple[float, float, float]:
    """AUC, no source weighing more than twice its even share, and its 95 % interval by bootstrap of sources."""
    raw, labels = np.array(found.raw), np.array(found.labels)
    sources = np.array(found.sources)
    whole = auc(raw, labels, weights_by_source(labels, found.sources))
    rng = np.random.default_rng(0)
    by = {s: np.flatnonzero(sources == s) for s in set(found.sources)}
    sides = [[s for s in sorted(by) if labels[by[s][0]] == flag] for flag in (False, True)]
    drawn = []
    for _ in range(times):
        chosen = [(n, s) for side in sides for n, s in enumerate(rng.choice(side, len(side)))]
        at = np.concatenate([by[s] for _, s in chosen])
        names = [f"{s} {n}" for n, s in chosen for _ in by[s]]
        drawn.append(auc(raw[at], labels[at], weights_by_source(labels[at], names)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return whole, float(low), float(high)


def table(found: dict[str, Judged]) -> dict[str, dict[str, object]]:
    """Figures of each laundering: AUC with interval, and each source against all of the other kind."""
    out: dict[str, dict[str, object]] = {}
    for state, one in found.items():
        raw, labels = np.array(one.raw), np.array(one.labels)
        even = weights_by_source(labels, one.sources)
        rows = {}
        for source in sorted(set(one.sources)):
            own = np.array([s == source for s in one.sources])
            label = bool(labels[own][0])
            use = own | (labels != label)
            rows[source] = [int(own.sum()), round(auc(raw[use], labels[use], even[use]), 3)]
        out[state] = {"auc": [round(v, 3) for v in interval(one)], "pictures": len(raw), "sources": rows}
    return out


def recipes(scaled: Scaled) -> dict[str, Callable[[], nn.Module]]:
    """What is fitted, by name."""
    every, own, seen = slice(0, WIDTH), slice(0, Statistics.width), slice(Statistics.width, WIDTH)
    return {
        "logistic-statistics": lambda: Perceptron(scaled, own, Statistics.width, 0),
        "logistic-lite0": lambda: Perceptron(scaled, seen, Described.seen, 0),
        "perceptron-lite0": lambda: Perceptron(scaled, seen, Described.seen),
        "perceptron-both": lambda: Perceptron(scaled, every, WIDTH),
    }


def kept(path: Path) -> nn.Module:
    """A head that `main` wrote: RECIPE.SEED.pt."""
    net = recipes(Scaled())[path.name.split(".")[0]]()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--only", default="")
    ask.add_argument("--epochs", type=int, default=6)
    ask.add_argument("--seeds", type=int, default=2)
    ask.add_argument("--out", type=Path)
    told = ask.parse_args()
    torch.set_num_threads(1)
    train, dev = load(told.folder, "train", "pairs"), load(told.folder, "dev")
    weight = weights(train.lines)
    print(len(train.lines), "crops to train on,", len(dev.lines), "to measure on", flush=True)
    figures = {}
    total: Floats = np.zeros(len(dev.lines))
    for name, make in recipes(Scaled.of(train.features, weight)).items():
        if told.only not in name:
            continue
        for seed in range(1, 1 + (told.seeds if name.startswith("perceptron") else 1)):
            net = fitted(make(), train, weight, epochs=told.epochs, seed=seed)
            raw = logits(net, dev)
            if name != "logistic-statistics":
                total += raw / raw.std()
            figures[f"{name}.{seed}"] = table(judged(dev.lines, raw))
            print(name, {s: t["auc"] for s, t in figures[f"{name}.{seed}"].items()}, flush=True)
            if told.out:
                told.out.mkdir(parents=True, exist_ok=True)
                torch.save(net.state_dict(), told.out / f"{name}.{seed}.pt")
    figures["mean"] = table(judged(dev.lines, total))
    print("mean", {s: t["auc"] for s, t in figures["mean"].items()})
    if told.out:
        (told.out / "figures.json").write_text(json.dumps(figures, indent=1))
    for state, t in figures["mean"].items():
        print(state, json.dumps(t, indent=0))


if __name__ == "__main__":
    main()
