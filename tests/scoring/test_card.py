"""Cards: read back as written, and refused in words where they do not fit."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.errors import ConfigError
from leadlight.scoring.card import LONGEST, Abstain, Card, Input, Output, SelfTest, Shift, Training, parse, read
from leadlight.scoring.toml import document
from tests.scoring.cards import CALIBRATION, card

FULL = card(
    b"x",
    training=Training("Charts.\nAll of them drawn.", ("one, 3 pictures", 'two, "quoted" \\ back')),
    input=Input("centre", 64, 1, 70, "bicubic", "pixels", "NHWC", "BGR", 0.5, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)),
    output=Output("logits", "probabilities", 1, "camera", "mean", "features"),
    abstain=Abstain(80, 1, 2.5, True),
    shift=(Shift((1.0, 2.0), (0.5, 0.25), 3.0), Shift((0.0, -1e-9), (1e10, 1.0), 2.0)),
    calibration=(CALIBRATION, replace(CALIBRATION, state="resized", least_quality=50)),
    selftest=(SelfTest(640, 480, 1, -1.25, 0.1), SelfTest(64, 64)),
)


def test_a_card_is_read_as_it_is_written() -> None:
    assert parse(FULL.text(), "card") == FULL
    assert parse(card(b"x").text(), "card") == card(b"x")
    assert parse(FULL.text(), "card").text() == FULL.text()


def test_a_short_card_has_the_defaults() -> None:
    short = 'name = "a"\nversion = "1"\ntitle = "t"\nlicence = "MIT"\nsource = "s"\nsummary = "w"\n'
    assert parse(short, "card") == Card("a", "1", "t", "MIT", "s", "w")


@given(st.text(), st.floats(-1e30, 1e30), st.integers(0, 2**31 - 1))
def test_what_is_written_is_what_toml_reads(text: str, number: float, whole: int) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8")
    values = {"a": text, "b": [number, -number], "c": {"d": True, "e": [{"f": whole}, {"f": 0}]}}
    assert tomllib.loads(document(values)) == values


def test_nothing_else_is_written() -> None:
    with pytest.raises(TypeError):
        document({"a": None})


BROKEN = [
    ("name = 1", "name must be printable text"),
    ('name = "../up"', "name must be"),
    ('name = "Upper"', "name must be"),
    ('name = "a-"', "name must be"),
    ('licence = " "', "states no licence"),
    ('title = "two\\nlines"', "one line"),
    ('digest = "ABC"', "SHA-256"),
    ("unknown = 1", "no such key: unknown"),
    ("[input]\nsize = 3", "no such key: input.size"),
    ("[input]\nside = 7", "input.side"),
    ("[input]\nside = 64.0", "whole number"),
    ("[input]\nside = true", "whole number"),
    ("[input]\nkind = 'tiles'", "input.kind must be one of crops, centre, resize"),
    ("[input]\ncount = 65", "input.count"),
    ("[input]\nkind = 'resize'\ncount = 2", "input.count"),
    ("[input]\nside = 1024\ncount = 64", "more than"),
    ("[input]\nresize = 300", "input.resize"),
    ("[input]\nkind = 'centre'\nresize = 100", "input.resize"),
    ("[input]\nmean = [0.5]", "3 values"),
    ("[input]\nstd = [0.5, 0.5, 0.0]", "3 values"),
    ("[input]\nmean = []", "list of 1 to"),
    ("[input]\nscale = 0.0", "3 values"),
    ("[input]\nscale = nan", "must be a number"),
    ("[input]\ncolours = 'CMY'", "input.colours"),
    ("[input]\nfilter = 'nearest'", "input.filter"),
    ("[output]\nmeaning = 'score'", "output.meaning"),
    ("[output]\nindex = 1", "output.index"),
    ("[output]\naggregate = 'max'", "output.aggregate"),
    ("[output]\nspeaks_for = 'both'", "output.speaks_for"),
    ("[abstain]\nleast_patches = 2", "abstain.least_patches"),
    ("[abstain]\nmost_disagreement = -1", "abstain.most_disagreement"),
    ("[abstain]\ngrey = 1", "true or false"),
    ("abstain = 3", "abstain must be a table"),
    ("[[shift]]\nmean = [1.0]\nscale = [1.0]\nthreshold = 1", "needs output.features"),
    ("[output]\nfeatures = 'f'\n[[shift]]\nmean = [1.0]\nscale = [0.0]\nthreshold = 1", "scales above 0"),
    ("[output]\nfeatures = 'f'\n[[shift]]\nmean = [1.0]\nscale = [1.0]", "states no shift 1.threshold"),
    ("[[selftest]]\nwidth = 4\nheight = 64", "sides of 8"),
    ("[[selftest]]\nwidth = 64", "states no selftest 1.height"),
    ("[selftest]\nwidth = 64", "at most 16 tables"),
    ("[[calibration]]\nname = 'x'", "calibration"),
    ("= 3", "is not TOML"),
]


@pytest.mark.parametrize(("change", "words"), BROKEN, ids=[b[0].replace("\n", " ") for b in BROKEN])
def test_what_does_not_fit_is_refused_and_named(change: str, words: str) -> None:
    values = {"name": "a", "version": "1", "title": "t", "licence": "MIT", "source": "s", "summary": "w"}
    key = change.split(" = ")[0]
    head = "".join(f'{k} = "{v}"\n' for k, v in values.items() if k != key)
    with pytest.raises(ConfigError) as caught:
        parse(head + change, "cards/a.toml")
    assert words in caught.value.what
    assert caught.value.subject.startswith("cards/a.toml")
    assert caught.value.advice


@pytest.mark.parametrize("name", ["name", "version", "title", "licence", "source", "summary"])
def test_what_each_card_must_state(name: str) -> None:
    values = {"name": "a", "version": "1", "title": "t", "licence": "MIT", "source": "s", "summary": "w"}
    del values[name]
    with pytest.raises(ConfigError, match=f"states no {name}"):
        parse(document(values), "card")


def test_files_that_are_no_card(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    with pytest.raises(ConfigError, match="can't be read"):
        read(path, "card")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read(path, "card")
    path.write_bytes(b"#" * (LONGEST + 1))
    with pytest.raises(ConfigError, match="too large"):
        read(path, "card")
    path.write_text(FULL.text(), "utf-8")
    assert read(path, "card") == FULL


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda v: (
            st.lists(v, max_size=3)
            | st.dictionaries(
                st.sampled_from([f.name for f in fields(Input)] + [f.name for f in fields(Card)]), v, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_values_are_a_card_or_refused(values: object) -> None:
    from leadlight.scoring import card as module

    base = {"name": "a", "version": "1", "title": "t", "licence": "MIT", "source": "s", "summary": "w"}
    given_ = {**base, **values} if isinstance(values, dict) else {**base, "input": values}
    try:
        made = module._fill(Card, given_, "")
        module._check(made)
    except (ConfigError, ValueError, TypeError, OverflowError):
        return
    assert parse(made.text(), "card") == made
