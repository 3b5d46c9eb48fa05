"""The weighing of origin: what may and may not decide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadlight.origin import WRITABLE, verbal, weigh
from leadlight.policy import load_policy, profile_names
from leadlight.records import Answer, Basis, Filed, Finding, Proposition, Weight, WeightSource

POLICIES = [load_policy(n).origin for n in profile_names()]


def filed(number: int, proposition: Proposition, strength: float, basis: Basis) -> Filed:
    weight = Weight(proposition, strength, basis, WeightSource.POLICY)
    return Filed(f"{number:012x}", Finding("test", "1", "test.kind", f"finding {number}", weight=weight))


strengths = st.floats(0, 12, allow_nan=False)
weights = st.builds(
    lambda p, s, b: (p, s, b), st.sampled_from(list(Proposition)), strengths, st.sampled_from(list(Basis))
)
ORDER = {Answer.GENERATED: 0, Answer.UNDETERMINED: 1, Answer.CAMERA: 2}


def file_all(parts: list[tuple[Proposition, float, Basis]]) -> list[Filed]:
    return [filed(n, *part) for n, part in enumerate(parts, start=1)]


@given(st.lists(weights, max_size=12), strengths, st.sampled_from(list(Basis)), st.sampled_from(POLICIES))
def test_a_camera_weight_never_moves_towards_generated(parts, strength, basis, policy) -> None:
    before = weigh(file_all(parts), policy)
    after = weigh(file_all([*parts, (Proposition.CAMERA, strength, basis)]), policy)
    if before.answer is Answer.ALTERED:
        assert after.answer is Answer.ALTERED
    else:
        assert ORDER[after.answer] >= ORDER[before.answer]
    assert after.log10_lr is not None
    assert after.log10_lr <= (before.log10_lr or 0)


soft = st.sampled_from([*sorted(WRITABLE), Basis.PIXELS])


@given(
    st.lists(st.tuples(st.sampled_from(list(Proposition)), strengths, soft), max_size=20),
    st.sampled_from(POLICIES),
)
def test_writable_evidence_and_one_kind_of_detector_never_say_generated(parts, policy) -> None:
    assert weigh(file_all(parts), policy).answer is not Answer.GENERATED


@given(st.lists(weights, max_size=12), st.sampled_from(POLICIES), st.randoms())
def test_order_of_findings_does_not_matter(parts, policy, rng) -> None:
    findings = file_all(parts)
    shuffled = list(findings)
    rng.shuffle(shuffled)
    assert weigh(findings, policy) == weigh(shuffled, policy)


@given(st.lists(weights, max_size=12), st.sampled_from(POLICIES))
def test_figures_are_capped_and_anything_altered_is_never_generated(parts, policy) -> None:
    origin = weigh(file_all(parts), policy)
    assert origin.log10_lr is None or abs(origin.log10_lr) <= policy.cap
    assert (origin.log10_lr is None) == (not parts)
    if any(p is Proposition.ALTERED and s > 0 for p, s, _ in parts):
        assert origin.answer is not Answer.GENERATED


def test_a_trusted_signature_says_generated_and_strong_camera_evidence_withholds_it() -> None:
    policy = POLICIES[0]
    signed = filed(1, Proposition.GENERATED, 4.0, Basis.SIGNATURE)
    assert weigh([signed], policy).answer is Answer.GENERATED
    sensor = filed(2, Proposition.CAMERA, 5.0, Basis.SENSOR)
    assert weigh([signed, sensor], policy).answer is Answer.CAMERA


def test_two_kinds_of_independent_evidence_together_say_generated() -> None:
    policy = POLICIES[0]
    pixels = filed(1, Proposition.GENERATED, 1.5, Basis.PIXELS)
    sensor = filed(2, Proposition.GENERATED, 1.0, Basis.SENSOR)
    assert weigh([pixels], policy).answer is Answer.UNDETERMINED
    assert weigh([pixels, sensor], policy).answer is Answer.GENERATED


def test_stamping_a_picture_many_times_counts_once_and_is_capped() -> None:
    policy = POLICIES[0]
    once = weigh([filed(1, Proposition.GENERATED, 0.7, Basis.METADATA)], policy)
    often = weigh([filed(n, Proposition.GENERATED, 0.7, b) for n, b in enumerate(sorted(WRITABLE) * 5, 1)], policy)
    assert once.log10_lr == often.log10_lr == 0.7
    assert sum(t.counted for t in often.supporting) == 1
    assert weigh([filed(1, Proposition.GENERATED, 9, Basis.WATERMARK)], policy).log10_lr == policy.writable_cap


def test_words_name_both_propositions_and_never_a_probability() -> None:
    for proposition in Proposition:
        for strength in (0, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 9):
            words = verbal(strength, proposition)
            assert "rather than" in words
            assert "probab" not in words
            assert "%" not in words
    assert verbal(0.5, Proposition.CAMERA).startswith("weak support (likelihood ratio 3.2) for a camera capture")
    assert verbal(4.2, Proposition.GENERATED).startswith("very strong support")
    assert verbal(0.0, Proposition.GENERATED).startswith("no support")
