"""Examining contents again in the same case: to confirm fast hashes, after a failure, after a change of version.

What the new examination finds takes the place of what it replaces (see `store.superseding`); nothing is taken out
of the record. A content whose evidence is gone or was changed keeps its findings, and that is recorded.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from leadlight.conditions import ALL, Conditions
from leadlight.config import Settings
from leadlight.engine.local import LocalEngine
from leadlight.errors import ContentError
from leadlight.plugins import Registry
from leadlight.records import Finding, Item, Place
from leadlight.records.examined import Examined
from leadlight.scan import Scan, stamp_of, writing_rest
from leadlight.seams import Progress, Source
from leadlight.store.record import Appended, Recorder
from leadlight.store.superseding import Replacing
from leadlight.store.tries import Tries
from leadlight.store.view import View

GONE = "can't be read any more"
CHANGED = "was changed since it was read"
SILENT = "did not give it again"
_NAMED = 1000
"""Subjects that kept their findings, named in an act at most; all are counted."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be examined again."""

    contents: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    """Keys of places of which something failed, whatever lies there."""

    def __bool__(self) -> bool:
        return bool(self.contents or self.places)


def outer_of(place: Place) -> Place:
    """The place of the file on the medium that holds `place`."""
    return Place(place.root, tuple(s for s in place.steps[:1] if s))


class AgainDesk(Scan):
    """A scan that takes known contents too, where they are wanted, and puts what is found in place of the old."""

    def __init__(
        self,
        view: View,
        recorder: Recorder,
        progress: Callable[[Progress], None],
        *,
        wanted: Wanted,
        subjects: Mapping[str, set[str]],
        able: frozenset[str],
    ) -> None:
        """`subjects` says for each file on the medium, by place key, what of the wanted lies in it; `able` names
        the plugins that can run.
        """
        super().__init__(view, recorder, progress)
        self.left = set(wanted.contents)
        """Wanted contents that were not delivered yet."""
        self._wanted = wanted
        self._subjects = subjects
        self._able = able
        self._delivered: set[str] = set()
        self._places: dict[str, dict[str, tuple[str | None, list[Finding]]]] = {}
        """For each file on the medium that is being examined, what was said of places in it."""
        self._settled: dict[str, tuple[str | None, Sequence[Finding]]] = {}
        self._tried: set[str] = set()

    def counted(self, items: Iterable[Item]) -> Iterator[Item]:
        """The files to read, counted for display as they are taken."""
        for item in items:
            self._listed += 1
            self._listed_bytes += item.size or 0
            yield item
        self.listed()

    def claims(self, sha256s: Sequence[str]) -> list[bool]:
        granted = super().claims(sha256s)
        for n, sha256 in enumerate(sha256s):
            if not granted[n] and sha256 in self.left and sha256 not in self._claimed:
                self._claimed.add(sha256)
                granted[n] = True
        return granted

    def take(self, examined: Examined) -> None:
        place = examined.item.place
        outer = outer_of(place).key
        if examined.sha256 is None and outer == place.key and self._view.read_item(place.key):
            self._places.pop(outer, None)  # it was read before: the older findings stay, and are said to
            return
        held = self._places.setdefault(outer, {})
        before = held.get(place.key)
        if examined.of_place or before or examined.sha256 is None or self._view.said_of_place(place.key):
            said = before[1] if before and before[0] == examined.sha256 else []
            held[place.key] = (examined.sha256, [*said, *examined.of_place])
        if examined.of_content is not None and examined.sha256 is not None:
            self._delivered.add(examined.sha256)
        super().take(examined)

    def finish(self, item: Item) -> None:
        key = item.place.key
        self._settled.update(self._places.pop(key, {}))
        self._tried |= self._subjects.get(key, set())
        super().finish(item)

    def _append(self, batch: Sequence[Examined], done: Sequence[tuple[str, str]]) -> Appended:
        again = Replacing(self._wanted.contents, self._settled, self._tried, self._able)
        self._settled, self._tried = {}, set()
        appended = self._recorder.examined(batch, done, again)
        self.left -= self._delivered
        self._delivered = set()
        return appended


class Again:
    """Examines contents of one case again."""

    def __init__(self, view: View, recorder: Recorder, plugins: Registry) -> None:
        self._view = view
        self._recorder = recorder
        self._plugins = plugins
        self._sources: dict[str, Source] = {s.name: s for s in plugins.sources}

    # -- why

    def confirm(
        self,
        contents: Iterable[str],
        settings: Settings,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> int:
        """Hash `contents` by a full decode; returns how many were. What was tried in vain is not tried again."""
        exact = replace(settings, hashing="exact")
        now = Conditions.now(exact, self._plugins)
        tries, named = Tries(self._view), frozenset(contents)
        vain = {s for s, act in tries.last(named).items() if self._same(tries.conditions_at(act), now)}
        return self._run("a fast hash lies near a listed one", Wanted(named - vain), exact, None, progress)

    def retry(
        self,
        settings: Settings,
        roots: Sequence[bytes],
        *,
        renew: bool = False,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> int:
        """Examine again what failed below `roots` and may not fail now, and what was found and never examined;
        with `renew` also all that was examined with other versions of analysers or other settings. Returns how
        many contents were.
        """
        now = Conditions.now(settings, self._plugins)
        tries = Tries(self._view)
        contents: set[str] = set()
        places: set[str] = set()
        failed = list(tries.failed())
        last = tries.last(f.subject for f in failed)
        for found in failed:
            then = tries.conditions_at(max(found.act, last.get(found.subject, 0)))
            if then is not None and now.may_change(found.finding, Conditions.of(then)):
                (places if found.of_place else contents).add(found.subject)
        why = [f"{len(contents) + len(places)} that failed and may not fail now"]
        if missed := self._view.unexamined() - contents:
            contents |= missed
            why.append(f"{len(missed)} found and not yet examined")
        if renew:
            others = set(self._outdated(tries, now)) - contents
            contents |= others
            why.append(f"{len(others)} examined with other versions or settings")
        return self._run("; ".join(why), Wanted(frozenset(contents), frozenset(places)), settings, roots, progress)

    def _outdated(self, tries: Tries, now: Conditions) -> Iterator[str]:
        families: dict[int, frozenset[str] | None] = {}
        for sha256, family, act in tries.examined():
            start = tries.start_of(act)
            if start not in families:
                then = tries.conditions_at(act)
                families[start] = None if then is None else now.outdated(Conditions.of(then), self._plugins)
            outdated = families[start]
            if outdated is None or family in outdated or ALL in outdated:
                yield sha256

    def _same(self, then: Mapping[str, Any] | None, now: Conditions) -> bool:
        return then is not None and Conditions.of(then).same(now, hashing=True)

    # -- how

    def _run(
        self,
        why: str,
        wanted: Wanted,
        settings: Settings,
        roots: Sequence[bytes] | None = None,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> int:
        """Examine `wanted` at places below `roots` (None for any), one after another until each was given."""
        tried: set[str] = set()
        kept: dict[str, str] = {}
        plan = self._plan(wanted, tried, roots)
        if not plan:
            return 0
        subjects = {s for _, some in plan.values() for s in some}
        self._recorder.act(
            "scan.again",
            {
                "why": why,
                "contents": len(subjects & wanted.contents),
                "places": len(subjects & wanted.places),
                **Conditions.now(settings, self._plugins).to_plain(),
            },
        )
        left = wanted
        while plan:
            tried |= plan.keys()
            ready: list[Item] = []
            for item, some in plan.values():
                found, fault = self._readable(item)
                kept |= dict.fromkeys(some, fault or SILENT)
                if found is not None:
                    ready.append(found)
            if ready:
                left = self._examine(ready, {k: s for k, (_, s) in plan.items()}, left, settings, progress)
            plan = self._plan(left, tried, roots)
        remaining = {s: kept[s] for s in sorted(left.contents) if s in kept}
        done = len(subjects & wanted.contents) - len(remaining)
        counts = Counter(remaining.values())
        self._recorder.act(
            "scan.again.finish",
            {"examined": done, "kept": dict(counts), "kept_as_they_were": dict(list(remaining.items())[:_NAMED])},
        )
        return done

    def _examine(
        self,
        items: list[Item],
        subjects: dict[str, set[str]],
        wanted: Wanted,
        settings: Settings,
        progress: Callable[[Progress], None],
    ) -> Wanted:
        """Run the engine over files on the medium; returns what is wanted still."""
        able = frozenset(i.name for i in self._plugins.infos if i.available)
        desk = AgainDesk(self._view, self._recorder, progress, wanted=wanted, subjects=subjects, able=able)
        with writing_rest(desk):
            LocalEngine(settings, roots=sorted({i.place.root for i in items})).run(desk.counted(items), desk)
        return Wanted(frozenset(desk.left))

    def _plan(
        self, wanted: Wanted, tried: set[str], roots: Sequence[bytes] | None
    ) -> dict[str, tuple[Item, set[str]]]:
        """Files on the medium to read, by place key, each with what of `wanted` lies in it: none that was `tried`,
        a file in the open before one within a container, and one container for many contents.
        """
        plan: dict[str, tuple[Item, set[str]]] = {}
        for sha256, items in self._view.places_of(wanted.contents):
            outers = {o.key: o for o in map(outer_of, (i.place for i in items)) if _below(o, roots)}
            open_ = {i.place.key for i in items if not i.place.depth}
            keys = sorted(outers.keys() - tried, key=lambda k: (k not in plan, k not in open_, k))
            for key in keys:
                if key in plan:
                    plan[key][1].add(sha256)
                    break
                if (item := self._view.read_item(key)) is not None:
                    plan[key] = (item, {sha256})
                    break
        for place_key in sorted(wanted.places):
            for item in self._view.items_at(place_key):
                outer = outer_of(item.place)
                if outer.key in tried or not _below(outer, roots):
                    continue
                found = self._view.read_item(outer.key) or (item if outer.key == place_key else None)
                if found is not None:
                    plan.setdefault(outer.key, (found, set()))[1].add(place_key)
        return plan

    def _readable(self, item: Item) -> tuple[Item | None, str]:
        """The item as it is now, or None and why not."""
        source = self._sources.get(item.source)
        if source is None:
            return None, GONE
        try:
            with source.open(item):
                pass
        except (ContentError, OSError):
            return None, GONE
        with suppress(OSError, ValueError):
            now = os.stat(item.place.outer)  # noqa: PTH116 (bytes)
            modified = _EPOCH + timedelta(microseconds=now.st_mtime_ns // 1000)
            same = replace(item, size=now.st_size, times=replace(item.times, modified=modified))
            done = self._view.finished([item.place.key]).get(item.place.key)
            if stamp_of(same) not in (done, stamp_of(item)):
                return None, CHANGED
            return same, ""
        return item, ""


def _below(place: Place, roots: Sequence[bytes] | None) -> bool:
    outer = place.outer
    return roots is None or any(outer == r or outer.startswith(r.rstrip(b"/") + b"/") for r in roots)
