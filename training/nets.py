"""The networks that were tried; each takes RGB of 0 to 1 and gives a logit and features a crop.

All normalise inside, so that a user of the model can't get it wrong.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FEATURES = 32


def residual_kernels() -> Tensor:
    """Eight fixed filters of 5 by 5 on single channels: steps, second and third differences, and two squares.

    After the high-pass models of steganalysis (Fridrich and Kodovsky, IEEE TIFS 7 (2012) 868-882): they take the
    subject away and leave noise, demosaicing traces and what up-sampling writes.
    """
    found = np.zeros((8, 5, 5), np.float32)
    found[0, 2, 2:4] = -1, 1
    found[1, 2:4, 2] = -1, 1
    found[2, 2, 1:4] = 1, -2, 1
    found[3, 1:4, 2] = 1, -2, 1
    found[4, 2, 1:5] = 1, -3, 3, -1
    found[5, 1:4, 1:4] = np.outer([1, -2, 1], [1, -2, 1])
    found[6] = np.outer([1, -4, 6, -4, 1], [1, -4, 6, -4, 1]) / 4
    found[7] = (
        np.array(
            [-1, 2, -2, 2, -1, 2, -6, 8, -6, 2, -2, 8, -12, 8, -2, 2, -6, 8, -6, 2, -1, 2, -2, 2, -1]
        ).reshape(5, 5)
        / 3
    )
    return torch.from_numpy(found)[:, None]


class Residuals(nn.Module):
    """RGB of 0 to 1 to 11 planes: eight residuals of luma, one of each colour difference, and faint luma."""

    planes = 11

    def __init__(self) -> None:
        super().__init__()
        luma = torch.tensor([0.299, 0.587, 0.114])
        kernels = residual_kernels()
        joined = [luma[:, None, None] * k[0] for k in kernels]
        for colour in (torch.tensor([1.0, -1.0, 0.0]), torch.tensor([0.0, -1.0, 1.0])):
            joined.append(colour[:, None, None] * kernels[5][0])
        flat = torch.zeros(5, 5)
        flat[2, 2] = 0.08
        joined.append(luma[:, None, None] * flat)
        self.register_buffer("weight", torch.stack(joined) * 255 / 4)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.conv2d(x, self.weight)  # no padding: no edge that isn't in the picture
        return torch.clamp(y, -6, 6)


def layer(n_in: int, n_out: int, stride: int = 1, *, groups: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU6(),
    )


class Step(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            layer(width, width), nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Traces(nn.Module):
    """A small network on residuals, trained from scratch."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 64, 96)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.residuals = Residuals()
        self.body = nn.Sequential(
            layer(self.residuals.planes, a, 2),
            layer(a, b, 2),
            Step(b),
            layer(b, c, 2),
            Step(c),
            layer(c, d, 2),
            Step(d),
        )
        self.head = Head(2 * d)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.body(self.residuals(x))
        return self.head(spread(y))


def spread(y: Tensor) -> Tensor:
    """Mean and standard deviation of each plane."""
    mean = y.mean((2, 3))
    return torch.cat([mean, torch.sqrt(torch.relu((y * y).mean((2, 3)) - mean * mean) + 1e-4)], 1)


class Head(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(width)
        self.first = nn.Linear(width, FEATURES)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(FEATURES, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.relu(self.first(self.scale(x)))
        return self.last(self.drop(features))[:, 0], features


class Inverted(nn.Module):
    """A block of EfficientNet-Lite (Apache-2.0): expand, filter each plane, project."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = n_in * expand
        parts = [layer(n_in, wide, size=1)] if expand > 1 else []
        parts += [layer(wide, wide, stride, groups=wide, size=size)]
        parts += [nn.Sequential(nn.Conv2d(wide, n_out, 1, bias=False), nn.BatchNorm2d(n_out))]
        self.parts = nn.Sequential(*parts)
        self.short = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        y = self.parts(x)
        return x + y if self.short else y


BLOCKS = (
    (32, 16, 3, 1, 1),
    (16, 24, 3, 2, 6),
    (24, 24, 3, 1, 6),
    (24, 40, 5, 2, 6),
    (40, 40, 5, 1, 6),
    (40, 80, 3, 2, 6),
    (80, 80, 3, 1, 6),
    (80, 80, 3, 1, 6),
    (80, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 192, 5, 2, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 320, 3, 1, 6),
)
"""Planes in and out, size of the filters, step, expansion: all blocks of EfficientNet-Lite0."""


class Front(nn.Module):
    """The first `depth` blocks of EfficientNet-Lite0: what each gives."""

    def __init__(self, depth: int, weights: Path | None = None) -> None:
        super().__init__()
        self.stem = layer(3, 32, 2)
        self.blocks = nn.ModuleList(Inverted(*shape) for shape in BLOCKS[:depth])
        if weights is not None:
            self._take(weights)
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = 1e-3

    def _take(self, weights: Path) -> None:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        wanted = self.state_dict()
        own = [k for k in state if (m := re.match(r"_blocks\.(\d+)\.", k)) is None or int(m[1]) < len(self.blocks)]
        own = [k for k in own if k.startswith(("_conv_stem", "_bn0", "_blocks"))]
        if len(own) != len(wanted):
            raise ValueError(f"{len(own)} tensors for {len(wanted)}")
        self.load_state_dict({k: state[o].reshape(wanted[k].shape) for k, o in zip(wanted, own, strict=True)})

    def forward(self, x: Tensor) -> list[Tensor]:
        y = self.stem((x * 255 - 127) / 128)
        out = []
        for block in self.blocks:
            y = block(y)
            out.append(y)
        return out


def dct(side: int) -> Tensor:
    """The cosine transform of two dimensions as filters: shape (side * side, 1, side, side)."""
    n = np.arange(side)
    line = np.cos(np.pi * (2 * n[None] + 1) * n[:, None] / (2 * side)) * np.sqrt(2 / side)
    line[0] /= np.sqrt(2)
    found = np.einsum("ui,vj->uvij", line, line).reshape(side * side, 1, side, side)
    return torch.from_numpy(found.astype(np.float32))


class Statistics(nn.Module):
    """Fixed statistics of a crop of 128: its noise, its spectrum and its sampling. Nothing is learned.

    Log energies of cosine transforms, moments and correlations of residuals (the level of noise among them), and
    how residuals differ between the places of a colour filter, which demosaicing leaves, and of JPEG's grid.
    """

    width = 545
    lags = (1, 2, 3, 4, 8)

    def __init__(self) -> None:
        super().__init__()
        kernels = residual_kernels()
        scale = torch.tensor([1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 9.0, 4.0])[:, None, None, None]
        self.register_buffer("kernels", kernels / scale)
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1))
        self.register_buffer(
            "chroma",
            torch.tensor([[-0.169, -0.331, 0.5], [0.5, -0.419, -0.081], [-0.5, 1.0, -0.5]]).reshape(3, 3, 1, 1),
        )
        self.register_buffer("wide", dct(16))
        self.register_buffer("small", dct(8))
        self.register_buffer("square", (kernels[5:6] / 4).repeat(3, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x * 255
        y = nn.functional.conv2d(x, self.luma)
        colours = nn.functional.conv2d(x, self.chroma)
        r = nn.functional.conv2d(y, self.kernels)
        found = [self._spectra(y, colours), self._moments(r), self._sampling(x)]
        return torch.cat(found, 1)

    def _spectra(self, y: Tensor, colours: Tensor) -> Tensor:
        wide = nn.functional.conv2d(y, self.wide, stride=8)
        found = [torch.log((wide * wide).mean((2, 3)) + 0.05)[:, 1:]]
        for c in range(2):
            small = nn.functional.conv2d(colours[:, c : c + 1], self.small, stride=8)
            found.append(torch.log((small * small).mean((2, 3)) + 0.05)[:, 1:])
        return torch.cat(found, 1)

    def _moments(self, r: Tensor) -> Tensor:
        size = torch.abs(r)
        square = r * r
        power = square.mean((2, 3))
        found = [
            torch.log(size.mean((2, 3)) + 0.05),
            torch.log(power + 0.05),
            torch.log((square * square).mean((2, 3)) / (power * power + 0.05) + 0.5),
        ]
        found += [(size < bound).float().mean((2, 3)) for bound in (0.3, 0.6, 1.5, 4.0)]
        for lag in self.lags:
            found.append((r[:, :, :, lag:] * r[:, :, :, :-lag]).mean((2, 3)) / (power + 0.05))
            found.append((r[:, :, lag:] * r[:, :, :-lag]).mean((2, 3)) / (power + 0.05))
        return torch.cat(found, 1)

    def _sampling(self, x: Tensor) -> Tensor:
        """Energy at each place of two by two for each colour, and at each of JPEG's eight rows and columns."""
        r = torch.abs(nn.functional.conv2d(x, self.square, groups=3))
        all_ = r.mean((2, 3)) + 0.05
        found = [torch.log((r[:, :, a::2, b::2].mean((2, 3)) + 0.05) / all_) for a in (0, 1) for b in (0, 1)]
        green = r[:, 1:2]
        rows, columns = green.mean(3)[:, 0, :120], green.mean(2)[:, 0, :120]
        for line in (rows, columns):
            by = line.reshape(-1, 15, 8).mean(1)
            found.append(torch.log((by + 0.05) / (by.mean(1, keepdim=True) + 0.05)))
        return torch.cat(found, 1)


class Described(nn.Module):
    """Statistics, and mean and spread of the planes of some blocks of a frozen EfficientNet-Lite0, of a crop."""

    taps = (0, 2, 4, 7, 10, 15)
    seen = 2 * sum(BLOCKS[tap][1] for tap in taps)

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.statistics = Statistics()
        self.front = Front(max(self.taps) + 1, weights)

    def forward(self, x: Tensor) -> Tensor:
        found = self.front(x)
        return torch.cat([self.statistics(x), *(spread(found[t]) for t in self.taps)], 1)
