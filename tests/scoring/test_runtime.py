"""Networks: what is loaded, what is refused, and that nothing is sent or left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.errors import ConfigError
from leadlight.scoring.runtime import Network, names_other_files
from tests.scoring.graphs import detector, message, model, node, number, tensor, text, value

PLAIN = detector(side=16)


def test_a_network_states_its_ports_and_runs() -> None:
    network = Network(detector(side=16, classes=3), subject="net")
    assert network.inputs == {"pixels": ("tensor(float)", (None, 3, 16, 16))}
    assert network.outputs == {"logits": ("tensor(float)", (None, 3)), "features": ("tensor(float)", (None, 8))}
    first, second = network.run("pixels", np.ones((4, 3, 16, 16), np.float32), ["features", "logits"])
    assert first.shape == (4, 8)
    assert second.shape == (4, 3)
    assert second.dtype == np.float32


def test_a_network_that_fails_says_so() -> None:
    network = Network(PLAIN, subject="net")
    with pytest.raises(ConfigError, match="net: fails when it is run"):
        network.run("pixels", np.ones((1, 3, 8, 8), np.float32), ["logits"])
    with pytest.raises(ConfigError, match="gives what is no number"):
        network.run("pixels", np.full((1, 3, 16, 16), np.nan, np.float32), ["logits"])


@pytest.mark.parametrize(
    "words", ["std::bad_alloc", "bad allocation", "x.cc:53 Failed to allocate memory for buffer"]
)
def test_too_little_memory_is_no_fault_of_the_model(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    class Full:
        def run(self, *arguments: object) -> None:
            raise RuntimeError(words)

    network = Network(PLAIN, subject="net")
    monkeypatch.setattr(network, "_session", Full())
    with pytest.raises(MemoryError):
        network.run("pixels", np.ones((1, 3, 16, 16), np.float32), ["logits"])


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"not a model", PLAIN[:200], b"ORTM" + PLAIN, text(1, "x")])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"is no ONNX file|can't be run"):
        Network(data, subject="net")


def test_operators_of_others_are_refused() -> None:
    graph = [node("Relu", ["x"], ["y"], domain="elsewhere"), value(11, "x", (1,)), value(12, "y", (1,))]
    with pytest.raises(ConfigError, match="can't be run"):
        Network(model(graph, domains=("", "elsewhere")), subject="net")


def outside(name: str, place: str) -> bytes:
    entry = message(13, text(1, "location"), text(2, place))
    return tensor(name, np.zeros((3,), np.float32), extra=entry + number(14, 1))


@pytest.mark.parametrize("place", ["weights.bin", "../../etc/hostname", "/etc/hostname"])
def test_weights_in_other_files_are_refused_before_anything_is_opened(place: str) -> None:
    graph = [node("Identity", ["w"], ["y"]), outside("w", place), value(12, "y", (3,))]
    with pytest.raises(ConfigError, match="files beside it"):
        Network(model(graph), subject="net")


def test_other_files_are_found_wherever_they_are_named() -> None:
    far = outside("w", "weights.bin")
    inner = [far, node("Identity", ["w"], ["y"])]
    as_value = message(5, text(1, "value"), far)  # AttributeProto.t has the field number of an initializer
    deep = message(1, text(4, "If"), message(5, text(1, "then_branch"), message(6, *inner)))
    for graph in ([far], [message(1, text(4, "Constant"), as_value)], [deep]):
        assert names_other_files(model(graph))
    assert names_other_files(model([], extra=message(25, message(7, as_value))))
    assert names_other_files(model([message(15, message(1, far[2:]))]))
    assert not names_other_files(PLAIN)


@given(st.binary(max_size=200), st.integers(0, len(PLAIN)), st.integers(0, 40))
def test_any_bytes_are_told_or_refused(noise: bytes, at: int, cut: int) -> None:
    with contextlib.suppress(ValueError):
        names_other_files(PLAIN[:at] + noise + PLAIN[at + cut :])


def test_nothing_is_sent_and_nothing_left_behind(tmp_path: Path) -> None:
    """Builds of ONNX Runtime since 1.29 start a thread for their reports, and keep a file in the home folder."""
    code = (
        "from pathlib import Path; import sys\n"
        "from leadlight.scoring.runtime import Network\n"
        "Network(sys.stdin.buffer.read(), subject='net')\n"
        "tasks = Path('/proc/self/task')\n"
        "print(len(list(tasks.iterdir())) if tasks.exists() else 1)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    environment |= {"HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], input=PLAIN, env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"1"]
    assert list(tmp_path.rglob("*")) == []


def test_plugins_of_others_come_after_the_word_that_forbids_sending() -> None:
    code = "import leadlight.plugins as p, os; list(p._built_in()); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.split() == [b"1"]
