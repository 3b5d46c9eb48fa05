"""Models are installed whole or not at all, and only those that are what their card says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from leadlight import models
from leadlight.conditions import Conditions
from leadlight.config import Settings
from leadlight.errors import ConfigError, LeadlightError, UnknownName, UsageError
from leadlight.models import add, listed, recorded, remove, with_models
from leadlight.models import test as tried
from leadlight.plugins import Registry, registry
from leadlight.scoring.card import Card, Input, Output, SelfTest, read
from leadlight.scoring.detector import CARD_FILE, MODEL_FILE, Detector
from leadlight.scoring.shelf import shipped_card
from tests.scoring.cards import card, install
from tests.scoring.graphs import detector

DATA = detector()


class Bench:
    """A model and its card outside of the folder of models."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.settings = Settings(models=str(base / "models"), detect="on")
        self.file = base / "net.onnx"
        self.file.write_bytes(DATA)

    def card(self, stated: Card | None = None, text: str = "") -> str:
        path = self.base / "stated.toml"
        path.write_text(text or (stated or card()).text(), "utf-8")
        return str(path)

    def there(self) -> list[str]:
        folder = self.base / "models"
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) if folder.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


INSTALLED = ["made-up", f"made-up/{CARD_FILE}", f"made-up/{MODEL_FILE}"]


def test_a_model_is_copied_with_its_digest_and_what_the_selftest_gave(bench: Bench) -> None:
    stated, outcomes = add(bench.file, bench.card(), bench.settings)
    assert bench.there() == INSTALLED
    folder = bench.base / "models" / "made-up"
    assert (folder / MODEL_FILE).read_bytes() == DATA
    kept = read(folder / CARD_FILE, "card")
    assert kept == stated
    assert kept.digest == hashlib.sha256(DATA).hexdigest()
    assert [t.raw for t in kept.selftest] == [pytest.approx(o.raw, abs=1e-6) for o in outcomes]
    assert len(outcomes) == 2
    again, repeated = tried("made-up", bench.settings)
    assert again == kept
    assert all(o.passed and o.test.raw is not None for o in repeated)
    Detector.load(folder)


REFUSED = [
    ("digest", lambda b: b.card(card(b"other")), "is not the model of the card 'made-up'"),
    ("input shape", lambda b: b.card(card(input=Input(side=128, count=4))), "its card asks for n x 3 x 128 x 128"),
    ("layout", lambda b: b.card(card(input=Input(side=64, count=9, layout="NHWC"))), "asks for n x 64 x 64 x 3"),
    ("output", lambda b: b.card(card(output=Output("scores"))), "its card says 'scores'"),
    ("classes", lambda b: b.card(card(output=Output("logits", "logits", 1))), "gives 1 values of each patch"),
    (
        "selftest",
        lambda b: b.card(card(selftest=(SelfTest(640, 480, 1, 5.0),))),
        "fails the self-test: gives -1.69",
    ),
    ("too small", lambda b: b.card(card(selftest=(SelfTest(32, 32),))), "gives no value"),
    ("licence", lambda b: b.card(text=card().text().replace('licence = "CC0-1.0"\n', "")), "states no licence"),
    ("no licence", lambda b: b.card(text=card().text().replace('"CC0-1.0"', '""')), "states no licence"),
    ("no card", lambda b: str(b.base / "none.toml"), "its card can't be read"),
    ("card unknown", lambda b: "nobody", "no such card"),
    ("name", lambda b: b.card(text=card().text().replace('"made-up"', '"../../up"')), "name must be"),
    ("dot", lambda b: b.card(text=card().text().replace('"made-up"', '".."')), "name must be"),
]


@pytest.mark.parametrize(("stated", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_does_not_fit_is_refused_and_nothing_is_written(bench: Bench, stated, words: str) -> None:
    with pytest.raises(LeadlightError) as caught:
        add(bench.file, stated(bench), bench.settings)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.advice
    assert bench.there() == []


def test_files_that_are_no_model_are_refused(bench: Bench) -> None:
    for content in (b"", b"no model", DATA[:1000]):
        bench.file.write_bytes(content)
        with pytest.raises(ConfigError, match=r"net\.onnx"):
            add(bench.file, bench.card(), bench.settings)
    bench.file.unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        add(bench.file, bench.card(), bench.settings)
    assert bench.there() == []


def test_a_digest_is_compared_before_anything_is_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.Detector, "of", lambda *args, **options: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="is not the model of the card"):
        add(bench.file, bench.card(card(b"other")), bench.settings)


def test_a_shipped_card_serves_by_its_name(bench: Bench) -> None:
    wanted = shipped_card("community-forensics-vit-s-384")
    bench.file.write_bytes(detector(side=384))
    stated, outcomes = add(bench.file, wanted.name, bench.settings)
    assert stated == replace(wanted, digest=stated.digest, selftest=stated.selftest)
    assert all(t.raw is not None for t in stated.selftest)
    assert len(outcomes) == len(wanted.selftest)
    assert [m.kept.name for m in listed(bench.settings) if not m.kept.shipped] == [wanted.name]


def test_a_name_is_taken_once_unless_forced(bench: Bench) -> None:
    add(bench.file, bench.card(), bench.settings)
    bench.file.write_bytes(detector(seed=2))
    with pytest.raises(UsageError, match="already"):
        add(bench.file, bench.card(), bench.settings)
    assert (bench.base / "models" / "made-up" / MODEL_FILE).read_bytes() == DATA
    add(bench.file, bench.card(), bench.settings, force=True)
    assert bench.there() == INSTALLED
    assert (bench.base / "models" / "made-up" / MODEL_FILE).read_bytes() == detector(seed=2)


@pytest.mark.parametrize("force", [False, True])
def test_a_disk_that_fails_leaves_what_was_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    if force:
        add(bench.file, bench.card(), bench.settings)
    before = bench.there()
    calls = 0
    real = os.fsync

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ConfigError, match="No space left on device"):
        add(bench.file, bench.card(), bench.settings, force=force)
    assert bench.there() == before


def test_a_model_is_removed_whole_and_a_shipped_one_stays(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(bench.file, bench.card(), bench.settings)
    remove("made-up", bench.settings)
    assert bench.there() == []
    for name in ("made-up", "..", ".", ""):
        with pytest.raises(UnknownName):
            remove(name, bench.settings)
    shipped = install(tmp_path / "shipped")
    monkeypatch.setattr(models, "one", lambda settings, name: models.Kept(name, shipped, True))
    with pytest.raises(UsageError, match="came with Leadlight"):
        remove("made-up", bench.settings)
    assert shipped.exists()


def test_a_link_to_a_model_is_taken_away_and_not_what_it_leads_to(bench: Bench, tmp_path: Path) -> None:
    real = install(tmp_path / "elsewhere")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "made-up").symlink_to(real)
    remove("made-up", bench.settings)
    assert bench.there() == []
    assert (real / MODEL_FILE).exists()


def test_what_is_wrong_with_a_model_is_listed(bench: Bench) -> None:
    folder = bench.base / "models"
    for name in ("changed", "lost", "torn", "renamed", "sound"):
        install(folder, {"name": name})
    (folder / "changed" / MODEL_FILE).write_bytes(b"x")
    (folder / "lost" / MODEL_FILE).unlink()
    (folder / "torn" / CARD_FILE).write_text("name =")
    (folder / "renamed").rename(folder / "other")
    faults = {m.kept.name: m.fault for m in listed(bench.settings) if not m.kept.shipped}
    assert faults["sound"] == ""
    assert "another one than its card says" in faults["changed"]
    assert "can't be read" in faults["lost"]
    assert "not TOML" in faults["torn"]
    assert "of another model ('renamed')" in faults["other"]


def infos(plugins: Registry, kind: str = "model") -> dict[str, tuple[str, bool, str]]:
    return {i.name: (i.version, i.available, i.missing) for i in plugins.infos if i.kind == kind}


def test_models_are_shown_and_recorded_among_plugins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    install(bench.base / "models")
    install(bench.base / "models", {"name": "bad"})
    (bench.base / "models" / "bad" / MODEL_FILE).write_bytes(b"x")
    found = infos(with_models(registry(), bench.settings))
    digest = hashlib.sha256(DATA).hexdigest()
    assert found["made-up"] == (f"1 (SHA-256 {digest[:16]}…)", True, "")
    assert not found["bad"][1]
    assert "another one" in found["bad"][2]
    off = replace(bench.settings, detect="off")
    assert recorded(registry(), off) is registry()
    assert infos(recorded(registry(), bench.settings)) == found
    (bench.base / "file").write_text("")
    broken = infos(with_models(registry(), Settings(models=str(bench.base / "file"))))
    assert not broken["models"][1]
    with pytest.raises(ConfigError, match="file: can't be read"):
        registry().check(Settings(models=str(bench.base / "file"), detect="on"))


def test_what_detectors_lack_is_shown_and_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from leadlight.scoring import shelf

    install(bench.base / "models")
    (bench.base / "models" / "made-up" / MODEL_FILE).write_bytes(b"x")
    with pytest.raises(ConfigError, match="the model 'made-up' can't be used: its model is another one"):
        registry().check(bench.settings)
    (bench.base / "models" / "made-up" / CARD_FILE).write_text("name =")
    with pytest.raises(ConfigError, match="made-up: is not TOML"):
        registry().check(bench.settings)
    monkeypatch.setattr(shelf, "kept", lambda settings: ())
    shown = infos(with_models(registry(), bench.settings), "analyser")["detect.neural"]
    assert not shown[1]
    assert "leadlight models add" in shown[2]
    with pytest.raises(ConfigError, match="no model is installed"):
        registry().check(bench.settings)
    registry().check(replace(bench.settings, detect="off"))
    without = replace(
        registry(),
        analysers=tuple(a for a in registry().analysers if a.name != "detect.neural"),
        infos=tuple(
            replace(i, available=False, missing="onnxruntime is not installed") if i.name == "detect.neural" else i
            for i in registry().infos
        ),
    )
    with pytest.raises(ConfigError, match="onnxruntime is not installed"):
        without.check(bench.settings)


def test_other_models_make_what_was_said_of_pictures_outdated(bench: Bench) -> None:
    install(bench.base / "models")
    first = Conditions.now(bench.settings, with_models(registry(), bench.settings))
    assert first.outdated(first, registry()) == frozenset()
    folder = bench.base / "models" / "made-up"
    (folder / MODEL_FILE).write_bytes(detector(seed=3))
    (folder / CARD_FILE).write_text(card(detector(seed=3)).text(), "utf-8")
    second = Conditions.now(bench.settings, with_models(registry(), bench.settings))
    assert second.outdated(first, registry()) == frozenset({"picture"})
    remove("made-up", bench.settings)
    third = Conditions.now(bench.settings, with_models(registry(), bench.settings))
    assert "picture" in third.outdated(second, registry())
    assert not third.same(second)
