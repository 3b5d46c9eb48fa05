"""The weighing of origin: what may and may not decide."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.errors import ConfigError
from leadlight.origin import WRITABLE, camera_evidence, concurring, verbal, weigh
from leadlight.policy import load_policy, parse_policy, profile_names
from leadlight.records import Answer, Basis, Filed, Finding, Origin, Proposition, Weight, WeightSource
from leadlight.records import finding as kinds
from leadlight.records.codec import origin_in, origin_out

POLICIES = [load_policy(n).origin for n in profile_names()]
POLICY = POLICIES[0]
Part = tuple[Proposition, float, Basis]
GENERATED, CAMERA, ALTERED = Proposition.GENERATED, Proposition.CAMERA, Proposition.ALTERED


def filed(number: int, proposition: Proposition, strength: float, basis: Basis) -> Filed:
    weight = Weight(proposition, strength, basis, WeightSource.POLICY)
    return Filed(f"{number:012x}", Finding("test", "1", "test.kind", f"finding {number}", weight=weight))


def silent(number: int, *, weighs: bool = False) -> Filed:
    """A detector that abstained; `weighs` where it wrongly states a weight all the same."""
    weight = Weight(GENERATED, 5.0, Basis.PIXELS, WeightSource.MEASURED) if weighs else None
    payload = {"abstained": "size", "log10_lr": None}
    return Filed(f"{number:012x}", Finding("test", "1", kinds.SCORE, f"finding {number}", payload, weight))


def file_all(parts: list[Part]) -> list[Filed]:
    return [filed(n, *part) for n, part in enumerate(parts, start=1)]


def answer(*parts: Part) -> Answer:
    return weigh(file_all(list(parts)), POLICY).answer


def figures(origin: Origin) -> tuple[Answer, float | None, str]:
    return origin.answer, origin.log10_lr, origin.verbal


def held(origin: Origin) -> str:
    return origin.verbal.partition("; not decided: ")[2]


strengths = st.floats(0, 12, allow_nan=False)
propositions = st.sampled_from(list(Proposition))
bases = st.sampled_from(list(Basis))
weights = st.tuples(propositions, strengths, bases)
several = st.lists(weights, max_size=12)
policies = st.sampled_from(POLICIES)
ORDER = {Answer.GENERATED: 0, Answer.UNDETERMINED: 1, Answer.CAMERA: 2}


@given(several, strengths, bases, policies)
def test_a_camera_weight_never_moves_towards_generated(parts, strength, basis, policy) -> None:
    before = weigh(file_all(parts), policy)
    after = weigh(file_all([*parts, (CAMERA, strength, basis)]), policy)
    if before.answer is Answer.ALTERED:
        assert after.answer is Answer.ALTERED
    else:
        assert ORDER[after.answer] >= ORDER[before.answer]
    assert after.log10_lr is not None
    assert after.log10_lr <= (before.log10_lr or 0)


@given(several, strengths, bases, policies)
def test_a_camera_weight_never_lowers_the_evidence_of_a_camera_nor_makes_others_concur(
    parts, strength, basis, policy
) -> None:
    more = [*parts, (CAMERA, strength, basis)]
    assert camera_evidence(file_all(more), policy) >= camera_evidence(file_all(parts), policy) - 1e-9
    assert concurring(file_all(parts), policy) >= concurring(file_all(more), policy)


@given(several, strengths, st.sampled_from(sorted(WRITABLE)), policies)
def test_what_anyone_can_write_for_generated_takes_no_evidence_of_a_camera_away(
    parts, strength, basis, policy
) -> None:
    more = [*parts, (GENERATED, strength, basis)]
    assert camera_evidence(file_all(more), policy) == pytest.approx(camera_evidence(file_all(parts), policy))
    after = weigh(file_all(more), policy)
    assert (after.log10_lr or 0) - (weigh(file_all(parts), policy).log10_lr or 0) <= policy.writable_cap + 1e-3
    if after.answer is Answer.GENERATED:
        assert weigh(file_all(parts), policy).answer is Answer.GENERATED, "it was so before"


@given(
    several, st.lists(st.tuples(propositions, strengths), max_size=4), st.sampled_from(sorted(WRITABLE)), policies
)
def test_all_that_anyone_can_write_together_is_held_to_its_cap(parts, written, basis, policy) -> None:
    others = [p for p in parts if p[2] not in WRITABLE]
    with_written = [*others, *((p, s, basis) for p, s in written if p is not ALTERED)]
    shift = (weigh(file_all(with_written), policy).log10_lr or 0) - (weigh(file_all(others), policy).log10_lr or 0)
    assert abs(shift) <= policy.writable_cap + 1e-3


soft = st.sampled_from([*sorted(WRITABLE), Basis.PIXELS])


@given(st.lists(st.tuples(propositions, strengths, soft), max_size=20), policies)
def test_writable_evidence_and_detectors_never_say_generated(parts, policy) -> None:
    assert weigh(file_all(parts), policy).answer is not Answer.GENERATED


@given(several, policies, st.randoms())
def test_order_of_findings_does_not_matter(parts, policy, rng) -> None:
    findings = file_all(parts)
    outside = [Filed("", f.finding) for f in findings]
    for these in (findings, outside):
        shuffled = list(these)
        rng.shuffle(shuffled)
        assert weigh(these, policy) == weigh(shuffled, policy)
        assert camera_evidence(these, policy) == camera_evidence(shuffled, policy)


@given(several, policies, st.randoms())
def test_saying_a_thing_twice_changes_nothing(parts, policy, rng) -> None:
    again = [*parts, *(rng.choice(parts) for _ in parts)]
    assert figures(weigh(file_all(again), policy)) == figures(weigh(file_all(parts), policy))


@given(several, st.integers(1, 4), st.booleans(), policies)
def test_detectors_that_abstained_change_nothing(parts, number, weighs, policy) -> None:
    quiet = [silent(1000 + n, weighs=weighs) for n in range(number)]
    assert weigh([*file_all(parts), *quiet], policy) == weigh(file_all(parts), policy)
    assert concurring([*file_all(parts), *quiet], policy) == concurring(file_all(parts), policy)


@given(several, policies)
def test_figures_are_capped_and_anything_altered_is_never_generated(parts, policy) -> None:
    origin = weigh(file_all(parts), policy)
    assert origin.log10_lr is None or abs(origin.log10_lr) <= policy.cap
    assert (origin.log10_lr is None) == (not parts)
    if any(p is ALTERED and s > 0 for p, s, _ in parts):
        assert origin.answer is not Answer.GENERATED
    assert bool(held(origin)) == (origin.answer is Answer.UNDETERMINED and bool(parts))


@given(several, policies)
def test_what_rests_on_one_thing_does_not_add_up(parts, policy) -> None:
    """No more than the strongest of each basis stands in the sum; writable ones are one."""
    origin = weigh(file_all(parts), policy)
    strongest: dict[str, float] = {}
    for proposition, strength, basis in parts:
        name = "writable" if basis in WRITABLE else str(basis)
        if proposition is not ALTERED:
            strongest[name] = max(strongest.get(name, 0.0), strength)
    assert abs(origin.log10_lr or 0) <= sum(strongest.values()) + 1e-3


@given(several, policies)
def test_the_counted_terms_make_the_sum(parts, policy) -> None:
    """The account shows each term, counted or not and why not, and what is counted gives the figure."""
    findings = file_all(parts)
    origin = weigh(findings, policy)
    terms = [*origin.supporting, *origin.opposing]
    assert sorted(t.finding or "" for t in terms) == [f.id for f in findings]
    assert all(t.why for t in terms if not t.counted)
    total = 0.0
    for number, (proposition, strength, basis) in enumerate(parts, start=1):
        (term,) = (t for t in terms if t.finding == f"{number:012x}")
        if term.counted and proposition is not ALTERED:
            cap = policy.writable_cap if basis in WRITABLE else policy.cap
            cap = policy.pixels_cap if basis is Basis.PIXELS else cap
            assert bool(term.why) == (strength > cap)
            total += min(strength, cap) * (1 if proposition is GENERATED else -1)
    if parts:
        assert origin.log10_lr == pytest.approx(max(-policy.cap, min(policy.cap, total)), abs=2e-3)


pixels = st.lists(st.tuples(st.sampled_from([GENERATED, CAMERA]), strengths), min_size=1, max_size=6)


@given(pixels, policies)
def test_detectors_that_agree_count_once_and_those_that_contradict_each_other_not_at_all(said, policy) -> None:
    origin = weigh(file_all([(p, s, Basis.PIXELS) for p, s in said]), policy)
    generated = [s for p, s in said if p is GENERATED]
    camera = [s for p, s in said if p is CAMERA]
    counted = sum(t.counted for t in (*origin.supporting, *origin.opposing))
    if generated and camera:
        assert (origin.log10_lr, counted) == (0, 0)
        assert camera_evidence(file_all([(p, s, Basis.PIXELS) for p, s in said]), policy) == min(
            max(camera), policy.pixels_cap
        )
        return
    wanted = min(generated) if generated else -max(camera)
    assert origin.log10_lr == pytest.approx(max(-policy.pixels_cap, min(policy.pixels_cap, wanted)), abs=1e-3)
    assert counted == 1


@given(several, policies)
def test_an_account_survives_its_record(parts, policy) -> None:
    origin = weigh(file_all(parts), policy)
    assert origin_in(origin_out(origin)) == origin


def test_a_trusted_signature_says_generated_and_strong_camera_evidence_withholds_it() -> None:
    signed = (GENERATED, 4.0, Basis.SIGNATURE)
    assert answer(signed) is Answer.GENERATED
    assert answer(signed, (CAMERA, 5.0, Basis.SENSOR)) is Answer.CAMERA
    assert answer(signed, (CAMERA, 2.5, Basis.SENSOR)) is Answer.UNDETERMINED


@given(st.lists(strengths, min_size=1, max_size=4), policies)
def test_detectors_alone_never_answer_camera(said, policy) -> None:
    """Most parts of a real picture with a generated one are a camera's: the ratio is told, and nothing decided."""
    told = [(CAMERA, strength, Basis.PIXELS) for strength in said]
    origin = weigh(file_all(told), policy)
    assert origin.answer is Answer.UNDETERMINED
    enough = min(max(said), policy.pixels_cap) >= policy.camera_at
    assert ("only a detector says so" in origin.verbal) == enough
    with_sensor = weigh(file_all([*told, (CAMERA, policy.camera_at, Basis.SENSOR)]), policy)
    assert with_sensor.answer is Answer.CAMERA


def test_two_kinds_of_independent_evidence_together_say_generated() -> None:
    pixels, sensor = (GENERATED, 1.5, Basis.PIXELS), (GENERATED, 1.0, Basis.SENSOR)
    assert answer(pixels) is Answer.UNDETERMINED
    assert answer(pixels, sensor) is Answer.GENERATED
    assert answer(pixels, sensor, (ALTERED, 0.2, Basis.METADATA)) is Answer.UNDETERMINED


def test_a_stamp_and_a_sure_detector_decide_nothing_and_order_within_the_tier() -> None:
    """Anyone can stamp a real picture; then the detector's rate of false alarms would be all that protects it."""
    stamp, sure = (GENERATED, 0.7, Basis.METADATA), (GENERATED, 3.0, Basis.PIXELS)
    origin = weigh(file_all([stamp, sure]), POLICY)
    assert origin.answer is Answer.UNDETERMINED
    assert origin.log10_lr == 2.7
    assert held(origin).startswith("no trusted signature says so, and one kind of evidence alone decides nothing")
    assert concurring(file_all([stamp, sure]), POLICY)
    for missing in (
        [stamp],
        [sure],
        [stamp, (GENERATED, 1.9, Basis.PIXELS)],
        [stamp, sure, (CAMERA, 0.1, Basis.SENSOR)],
        [stamp, sure, (CAMERA, 0.2, Basis.METADATA)],
        [stamp, sure, (CAMERA, 0.1, Basis.PIXELS)],
        [stamp, sure, (ALTERED, 0.1, Basis.METADATA)],
    ):
        assert not concurring(file_all(missing), POLICY)


def test_what_is_held_back_says_why() -> None:
    assert weigh([], POLICY).verbal == "no finding speaks for or against any origin"
    said = {
        "what speaks for a generator can be written by anyone": [(GENERATED, 0.7, Basis.WATERMARK)],
        "something speaks for altering, though too little to say so": [(ALTERED, 0.3, Basis.METADATA)],
        "the evidence is too little to decide": [(CAMERA, 0.5, Basis.METADATA)],
    }
    for words, parts in said.items():
        assert held(weigh(file_all(parts), POLICY)) == words


def test_stamping_a_picture_many_times_counts_once_and_is_capped() -> None:
    once = weigh([filed(1, GENERATED, 0.7, Basis.METADATA)], POLICY)
    often = weigh(
        [filed(n, GENERATED, 0.7, b) for n, b in zip(count(1), sorted(WRITABLE) * 5, strict=False)], POLICY
    )
    assert once.log10_lr == often.log10_lr == 0.7
    assert sum(t.counted for t in often.supporting) == 1
    assert {t.why for t in often.supporting} == {"", "a stronger finding on the same basis counts"}
    (capped,) = weigh([filed(1, GENERATED, 9, Basis.WATERMARK)], POLICY).supporting
    assert capped.counted
    assert capped.why == "counted as 1, the most that its kind bears"


def test_a_detector_counts_for_no_more_than_its_cap_whatever_it_states() -> None:
    assert weigh(file_all([(GENERATED, 6.0, Basis.PIXELS)]), POLICY).log10_lr == 2.0
    assert weigh(file_all([(CAMERA, 6.0, Basis.PIXELS)]), POLICY).log10_lr == -2.0


def test_policies_that_would_undo_the_rules_are_refused() -> None:
    for text in (
        "[origin]\npixels_cap = 0.0",
        "[origin]\npixels_cap = 7.0",
        "[origin]\nindependent = 1",
        "[origin]\nwritable_cap = 2.5",
        'order = ["relevance", "leaning", "concurring"]',
    ):
        with pytest.raises(ConfigError):
            parse_policy(text, "test")


def test_words_name_both_propositions_and_never_a_probability() -> None:
    for proposition in Proposition:
        for strength in (0, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 9):
            words = verbal(strength, proposition)
            assert "rather than" in words
            assert "probab" not in words
            assert "%" not in words
    assert verbal(0.5, CAMERA).startswith("weak support (likelihood ratio 3.2) for a camera capture")
    assert verbal(4.2, GENERATED).startswith("very strong support")
    assert verbal(0.0, GENERATED).startswith("no support")
