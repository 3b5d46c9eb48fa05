"""Examined again in the same case: fast hashes confirmed, failures retried, versions raised; nothing is lost."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from leadlight import Case, ListFile, Settings
from leadlight.again import Again
from leadlight.chart import chart_pixels
from leadlight.conditions import Conditions
from leadlight.config import Limits
from leadlight.fingerprint.pdq import pdq
from leadlight.plugins import registry
from leadlight.records import Filed, ListKind, Tier
from leadlight.records import finding as kinds
from leadlight.records.codec import entry_out
from tests.evidence import jpeg, png, tarred, zipped

FAST = Settings(jobs=1, actor="tester", hashing="fast")
EXACT = replace(FAST, hashing="exact")


def photo(seed: int, quality: int = 90, side: int = 450) -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(side * 4 // 3, side, seed)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def pdq_of(seed: int, side: int = 450) -> str:
    return pdq(chart_pixels(side * 4 // 3, side, seed))[0].hex()


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "ev"
    folder.mkdir()
    for n in range(1, 4):
        (folder / f"{n}.jpg").write_bytes(photo(n, 60 + 10 * n))
    (folder / "other.jpg").write_bytes(photo(50))
    (folder / "note.txt").write_bytes(b"a note\n")
    (folder / "pictures.zip").write_bytes(
        zipped({"a.jpg": photo(4, 70), "in.tar.gz": tarred({"b.jpg": photo(5, 70), "c.jpg": photo(51)})})
    )
    return folder


@pytest.fixture
def near(tmp_path: Path) -> ListFile:
    path = tmp_path / "near.csv"
    path.write_text("pdq\n" + "".join(f"{pdq_of(n)}\n" for n in range(1, 6)))
    return ListFile(path, name="Series", kind=ListKind.KNOWN)


def made(tmp_path: Path, name: str, settings: Settings) -> Case:
    return Case.create(tmp_path / name, settings=settings)


def findings(case: Case, path: Path | str, kind: str) -> list[Filed]:
    return [f for f in case.show(str(path)).findings if f.finding.kind == kind]


def acts(case: Case, action: str) -> list[dict[str, Any]]:
    return [dict(a.details) for a in case._view.acts() if a.action == action]


def queue(case: Case) -> list[Any]:
    """What the queue says but for the findings' numbers, which stand for the way that was taken."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k != "finding"}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return [plain(entry_out(e)) for e in case.queue()]


def test_no_near_match_rests_on_a_fast_hash(tmp_path: Path, evidence: Path, near: ListFile) -> None:
    with made(tmp_path, "fast", FAST) as case, made(tmp_path, "exact", EXACT) as other:
        case.run([evidence])
        before = {p.sha256: p for p in case._view.prints("pdq")}
        assert not any(p.exact for p in before.values()), "large pictures are hashed fast"
        case.add_lists([near])
        other.run([evidence], lists=[near])
        after = {p.sha256: p for p in case._view.prints("pdq")}
        exact = {p.sha256: p for p in other._view.prints("pdq")}
        confirmed = {s for s, p in after.items() if p.exact}
        assert len(confirmed) == 5
        assert {s: after[s] for s in confirmed} == {s: exact[s] for s in confirmed}
        assert {s: p for s, p in after.items() if s not in confirmed} == {
            s: p for s, p in before.items() if s not in confirmed
        }
        matches = dict(case._view.findings(kinds.MATCH))
        assert set(matches) == confirmed
        assert all(f.payload["exact"] for f in matches.values())
        assert queue(case) == queue(other)
        assert sum(e.standing.tier in (Tier.NEAR_KNOWN, Tier.URGENT) for e in case.queue()) == 5
        (again,) = acts(case, "scan.again")
        assert (again["contents"], again["settings"]["hashing"]) == (5, "exact")
        assert acts(case, "scan.again.finish") == [{"examined": 5, "kept": {}, "kept_as_they_were": {}}]
        shown = case.show(str(evidence / "1.jpg"))
        replaced = [f.finding.payload for _, f in shown.superseded if f.finding.kind == kinds.PDQ]
        assert [p["exact"] for p in replaced] == [False]
        assert not list(case.verify())
        case.run([evidence])
        assert len(acts(case, "scan.again")) == 1, "what is exact is not doubted again"


def test_what_can_not_be_confirmed_keeps_its_findings_and_that_is_said(
    tmp_path: Path, evidence: Path, near: ListFile
) -> None:
    with made(tmp_path, "case", FAST) as case:
        case.run([evidence])
        (evidence / "1.jpg").unlink()
        (evidence / "2.jpg").write_bytes(photo(70))
        kept = {p: findings(case, evidence / p, kinds.PDQ) for p in ("1.jpg", "2.jpg")}
        case.add_lists([near])
        for name, before in kept.items():
            assert findings(case, evidence / name, kinds.PDQ) == before
            (match,) = findings(case, evidence / name, kinds.MATCH)
            assert match.finding.payload["exact"] is False
            assert "could not be confirmed" in match.finding.statement
        (ended,) = acts(case, "scan.again.finish")
        assert ended["examined"] == 3
        assert ended["kept"] == {"can't be read any more": 1, "was changed since it was read": 1}


def test_a_copy_elsewhere_serves_where_one_is_gone(tmp_path: Path, evidence: Path, near: ListFile) -> None:
    (evidence / "more").mkdir()
    (evidence / "more" / "copy.jpg").write_bytes((evidence / "1.jpg").read_bytes())
    (evidence / "more" / "boxed.zip").write_bytes(zipped({"x.jpg": (evidence / "2.jpg").read_bytes()}))
    with made(tmp_path, "case", FAST) as case:
        case.run([evidence])
        (evidence / "1.jpg").unlink()
        (evidence / "2.jpg").unlink()
        case.add_lists([near])
        (ended,) = acts(case, "scan.again.finish")
        assert (ended["examined"], ended["kept"]) == (5, {})


class Stub:
    """A matcher that doubts what it is told to."""

    name, version, extra, requires = "stub", "1", None, ()

    def __init__(self, doubted: Sequence[str]) -> None:
        self.doubted = list(doubted)

    def doubtful(self, view: Any, settings: Settings) -> Iterator[str]:
        yield from self.doubted

    def match(self, view: Any, settings: Settings) -> Iterator[Any]:
        self.seen = {p.sha256: p.exact for p in view.prints("pdq")}
        return iter(())


def test_a_doubting_matcher_sees_exact_hashes_of_what_it_doubts(tmp_path: Path, evidence: Path) -> None:
    with made(tmp_path, "case", FAST) as case:
        case.run([evidence])
        doubted = [p.sha256 for p in case._view.prints("pdq")][:3]
        stub = Stub([*doubted, "f" * 64, *doubted])
        case._plugins = replace(case._plugins, matchers=(stub,))
        case.run([evidence])
        assert {s for s, exact in stub.seen.items() if exact} == set(doubted)
        case.run([evidence])
        assert len(acts(case, "scan.again")) == 1, "the same conditions: not again"


def test_a_limit_is_tried_again_once_it_is_greater_and_new_members_come(tmp_path: Path, evidence: Path) -> None:
    shallow = replace(FAST, limits=Limits(depth=1))
    with made(tmp_path, "case", shallow) as case:
        first = case.run([evidence])
        assert first.counts.failures == {"limit": 1}
        assert case.run([evidence]).counts.failures == {"limit": 1}
        assert not acts(case, "scan.again"), "the same limit is not tried again"
    with Case.open(tmp_path / "case", settings=FAST) as case, made(tmp_path, "whole", FAST) as whole:
        second = case.run([evidence])
        assert second.counts.failures == {}
        assert second.skipped == 6
        whole.run([evidence])
        assert queue(case) == queue(whole)
        assert not list(case.verify())
        shown = case.show(str(evidence / "pictures.zip"))
        assert not [f for f in shown.findings if f.finding.kind == kinds.FAILURE]
        case.run([evidence])
        assert len(acts(case, "scan.again")) == 1


def test_other_evidence_is_not_read_for_it(tmp_path: Path, evidence: Path) -> None:
    with made(tmp_path, "case", replace(FAST, limits=Limits(depth=1))) as case:
        case.run([evidence])
    other = tmp_path / "other"
    other.mkdir()
    with Case.open(tmp_path / "case", settings=FAST) as case:
        assert case.run([other]).counts.failures == {"limit": 1}
        assert not acts(case, "scan.again")


def test_pixels_beyond_a_limit_are_tried_once_the_limit_allows_them(tmp_path: Path) -> None:
    folder = tmp_path / "ev"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(1, side=120))
    small = replace(FAST, limits=Limits(pixels=1000))
    with made(tmp_path, "case", small) as case:
        assert case.run([folder]).counts.failures == {"limit": 1}
    with Case.open(tmp_path / "case", settings=replace(FAST, limits=Limits(pixels=2000))) as case:
        case.run([folder])
        assert not acts(case, "scan.again"), "still less than it takes"
    with Case.open(tmp_path / "case", settings=FAST) as case:
        assert case.run([folder]).counts.failures == {}
        assert findings(case, folder / "a.png", kinds.PDQ)
        (entry,) = case.queue()
        assert not entry.standing.failures
        assert not list(case.verify())


def as_if_by_version(case: Case, name: str, version: str) -> None:
    """The registry of `case`, as if an analyser had been of another version when it ran."""
    infos = tuple(replace(i, version=version) if i.name == name else i for i in case._plugins.infos)
    case._plugins = replace(case._plugins, infos=infos)
    case._again = Again(case._view, case._recorder, case._plugins)


def test_other_versions_are_examined_again_only_when_asked(tmp_path: Path, evidence: Path) -> None:
    with made(tmp_path, "case", FAST) as case:
        as_if_by_version(case, "fingerprint.pdq", "0")
        case.run([evidence])
    with Case.open(tmp_path / "case", settings=FAST) as case:
        before = queue(case)
        case.run([evidence])
        assert not acts(case, "scan.again"), "never silently"
        case.run([evidence], again=True)
        (again,) = acts(case, "scan.again")
        assert again["contents"] == 7, "pictures alone: no other analyser was raised"
        assert queue(case) == before
        assert not case.show(str(evidence / "1.jpg")).superseded, "what was made again stands"
        case.run([evidence], again=True)
        assert len(acts(case, "scan.again")) == 1, "done once"
        assert not list(case.verify())


def test_findings_of_an_older_version_give_way(tmp_path: Path, evidence: Path) -> None:
    """As an older analyser left them: the text of its findings differs, and so does its version."""
    with made(tmp_path, "case", FAST) as case:
        as_if_by_version(case, "identify.preview", "0")
        case.run([evidence / "1.jpg"])
    with Case.open(tmp_path / "case", settings=EXACT) as case:
        old = findings(case, evidence / "1.jpg", kinds.PDQ)
        case.run([evidence / "1.jpg"], again=True)
        new = findings(case, evidence / "1.jpg", kinds.PDQ)
        assert [f.finding.payload["exact"] for f in (*old, *new)] == [False, True]
        assert {f.id for _, f in case.show(str(evidence / "1.jpg")).superseded} >= {f.id for f in old}
        assert not list(case.verify())


def test_what_may_change_is_judged_by_what_changed() -> None:
    now = Conditions.now(Settings(), registry())

    def failed(reason: str, **facts: Any) -> Any:
        from leadlight.records import failure

        return failure("identify.preview", "1", reason=reason, what="w", advice="a", **facts)

    lesser = replace(now, settings={**now.settings, "limits": {**now.settings["limits"], "depth": 4}})
    limit = failed("limit", limit="limits.depth", allowed=4, met=5)
    assert now.may_change(limit, lesser)
    assert not lesser.may_change(limit, now)
    assert not now.may_change(limit, now)
    assert not now.may_change(failed("limit", limit="limits.depth", allowed=4, met=9), lesser)
    assert not now.may_change(failed("limit", limit="limits.nothing", allowed=4, met=5), lesser)
    assert not now.may_change(failed("limit"), lesser)
    fewer = replace(now, libraries={})
    assert now.may_change(failed("unsupported"), fewer)
    assert not fewer.may_change(failed("unsupported"), now)
    assert not now.may_change(failed("unsupported"), now)
    older = replace(now, plugins={**now.plugins, "analyser identify.preview": "0"})
    for reason in ("crashed", "timeout", "memory"):
        assert now.may_change(failed(reason), older)
        assert now.may_change(failed(reason), replace(now, settings={**now.settings, "jobs": 7}))
        assert not now.may_change(failed(reason), now)
    assert now.may_change(failed("failed"), replace(now, software="0"))
    assert not now.may_change(failed("failed"), now)
    for reason in ("undecodable", "encrypted", "unreadable", "refused"):
        assert not now.may_change(failed(reason), replace(older, software="0"))
    assert Conditions.of({}).same(Conditions.of({"settings": []}), hashing=True)
    without = {k: v for k, v in Settings().to_plain().items() if k not in ("features", "hashing")}
    assert now.outdated(replace(Conditions.of({"settings": without}), plugins=now.plugins), registry()) == set()
    other = replace(now, plugins={k: v for k, v in now.plugins.items() if k != "unpacker zip"})
    assert "archive" in now.outdated(other, registry()) or "unpacker zip" not in now.plugins
    assert now.outdated(lesser, registry()) == {""}
    assert Conditions.of(now.to_plain()) == now


def test_a_crash_while_confirming_costs_no_finding(
    tmp_path: Path, evidence: Path, near: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os\n"
        "if 'LEADLIGHT_TEST_CRASH' in os.environ:\n"
        "    import leadlight.content as content\n"
        "    def end(self):\n"
        "        os._exit(7)\n"
        "    content.Content.picture = end\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    with made(tmp_path, "case", FAST) as case:
        case.run([evidence / "1.jpg"])
        before = case.show(str(evidence / "1.jpg")).findings
        monkeypatch.setenv("LEADLIGHT_TEST_CRASH", "1")
        case.add_lists([near])
        shown = case.show(str(evidence / "1.jpg"))
        assert {f.id for f in before} <= {f.id for f in shown.findings}, "what it could not look at stays"
        (match,) = [f.finding for f in shown.findings if f.finding.kind == kinds.MATCH]
        assert match.payload["exact"] is False
        assert [f.reason for f in shown.entry.standing.failures] == ["crashed"]
        assert not list(case.verify())
        case.add_lists([near])
        assert len(acts(case, "scan.again")) == 1, "the same try is not made twice"
        monkeypatch.delenv("LEADLIGHT_TEST_CRASH")
        case.settings = replace(FAST, jobs=2)
        case.run([evidence / "1.jpg"])
        (entry,) = case.queue()
        assert not entry.standing.failures
        assert not list(case.verify())


def test_older_content_of_a_path_is_told_calmly(tmp_path: Path) -> None:
    folder = tmp_path / "ev"
    folder.mkdir()
    path = folder / "a.txt"
    with made(tmp_path, "case", FAST) as case:
        path.write_bytes(b"first\n")
        case.run([folder])
        assert not list(case.verify())
        path.write_bytes(b"second, longer\n")
        (fault,) = case.verify()
        assert not fault.expected
        assert "was changed since it was read on 20" in fault.what
        case.run([folder])
        (note,) = case.verify()
        assert note.expected
        assert "as read on 20" in note.what
        path.write_bytes(b"first\n")
        note, fault = case.verify()
        assert (note.expected, fault.expected) == (True, False)
        assert "as it was read on 20" in fault.what
        os.utime(path, (1, 1))
        case.run([folder])
        assert all(f.expected for f in case.verify()), "the first again, and read so"
        path.write_bytes(b"third and longest\n")
        assert [f.expected for f in case.verify()] == [True, False]


COMMAND = [sys.executable, "-m", "leadlight", "triage"]


def test_killed_in_the_midst_it_verifies_and_goes_on(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sys\nif 'triage' in sys.orig_argv:\n    from leadlight import scan\n    scan.BATCH_RECORDS = 4\n"
    )
    folder = tmp_path / "ev"
    folder.mkdir()
    for n in range(60):
        (folder / f"{n:02}.jpg").write_bytes(photo(n, 80, side=450))
    near = tmp_path / "near.csv"
    near.write_text("pdq\n" + "".join(f"{pdq_of(n)}\n" for n in range(60)))
    listed = [ListFile(near, kind=ListKind.KNOWN)]
    with made(tmp_path, "exact", EXACT) as case:
        case.run([folder], lists=listed)
        expected = queue(case)
    with made(tmp_path, "killed", FAST) as case:
        case.run([folder])
    command = [*COMMAND, str(folder), "--case", str(tmp_path / "killed"), "--list", f"known={near}", "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with closing(sqlite3.connect(tmp_path / "killed" / "case.db")) as raw:
            if raw.execute("SELECT count(*) FROM act WHERE action = 'again.record'").fetchone()[0]:
                break
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with Case.open(tmp_path / "killed", settings=FAST) as case:
        assert acts(case, "again.record"), "killed too early to show anything"
        assert not acts(case, "scan.again.finish"), "killed too late to show anything"
        assert 0 < sum(p.exact for p in case._view.prints("pdq")) < 60
        assert not list(case.verify())
        case.run([folder], lists=listed)
        assert queue(case) == expected
        assert not list(case.verify())


def test_a_case_of_the_first_schema_opens_and_is_brought_up_by_what_writes(tmp_path: Path) -> None:
    folder = tmp_path / "ev"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(1))
    with made(tmp_path, "case", FAST) as case:
        case.run([folder])
        before = queue(case)
    with closing(sqlite3.connect(tmp_path / "case" / "case.db")) as raw, raw:
        raw.executescript(
            "DROP TABLE superseded; DROP TABLE examination;"
            "UPDATE meta SET value = '1' WHERE name = 'schema_version';"
        )
    with Case.open(tmp_path / "case", settings=FAST) as case:
        assert queue(case) == before
        assert not list(case.verify())
        assert not acts(case, "case.schema")
        case.rank()
        assert len(acts(case, "case.schema")) == 1
        assert queue(case) == before
        assert not list(case.verify())


def test_a_picture_that_is_small_is_hashed_exactly_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "ev"
    folder.mkdir()
    (folder / "small.jpg").write_bytes(jpeg(1, side=64))
    with made(tmp_path, "case", FAST) as case:
        case.run([folder])
        assert all(p.exact for p in case._view.prints("pdq"))
