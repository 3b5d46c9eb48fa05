from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from leadlight.provenance import rubric, trust
from leadlight.provenance.lineage import Chain
from leadlight.records import Proposition

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
C2PA = "http://c2pa.org/digitalsourcetype/"


def manifest(*actions: dict[str, Any], label: str = "c2pa.actions.v2", complete: bool = True) -> dict[str, Any]:
    return {
        "label": "urn:c2pa:1",
        "assertions": {label: {"actions": list(actions), "allActionsIncluded": complete}},
        "claim.v2": {"gathered_assertions": []},
    }


def act(name: str, kind: str | None = None) -> dict[str, Any]:
    return {"action": name, **({"digitalSourceType": kind} if kind else {})}


CASES = [
    (act("c2pa.created", IPTC + "digitalCapture"), ("capturedMedia",), ()),
    (act("c2pa.created", IPTC + "computationalCapture"), ("capturedMedia",), ()),
    (act("c2pa.opened", IPTC + "digitalCapture"), ("capturedMedia",), ()),
    (act("c2pa.created", IPTC + "compositeCapture"), ("capturedMediaStitched",), ()),
    (act("c2pa.created", IPTC + "trainedAlgorithmicMedia"), ("fullyGenAIMedia",), ()),
    (act("c2pa.created", IPTC + "compositeWithTrainedAlgorithmicMedia"), ("partlyGenAICreation",), ()),
    (act("c2pa.created", IPTC + "composite"), ("compositionMayContainGenAI",), ()),
    (act("c2pa.created", IPTC + "screenCapture"), ("screenCaptureMayContainGenAI",), ()),
    (act("c2pa.created", IPTC + "digitalCreation"), ("nonGenAIDigitalCreation",), ()),
    (act("c2pa.created", C2PA + "empty"), ("blankCanvas",), ()),
    (act("c2pa.created", IPTC + "algorithmicMedia"), (), ()),
    (act("c2pa.created", "urn:other:digitalCapture"), (), ()),
    (act("c2pa.edited", IPTC + "trainedAlgorithmicMedia"), (), ("perceptibleGenAI",)),
    (act("c2pa.edited", IPTC + "compositeWithTrainedAlgorithmicMedia"), (), ("perceptibleGenAI",)),
    (act("c2pa.edited", IPTC + "compositeSynthetic"), (), ("perceptibleGenAI",)),
    (act("c2pa.edited", C2PA + "trainedAlgorithmicData"), (), ("perceptibleGenAI",)),
    (act("c2pa.edited", IPTC + "humanEdits"), (), ("perceptibleNonGenAI",)),
    (act("c2pa.placed", IPTC + "composite"), (), ("perceptibleNonGenAI", "perceptiblePossiblyGenAI")),
    (act("c2pa.drawing", IPTC + "digitalArt"), (), ("perceptibleNonGenAI", "perceptiblePossiblyGenAI")),
    (act("c2pa.cropped"), (), ()),
    (act("c2pa.transcoded"), (), ("nonEditorial",)),
    (act("c2pa.enhanced", IPTC + "trainedAlgorithmicMedia"), (), ("nonEditorial",)),
    (act("c2pa.unknown"), (), ("ambiguousActions",)),
    (act("com.example.sparkle"), (), ("ambiguousActions",)),
]


@pytest.mark.parametrize("label", ["c2pa.actions", "c2pa.actions.v2", "c2pa.actions.v2__1"])
@pytest.mark.parametrize(("action", "inception", "transformation"), CASES)
def test_signal(
    action: dict[str, Any], inception: tuple[str, ...], transformation: tuple[str, ...], label: str
) -> None:
    found = rubric.signals(manifest(action, label=label))
    assert (found.inception, found.transformation) == (inception, transformation)


def test_ambiguous_where_not_all_actions_are_said_to_be_included() -> None:
    assert "ambiguousActions" in rubric.signals(manifest(act("c2pa.cropped"), complete=False)).transformation
    assert "ambiguousActions" in rubric.signals({}).transformation
    gathered = manifest(act("c2pa.cropped"))
    gathered["claim.v2"]["gathered_assertions"] = [{"url": "self#jumbf=c2pa.assertions/c2pa.actions.v2"}]
    assert "ambiguousActions" in rubric.signals(gathered).transformation


def test_template_with_a_source_type_counts() -> None:
    given = manifest(act("c2pa.edited"))
    given["assertions"]["c2pa.actions.v2"]["templates"] = [
        act("c2pa.edited", IPTC + "trainedAlgorithmicMedia"),
    ]
    assert "perceptibleGenAI" in rubric.signals(given).transformation


@pytest.mark.parametrize("label", ["c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3__2"])
def test_ingredient_without_a_manifest_is_of_unknown_provenance(label: str) -> None:
    given = manifest(act("c2pa.opened"))
    given["assertions"][label] = {"relationship": "parentOf", "dc:format": "image/jpeg"}
    assert rubric.signals(given).inception == ("mediaUnknownProvenance",)
    key = "c2pa_manifest" if label != "c2pa.ingredient.v3__2" else "activeManifest"
    given["assertions"][label][key] = {"url": "self#jumbf=/c2pa/urn:c2pa:2"}
    assert rubric.signals(given).inception == ()
    (found,) = rubric.ingredients(given)
    assert (found.relationship, found.manifest, found.media) == ("parentOf", "urn:c2pa:2", True)


@pytest.mark.parametrize(
    ("assertion", "media"),
    [
        ({}, True),
        ({"dc:format": "image/png"}, True),
        ({"dc:format": "video/mp4"}, True),
        ({"dc:format": "text/plain"}, False),
        ({"dc:format": "application/octet-stream", "dataTypes": [{"type": "c2pa.types.model.onnx"}]}, False),
        ({"dataTypes": [{"type": "c2pa.types.model"}, {"type": "c2pa.types.format.image"}]}, True),
    ],
)
def test_what_counts_as_an_input(assertion: dict[str, Any], media: bool) -> None:
    given = {"assertions": {"c2pa.ingredient.v3": {"relationship": "inputTo", **assertion}}}
    assert rubric.ingredients(given)[0].media is media


def test_version_1_record_keeps_successes_and_remarks_apart_from_failures() -> None:
    codes = ["claimSignature.validated", "timeStamp.mismatch", "assertion.dataHash.mismatch"]
    given = {
        "assertions": {"c2pa.ingredient": {"validationStatus": [{"code": c, "url": "Cose_Sign1"} for c in codes]}}
    }
    assert [r[:2] for r in rubric.ingredients(given)[0].recorded] == [
        ("success", "claimSignature.validated"),
        ("failure", "assertion.dataHash.mismatch"),
    ]


# --- chains that no honest signer makes ------------------------------------------------------------------------


def linked(label: str, *targets: str, kind: str | None = None) -> dict[str, Any]:
    """A trusted manifest that takes in those of `targets` and records that all of them hold."""
    holds = ["signingCredential.trusted", "claimSignature.validated", "assertion.dataHash.match"]
    given = manifest(act("c2pa.created" if kind else "c2pa.opened", kind), act("c2pa.converted"))
    given["label"] = label
    given["validationResults"] = {"success": [{"code": c} for c in holds], "failure": []}
    for n, target in enumerate(targets):
        url = f"self#jumbf=/c2pa/{target}"
        given["assertions"][f"c2pa.ingredient.v3__{n}"] = {
            "relationship": "parentOf",
            "activeManifest": {"url": url},
            "validationResults": {
                "activeManifest": {"success": [{"code": c, "url": url + "/c2pa.signature"} for c in holds]}
            },
        }
    return given


def chain(*manifests: dict[str, Any]) -> Chain:
    return Chain(manifests, manifests[0]["label"], trust.shipped())


AI = IPTC + "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("steps", "stated"),
    [
        ((), Proposition.GENERATED),
        ((act("c2pa.cropped"), act("c2pa.published"), act("c2pa.edited", AI)), Proposition.GENERATED),
        ((act("c2pa.edited", IPTC + "compositeWithTrainedAlgorithmicMedia"),), Proposition.GENERATED),
        ((act("c2pa.created", C2PA + "empty"),), Proposition.GENERATED),
        ((act("c2pa.edited", IPTC + "humanEdits"),), None),
        ((act("c2pa.edited"),), None),
        ((act("c2pa.placed"),), None),
        ((act("c2pa.opened"),), None),
        ((act("c2pa.opened", "urn:other:thing"),), None),
        ((act("c2pa.edited", IPTC + "compositeSynthetic"),), None),
        ((act("c2pa.unknown"),), None),
        ((act("com.example.paste"),), None),
        ((act("com.example.paste", AI),), None),
        ((act(""),), None),
        ((act("c2pa.edited", IPTC + "compositeCapture"),), Proposition.ALTERED),
        ((act("c2pa.placed", IPTC + "digitalCapture"),), Proposition.ALTERED),
        ((act("c2pa.created", IPTC + "compositeCapture"),), Proposition.ALTERED),
        ((act("c2pa.created", IPTC + "negativeFilm"),), Proposition.ALTERED),
    ],
)
def test_created_by_a_model_with_signs_of_other_input_is_not_generated(
    steps: tuple[dict[str, Any], ...], stated: Proposition | None
) -> None:
    found = chain(manifest(act("c2pa.created", AI), *steps)).verdict()
    assert (found and found.proposition) == stated


def test_a_circle_ends() -> None:
    assert chain(linked("a", "b"), linked("b", "a")).verdict() is None
    assert chain(linked("a", "a")).verdict() is None


def test_a_long_chain_hands_on_once_for_each_hand() -> None:
    links = [linked(f"m{n}", f"m{n + 1}") for n in range(3)]
    last = linked("m3", kind=IPTC + "trainedAlgorithmicMedia")
    verdict = chain(*links, last).verdict()
    assert verdict is not None
    assert (verdict.proposition, verdict.log10_lr) == (Proposition.GENERATED, 1.0)


def test_a_web_of_manifests_costs_little() -> None:
    wide = [linked(f"m{n}", *(f"m{k}" for k in range(n + 1, 64))) for n in range(63)]
    begun = time.perf_counter()
    chain(*wide, linked("m63", kind=IPTC + "trainedAlgorithmicMedia")).verdict()
    assert time.perf_counter() - begun < 5


def test_a_failure_that_anyone_recorded_counts() -> None:
    outer = linked("a", "b")
    inner = linked("b", kind=IPTC + "trainedAlgorithmicMedia")
    assert chain(outer, inner).input_origin() == "generated"
    recorded = outer["assertions"]["c2pa.ingredient.v3__0"]["validationResults"]
    recorded["activeManifest"]["failure"] = [
        {"code": "assertion.dataHash.mismatch", "url": "self#jumbf=/c2pa/b/c2pa.assertions/c2pa.hash.data"}
    ]
    assert chain(outer, inner).input_origin() == "unknown"


def test_an_input_nobody_saw_bound_to_its_manifest_is_unknown() -> None:
    outer = linked("a", "b")
    inner = linked("b", kind=IPTC + "trainedAlgorithmicMedia")
    for results in (
        inner["validationResults"],
        outer["assertions"]["c2pa.ingredient.v3__0"]["validationResults"]["activeManifest"],
    ):
        results["success"] = [s for s in results["success"] if s["code"] != "assertion.dataHash.match"]
    assert chain(outer, inner).input_origin() == "unknown"


VOCABULARY = """label assertions actions action digitalSourceType c2pa.actions.v2 c2pa.actions c2pa.ingredient.v3
url a b activeManifest relationship validationResults success failure code claim.v2 signature certificateInfo
subject self#jumbf=/c2pa/a c2pa.created templates ingredientDeltas validationDeltas"""
words = st.sampled_from(VOCABULARY.split())
tree = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.just(IPTC + "digitalCapture"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=40,
)


@bounds(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(words, tree, max_size=6), max_size=4))
def test_any_shape_is_taken(manifests: list[dict[str, Any]]) -> None:
    made = Chain(manifests, "a", trust.shipped())
    made.verdict()
    made.input_origin()
    for signed in made.signed.values():
        assert signed.party("subject") is not None
        assert signed.generator is not None
        assert signed.certificate_serial is None or isinstance(signed.certificate_serial, str)


def test_watermarks_that_a_manifest_states() -> None:
    def bound(*names: object) -> dict[str, Any]:
        made = manifest(act("c2pa.created", IPTC + "digitalCapture"))
        for n, name in enumerate(names):
            made["assertions"][f"c2pa.soft-binding__{n}" if n else "c2pa.soft-binding"] = {"alg": name}
        return made

    assert rubric.watermarks(bound()) is None
    assert rubric.watermarks(bound("com.example.fingerprint")) is None
    assert rubric.watermarks(bound("com.example.trustmark.P", 7, None)) == ("com.example.trustmark.P",)
    assert rubric.watermarks(manifest(act("c2pa.watermarked"))) == ()
    assert rubric.watermarks(manifest(act("c2pa.watermarkedness"))) is None
    both = bound("com.example.any")
    both["assertions"]["c2pa.actions.v2"]["actions"].append(act("c2pa.watermarked.unbound"))
    assert rubric.watermarks(both) == ("com.example.any",)
    assert len(rubric.watermarks(bound(*(f"mark {n}" for n in range(50)))) or ()) == 8
    assert rubric.watermarks({"assertions": {"c2pa.soft-binding": [1]}}) is None
