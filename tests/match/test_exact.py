from __future__ import annotations

import pytest

from leadlight.config import Settings
from leadlight.match.exact import PLUGIN
from leadlight.records import ListEntry, ListKind
from leadlight.records.codec import dumps, finding_in, finding_out
from tests.views import MemoryView, sha

VALUES = {"sha256": b"\1" * 32, "blake3": b"\2" * 32, "sha1": b"\3" * 20, "md5": b"\4" * 16}


def run(view: MemoryView):
    return list(PLUGIN.match(view, Settings()))


def test_the_strongest_digest_speaks_once_for_each_list() -> None:
    view = MemoryView(digests={sha("a"): dict(VALUES)})
    order = ["md5", "sha1", "blake3", "sha256"]
    for n in range(1, 5):
        view.add_list(f"list {n}", [ListEntry(a, VALUES[a], f"label {a}") for a in order[:n]])
    found = run(view)
    assert [f.payload["algorithm"] for _, f in found] == order
    assert [f.payload["list_id"] for _, f in found] == [1, 2, 3, 4]
    last = found[-1][1]
    assert last.statement == 'Equals an entry of the list "list 4" by SHA-256.'
    assert dict(last.payload) == {
        "list_id": 4,
        "list": "list 4",
        "list_kind": "known",
        "algorithm": "sha256",
        "distance": 0,
        "entry": "01" * 32,
        "label": "label sha256",
    }


@pytest.mark.parametrize("kind", list(ListKind))
def test_a_hit_is_not_evidence_of_origin(kind) -> None:
    view = MemoryView(digests={sha("a"): dict(VALUES)})
    view.add_list("x", [ListEntry("md5", VALUES["md5"])], kind)
    ((content, finding),) = run(view)
    assert content == sha("a")
    assert finding.weight is None
    assert finding.payload["list_kind"] == kind
    assert finding_in(finding_out(finding)) == finding
    assert dumps(finding_out(finding))


def test_hostile_names_are_shown_safe() -> None:
    view = MemoryView(digests={sha("a"): dict(VALUES)})
    view.add_list("x\x1b[2J\u202e", [ListEntry("md5", VALUES["md5"], "l\n\x1b")])
    ((_, finding),) = run(view)
    assert finding.statement.isprintable()
    assert finding.payload["list"].isprintable()
    assert finding.payload["label"].isprintable()


def test_perceptual_entries_and_misses_say_nothing() -> None:
    view = MemoryView(digests={sha("a"): dict(VALUES)})
    view.add_list("x", [ListEntry("pdq", VALUES["sha256"]), ListEntry("md5", b"\5" * 16)])
    assert run(view) == []
