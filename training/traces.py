"""A small network on residuals, trained from scratch on random parts of the cached crops."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from cache import Line, read
from heads import interval, judged, weights
from nets import Traces
from torch import nn

SIDE = 72
"""Pixels a side of the parts it is trained on: a third of the work, and another place each time."""


def batch(crops: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Random parts, turned and mirrored."""
    out = np.empty((len(at), SIDE, SIDE, 3), np.uint8)
    for n, i in enumerate(at):
        y, x = rng.integers(0, 128 - SIDE + 1, 2)
        part = crops[i, y : y + SIDE, x : x + SIDE]
        out[n] = np.rot90(part, int(rng.integers(4)))[:, :: int(rng.choice((-1, 1)))]
    return (
        torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=torch.channels_last)
    )


def logits(net: nn.Module, crops: np.ndarray) -> np.ndarray:
    net.eval()
    with torch.inference_mode():
        parts = [
            net(torch.from_numpy(crops[at : at + 32]).permute(0, 3, 1, 2).float() / 255)[0].numpy()
            for at in range(0, len(crops), 32)
        ]
    return np.concatenate(parts).astype(np.float64)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--minutes", type=float, default=40)
    ask.add_argument("--start", type=Path, help="go on from there")
    ask.add_argument("--rate", type=float, default=3e-3)
    ask.add_argument("--threads", type=int, default=1)
    told = ask.parse_args()
    torch.set_num_threads(told.threads)
    torch.manual_seed(3)
    rng = np.random.default_rng(int(time.time()))
    crops, lines = read(told.folder, "train")
    pair_crops, pair_lines = read(told.folder, "pairs")
    crops, lines = np.concatenate([crops, pair_crops]), lines + pair_lines
    dev, dev_lines = read(told.folder, "dev")
    weight = weights(lines).astype(np.float64)
    chance = weight / weight.sum()
    labels = np.array([line.label for line in lines], np.float32)
    net = Traces((16, 32, 48, 64)).to(memory_format=torch.channels_last)
    if told.start:
        net.load_state_dict(torch.load(told.start, weights_only=True))
    optimiser = torch.optim.AdamW(net.parameters(), lr=told.rate, weight_decay=0.01)
    begun, n, running = time.monotonic(), 0, 0.7
    said = begun
    while (share := (time.monotonic() - begun) / 60 / told.minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = told.rate * min(1.0, n / 60) * 0.5 * (1 + np.cos(np.pi * share))
        at = rng.choice(len(lines), 48, p=chance)
        net.train()
        y = torch.from_numpy(labels[at]) * 0.94 + 0.03
        loss = nn.functional.binary_cross_entropy_with_logits(net(batch(crops, at, rng))[0], y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        running += 0.02 * (float(loss.detach()) - running)
        n += 1
        if time.monotonic() - said > 120:
            said = time.monotonic()
            torch.save(net.state_dict(), told.out)
            print(f"{n} steps, {48 * n / (said - begun):.0f} crops/s, loss {running:.3f}", flush=True)
    torch.save(net.state_dict(), told.out)
    for state, found in judged(dev_lines, logits(net, dev)).items():
        print(state, [round(v, 3) for v in interval(found)])


def scored(net: nn.Module, crops: np.ndarray, lines: list[Line]) -> dict[str, object]:
    return dict(judged(lines, logits(net, crops)))


if __name__ == "__main__":
    main()
