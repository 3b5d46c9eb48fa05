"""Running a neural network from an ONNX file: the one place where ONNX Runtime is loaded.

One thread, no file beside the model, no code but ONNX Runtime's own operators, and nothing sent: its builds since
1.29 report their use to Microsoft unless told not to before they are loaded, and then start a thread and keep a
file of their own. So the variable that forbids it is set here, before any plugin of another package is loaded.

Format: onnx.proto of https://onnx.ai, of which only what can name another file is read here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from leadlight.errors import ConfigError

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

REQUIRES: Final = ("onnxruntime",)
"""What a plugin that uses this module requires."""
EXTRA: Final = "detect"
LARGEST: Final = 1024 * 1024 * 1024
"""Bytes of a model's file."""
Values = npt.NDArray[np.float32]


class Network:
    """One model, loaded. Not safe to share between threads."""

    def __init__(self, data: bytes, *, subject: str) -> None:
        """Load a model. Raises ConfigError naming `subject` where it can't be run, or names files beside it."""
        if len(data) > LARGEST:
            raise _unfit("is too large for a model", subject)
        try:
            beside = names_other_files(data)
        except ValueError as e:
            raise _unfit(f"is no ONNX file ({e})", subject) from e
        if beside:
            raise _unfit("keeps its weights in files beside it, which are not read", subject)
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as e:  # of several kinds, none of them public
            raise _unfit(f"can't be run: {_first_line(e)}", subject) from e
        self.inputs: Mapping[str, tuple[str, tuple[int | None, ...]]] = _ports(self._session.get_inputs())
        """Name of each input: its type ('tensor(float)') and its shape, None where any length fits."""
        self.outputs: Mapping[str, tuple[str, tuple[int | None, ...]]] = _ports(self._session.get_outputs())
        self._subject = subject

    def run(self, name: str, values: Values, wanted: Sequence[str]) -> list[Values]:
        """The outputs of these names. Raises ConfigError where the model fails, or gives no finite numbers, and
        MemoryError where there is too little memory for it.
        """
        try:
            given = self._session.run(list(wanted), {name: values})
        except Exception as e:
            if re.search(r"bad_alloc|bad allocation|[Ff]ailed to allocate", str(e)):
                raise MemoryError(_first_line(e)) from e
            raise _unfit(f"fails when it is run: {_first_line(e)}", self._subject) from e
        out = [np.asarray(v) for v in given]
        if not all(np.issubdtype(v.dtype, np.floating) and np.isfinite(v).all() for v in out):
            raise _unfit("gives what is no number", self._subject)
        return [v.astype(np.float32, copy=False) for v in out]


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as e:
        raise ConfigError(
            "needs onnxruntime, which is not installed",
            subject="detect",
            advice=f"Install it: pip install 'leadlight[{EXTRA}]'.",
        ) from e
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _ports(found: Sequence[Any]) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    return {
        str(p.name): (str(p.type), tuple(d if isinstance(d, int) and d > 0 else None for d in p.shape))
        for p in found
    }


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _unfit(what: str, subject: str) -> ConfigError:
    return ConfigError(what, subject=subject, advice="Export the model anew as one ONNX file.")


# -- what a file refers to

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_TENSOR = "tensor"
_INNER: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: _TENSOR, 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: _TENSOR, 6: "graph", 10: _TENSOR, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: _TENSOR, 2: _TENSOR},
}
"""Which fields of which message hold further messages that may hold tensors."""
_EXTERNAL: Final = (13, 14)
"""Of TensorProto: external_data, data_location (1: external)."""
_DEPTH: Final = 64


def names_other_files(data: bytes) -> bool:
    """Whether any tensor of an ONNX file lies in another file. Raises ValueError where it is no such file."""
    seen = list(_fields(memoryview(data)))
    if not any(field == 7 and kind == _BYTES for field, kind, _ in seen):
        raise ValueError("no graph in it")
    waiting: list[tuple[str, memoryview, int]] = [("model", memoryview(data), 0)]
    while waiting:
        what, view, depth = waiting.pop()
        if depth > _DEPTH:
            raise ValueError("graphs within graphs too deep")
        for field, kind, value in _fields(view):
            if what == _TENSOR:
                if field in _EXTERNAL and value != 0:
                    return True
            elif kind == _BYTES and isinstance(value, memoryview) and (inner := _INNER[what].get(field)):
                waiting.append((inner, value, depth + 1))
    return False


def _fields(view: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of each field of a protobuf message. Raises ValueError."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(view, at)
            yield field, kind, value
            continue
        if kind == _BYTES:
            length, at = _varint(view, at)
        elif kind in (_EIGHT, _FOUR):
            length = 8 if kind == _EIGHT else 4
        else:
            raise ValueError("not in the form of protobuf")
        if length > len(view) - at:
            raise ValueError("cut off")
        yield field, kind, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for n in range(10):
        if at + n >= len(view):
            raise ValueError("cut off")
        byte = view[at + n]
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError("not in the form of protobuf")
