"""Every target over its seeds, over each input that once broke something, and over some mutated ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz.mutator import Mutator
from fuzz.target import Target
from fuzz.targets import TARGETS

from leadlight.errors import Undecodable

CORPUS = Path(__file__).parents[1] / "corpus"
SEED = os.environ.get("LEADLIGHT_TEST_FUZZ_SEED", "1")
FOUND = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in TARGETS
    for path in (sorted((CORPUS / name).iterdir()) if (CORPUS / name).is_dir() else [])
]


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_sound_and_mutated_ones_break_nothing(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert seeds
    assert seeds == list(target.seeds()), "seeds are the same on every call"
    mutator = Mutator(f"{name} {SEED}", target.tokens, target.longest)
    made = [
        mutator.mutated(mutator.random.choice(seeds), mutator.random.choice(seeds)) for _ in range(target.quick)
    ]
    for number, data in enumerate([*seeds, *made] if target.quick > 20 else [*seeds[:8], *made]):
        try:
            target(data)
        except BaseException as error:
            pytest.fail(
                f"{name}, seed {SEED}, input {number} ({len(data)} bytes: {data[:64].hex()}...): {error!r}"
            )


@pytest.mark.parametrize(("name", "path"), FOUND)
def test_what_once_broke_something(name: str, path: Path) -> None:
    TARGETS[name](path.read_bytes())


def test_the_corpus_is_of_targets_that_are_there() -> None:
    folders = [p.name for p in CORPUS.iterdir() if p.is_dir()] if CORPUS.is_dir() else []
    assert set(folders) <= set(TARGETS)
    assert all(path.values[1].stat().st_size <= 64 * 1024 for path in FOUND), "found inputs are kept small"


def test_the_mutator_gives_the_same_again_and_changes_something() -> None:
    data = bytes(range(200))
    both = [[Mutator(7, (b"word",), 300).mutated(data, b"other" * 9)] * 1 for _ in range(2)]
    assert both[0] == both[1]
    mutator = Mutator(7, (b"word",), 300)
    made = [mutator.mutated(data, b"other" * 9) for _ in range(300)]
    assert len(set(made)) > 250
    assert max(map(len, made)) == 300
    assert any(b"word" in m for m in made)
    assert any(b"otherother" in m for m in made)
    assert Mutator(1).mutated(b"") == Mutator(1).mutated(b"")


@pytest.mark.parametrize(
    ("run", "passes"),
    [
        (lambda data: None, True),
        (lambda data: (_ for _ in ()).throw(Undecodable("is broken", advice="Look.")), True),
        (lambda data: next(_ for _ in ()), False),
        (lambda data: [][0], False),
    ],
)
def test_a_target_lets_nothing_through_but_what_it_may_raise(run: Callable[[bytes], None], passes: bool) -> None:
    def wrapped(data: bytes) -> None:
        made = run(data)
        if made is not None:
            next(iter(made))  # type: ignore[call-overload]

    target = Target(wrapped, lambda: (b"",))
    if passes:
        target(b"")
    else:
        with pytest.raises((StopIteration, IndexError)):
            target(b"")


def test_what_is_refused_must_say_what_happened_and_advise() -> None:
    def bare(data: bytes) -> None:
        raise Undecodable("", advice="Look.")

    def mute(data: bytes) -> None:
        raise Undecodable("is broken", advice="")

    for run in (bare, mute):
        with pytest.raises(AssertionError):
            Target(run, lambda: (b"",))(b"")
