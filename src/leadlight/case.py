"""Case, the front door: create, open, add lists, run, queue, show, grade, export, seal, verify."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from leadlight.again import Again
from leadlight.age import Recipients
from leadlight.audit import Fault
from leadlight.casefile import (
    CASE_FILE,
    DATABASE_FILE,
    held,
    made_whole,
    read_facts,
    refuse_network_share,
    write_facts,
)
from leadlight.casekey import CaseKey
from leadlight.conditions import Conditions
from leadlight.config import Settings, load
from leadlight.engine import cage
from leadlight.engine.local import LocalEngine
from leadlight.errors import CaseError, UnknownName
from leadlight.keeping import key_of, opened, put_right, refuse_plain, relock
from leadlight.listfile import ListFile, described
from leadlight.models import recorded
from leadlight.outcome import Result, Shown
from leadlight.outgoing import export_to
from leadlight.plugins import Registry, registry
from leadlight.policy import Policy, load_policy
from leadlight.records import (
    Entry,
    Grade,
    Item,
    ListInfo,
    Standing,
    Tier,
    display_name,
)
from leadlight.records.dossier import Dossier, Manifest
from leadlight.roots import Anchored, check_evidence, recorded_roots, refuse_export, remove_new
from leadlight.scan import Scan, writing_rest
from leadlight.seal.check import Against
from leadlight.sealing import Sealer
from leadlight.seams import Doubting, Progress
from leadlight.store.check import derived_digest
from leadlight.store.database import Database
from leadlight.store.features import keep
from leadlight.store.lists import Lists
from leadlight.store.migration import bring_up
from leadlight.store.queue import Queue
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder
from leadlight.store.view import View
from leadlight.subject import Subject
from leadlight.summary import count, summarise
from leadlight.triage import place
from leadlight.verification import verified
from leadlight.version import __version__

__all__ = ["Case", "ListFile", "Result", "Shown"]


class Case:
    """One case: a folder with `case.toml` and `case.db`. Nothing of the evidence is copied into it."""

    def __init__(self, path: Path, database: Database, settings: Settings, facts: dict[str, str]) -> None:
        self.path = path
        self.settings = settings
        self._facts = facts
        self._database = database
        self._view = View(database)
        self._lists = Lists(database)
        self._ranking = Ranking(database)
        self._queue = Queue(database)
        self._recorder = Recorder(database, settings.actor_name())
        self._plugins: Registry = recorded(cage.listed(registry(), settings), settings)
        self._again = Again(self._view, self._recorder, self._plugins)

    # -- opening

    @classmethod
    def create(cls, path: str | Path, *, settings: Settings | None = None, key: CaseKey | None = None) -> Case:
        """A new case in a new or empty folder, encrypted where there is a `key` or the settings name one.

        Raises CaseError where there is something already.
        """
        folder = Path(path)
        settings = settings or load()
        key = key or key_of(settings)
        lock = key.lock() if key else None
        load_policy(settings.profile)
        registry().check(settings)
        refuse_network_share(folder)
        if (folder / CASE_FILE).exists() or (folder.exists() and any(folder.iterdir())):
            raise CaseError(
                "is not an empty folder", subject=str(folder), advice="Name a new folder, or open the case in it."
            )
        facts = {
            "number": str(uuid.uuid4()),
            "name": display_name(os.fsencode(folder.resolve().name)).removesuffix(".leadlight"),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "profile": settings.profile,
            "software": __version__,
        }
        with made_whole(folder) as making:
            database = Database.create(making / DATABASE_FILE, lock)
            first = {"number": facts["number"], "software": __version__}
            Recorder(database, settings.actor_name()).act("case.create", first)
            database.close()
            facts |= lock.facts() if lock else {}
            write_facts(making, facts)
        return cls(folder, Database.open(folder / DATABASE_FILE, lock), settings, facts)

    @classmethod
    def open(cls, path: str | Path, *, settings: Settings | None = None, key: CaseKey | None = None) -> Case:
        """An existing case; an encrypted one with its `key`, or the one that the settings name.

        Raises CaseMissing, CaseNewer, CaseLocked or CaseDamaged.
        """
        folder = Path(path)
        facts = read_facts(folder)
        settings = settings or load({"profile": facts["profile"]})
        return cls(folder, opened(folder, facts, settings, key), settings, facts)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def discard_unused(self) -> bool:
        """Take away a case in which no scan was ever begun; False, and nothing touched, where one was, or where
        another process works on it.
        """
        try:
            with self._held():
                if any(a.action == "scan.start" for a in self._view.acts()):
                    return False
                self.close()
                remove_new(self.path)
        except CaseError:
            return False
        return True

    def __enter__(self) -> Case:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The case to ourselves. Raises CaseBusy where another process writes to it."""
        with held(self.path):
            put_right(self.path, self._facts, self._database)
            bring_up(self._database, self.settings.actor_name())
            yield

    @property
    def encrypted(self) -> bool:
        """Whether the database is encrypted."""
        return self._database.lock is not None

    def encrypt(self, key: CaseKey) -> None:
        """Encrypt the case, or give it another key; see `keeping.relock`."""
        with self._held():
            relock(self.path, self._facts, self._database, key, self.settings.actor_name())

    # -- lists

    def lists(self, *, removed: bool = False) -> tuple[ListInfo, ...]:
        """The case's hash lists; with `removed`, those no longer used too."""
        return self._lists.all(removed=removed)

    def add_lists(self, files: Sequence[ListFile]) -> tuple[ListInfo, ...]:
        """Load lists and match what was examined before. A file loaded before is not loaded again."""
        with self._held():
            added = tuple(self._load(f) for f in files)
            self._settle()
        return added

    def remove_list(self, name: str) -> ListInfo:
        """Take a list (by name or number) out of use and rank again. Raises UnknownName."""
        with self._held():
            found = [i for i in self.lists() if name in (i.name, str(i.number))]
            if len(found) != 1:
                names = ", ".join(f"{i.number} {i.name}" for i in self.lists()) or "none"
                raise UnknownName(
                    "no such list" if not found else "several lists have this name",
                    subject=name,
                    advice=f"Lists of this case: {names}.",
                )
            self._recorder.remove_list(found[0])
            self._settle()
        return found[0]

    def _load(self, file: ListFile) -> ListInfo:
        reader, info = described(file, self._plugins)
        keep(self._database, file.path, info.digest)
        for present in self.lists():
            if info.digest and present.digest == info.digest and present.kind is info.kind:
                return present
        return self._recorder.add_list(info, reader.entries(file.path))

    # -- running

    def run(
        self,
        paths: Sequence[str | Path],
        *,
        lists: Sequence[ListFile] = (),
        again: bool = False,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Result:
        """Examine evidence, match, link, rank. The same call again goes on where an earlier one ended.

        What failed before is tried again where it may not fail now; with `again`, all that was examined with other
        versions or settings is examined again too.

        Raises EvidenceError before anything is examined where a path can't be read; UsageError where the case
        lies within the evidence, which is never written to.
        """
        began = time.monotonic()
        cage.refuse_open(self.settings)
        roots = check_evidence(paths, self.path, self._plugins.sources)
        self._plugins.check(self.settings)
        with self._held():
            for file in lists:
                self._load(file)
            anchors = recorded_roots(self._view.acts())
            self._recorder.act(
                "scan.start",
                {
                    "evidence": [display_name(os.fsencode(r)) for r, _ in roots.kept],
                    "roots": [os.fsencode(r).hex() for r, _ in roots.kept],
                    "left_out": [display_name(os.fsencode(r)) for r in roots.left_out],
                    **Conditions.now(self.settings, self._plugins).to_plain(),
                },
            )
            scan = Scan(self._view, self._recorder, progress)
            with writing_rest(scan):
                items = (i for root, source in roots.kept for i in scan.items(Anchored(source, anchors), root))
                engine = LocalEngine(self.settings, roots=[os.fsencode(r) for r, _ in roots.kept])
                engine.run(_then(items, scan.listed), scan)
            below = [os.fsencode(r) for r, _ in roots.kept]
            self._again.retry(self.settings, below, renew=again, progress=progress)
            self._settle(progress)
            counts = count(self._database, time.monotonic() - began)
            ended = {"items": counts.items, "contents": counts.contents, "cage": engine.caged}
            self._recorder.act("scan.finish", ended)
        return Result(counts, scan.skipped)

    def _settle(self, progress: Callable[[Progress], None] = lambda progress: None) -> None:
        """Match, link and rank all that was examined, once fast hashes near a listed one were made exact."""
        policy = load_policy(self.settings.profile)
        self._recorder.act("rank.start", {"profile": policy.name})
        doubting = [m for m in self._plugins.matchers if isinstance(m, Doubting)]
        doubtful = {sha256 for m in doubting for sha256 in m.doubtful(self._view, self.settings)}
        self._again.confirm(doubtful, self.settings, progress)
        for matcher in self._plugins.matchers:
            self._recorder.matches(matcher.name, matcher.match(self._view, self.settings))
        linked = (link for linker in self._plugins.linkers for link in linker.link(self._view, self.settings))
        self._ranking.replace_links(linked)
        self._rank(policy)

    def _rank(self, policy: Policy) -> None:
        context = self._ranking.context(self.settings, datetime.now(UTC))

        def stand(subject: Subject) -> Standing:
            return place(subject, context, policy)

        tiers = self._ranking.replace_queue(stand, lambda s: policy.tiers.index(s.tier))
        if self._facts["profile"] != self.settings.profile:
            self._facts["profile"] = self.settings.profile
            write_facts(self.path, self._facts)
        self._recorder.act(
            "rank",
            {
                "profile": policy.name,
                "version": policy.version,
                "tiers": tiers,
                "derived": derived_digest(self._database),
            },
        )

    def rank(self) -> None:
        """Rank again by the profile of the settings; nothing is examined."""
        policy = load_policy(self.settings.profile)
        with self._held():
            self._recorder.act("rank.start", {"profile": policy.name})
            self._rank(policy)

    # -- reading

    def queue(self, *, tier: Tier | None = None, top: int | None = None) -> Iterator[Entry]:
        """Entries in order, from the top."""
        return self._queue.entries(tier=tier, top=top)

    def show(self, name: str, *, unseal: bool = False) -> Shown:
        """All that is known of a content by digest, prefix (four characters or more) or path.

        Sealed text (prompts) comes with `unseal` only, and asking for it is recorded. Raises UnknownName.
        """
        raw = os.fsencode(name)
        there = os.path.join(os.path.realpath(os.path.dirname(raw)), os.path.basename(raw))  # noqa: PTH118, PTH119, PTH120
        paths = dict.fromkeys(display_name(p) for p in (raw, os.path.abspath(raw), there))  # noqa: PTH100
        found = self._view.resolve(display_name(raw), tuple(paths))
        entry = self._queue.entry(found[0]) if len(found) == 1 else None
        if entry is None:
            raise UnknownName(
                "no such item" if not found else "several items fit",
                subject=name,
                advice="Give a path as in the queue, or a longer prefix of the SHA-256."
                if not found
                else f"They begin: {', '.join(f[:16] for f in found)}.",
            )
        findings = self._view.findings_of(found[0], sealed=unseal)
        if unseal:
            with self._held():
                self._recorder.act("unseal", {"subject": found[0]})
        return Shown(
            entry=entry,
            findings=findings,
            links=self._queue.links_of(found[0]),
            grades=self._view.grades_of(found[0]),
            looks=self._view.looks_of(found[0]),
            superseded=self._view.superseded_of(found[0]),
        )

    def grade(self, sha256: str, grade: str, *, note: str = "") -> Grade:
        """Record a person's grade. Only people grade: nothing in Leadlight calls this by itself."""
        with self._held():
            content = self.show(sha256).entry.sha256 or sha256
            made = Grade(content, grade, self.settings.actor_name(), datetime.now(UTC), note)
            self._recorder.grade(made)
        return made

    def dossier(self, *, top: int = 200) -> Dossier:
        """The frozen result, with the first `top` entries of the queue."""
        infos = cage.as_recorded(self._plugins.infos, self._view.acts())
        return summarise(self._facts, self.settings, self._database, infos, top=top)

    def export(
        self,
        form: str,
        out: str | Path,
        *,
        top: int = 200,
        force: bool = False,
        recipients: Recipients | None = None,
    ) -> Manifest:
        """Write the dossier in a format by name, encrypted to `recipients` where given, and record that.

        Raises UsageError where `out` lies in the evidence, is the case's own record, or is a file that is no
        earlier export of this case (that last one is overwritten with `force`).
        """
        exporter, target = self._plugins.exporter(form), Path(out)
        with self._held():
            if recipients is None:
                refuse_plain(target, self.path, self._database)
            refuse_export(target, self.path, list(self._view.acts()), force=force)
            manifest = export_to(exporter, self.dossier(top=top), target, recipients)
            written = {"as": form, "files": [[digest, size] for _, digest, size in manifest.files]}
            named = {"encrypted_to": list(recipients.names)} if recipients else {}
            self._recorder.act("export", {**written, **named})
        return manifest

    @contextmanager
    def sealing(self) -> Iterator[Sealer]:
        """The case to ourselves, to seal its record."""
        with self._held():
            yield Sealer(self._database, self._recorder)

    def verify(self, against: Against | None = None) -> Iterator[Fault]:
        """Faults of the record, of its seals, then of the evidence. None where all holds.

        What a seal covers, and a content that a later scan no longer found at its place, are told too, as no
        fault: `Fault.expected`.
        """
        return verified(self._database, self._plugins.sources, against)


def _then(items: Iterator[Item], done: Callable[[], None]) -> Iterator[Item]:
    yield from items
    done()
