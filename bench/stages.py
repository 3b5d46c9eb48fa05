"""Where the processor time of one file goes, waiting for a disk apart, and the count of reads and decodes."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from unittest import mock

from PIL import Image, ImageFile

from bench import material
from bench.measure import say, spread, table
from leadlight.config import Settings
from leadlight.content import Content, Picture
from leadlight.engine.channel import examined_in, examined_out
from leadlight.pipeline import Pipeline
from leadlight.plugins import registry
from leadlight.records import Finding, Item, Place
from leadlight.records.codec import dumps
from leadlight.records.examined import Examined
from leadlight.seams import Configurable, Known
from leadlight.store.database import Database
from leadlight.store.record import Recorder

Laps = dict[str, float]


class _Clock:
    """A decoder that adds up the time spent in another."""

    def __init__(self, decoder: object) -> None:
        self._decoder = decoder
        self.seconds = 0.0

    def decode(self, content: Content) -> Iterator[Picture]:
        began = time.process_time()
        frames = iter(self._decoder.decode(content))  # type: ignore[attr-defined]
        while True:
            frame = next(frames, None)
            self.seconds += time.process_time() - began
            if frame is None:
                return
            yield frame
            began = time.process_time()


def _examined(path: Path) -> tuple[Examined, Laps]:
    """One file through every analyser in the order of the pipeline, with the milliseconds of each."""
    plugins, settings = registry(), Settings()
    laps: Laps = {}
    item = Item(Place(bytes(path.parent), (path.name.encode("ascii"),)), "folder", path.stat().st_size)

    def lap(name: str, began: float) -> None:
        laps[name] = laps.get(name, 0.0) + 1000 * (time.process_time() - began)

    began = time.process_time()
    data = path.read_bytes()
    lap("read", began)
    for name, hasher in plugins.hashers.hashers().items():
        began = time.process_time()
        hasher.update(data)
        lap(f"digest {name}", began)
    content = Content.read(io.BytesIO(data), hashers=plugins.hashers.hashers(), limits=settings.limits)
    clock = _Clock(plugins.decoder)
    content.decoder = clock
    began = time.process_time()
    content.filetype = plugins.identifier.identify(content)
    lap("identify type", began)
    known = Known()
    of_place: list[Finding] = []
    of_content: list[Finding] = []
    for plugin in plugins.analysers:
        analyser = plugin.configure(settings) if isinstance(plugin, Configurable) else plugin
        if analyser.families and content.filetype.family not in analyser.families:
            continue
        if any(known.first(kind) is None for kind in analyser.needs):
            continue
        decoding, began = clock.seconds, time.process_time()
        for finding in analyser.analyse(item, content, known):
            known.add(finding)
            (of_place if analyser.per_place else of_content).append(finding)
        lap(analyser.name, began)
        laps[analyser.name] -= 1000 * (clock.seconds - decoding)
    laps["decode (once)"] = 1000 * clock.seconds
    examined = Examined(item, content.sha256, content.size, tuple(of_place), tuple(of_content))
    content.close()
    began = time.process_time()
    again = examined_in(json.loads(dumps(examined_out(examined))))
    lap("message to the parent", began)
    return again, laps


def _stored(batch: list[Examined]) -> float:
    """Milliseconds a file of appending a batch to a new case."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.create(Path(folder) / "case.db")
        recorder = Recorder(database, "bench")
        began = time.process_time()
        recorder.examined(batch, [(e.item.place.key, "stamp") for e in batch])
        taken = 1000 * (time.process_time() - began)
        database.close()
    return taken / len(batch)


def profile(cache: Path, *, runs: int, pictures: int = 6) -> None:
    """Print where the time goes: for pictures of 12 megapixels, then for small files."""
    say("building 12-megapixel pictures and small files for the profile")
    large = material.files_of(material.pictures(cache / "large", pictures, (11.9, 12.0)))
    small = material.files_of(material.small_files(cache, 300))
    print(f"\nMaterial: {material.describe(large)}.")
    _stages("Where the time of a 12-megapixel JPEG goes, in one process", large, runs)
    _stages("Where the time of a small file (2 to 4 kB) goes, in one process", small, runs)
    print(f"\n{counted(small[::10] + large[:2])}")


def _stages(title: str, files: list[Path], runs: int) -> None:
    _examined(files[0])
    taken: dict[str, list[float]] = defaultdict(list)
    totals: list[float] = []
    for _ in range(runs):
        sums: Laps = defaultdict(float)
        batch: list[Examined] = []
        for path in files:
            examined, laps = _examined(path)
            batch.append(examined)
            for name, ms in laps.items():
                sums[name] += ms / len(files)
        sums["store"] = _stored(batch)
        for name, ms in sums.items():
            taken[name].append(ms)
        totals.append(sum(sums.values()))
    whole = median(totals)
    rows = sorted(taken.items(), key=lambda pair: -median(pair[1]))
    table(
        f"{title}. Median (least to greatest) of {runs} runs over {len(files)} files.",
        ("stage", "processor ms", "share"),
        [
            *((name, spread(values, 2), f"{100 * median(values) / whole:.1f} %") for name, values in rows),
            ("all", spread(totals, 2), "100 %"),
        ],
    )


class _Counting(io.FileIO):
    """A file that counts the bytes that were taken from it."""

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(path)
        self._count = count

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._count(len(data))
        return data


def counted(files: list[Path]) -> str:
    """Every file twice, as two places, through the pipeline: how often each was opened, read and decoded.

    Pixels are counted where Pillow makes them, so a second decode behind the decoder's back would show.
    """
    plugins = registry()
    pipeline = Pipeline(plugins, Settings())
    claimed: set[str] = set()
    opened = got = decodes = pixels = shown = 0
    load = ImageFile.ImageFile.load
    decode: Callable[[object, Content], Iterator[Picture]] = type(plugins.decoder).decode  # type: ignore[assignment]

    def count(size: int) -> None:
        nonlocal got
        got += size

    def counting_load(self: ImageFile.ImageFile) -> object:
        nonlocal pixels
        if self.tile:
            pixels += self.width * self.height
        return load(self)

    def counting_decode(self: object, content: Content) -> Iterator[Picture]:
        nonlocal decodes
        decodes += 1
        return decode(self, content)

    def claim(sha256: str, *_: object) -> bool:
        new = sha256 not in claimed
        claimed.add(sha256)
        return new

    places = [(path, copy) for path in files for copy in (b"one", b"two")]
    with (
        mock.patch.object(ImageFile.ImageFile, "load", counting_load),
        mock.patch.object(type(plugins.decoder), "decode", counting_decode),
    ):
        for path, copy in places:
            opened += 1
            item = Item(Place(b"/evidence", (copy, path.name.encode("ascii"))), "folder", path.stat().st_size)
            for _ in pipeline.examine(item, lambda p=path: _Counting(p, count), claim=claim):  # type: ignore[misc]
                pass
    showing = [p for p in files if p.suffix != ".txt"]
    for path in showing:
        with Image.open(path) as picture:
            shown += picture.width * picture.height
    size = 2 * sum(p.stat().st_size for p in files)
    return (
        f"Counted: {len(places)} files, {len(files)} contents, {len(showing)} of them pictures: {opened} reads of "
        f"{got / size:.2f} times their bytes; {decodes} decodes of {pixels / shown:.2f} times their pixels."
    )
