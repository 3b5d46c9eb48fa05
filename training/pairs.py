"""Pairs of a real patch and what a generator's decoder makes of it: the same content, with and without its traces.

A detector trained on them can't go by the subject. The decoder is taef2 of madebyollin/taesd (MIT), a small one
distilled from that of FLUX.2. Where the patch is at native resolution, its reconstruction is encoded with the
parent's own quantisation tables, so that the JPEG history tells nothing either.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np
import torch
from pictures import Pixels, Row, decoded, rows
from PIL import Image
from torch import nn

SIDE = 256


def conv(n_in: int, n_out: int, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, stride, 1, bias=bias)


class Block(nn.Module):
    """As the published weights expect it."""

    def __init__(self, width: int, *, pooled: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width))
        self.pool = None
        if pooled:
            wide = 4 * width
            self.pool = nn.Sequential(
                nn.Conv2d(width, wide, 1, bias=False),
                nn.GroupNorm(4, wide),
                nn.ReLU(),
                nn.Conv2d(wide, width, 1, bias=False),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class Clamp(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x / 3) * 3


def encoder() -> nn.Sequential:
    def down() -> list[nn.Module]:
        return [conv(64, 64, 2, bias=False)]

    last = [Block(64, pooled=True) for _ in range(3)]
    thrice = [[Block(64) for _ in range(3)] for _ in range(2)]
    return nn.Sequential(
        conv(3, 64), Block(64), *down(), *thrice[0], *down(), *thrice[1], *down(), *last, conv(64, 32)
    )


def decoder() -> nn.Sequential:
    def up() -> list[nn.Module]:
        return [nn.Upsample(scale_factor=2), conv(64, 64, bias=False)]

    first = [Block(64, pooled=True) for _ in range(3)]
    thrice = [[Block(64) for _ in range(3)] for _ in range(2)]
    head = [Clamp(), conv(32, 64), nn.ReLU()]
    return nn.Sequential(*head, *first, *up(), *thrice[0], *up(), *thrice[1], *up(), Block(64), conv(64, 3))


def patch(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, bool] | None:
    """One textured patch, and whether it is at native resolution."""
    height, width = pixels.shape[:2]
    native = min(height, width) >= SIDE and (max(height, width) <= 1600 or rng.random() < 0.4)
    if not native:
        long = int(np.exp(rng.uniform(np.log(512), np.log(1600))))
        scale = min(long / max(height, width), 1.3)
        size = (round(width * scale), round(height * scale))
        if min(size) < SIDE:
            return None
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
        height, width = pixels.shape[:2]
    best, most = None, -1.0
    for _ in range(5):
        y, x = (int(rng.integers(0, (n - SIDE) // 16 + 1)) * 16 for n in (height, width))
        found = pixels[y : y + SIDE, x : x + SIDE]
        texture = float(np.diff(found[::4, :, 1].astype(np.int16), axis=1).var())
        if texture > most:
            best, most = found, texture
    return (np.ascontiguousarray(best), native) if best is not None and most >= 1 else None


def as_parent(pixels: Pixels, tables: dict[int, list[int]]) -> Pixels:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", qtables=tables, subsampling=2)
    return np.asarray(Image.open(data).convert("RGB"))


def reconstructed(pixels: Pixels, nets: tuple[nn.Module, nn.Module], rng: np.random.Generator) -> Pixels:
    """Through encoder and decoder; in two of five the latents are stirred a little, as sampling leaves them."""
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        latents = nets[0](x)
        if rng.random() < 0.4:
            latents = latents + torch.randn_like(latents) * latents.std() * float(rng.uniform(0.05, 0.25))
        y = nets[1](latents).clamp(0, 1)[0].permute(1, 2, 0).mul(255).round().byte()
    return y.numpy()


def next_row(found: list[Row], done: dict[str, int], used: set[str], rng: np.random.Generator) -> Row | None:
    """Of the source least used so far, one not used yet."""
    free = [r for r in found if r.sha256 not in used]
    if not free:
        return None
    least = min({r.source for r in free}, key=lambda s: (done.get(s, 0), s))
    own = [r for r in free if r.source == least]
    return own[int(rng.integers(len(own)))]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("manifests", nargs="+", type=Path)
    ask.add_argument("--weights", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--count", type=int, default=1000)
    ask.add_argument("--threads", type=int, default=1)
    told = ask.parse_args()
    torch.set_num_threads(told.threads)
    nets = (encoder(), decoder())
    for net, name in zip(nets, ("taef2_encoder.pth", "taef2_decoder.pth"), strict=True):
        net.load_state_dict(torch.load(told.weights / name, map_location="cpu", weights_only=True))
        net.eval().to(memory_format=torch.channels_last)
    rng = np.random.default_rng(5)
    told.out.mkdir(parents=True, exist_ok=True)
    used = {p.name.split("_")[1] for p in told.out.glob("*_real.png")}
    done: dict[str, int] = {}
    found: list[Row] = []
    for n in range(len(used), told.count):
        if n % 20 == 0 or not found:
            found = [r for r in rows(*told.manifests) if r.may_train and not r.label]
        row = next_row(found, done, used, rng)
        if row is None:
            time.sleep(20)
            continue
        used.add(row.sha256)
        done[row.source] = done.get(row.source, 0) + 1
        try:
            pixels, tables = decoded(row.path)
        except OSError:
            continue
        if (chosen := patch(pixels, rng)) is None:
            continue
        real, native = chosen
        fake = reconstructed(real, nets, rng)
        if native and tables:
            fake = as_parent(fake, tables)
        Image.fromarray(real).save(told.out / f"{n:05d}_{row.sha256}_real.png")
        Image.fromarray(fake).save(told.out / f"{n:05d}_{row.sha256}_fake.png")


if __name__ == "__main__":
    main()
