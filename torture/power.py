"""The loss of power: the folder as the disk may hold it, rebuilt from a log of all that was written.

What the shim logged is played back up to some moment. Of each file, what was written after it was last put on the
disk (fsync) may be there or not, sector by sector; of the changes of folders a part from the beginning is there,
at least up to the last fsync of that folder. That is less than journalling file systems promise.
"""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torture.outcome import Outcome
from torture.scans import Bench, Whole, acts_of, differences, record_faults, wait

SECTOR = 512
_HEAD = struct.Struct("<cIIIQQ4x")


@dataclass(frozen=True)
class Step:
    """One line of the log."""

    what: str
    inode: int
    offset: int
    one: bytes
    two: bytes


def steps(log: Path) -> Iterator[Step]:
    """The log, in order; a last line that was cut off is left out."""
    data = log.read_bytes()
    at = 0
    while at + _HEAD.size <= len(data):
        what, _, first, second, inode, offset = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + first + second > len(data):
            return
        yield Step(
            what.decode("ascii"), inode, offset, data[at : at + first], data[at + first : at + first + second]
        )
        at += first + second


def steps_in(log: Path) -> int:
    """How many changes a log holds."""
    return sum(1 for _ in steps(log))


@dataclass
class _File:
    """What the disk surely holds of one file, and what was written since."""

    stable: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)

    def sync(self) -> None:
        for step in self.pending:
            _apply(self.stable, step)
        self.pending.clear()

    def after(self, rng: random.Random | None) -> bytes:
        """As found after the loss of power; with no `rng`, as if there had been none."""
        data = bytearray(self.stable)
        way = "all" if rng is None else rng.choice(("all", "none", "first", "some", "sectors"))
        kept = self.pending if way in ("all", "some", "sectors") else []
        if rng is not None and way == "first":
            kept = self.pending[: rng.randint(0, len(self.pending))]
        for step in kept:
            if rng is not None and way == "some" and rng.random() < 0.5:
                continue
            if rng is not None and way == "sectors" and step.what == "W":
                for part in range(0, len(step.one), SECTOR):
                    if rng.random() < 0.5:
                        some = step.one[part : part + SECTOR]
                        _apply(data, Step("W", 0, step.offset + part, some, b""))
                continue
            _apply(data, step)
        return bytes(data)


def _apply(data: bytearray, step: Step) -> None:
    end = step.offset + len(step.one)
    if step.what == "T":
        del data[step.offset :]
        end = step.offset
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if step.what == "W":
        data[step.offset : end] = step.one


@dataclass(frozen=True)
class _Naming:
    """One change of names: what leaves one folder, and what comes into one. Folders and files by number."""

    leaves: tuple[int, str] | None
    comes: tuple[int, str, int] | None


class Disk:
    """One folder's file system, played from a log."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, _File] = {}
        self._folders: dict[int, dict[str, int]] = {0: {}}
        """Names as the program sees them: number of a file or folder by name."""
        self._namings: list[_Naming] = []
        self._lasting: set[int] = set()
        """Those that the disk surely holds."""
        self._by_inode: dict[int, int] = {}
        self._next = 1

    def play(self, step: Step) -> None:
        """One step more."""
        if step.what in "WT":
            if step.inode in self._by_inode:
                self._files[self._by_inode[step.inode]].pending.append(step)
        elif step.what == "S":
            if step.inode in self._by_inode:
                self._files[self._by_inode[step.inode]].sync()
        elif step.what == "D":
            folder = self._find(step.one)
            self._lasting |= {n for n, naming in enumerate(self._namings) if self._all_in(naming, folder)}
        elif step.what == "C":
            self._files[self._next] = _File()
            self._by_inode[step.inode] = self._next
            self._name(None, (*self._split(step.one), self._next))
            self._next += 1
        elif step.what == "M":
            self._folders[self._next] = {}
            self._name(None, (*self._split(step.one), self._next))
            self._next += 1
        elif step.what in "UX":
            self._name(self._split(step.one), None)
        elif step.what == "R":
            old = self._split(step.one)
            self._name(old, (*self._split(step.two), self._folders[old[0]][old[1]]))

    def write(self, out: Path, rng: random.Random | None = None) -> None:
        """What the disk holds after the loss of power at this moment, into the empty folder `out`."""
        unsure = [n for n in range(len(self._namings)) if n not in self._lasting]
        kept = set(unsure if rng is None else unsure[: rng.randint(0, len(unsure))]) | self._lasting
        folders: dict[int, dict[str, int]] = {number: {} for number in self._folders}
        for n in sorted(kept):
            _rename(folders, self._namings[n])
        self._write(out, 0, folders, rng)

    def _write(
        self, out: Path, number: int, folders: dict[int, dict[str, int]], rng: random.Random | None
    ) -> None:
        out.mkdir(exist_ok=True)
        for name, child in folders[number].items():
            if child in folders:
                self._write(out / name, child, folders, rng)
            else:
                (out / name).write_bytes(self._files[child].after(rng))

    def _name(self, leaves: tuple[int, str] | None, comes: tuple[int, str, int] | None) -> None:
        naming = _Naming(leaves, comes)
        self._namings.append(naming)
        _rename(self._folders, naming)

    def _split(self, path: bytes) -> tuple[int, str]:
        folder, _, name = path.rpartition(b"/")
        return self._find(folder), name.decode()

    def _find(self, path: bytes) -> int:
        number = 0
        for name in Path(path.decode()).relative_to(self._root).parts:
            number = self._folders[number][name]
        return number

    @staticmethod
    def _all_in(naming: _Naming, folder: int) -> bool:
        return all(part is None or part[0] == folder for part in (naming.leaves, naming.comes))


def _rename(folders: dict[int, dict[str, int]], naming: _Naming) -> None:
    if naming.leaves:
        folders[naming.leaves[0]].pop(naming.leaves[1], None)
    if naming.comes:
        folder, name, child = naming.comes
        folders[folder][name] = child


def power(
    bench: Bench, whole: Whole, *, count: int, resumed: int, rng: random.Random, scans: int = 3
) -> Sequence[Outcome]:
    """The power lost at `count` moments of `scans` of one case; `resumed` of them are then resumed."""
    holds = Outcome("power lost: the case is there, it verifies, no act that was on the disk is gone", "")
    prompt = Outcome("... and no more than the last act was not yet on the disk", "")
    same = Outcome("... and resumed: the same queue, and it verifies", "")
    home = bench.home / "power"
    home.mkdir()
    log = bench.home / "power.log"
    environment = bench.environment({"under": home, "log": log})
    for _ in range(scans):
        process = bench.start(home / "case", environment)
        ended = wait(process)
        if ended.faults(whole.code):
            raise RuntimeError(str(ended))
    played = list(steps(log))
    begins = next(n for n, s in enumerate(played) if s.what == "R" and s.two == bytes(home / "case"))
    moments = sorted(rng.sample(range(1, len(played)), min(count, len(played) - 1)))
    resuming = set(rng.sample(moments, min(resumed, len(moments))))
    disk, at, sure = Disk(home), 0, 0
    for moment in moments:
        while at < moment:
            disk.play(played[at])
            if played[at].what == "S" and at > begins:
                sure = at + 1
            at += 1
        where = f"power lost after step {moment} of {len(played)}"
        clean, lossy = bench.home / "clean", bench.home / "lossy"
        disk.write(lossy, rng)
        disk.write(clean)
        known = _at(bench, home, played, sure) if sure else []
        problems = []
        if (lossy / "case").exists():
            problems = record_faults(lossy / "case")
            acts = acts_of(lossy / "case") if not problems else known
            if acts[: len(known)] != known:
                problems.append(f"{len(known)} acts were on the disk, {len(acts)} are there")
        elif sure:
            problems = ["the case is gone"]
        holds.note(problems, where)
        if sure:
            written = acts_of(clean / "case")
            prompt.note(() if len(written) <= len(known) + 1 else [f"{len(written)} / {len(known)}"], where)
        if moment in resuming and not problems:
            ended = bench.scan(lossy / "case")
            same.note(ended.faults(whole.code) or differences(whole.queue, lossy / "case"), where)
        for folder in (clean, lossy):
            shutil.rmtree(folder)
    holds.reach = (
        f"{holds.tried} moments of {len(played):,} steps; writes since the last fsync kept, dropped or torn"
    )
    prompt.reach = f"{prompt.tried} moments"
    same.reach = f"{same.tried} of these moments"
    return holds, prompt, same


def _at(bench: Bench, home: Path, played: Sequence[Step], until: int) -> list[str]:
    """The acts that the case held after so many steps, all written."""
    disk, out = Disk(home), bench.home / "known"
    for step in played[:until]:
        disk.play(step)
    disk.write(out)
    try:
        return acts_of(out / "case")
    finally:
        shutil.rmtree(out)
