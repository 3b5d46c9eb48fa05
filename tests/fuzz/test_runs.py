"""How the fuzzers are run: seeds and words on disk, sources of the kernels, values turned into other shapes."""

from __future__ import annotations

import json
from pathlib import Path

import fuzz.__main__ as runner
import pytest
from fuzz.targets import TARGETS
from fuzz.twist import twisted

from fuzz import native


def test_seeds_found_inputs_and_words_are_where_a_run_begins(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "WORK", tmp_path)
    corpus, found = runner.prepared("policy")
    held = {p.read_bytes() for p in corpus.iterdir()}
    kept = {p.read_bytes() for p in (runner.CORPUS / "policy").iterdir()}
    assert kept
    assert held == kept | set(TARGETS["policy"].seeds())
    assert not list(found.iterdir())
    assert runner.words("policy") == [f"-dict={tmp_path / 'policy' / 'words'}"]
    words = (tmp_path / "policy" / "words").read_text("ascii").splitlines()
    assert len(words) == len(TARGETS["policy"].tokens)
    assert all(w.startswith('"\\x') for w in words)
    runner.prepared("radius")
    assert runner.words("radius") == [], "a file without words is refused"


@pytest.mark.parametrize("package", native.KERNELS)
def test_the_sources_of_each_kernel_are_those_that_setup_builds(package: str) -> None:
    sources = native._sources(package)
    assert len(sources) >= 2
    assert all(path.is_file() and path.suffix == ".c" for path in sources)


def test_native_code_has_targets() -> None:
    assert {"scaled-jpeg", "radius", "radius-tables", "index-file"} <= {n for n, t in TARGETS.items() if t.native}


def test_twisted_values_are_the_same_again_and_the_original_stays() -> None:
    value = {"a": [1, {"b": "text"}], "c": None}
    before = json.dumps(value)
    made = [json.dumps(twisted(value, bytes([n]))) for n in range(200)]
    assert made == [json.dumps(twisted(value, bytes([n]))) for n in range(200)]
    assert json.dumps(value) == before
    assert len(set(made)) > 100
