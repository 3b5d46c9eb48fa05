"""A trial: known pictures go through the same laundering, are read by a model, and weighed as evidence is.

Each picture is read and decoded once, in a worker process that is closed in as those of a scan are; a file that
ends its worker, or keeps it silent, is told as a failure and the trial goes on. What went in as a file comes out
as figures: no pixel is kept.

A worker is started as ``python -m leadlight.trial``: the first line that it gets says what is asked, each further
line names a file, and each line of its answer is about one file, all of them JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import queue
import select
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from leadlight.config import Settings, from_plain
from leadlight.content import Content
from leadlight.engine import cage
from leadlight.engine.local import SECRET
from leadlight.errors import ConfigError, ContentError, LeadlightError
from leadlight.origin import weigh
from leadlight.pipeline import Pipeline
from leadlight.plugins import Registry, registry
from leadlight.policy import OriginPolicy, load_policy
from leadlight.raster import Picture, Pixels
from leadlight.records import Filed, Finding, Item, Place, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps
from leadlight.scoring.card import Card
from leadlight.scoring.corpus import Found
from leadlight.scoring.detector import CARD_FILE, Detector, Reading
from leadlight.scoring.judgement import judge_size
from leadlight.scoring.laundering import QUALITY, Laundry
from leadlight.scoring.shelf import one

AS_IS, STRIPPED = "as is", "stripped"
"""The two ways in which a file is weighed: as it is, and `clean`, with nothing left but the picture."""
_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Scorer(Protocol):
    """What gives a raw value for a picture, with the card that says what it may be used for."""

    card: Card

    def read(self, picture: Picture) -> Reading: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of each picture."""

    states: tuple[str, ...]
    """The laundering states that the model reads it in."""
    one_state: bool = False
    """Each picture in one of them, chosen by its path."""
    model: str = ""
    """The folder of the model; '' for none."""
    weighed: bool = False
    """Whether all findings are weighed too, of the file as it is and stripped."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What the model says of one picture in one state."""

    state: str
    raw: float | None
    log10_lr: float | None
    """None where it abstains."""
    abstained: str
    """Why, in a word of `scoring.judgement`; '' where it does not."""
    width: int
    height: int
    seconds: float
    """Of processor time, for the model alone, once the picture is decoded."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the weighing of origin answers to one file."""

    how: str
    """AS_IS or STRIPPED."""
    answer: str
    log10_lr: float | None
    abstained: tuple[str, ...]
    """Why detectors abstained, in words of `scoring.judgement`, those that did."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial gave for one known picture."""

    found: Found
    failed: str = ""
    """Why nothing could be said, in words; '' where it could."""
    scored: tuple[Scored, ...] = ()
    weighed: tuple[Weighed, ...] = ()
    decode_seconds: float = 0.0


class Examiner:
    """Reads files one at a time, in this process."""

    def __init__(
        self, ask: Ask, settings: Settings, *, scorer: Scorer | None = None, plugins: Registry | None = None
    ) -> None:
        """Load what is asked for. Raises ConfigError for a model that can't be used."""
        self._ask = ask
        self._scorer = scorer or (Detector.load(Path(ask.model)) if ask.model else None)
        settings = replace(settings, detect="on" if ask.weighed else "off", features="off")
        found = plugins or registry()
        if not ask.weighed:
            found = replace(found, analysers=tuple(a for a in found.analysers if a.gives & {kinds.FILETYPE}))
        self._pipeline = Pipeline(_with_decoder(found, plugins or registry()), settings)
        self._policy: OriginPolicy = load_policy(settings.profile).origin

    def examine(self, path: Path, key: str) -> dict[str, Any]:
        """What is asked of the file, as JSON values; `key` chooses its state where it goes through one alone."""
        try:
            return self._examined(
                path, int.from_bytes(hashlib.sha256(key.encode("utf-8", "replace")).digest()[:8])
            )
        except (ContentError, OSError, MemoryError) as e:
            what = e.what if isinstance(e, ContentError) else str(getattr(e, "strerror", "")) or type(e).__name__
            return {"failed": display_text(what, 200)}

    def _examined(self, path: Path, number: int) -> dict[str, Any]:
        item = Item(Place(os.fsencode(path), ()), "trial", path.stat().st_size)
        with (
            closing(self._pipeline.prepare(item, lambda: path.open("rb"))) as files,
            closing(next(files)) as first,
        ):
            content = first.content
            if content is None or content.filetype.family != "picture":
                return {"failed": "is no picture"}
            begun = time.process_time()
            picture = _whole(content)
            out: dict[str, Any] = {"decode_seconds": round(time.process_time() - begun, 6)}
            states = self._ask.states
            if self._ask.one_state:
                states = (states[number % len(states)],)
            made = Laundry(picture.pixels, seed=number >> 8)
            if self._scorer is not None:
                out["scored"] = [asdict(_scored(self._scorer, s, made.pixels(s))) for s in states]
            if self._ask.weighed:
                of_content = self._pipeline.complete(first, new=True).of_content or ()
                findings = (*(f for f, _ in first.of_place), *of_content)
                out["weighed"] = [asdict(self._weighed(AS_IS, findings)), asdict(self._stripped(path, made.clean))]
            return out

    def _stripped(self, path: Path, data: bytes) -> Weighed:
        item = Item(Place(os.fsencode(path), (b"stripped.jpg",)), "trial", len(data))
        first = next(iter(self._pipeline.examine(item, lambda: io.BytesIO(data))))
        return self._weighed(STRIPPED, (*first.of_place, *(first.of_content or ())))

    def _weighed(self, how: str, findings: Iterable[Finding]) -> Weighed:
        filed = [Filed("", f) for f in findings]
        origin = weigh(filed, self._policy)
        words = [str(f.finding.payload.get("abstained") or "") for f in filed if f.finding.kind == kinds.SCORE]
        return Weighed(how, str(origin.answer), origin.log10_lr, tuple(w for w in words if w))


def _with_decoder(found: Registry, whole: Registry) -> Registry:
    """The analysers that every file needs are always among them."""
    needed = {id(a): a for a in (*found.analysers, whole.identifier, whole.hashers, whole.decoder)}
    return replace(found, analysers=tuple(a for a in whole.analysers if id(a) in needed))


def _whole(content: Content) -> Picture:
    picture = content.picture()
    if picture.method != "full" or not picture.complete:
        raise ContentError("could not be decoded whole", subject=content.subject, advice="Leave it out.")
    return picture


def _scored(scorer: Scorer, state: str, pixels: Pixels) -> Scored:
    height, width = pixels.shape[:2]
    begun = time.process_time()
    reading = scorer.read(Picture(pixels, None, "RGB"))
    seconds = time.process_time() - begun
    said = judge_size(scorer.card, reading, width, height, QUALITY[state])
    return Scored(state, reading.raw, said.log10_lr, said.abstained, width, height, round(seconds, 6))


def outcome(found: Found, said: dict[str, Any]) -> Outcome:
    """What an examiner said, as a record. Raises KeyError, TypeError or ValueError for what none says."""
    return Outcome(
        found,
        str(said.get("failed", "")),
        tuple(Scored(**s) for s in said.get("scored", ())),
        tuple(Weighed(**{**w, "abstained": tuple(w["abstained"])}) for w in said.get("weighed", ())),
        float(said.get("decode_seconds", 0.0)),
    )


def model_folder(name: str, settings: Settings) -> Path:
    """The folder of a model: by its name, or a folder that holds its card. Raises UnknownName."""
    there = Path(name)
    if os.sep in name and (there / CARD_FILE).is_file():
        return there
    return one(settings, name).folder


def run(
    pictures: Iterable[Found], ask: Ask, settings: Settings, *, examiner: Examiner | None = None
) -> Iterator[Outcome]:
    """What a trial gives, in the order of `pictures`, by as many processes as the settings say.

    With an `examiner` it is done in this process. Raises ConfigError for a model that can't be used.
    """
    if examiner is not None:
        for found in pictures:
            yield outcome(found, examiner.examine(found.path, found.shown))
        return
    count = settings.worker_count()
    seats: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
    all_seats = [_Seat(ask, settings) for _ in range(count)]
    for seat in all_seats:
        seats.put(seat)

    def examine(found: Found) -> Outcome:
        seat = seats.get()
        try:
            return seat.examine(found)
        finally:
            seats.put(seat)

    pool = ThreadPoolExecutor(count)
    try:
        yield from pool.map(examine, pictures)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for seat in all_seats:
            seat.closed = True
            seat.end()
        pool.shutdown()
        for seat in all_seats:
            seat.end()


class _Seat:
    """One worker process, started when it is first needed, and again when it was lost."""

    def __init__(self, ask: Ask, settings: Settings) -> None:
        self._first = dumps({"ask": asdict(ask), "settings": settings.to_plain()})
        self._seconds = settings.limits.seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def examine(self, found: Found) -> Outcome:
        try:
            process = self._process or self._start()
            said = self._ask(process, dumps({"path": os.fsencode(found.path).hex(), "key": found.shown}))
            return outcome(found, said)
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            self.end()
            if self.closed:
                raise
            return Outcome(found, failed="ended the process that read it, or kept it silent")

    def _start(self) -> subprocess.Popen[bytes]:
        if self.closed:
            raise EOFError
        environment = {k: v for k, v in os.environ.items() if k not in SECRET} | dict.fromkeys(_SINGLE, "1")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "leadlight.trial"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            ready = self._ask(self._process, self._first)
        except (EOFError, OSError, ValueError) as e:
            raise ConfigError(
                "a worker process ended as soon as it started",
                subject=sys.executable,
                advice="Run 'python -m leadlight.trial' by hand to see why.",
            ) from e
        if refused := ready.get("refused"):
            raise ConfigError(refused[0], subject=refused[1], advice=refused[2])
        return self._process

    def _ask(self, process: subprocess.Popen[bytes], line: str) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("pipes were asked for")
        process.stdin.write(line.encode("ascii") + b"\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], self._seconds)[0]:
            raise EOFError
        answer = process.stdout.readline()
        said = json.loads(answer) if answer.endswith(b"\n") else None
        if not isinstance(said, dict):
            raise EOFError
        return said

    def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def serve(inlet: Iterable[bytes], outlet: BinaryIO) -> None:
    """One conversation of a worker: what is asked first, then a file a line."""

    def say(message: dict[str, Any]) -> None:
        outlet.write(dumps(message).encode("ascii") + b"\n")
        outlet.flush()

    lines = iter(inlet)
    first = json.loads(next(lines))
    try:
        settings = from_plain(first["settings"])
        asked = first["ask"]
        examiner = Examiner(Ask(**{**asked, "states": tuple(asked["states"])}), settings)
        cage.close(None, settings)
    except LeadlightError as e:
        say({"refused": [e.what, e.subject, e.advice]})
        return
    say({"ready": True})
    for line in lines:
        asked = json.loads(line)
        say(examiner.examine(Path(os.fsdecode(bytes.fromhex(asked["path"]))), asked["key"]))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with (
        contextlib.suppress(KeyboardInterrupt, BrokenPipeError, StopIteration),
        open(os.dup(1), "wb") as answers,  # noqa: PTH123
        open(os.devnull, "wb") as nowhere,  # noqa: PTH123
    ):
        os.dup2(nowhere.fileno(), 1)  # what a library prints is no answer
        serve(sys.stdin.buffer, answers)
