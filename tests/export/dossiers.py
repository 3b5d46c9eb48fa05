"""Dossiers built by hand: hostile names, every kind of content of a report, and an empty case."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime

from leadlight.records import (
    Answer,
    Entry,
    FailureNote,
    Item,
    Link,
    LinkKind,
    ListInfo,
    ListKind,
    Match,
    Origin,
    Place,
    Reason,
    Standing,
    Term,
    Tier,
    Times,
)
from leadlight.records.dossier import CaseInfo, Counts, Dossier, PluginInfo, TimelineBin

WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = (
    b"<script>alert('x')</script>.jpg",
    b'"><img src=http://example.invalid/x onerror=alert(1)>.png',
    "gpj.\u202eexe".encode(),
    "תמונה של עץ.jpg".encode(),
    b"\x1b[2J\xff\xfe.jpg",
    b"a" * 240 + b".jpg",
    b"{{ 7 * 7 }}</td></table>{% raw %}.jpg",
    b"photo&amp;.jpg",
)


def digest(seed: object) -> str:
    return hashlib.sha256(repr(seed).encode()).hexdigest()


def case(**changes: object) -> CaseInfo:
    values: dict[str, object] = {
        "name": "Orchard survey <2026>",
        "number": "7f3a9c1e5b2d",
        "created": datetime(2026, 11, 18, 8, 0, tzinfo=UTC),
        "evidence": ("/evidence/disk-01", "/evidence/phone & card"),
        "profile": "victim-first",
        "software": "0.1.0",
        "python": "3.11.9",
        "system": "Linux-6.1-x86_64",
        "actor": "J. Example",
        "made": WHEN,
        "audit_head": digest("audit"),
        "acts": 1234,
    }
    return CaseInfo(**{**values, **changes})  # type: ignore[arg-type]


def place(*steps: bytes) -> Item:
    return Item(Place(b"/evidence/disk-01", steps), source="folder", size=1000, times=Times(modified=WHEN))


def origin(answer: Answer) -> Origin:
    lr = {Answer.CAMERA: -2.3, Answer.GENERATED: 2.6, Answer.ALTERED: 0.2, Answer.UNDETERMINED: None}[answer]
    if lr is None:
        return Origin(answer, None, "No finding speaks for either proposition.", (), ())
    words = "moderately strong support" if abs(lr) > 1 else "no support"
    toward, against = ("generated", "camera") if lr > 0 else ("camera", "generated")
    return Origin(
        answer,
        lr,
        f"The findings give {words} for the proposition that the picture is {toward}, rather than {against}.",
        (
            Term(
                "A signed manifest by Example Generator states that a model made the picture",
                "000000000021",
                2.6,
                True,
            ),
            Term("Generation parameters are written in the file", "000000000022", 0.5, False),
        )
        if lr > 0
        else (),
        (Term("EXIF names an Example Optics EX-1 with serial number EX10042", "000000000031", 0.8, True),)
        if lr < 1
        else (),
    )


def entry(rank: int, tier: Tier, answer: Answer, places: tuple[Item, ...], **more: object) -> Entry:
    values: dict[str, object] = {
        "matches": (),
        "failures": (),
        "reasons": (
            Reason("Not on any list.", None),
            Reason(f"Stands in {tier} because the findings speak for {answer}.", f"c0ffee{rank:06x}"[-12:]),
        ),
        "sha256": digest(rank),
        "group": None,
        **more,
    }
    standing = Standing(
        tier=tier,
        order=(float(rank),),
        relevance=max(0.0, 0.95 - rank / 40),
        origin=origin(answer),
        matches=values["matches"],  # type: ignore[arg-type]
        reasons=values["reasons"],  # type: ignore[arg-type]
        failures=values["failures"],  # type: ignore[arg-type]
    )
    return Entry(rank, values["sha256"], places, values["group"], standing)  # type: ignore[arg-type]


NEAR = Match("Demo reference list", ListKind.KNOWN, "pdq", 12, "000000000051")
EXACT = Match("Demo <b>generated</b> list", ListKind.GENERATED, "sha256", 0, "000000000052")
BROKEN = FailureNote(
    "identify.preview", "undecodable", "The picture ends early", "Try another reader.", "000000000061"
)
ABSENT = FailureNote("folder", "unreadable", "The medium gave an error", "Image the medium again.", "000000000062")


def full() -> Dossier:
    """Every kind of content a report can hold, with hostile names."""
    entries = (
        entry(1, Tier.URGENT, Answer.ALTERED, tuple(place(b"DCIM/" + h) for h in HOSTILE), group=digest("g")),
        entry(2, Tier.NEAR_KNOWN, Answer.CAMERA, (place(b"copies.zip", b"sub/lake small.jpg"),), matches=(NEAR,)),
        entry(3, Tier.POSSIBLE_VICTIM, Answer.CAMERA, (place(b"DCIM/EX1_0003.JPG"),)),
        entry(4, Tier.UNDETERMINED, Answer.UNDETERMINED, tuple(place(b"n/%d.png" % n) for n in range(13))),
        entry(5, Tier.KNOWN, Answer.CAMERA, (place(b"a.tar.gz", b"b.zip", b"c.jpg"),), matches=(EXACT, NEAR)),
        entry(6, Tier.GENERATED, Answer.GENERATED, (place(b"out/00001.png"),), failures=(BROKEN,)),
    )
    failures = (
        entry(6, Tier.GENERATED, Answer.GENERATED, (place(b"out/00001.png"),), failures=(BROKEN,)),
        entry(
            0, Tier.UNDETERMINED, Answer.UNDETERMINED, (place(HOSTILE[0]),), failures=(ABSENT, BROKEN), sha256=None
        ),
    )
    return Dossier(
        case=case(),
        counts=Counts(
            items=5120,
            contents=4211,
            bytes=15_400_000_321,
            seconds=803.2,
            tiers={"urgent": 3, "near-known": 17, "possible-victim": 402, "undetermined": 1290, "known": 88}
            | {"set-aside": 2411},
            answers={"camera": 1203, "generated": 311, "altered": 7, "undetermined": 2690},
            families={"picture": 3100, "document": 800, "archive": 12, "other": 299},
            failures={"undecodable": 2, "unreadable": 1},
            looked_at=5,
        ),
        entries=entries,
        failures=failures,
        lists=(
            ListInfo(
                "Demo reference list", ListKind.KNOWN, "csv", "Example office", "3", "2026-10-01", digest("l")
            ),
            ListInfo(
                "Demo <b>generated</b> list", ListKind.GENERATED, "vics", number=2, entries=41_022, added=WHEN
            ),
            ListInfo("Demo system files", ListKind.BENIGN, "nsrl", entries=9, added=WHEN, removed=WHEN),
        ),
        plugins=(
            PluginInfo("provenance.c2pa", "analyser", "3", "leadlight.provenance.c2pa", True),
            PluginInfo(
                "identify.jxl", "analyser", "1", "m", False, "pillow_jxl is not installed: pip install 'x[jxl]'"
            ),
        ),
        timeline=(TimelineBin("2025-11", 3, 0), TimelineBin("2026-01", 41, 12), TimelineBin("2026-03", 7, 96)),
        sources={"Example Optics EX-1": 812, 'Sketch "Box" <2>': 90, "Example Generator 1": 311},
        links=(
            Link(
                LinkKind.NEAR_COPY,
                digest("g"),
                tuple(digest(n) for n in range(9)),
                "Nine near-copies.",
                {"diameter": 14},
            ),
            Link(LinkKind.CAMERA, "EX10042", (digest(1), digest(2)), "Same make, model and serial number."),
        ),
        settings={"jobs": 0, "near_radius": 31, "trust_anchors": "", "limits": {"depth": 8, "ratio": 1000.0}},
    )


def empty() -> Dossier:
    """A case with nothing in it."""
    return Dossier(
        case=case(evidence=()),
        counts=Counts(0, 0, 0, 0.0, {}, {}, {}, {}),
        entries=(),
        failures=(),
        lists=(),
        plugins=(),
        timeline=(),
        sources={},
        links=(),
        settings={},
    )


def large(count: int = 1000) -> Dossier:
    """As many entries as an operator would ask for, each with a full account."""
    rng = random.Random(5)
    base = full()
    entries = tuple(
        entry(
            n,
            rng.choice(list(Tier)),
            rng.choice([Answer.CAMERA, Answer.GENERATED, Answer.ALTERED]),
            tuple(
                place(b"users/example/pictures/2026/holiday by the lake/IMG_%05d_%d.jpg" % (n, k))
                for k in range(3)
            ),
            matches=(NEAR, EXACT),
            failures=(BROKEN,),
            group=digest(n // 5),
        )
        for n in range(1, count + 1)
    )
    months = tuple(TimelineBin(f"{y}-{m:02d}", m * 3, y % 50) for y in range(2004, 2027) for m in range(1, 13))
    return Dossier(
        base.case,
        base.counts,
        entries,
        entries[:200],
        base.lists,
        base.plugins,
        months,
        base.sources,
        base.links,
        base.settings,
    )
