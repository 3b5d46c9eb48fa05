"""Triage is pure, explains itself, and never lowers a place for evidence of a camera."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadlight.errors import ConfigError, UnknownName
from leadlight.policy import load_policy, parse_policy, profile_names
from leadlight.records import (
    Basis,
    Filed,
    Finding,
    Item,
    ListKind,
    Place,
    Proposition,
    Tier,
    Times,
    Weight,
    WeightSource,
    failure,
)
from leadlight.records import finding as kinds
from leadlight.subject import Context, Subject
from leadlight.triage import place

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICIES = {n: load_policy(n) for n in profile_names()}
VICTIM_FIRST = POLICIES["victim-first"]


def make(kind: str, payload: dict, weight: Weight | None = None, n: int = 1) -> Filed:
    return Filed(f"{n:012x}", Finding("test", "1", kind, f"statement {n}", payload, weight))


def item(path: bytes = b"a/b.jpg", days: float = 1000) -> Item:
    return Item(Place(b"/ev", (path,)), "folder", 1, Times(modified=NOW - timedelta(days=days)))


def subject(*findings: Filed, family: str = "picture", days: float = 1000, **more) -> Subject:
    return Subject("aa" * 32, family, more.pop("container", False), (item(days=days),), findings, **more)


def match(kind: ListKind, algorithm: str = "sha256", distance: int = 0, n: int = 1, list_id: int = 1) -> Filed:
    payload = {
        "list_id": list_id,
        "list": "Reference",
        "list_kind": str(kind),
        "algorithm": algorithm,
        "distance": distance,
        "entry": "00",
    }
    return make(kinds.MATCH, payload, n=n)


def weight(proposition: Proposition, strength: float, basis: Basis) -> Weight:
    return Weight(proposition, strength, basis, WeightSource.POLICY)


CONTEXT = Context(as_of=NOW, active_lists=frozenset({1, 2}))
EXIF = make(kinds.CAMERA, {"make": "Example"}, weight(Proposition.CAMERA, 0.5, Basis.METADATA), 2)
STAMP = make(kinds.GENERATOR, {}, weight(Proposition.GENERATED, 0.7, Basis.METADATA), 3)
SIGNED = make(kinds.SIGNED, {}, weight(Proposition.GENERATED, 4.0, Basis.SIGNATURE), 4)
ALTERED = make(kinds.SIGNED, {}, weight(Proposition.ALTERED, 3.0, Basis.SIGNATURE), 5)


def tier(*findings: Filed, policy: str = "victim-first", context: Context = CONTEXT, **more) -> Tier:
    return place(subject(*findings, **more), context, POLICIES[policy]).tier


def test_each_tier_is_reached_by_what_it_is_for() -> None:
    assert tier() is Tier.UNDETERMINED
    assert tier(EXIF) is Tier.POSSIBLE_VICTIM
    assert tier(ALTERED) is Tier.POSSIBLE_VICTIM
    assert tier(SIGNED) is Tier.GENERATED
    assert tier(SIGNED, ALTERED) is Tier.POSSIBLE_VICTIM
    assert tier(match(ListKind.KNOWN)) is Tier.KNOWN
    assert tier(match(ListKind.GENERATED)) is Tier.KNOWN
    assert tier(match(ListKind.KNOWN, "pdq", 12)) is Tier.NEAR_KNOWN
    assert tier(match(ListKind.KNOWN, "pdq", 0)) is Tier.NEAR_KNOWN
    assert tier(match(ListKind.KNOWN, "pdq", 12), EXIF, days=2) is Tier.URGENT
    assert tier(match(ListKind.BENIGN)) is Tier.SET_ASIDE
    assert tier(family="text") is Tier.SET_ASIDE
    assert tier(family="empty") is Tier.SET_ASIDE
    assert tier(EXIF, policy="hotline", days=2) is Tier.URGENT


def test_a_stamp_takes_nothing_away_alone_or_over_exif() -> None:
    assert tier(STAMP) is tier()
    assert tier(EXIF, STAMP) is Tier.POSSIBLE_VICTIM
    assert tier(match(ListKind.KNOWN, "pdq", 12), EXIF, STAMP, days=2) is Tier.URGENT
    assert tier(EXIF, SIGNED) is Tier.GENERATED, "a trusted signature is not what anyone can write"


def test_a_benign_hit_needs_a_cryptographic_digest() -> None:
    assert tier(match(ListKind.BENIGN, "pdq", 0)) is Tier.UNDETERMINED
    assert tier(match(ListKind.BENIGN), match(ListKind.KNOWN, "pdq", 3, 2, 2)) is Tier.NEAR_KNOWN
    assert tier(match(ListKind.BENIGN), match(ListKind.KNOWN, "md5", 0, 2, 2)) is Tier.KNOWN


def test_media_that_can_not_be_examined_is_never_set_aside() -> None:
    broken = Filed("9", failure("x", "1", reason="undecodable", what="is broken", advice="Look."))
    assert tier(broken) is Tier.UNDETERMINED
    assert tier(broken, family="archive", container=True) is Tier.UNDETERMINED
    assert tier(family="archive", container=True) is Tier.SET_ASIDE
    assert tier(family="archive") is Tier.UNDETERMINED
    assert tier(family="document") is Tier.UNDETERMINED
    assert tier(family="video") is Tier.UNDETERMINED
    assert tier(family="unknown") is Tier.UNDETERMINED, "its name says it is a picture"
    unread = Subject(None, "", False, (item(),), (broken,))
    assert place(unread, CONTEXT, VICTIM_FIRST).tier is Tier.UNDETERMINED


def test_icons_are_set_aside_by_size() -> None:
    small = {"width": 32, "height": 32, "frames": 1, "method": "full", "truncated": False}

    def icon(filetype: dict | None = None, **more: object) -> Tier:
        return tier(
            make(kinds.FILETYPE, filetype or {}),
            make(kinds.PICTURE, {**small, **more}, n=2),
            make(kinds.CAMERA, {}, n=3),
        )

    assert icon() is Tier.SET_ASIDE
    assert icon(height=96) is Tier.UNDETERMINED
    assert icon(frames=2) is Tier.UNDETERMINED
    assert icon(truncated=True) is Tier.UNDETERMINED
    assert icon(method="preview") is Tier.UNDETERMINED
    assert icon(largest=[800, 600]) is Tier.UNDETERMINED
    assert icon({"extra_bytes": 70}) is Tier.UNDETERMINED
    assert icon({"also": ["application/zip"]}) is Tier.UNDETERMINED
    shape = make(kinds.PICTURE, small)
    assert tier(shape, size=100_000) is Tier.UNDETERMINED
    thumbnail = make(kinds.CAMERA, {"thumbnail": {"width": 320, "height": 240}}, n=2)
    assert tier(shape, thumbnail) is Tier.UNDETERMINED


def test_what_may_hide_a_picture_is_not_set_aside() -> None:
    for facts in ({"carries": ["image/jpeg"]}, {"also": ["application/zip"]}, {"high_entropy": True}):
        for family in ("text", "program", "database", "unknown", "other"):
            standing = place(
                Subject("aa" * 32, family, False, (item(b"a/b.dat"),), (make(kinds.FILETYPE, facts),)),
                CONTEXT,
                VICTIM_FIRST,
            )
            assert standing.tier is Tier.UNDETERMINED, (facts, family)
            assert "treated as possibly real" in standing.reasons[0].text
    broken = Filed("9", failure("engine", "1", reason="crashed", what="ended its examiner", advice="Look."))
    for family in ("text", "unknown", "program", "picture"):
        assert tier(broken, family=family) is Tier.UNDETERMINED


def test_a_removed_list_no_longer_counts() -> None:
    assert tier(match(ListKind.KNOWN, list_id=7)) is Tier.UNDETERMINED


def test_floods_are_shown_but_not_counted() -> None:
    hit = match(ListKind.KNOWN, "pdq", 5)
    flooded = Context(as_of=NOW, active_lists=frozenset({1}), floods={(1, "00"): 900})
    standing = place(subject(hit), flooded, VICTIM_FIRST)
    assert standing.tier is Tier.POSSIBLE_VICTIM, "no nearer to the top, and no lower than that"
    assert standing.matches[0].distance == 5
    assert standing.relevance == 0
    assert any("quarantined" in r.text for r in standing.reasons)


@pytest.mark.parametrize(
    ("context", "findings"),
    [
        (Context(as_of=NOW, folders={"/ev/a": 3}), ()),
        (Context(as_of=NOW, moments=((NOW - timedelta(days=1)).timestamp() + 300,)), ()),
        (
            Context(as_of=NOW, devices=frozenset({"example|ex-1|s1"})),
            (make(kinds.CAMERA, {"make": "Example", "model": "EX-1", "serial": "S1"}, n=8),),
        ),
    ],
    ids=["folder", "minutes", "device"],
)
def test_company_of_a_match_makes_relevant(context: Context, findings: tuple[Filed, ...]) -> None:
    standing = place(subject(EXIF, *findings, days=1), context, VICTIM_FIRST)
    assert standing.relevance >= VICTIM_FIRST.relevance.relevant_at
    assert standing.tier is Tier.URGENT
    alone = place(subject(EXIF, *findings, days=1), Context(as_of=NOW), VICTIM_FIRST)
    assert alone.tier is Tier.POSSIBLE_VICTIM


def test_every_place_has_a_reason_and_each_finding_named_exists() -> None:
    for findings in ((), (EXIF,), (STAMP, EXIF), (match(ListKind.KNOWN),), (SIGNED,)):
        standing = place(subject(*findings), CONTEXT, VICTIM_FIRST)
        assert standing.reasons
        numbers = {f.id for f in findings}
        assert all(r.finding is None or r.finding in numbers for r in standing.reasons)


strength = st.floats(0, 12, allow_nan=False)


@st.composite
def some_findings(draw: st.DrawFn) -> list[Filed]:
    found: list[Filed] = []
    for n in range(draw(st.integers(0, 7))):
        choice = draw(st.integers(0, 5))
        w = draw(
            st.one_of(
                st.none(),
                st.builds(weight, st.sampled_from(list(Proposition)), strength, st.sampled_from(list(Basis))),
            )
        )
        if choice == 0:
            kind = draw(st.sampled_from(list(ListKind)))
            algorithm = draw(st.sampled_from(["sha256", "md5", "pdq"]))
            found.append(match(kind, algorithm, draw(st.integers(0, 31)), n + 1))
        elif choice == 1:
            side = draw(st.sampled_from([16, 4000]))
            shape = {"width": side, "height": side, "frames": 1, "method": "full", "truncated": False}
            found.append(make(kinds.PICTURE, shape, w, n + 1))
        elif choice == 2:
            note = failure("x", "1", reason="undecodable", what="is broken", advice="Look.")
            found.append(Filed(f"{n + 1:012x}", note))
        else:
            kind_name = draw(st.sampled_from([kinds.CAMERA, kinds.GENERATOR, kinds.SIGNED, kinds.SCORE]))
            found.append(make(kind_name, {}, w, n + 1))
    return found


camera_finding = st.builds(
    lambda s, b, payload: make(kinds.CAMERA, payload, weight(Proposition.CAMERA, s, b), 99),
    strength,
    st.sampled_from(list(Basis)),
    st.sampled_from(
        [
            {},
            {"captured": "2001-01-01T00:00:00"},
            {"captured": "2026-05-30T00:00:00"},
            {"gps": {"lat": 1.0, "lon": 2.0}},
            {"make": "Example", "model": "EX-1", "serial": "S1"},
        ]
    ),
)
contexts = st.sampled_from(
    [
        CONTEXT,
        Context(as_of=NOW, active_lists=frozenset({1}), folders={"/ev/a": 9}),
        Context(as_of=NOW, active_lists=frozenset({1}), devices=frozenset({"example|ex-1|s1"})),
        Context(as_of=NOW, active_lists=frozenset({1}), floods={(1, "00"): 99}),
    ]
)
families = st.sampled_from(["picture", "video", "document", "archive", "text", "empty", "unknown"])


@settings(max_examples=400)
@given(
    some_findings(),
    camera_finding,
    contexts,
    families,
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from([1.0, 80.0, 3000.0]),
)
def test_evidence_of_a_camera_never_lowers_a_place(findings, more, context, family, profile, days) -> None:
    policy = POLICIES[profile]
    before = place(subject(*findings, family=family, days=days), context, policy)
    after = place(subject(*findings, more, family=family, days=days), context, policy)
    rank = policy.tiers.index
    assert (rank(after.tier), after.order) <= (rank(before.tier), before.order)


@given(
    st.lists(
        st.builds(
            weight,
            st.sampled_from(list(Proposition)),
            strength,
            st.sampled_from([Basis.METADATA, Basis.WATERMARK, Basis.STRUCTURE, Basis.PIXELS]),
        ),
        max_size=12,
    ),
    contexts,
    st.sampled_from(sorted(POLICIES)),
)
def test_writable_evidence_and_scores_never_reach_generated_or_set_aside(weights, context, profile) -> None:
    findings = [make(kinds.SCORE, {}, w, n) for n, w in enumerate(weights, 1)]
    policy = POLICIES[profile]
    assert place(subject(*findings), context, policy).tier not in (Tier.GENERATED, Tier.SET_ASIDE)


@given(some_findings(), contexts, families, st.sampled_from(sorted(POLICIES)))
def test_it_is_pure_and_always_places(findings, context, family, profile) -> None:
    policy = POLICIES[profile]
    once = place(subject(*findings, family=family), context, policy)
    assert once == place(subject(*findings, family=family), context, policy)
    assert once.tier in Tier
    assert 0 <= once.relevance <= 1


def test_policies_that_would_break_a_promise_are_refused() -> None:
    text = 'tiers = ["urgent", "near-known", "undetermined", "possible-victim", "known", "generated", "set-aside"]'
    with pytest.raises(ConfigError, match="must stand in this order"):
        parse_policy(text, "p")
    with pytest.raises(ConfigError, match="writable_cap"):
        parse_policy("[origin]\nwritable_cap = 3.0", "p")
    with pytest.raises(ConfigError, match="independent"):
        parse_policy("[origin]\nindependent = 1", "p")
    with pytest.raises(ConfigError, match="no such key: nonsense"):
        parse_policy("nonsense = 1", "p")
    with pytest.raises(ConfigError, match="TOML"):
        parse_policy("= 1", "p")
    with pytest.raises(ConfigError, match="does not fit"):
        parse_policy('[new]\nrecent_days = "soon"', "p")
    with pytest.raises(ConfigError, match="picture"):
        parse_policy('[aside]\nmedia = ["video"]', "p")
    with pytest.raises(UnknownName, match="victim-first"):
        load_policy("no-such-profile")


def test_a_match_that_only_an_edit_explains_is_not_called_a_copy() -> None:
    plain = match(ListKind.KNOWN, "pdq", 52)
    starts = {
        "overlaid": 'Resembles an entry of the list "Reference" as an edited copy does (52',
        "bars": 'What lies within it is a near-copy of an entry of the list "Reference" (52',
        "": 'Near-copy of an entry of the list "Reference" (52',
    }
    for way, start in starts.items():
        edited = Filed(
            plain.id, Finding("test", "1", kinds.MATCH, "statement", {**plain.finding.payload, "edited": way})
        )
        said = place(subject(edited), CONTEXT, VICTIM_FIRST)
        assert said.tier is Tier.NEAR_KNOWN
        assert said.reasons[0].text.startswith(start)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order = 5", "order is one value and not a list"),
        ("aside = 1", "aside is not a table"),
        ("origin = [1]", "origin is not a table"),
        ("[aside]\nmedia = 1", "media is one value and not a list"),
        ("[relevance]\nknown = ['a']", "known is a list"),
        ("[relevance]\nknown = nan", "known is not a figure"),
        ("[origin]\ngenerated_at = 0x" + "f" * 4000, "generated_at is not a figure"),
        ("[new]\nplaces = [{lat = 'x', lon = 1, km = 1}]", "lat = 'x'"),
        ("a = " + "[" * 3000, "is not TOML"),
    ],
)
def test_a_policy_whose_values_do_not_fit_is_refused_with_the_key(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_policy(text, "p")


writable = st.sampled_from([Basis.METADATA, Basis.WATERMARK, Basis.STRUCTURE])


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Proposition)), st.floats(0, 6), st.sampled_from(list(Basis))), max_size=6
    ),
    st.floats(0, 6),
    writable,
    st.sampled_from(sorted(POLICIES)),
)
@example(  # a stamp must not undo what the same metadata say for a camera
    [
        (Proposition.CAMERA, 1.0, Basis.METADATA),
        (Proposition.CAMERA, 2.0, Basis.SIGNATURE),
        (Proposition.GENERATED, 2.5, Basis.SIGNATURE),
        (Proposition.GENERATED, 2.0, Basis.PIXELS),
    ],
    1.0,
    Basis.METADATA,
    "hotline",
)
def test_writing_generated_into_a_picture_never_changes_its_tier(parts, strength, basis, name) -> None:
    policy = POLICIES[name]
    there = [make("test.kind", {}, weight(*part), n) for n, part in enumerate(parts, 10)]
    stamp = make(kinds.GENERATOR, {}, weight(Proposition.GENERATED, strength, basis), 99)
    before, after = (place(subject(*found), CONTEXT, policy) for found in (there, [*there, stamp]))
    ranks = policy.tiers.index
    assert ranks(after.tier) <= ranks(before.tier)
    if "concurring" in policy.order and before.order != after.order:
        sure = [p for p in parts if p[2] is Basis.PIXELS]
        assert sure, "only where a detector says so too"
        assert all(p[0] is Proposition.GENERATED and p[1] >= policy.origin.generated_at for p in sure)


def test_what_is_written_and_a_sure_detector_come_later_within_the_tier_and_nothing_more() -> None:
    sure = make(kinds.SCORE, {}, weight(Proposition.GENERATED, 3.0, Basis.PIXELS), 6)
    for name in ("victim-first", "seizure", "hotline"):
        policy = POLICIES[name]
        plain, stamped, judged, both = (
            place(subject(*found), CONTEXT, policy) for found in ([], [STAMP], [sure], [STAMP, sure])
        )
        assert {p.tier for p in (plain, stamped, judged, both)} == {Tier.UNDETERMINED}
        assert both.order > judged.order
        assert both.order > stamped.order
        assert both.relevance == plain.relevance
        told = [any("later within its tier" in r.text for r in p.reasons) for p in (plain, stamped, judged, both)]
        assert told == [False, False, False, True]
        if name != "hotline":
            assert plain.order == stamped.order == judged.order
        assert place(subject(STAMP, sure, EXIF), CONTEXT, policy).order < both.order, "one word for a camera"
