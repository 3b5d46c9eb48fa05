"""Small neural networks with made-up weights, as ONNX files: a writer of the few protobuf messages they take.

Field numbers: onnx.proto of ONNX (IR version 8, opset 13).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def attribute(name: str, value: int | float | list[int]) -> bytes:
    if isinstance(value, list):
        body = b"".join(number(8, v) for v in value) + number(20, 7)
    elif isinstance(value, float):
        body = varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    else:
        body = number(3, value) + number(20, 2)
    return message(5, text(1, name), body)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes) -> bytes:
    return message(
        1,
        *(text(1, i) for i in inputs),
        *(text(2, o) for o in outputs),
        text(4, op),
        *(attribute(k, v) for k, v in attributes.items()),
        text(7, domain) if domain else b"",
    )


def tensor(name: str, values: np.ndarray, *, extra: bytes = b"") -> bytes:
    dims = b"".join(number(1, d) for d in values.shape)
    raw = b"" if extra else message(9, values.astype("<f4").tobytes())
    return message(5, dims, number(2, 1), text(8, name), raw, extra)


def value(field: int, name: str, shape: Sequence[int | str], kind: int = 1) -> bytes:
    dims = b"".join(message(1, number(1, d) if isinstance(d, int) else text(2, d)) for d in shape)
    return message(field, text(1, name), message(2, message(1, number(1, kind), message(2, dims))))


def model(graph: Sequence[bytes], *, domains: Sequence[str] = ("",), extra: bytes = b"") -> bytes:
    opsets = b"".join(message(8, text(1, d), number(2, 13 if not d else 1)) for d in domains)
    return number(1, 8) + message(7, *graph, text(2, "net")) + opsets + extra


def detector(
    *,
    side: int = 64,
    classes: int = 1,
    seed: int = 1,
    batch: int | str = "n",
    layout: str = "NCHW",
    width: int = 8,
    end: str = "",
    gain: float = 4.0,
    kind: int = 1,
    extra: Sequence[bytes] = (),
) -> bytes:
    """Two convolutions, a mean, a linear layer: `pixels` -> `logits` (n, classes) and `features` (n, width)."""
    rng = np.random.default_rng(seed)
    shape = (batch, 3, side, side) if layout == "NCHW" else (batch, side, side, 3)
    start = "pixels" if layout == "NCHW" else "turned"
    nodes = [] if layout == "NCHW" else [node("Transpose", ["pixels"], [start], perm=[0, 3, 1, 2])]
    nodes += [
        node("Conv", [start, "w1"], ["a"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "w2"], ["c"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["d"]),
        node("GlobalAveragePool", ["d"], ["e"]),
        node("Flatten", ["e"], ["features"], axis=1),
        node("Gemm", ["features", "w3", "b3"], ["linear" if end else "logits"]),
    ]
    if end:
        nodes.append(node(end, ["linear"], ["logits"]))
    return model(
        [
            *nodes,
            *extra,
            tensor("w1", rng.normal(0, 0.5, (width, 3, 3, 3))),
            tensor("w2", rng.normal(0, 0.5, (width, width, 3, 3))),
            tensor("w3", rng.normal(0, gain, (width, classes))),
            tensor("b3", rng.normal(0, 0.5, (classes,))),
            value(11, "pixels", shape, kind),
            value(12, "logits", (batch, classes)),
            value(12, "features", (batch, width)),
        ]
    )
