"""A trial reads each known picture once, launders both kinds alike, and goes on whatever a file does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from leadlight.config import Settings
from leadlight.errors import ConfigError
from leadlight.scoring.corpus import corpus
from leadlight.scoring.detector import Detector
from leadlight.scoring.laundering import STATES
from leadlight.trial import AS_IS, STRIPPED, Ask, Examiner, Outcome, run
from tests import known
from tests.scoring import cards


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    known.make(folder, {"a": 8.0, "b": 10.0}, {"m": 0.0}, each=3)
    (folder / "camera" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    (folder / "camera" / "a" / "words.doc").write_bytes(b"no picture at all")
    return folder


def tried(folder: Path, ask: Ask, settings: Settings | None = None) -> list[Outcome]:
    settings = settings or Settings(jobs=1)
    return list(
        run(corpus(folder).pictures, ask, settings, examiner=Examiner(ask, settings, scorer=known.Smooth()))
    )


def test_each_state_of_each_picture(pictures: Path) -> None:
    found = tried(pictures, Ask(tuple(STATES)))
    assert [o.found.shown for o in found] == [p.shown for p in corpus(pictures).pictures]
    read = [o for o in found if not o.failed]
    assert len(read) == 9
    for o in read:
        assert [s.state for s in o.scored] == list(STATES)
        assert {s.abstained for s in o.scored} == {"calibration"}
        assert all(s.raw is not None and s.log10_lr is None and s.seconds >= 0 for s in o.scored)
        assert o.weighed == ()
    clean = {o.found.generated: o.scored[0].raw or 0.0 for o in read}
    assert clean[True] > clean[False] + 1


def test_what_can_not_be_read_is_told(pictures: Path) -> None:
    failed = {o.found.shown: o.failed for o in tried(pictures, Ask(("clean",))) if o.failed}
    assert set(failed) == {"camera/a/broken.png", "camera/a/words.doc"}
    assert failed["camera/a/words.doc"] == "is no picture"


def test_one_state_each_the_same_each_time(pictures: Path) -> None:
    ask = Ask(tuple(STATES), one_state=True)
    states = [[s.state for s in o.scored] for o in tried(pictures, ask)]
    assert all(len(s) == 1 for s in states if s)
    assert len({s[0] for s in states if s}) > 1
    assert states == [[s.state for s in o.scored] for o in tried(pictures, ask)]


def test_the_file_is_weighed_as_it_is_and_stripped(tmp_path: Path) -> None:
    """A picture that states a camera has evidence for one as it is, and none once it is stripped."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Canon", "Canon EOS 350D DIGITAL", "2026:01:02 03:04:05"
    exif[0x8769] = {0x829A: 0.01, 0x829D: 2.8, 0x8827: 100, 0x9003: "2026:01:02 03:04:05", 0x920A: 35.0}
    there = tmp_path / "camera" / "a" / "1.jpg"
    there.parent.mkdir(parents=True)
    Image.fromarray(known.drawn(8.0, 1)).save(there, exif=exif, quality=95)
    (found,) = tried(tmp_path, Ask(("clean",), weighed=True))
    as_is, stripped = found.weighed
    assert (as_is.how, stripped.how) == (AS_IS, STRIPPED)
    assert as_is.log10_lr is not None
    assert as_is.log10_lr < 0
    assert stripped.log10_lr is None
    assert stripped.answer == "undetermined"


def test_processes_say_the_same(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = cards.install(tmp_path)
    ask = Ask(("clean", "webp80"), model=str(model), weighed=True)
    settings = Settings(jobs=2, models=str(tmp_path))
    alone = Examiner(ask, settings, scorer=Detector.load(model))
    given = corpus(pictures).pictures
    in_processes = [_timeless(o) for o in run(given, ask, settings)]
    assert in_processes == [_timeless(o) for o in run(given, ask, settings, examiner=alone)]
    assert any(s.log10_lr is not None for o in in_processes for s in o.scored)


def _timeless(o: Outcome) -> Outcome:
    return replace(o, decode_seconds=0.0, scored=tuple(replace(s, seconds=0.0) for s in o.scored))


def test_a_model_that_can_not_be_used_is_refused_in_words(pictures: Path, tmp_path: Path) -> None:
    given = corpus(pictures).pictures
    with pytest.raises(ConfigError, match="card can't be read"):
        list(run(given, Ask(("clean",), model=str(tmp_path / "absent")), Settings(jobs=1)))


def test_a_file_that_ends_its_worker_ends_no_trial(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker here is one that dies at the second file: the others are read all the same."""
    real = subprocess.Popen
    code = (
        "import json, os, sys\n"
        "sys.stdin.readline(); print(json.dumps({'ready': True}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    path = bytes.fromhex(json.loads(line)['path'])\n"
        "    if path.endswith(b'1.png'): os._exit(1)\n"
        "    print(json.dumps({'scored': []}), flush=True)\n"
    )
    monkeypatch.setattr(subprocess, "Popen", lambda arguments, **how: real([sys.executable, "-c", code], **how))
    found = {o.found.shown: o.failed for o in run(corpus(pictures).pictures, Ask(("clean",)), Settings(jobs=1))}
    lost = {shown for shown, failed in found.items() if failed}
    assert lost == {"camera/a/1.png", "camera/b/1.png", "generated/m/1.png"}
    assert all("ended the process" in found[shown] for shown in lost)


def test_a_trial_that_is_left_early_leaves_no_process(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*arguments: object, **how: object) -> subprocess.Popen[bytes]:
        made.append(real(*arguments, **how))  # type: ignore[call-overload]
        return made[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    trial = run(corpus(pictures).pictures, Ask(("clean",)), Settings(jobs=2))
    next(trial)
    trial.close()
    assert made
    assert all(p.poll() is not None for p in made)
