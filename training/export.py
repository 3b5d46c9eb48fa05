"""The shipped model: the fixed part and its heads as one ONNX graph, with a card and without a calibration yet.

Input `pixels`: float32, (n, 3, 128, 128), RGB of 0 to 1. Outputs: `logit` (n,), higher for generated, and
`features` (n, 64) for the distance to what it was calibrated on. Nothing is to be normalised outside.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from heads import kept, load, logits
from nets import FEATURES, Described
from torch import Tensor, nn

OPSET = 17
LARGE = 4096
"""Values from which on weights are stored in half precision; they are worked with in single precision."""


class Shipped(nn.Module):
    """The weighted mean of the heads' logits, and the features of those that have any side by side, at most 64."""

    def __init__(self, described: Described, heads: list[nn.Module], shares: list[float]) -> None:
        super().__init__()
        self.described = described
        self.heads = nn.ModuleList(heads)
        self.register_buffer("shares", torch.tensor(shares))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.described(pixels)
        said = [head(x) for head in self.heads]
        logit = (torch.stack([s[0] for s in said], 1) * self.shares).sum(1)
        return logit, torch.cat([s[1] for s in said], 1)[:, -2 * FEATURES :]


def shares(heads: list[nn.Module], cache: Path) -> list[float]:
    """What each head's logit counts: all spread alike over crops that were trained on, and 1 in sum."""
    known = load(cache, "pairs")
    spread = np.array([logits(head, known).std() for head in heads])
    return [float(v) for v in 1 / spread / (1 / spread).sum()]


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """With large weights in half precision, which halves the file; they are cast back when it is loaded."""
    graph = model.graph
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size >= LARGE and "statistics" not in weight.name:
            name = weight.name
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            graph.node.insert(
                0, onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
            )
    return model


def exported(net: nn.Module, path: Path) -> float:
    """Write the graph, check it, and return the greatest difference of a logit between torch and ONNX Runtime."""
    names = ["pixels", "logit", "features"]
    torch.onnx.export(
        net,
        (torch.rand(2, 3, 128, 128),),
        str(path),
        opset_version=OPSET,
        input_names=names[:1],
        output_names=names[1:],
        dynamic_axes={n: {0: "n"} for n in names},
        dynamo=False,
    )
    model = halved(onnx.load(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    run = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for n in (1, 5):
        grain = rng.normal(128, 30, (n, 3, 128, 128)).cumsum(3) / 12 + rng.normal(100, 4, (n, 3, 128, 128))
        x = (np.clip(grain, 0, 255).round() / 255).astype(np.float32)
        with torch.inference_mode():
            expected = net(torch.from_numpy(x))
        found = run.run(names[1:], {"pixels": x})
        worst = max(worst, *(float(np.abs(e.numpy() - f).max()) for e, f in zip(expected, found, strict=True)))
    if worst > 1e-2:
        raise SystemExit(f"the exported model differs by {worst}")
    return worst


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("heads", nargs="+", type=Path, help="what heads.py wrote")
    ask.add_argument("--cache", type=Path, required=True)
    ask.add_argument("--weights", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    told = ask.parse_args()
    heads = [kept(path) for path in told.heads]
    net = Shipped(Described(told.weights), heads, shares(heads, told.cache)).eval()
    path = told.out / "model.onnx"
    told.out.mkdir(parents=True, exist_ok=True)
    worst = exported(net, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.stat().st_size / 1e6:.2f} MB, greatest difference {worst:.2g}, SHA-256 {digest}")


if __name__ == "__main__":
    main()
