"""Small neural networks with made-up weights, as ONNX files: a writer of the few protobuf messages they take.

Field numbers: onnx.proto of ONNX (IR version 8, opset 13 and 17).
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
    whole = values.dtype.kind == "i"
    raw = b"" if extra else message(9, values.astype("<i8" if whole else "<f4").tobytes())
    return message(5, dims, number(2, 7 if whole else 1), text(8, name), raw, extra)


def value(field: int, name: str, shape: Sequence[int | str], kind: int = 1) -> bytes:
    dims = b"".join(message(1, number(1, d) if isinstance(d, int) else text(2, d)) for d in shape)
    return message(field, text(1, name), message(2, message(1, number(1, kind), message(2, dims))))


def model(graph: Sequence[bytes], *, domains: Sequence[str] = ("",), extra: bytes = b"", opset: int = 13) -> bytes:
    opsets = b"".join(message(8, text(1, d), number(2, opset if not d else 1)) for d in domains)
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


class _Transformer:
    """The nodes and weights of a vision transformer, one after the other."""

    def __init__(self, width: int, seed: int) -> None:
        self.width = width
        self.rng = np.random.default_rng(seed)
        self.parts: list[bytes] = []
        self.count = 0

    def weight(self, *shape: int, spread: float = 0.02) -> str:
        self.count += 1
        self.parts.append(tensor(f"w{self.count}", self.rng.standard_normal(shape, np.float32) * spread))
        return f"w{self.count}"

    def whole(self, *values: int) -> str:
        self.count += 1
        self.parts.append(tensor(f"w{self.count}", np.array(values, np.int64)))
        return f"w{self.count}"

    def figure(self, value: float) -> str:
        self.count += 1
        self.parts.append(tensor(f"w{self.count}", np.array(value, np.float32)))
        return f"w{self.count}"

    def op(self, kind: str, *inputs: str, **attributes) -> str:
        self.count += 1
        self.parts.append(node(kind, inputs, [f"x{self.count}"], **attributes))
        return f"x{self.count}"

    def linear(self, x: str, given: int, out: int) -> str:
        return self.op("Add", self.op("MatMul", x, self.weight(given, out)), self.weight(out))

    def norm(self, x: str) -> str:
        scale = self.op("Add", self.weight(self.width), self.figure(1.0))
        return self.op("LayerNormalization", x, scale, self.weight(self.width), axis=-1, epsilon=1e-6)

    def attention(self, x: str, tokens: int, heads: int) -> str:
        width = self.width
        both = self.op(
            "Reshape", self.linear(x, width, 3 * width), self.whole(0, tokens, 3, heads, width // heads)
        )
        both = self.op("Transpose", both, perm=[2, 0, 3, 1, 4])
        q, k, v = (
            self.op("Squeeze", self.op("Gather", both, self.whole(n), axis=0), self.whole(0)) for n in range(3)
        )
        near = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        shares = self.op("Softmax", self.op("Mul", near, self.figure((width / heads) ** -0.5)), axis=-1)
        mixed = self.op("Transpose", self.op("MatMul", shares, v), perm=[0, 2, 1, 3])
        return self.linear(self.op("Reshape", mixed, self.whole(0, tokens, width)), width, width)

    def between(self, x: str) -> str:
        inner = self.linear(x, self.width, 4 * self.width)
        half = self.op("Erf", self.op("Mul", inner, self.figure(0.5**0.5)))
        gelu = self.op("Mul", self.op("Mul", inner, self.figure(0.5)), self.op("Add", half, self.figure(1.0)))
        return self.linear(gelu, 4 * self.width, self.width)


def vit(*, side: int, width: int = 384, depth: int = 12, heads: int = 6, patch: int = 16, seed: int = 1) -> bytes:
    """A vision transformer with random weights: `pixels` (n, 3, side, side) -> `logit` (n, 1).

    Its defaults are ViT-S/16 of Dosovitskiy et al. 2021 as timm has it: 22 million weights.
    """
    t = _Transformer(width, seed)
    tokens = (side // patch) ** 2 + 1
    x = t.op("Conv", "pixels", t.weight(width, 3, patch, patch), t.weight(width), strides=[patch, patch])
    x = t.op("Transpose", t.op("Reshape", x, t.whole(0, width, -1)), perm=[0, 2, 1])
    count = t.op("Concat", t.op("Shape", "pixels", start=0, end=1), t.whole(1, width), axis=0)
    x = t.op("Concat", t.op("Expand", t.weight(1, 1, width), count), x, axis=1)
    x = t.op("Add", x, t.weight(1, tokens, width))
    for _ in range(depth):
        x = t.op("Add", x, t.attention(t.norm(x), tokens, heads))
        x = t.op("Add", x, t.between(t.norm(x)))
    first = t.op("Squeeze", t.op("Gather", t.norm(x), t.whole(0), axis=1), t.whole(1))
    head = node("Gemm", [first, t.weight(width, 1, spread=1.0), t.weight(1)], ["logit"])
    ends = (value(11, "pixels", ("n", 3, side, side)), value(12, "logit", ("n", 1)))
    return model([*t.parts, head, *ends], opset=17)
