"""The fixed part of a network, run once over cached crops: heads are then fitted in seconds.

For each shard of the cache: `NAME-000.features.npy`, (n, features) of 16-bit floats.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from nets import Described

AT_ONCE = 16


def session(weights: Path) -> onnxruntime.InferenceSession:
    net = Described(weights).eval()
    names = ["features"]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/described.onnx"
        torch.onnx.export(
            net,
            (torch.rand(2, 3, 128, 128),),
            path,
            opset_version=17,
            input_names=["pixels"],
            output_names=names,
            dynamic_axes={n: {0: "n"} for n in ["pixels", *names]},
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def described(crops: npt.NDArray[np.uint8], run: onnxruntime.InferenceSession) -> npt.NDArray[np.float16]:
    found = []
    for at in range(0, len(crops), AT_ONCE):
        x = np.ascontiguousarray(crops[at : at + AT_ONCE].transpose(0, 3, 1, 2), np.float32) / 255
        found.append(run.run(None, {"pixels": x})[0].astype(np.float16))
    return np.concatenate(found)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--weights", type=Path, required=True)
    ask.add_argument("--of", default="train,pairs,dev")
    told = ask.parse_args()
    run = session(told.weights)
    for name in told.of.split(","):
        for path in sorted(told.folder.glob(f"{name}-[0-9][0-9][0-9].npy")):
            if not path.with_suffix(".features.npy").exists():
                part = path.with_suffix(".part.npy")
                np.save(part, described(np.load(path, mmap_mode="r"), run))
                part.rename(path.with_suffix(".features.npy"))
                print(path.stem, flush=True)


if __name__ == "__main__":
    main()
