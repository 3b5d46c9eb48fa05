"""What `leadlight origin` says of signed, stamped and plain files, and of a camera picture that was edited."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadlight.chart import chart_pixels, chunk, png
from leadlight.cli.app import run
from leadlight.cli.render import unsaid
from leadlight.config import Settings
from leadlight.content import Content
from leadlight.origin import weigh
from leadlight.pipeline import Pipeline
from leadlight.plugins import registry
from leadlight.policy import load_policy, profile_names
from leadlight.provenance import specimen
from leadlight.provenance.generator import NEUTRAL, with_text
from leadlight.provenance.watermark import MARKS
from leadlight.records import Answer, Basis, Filed, Finding, Item, Place, Proposition, Tier, Weight, WeightSource
from leadlight.records import finding as kinds
from leadlight.subject import Context, Subject
from leadlight.triage import place
from tests import signing
from tests.conftest import examine_bytes
from tests.provenance.watermarking import marked

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the command prints of one file, on one line."""
    monkeypatch.chdir(tmp_path)

    def call(data: bytes, name: str, *options: str) -> str:
        (tmp_path / name).write_bytes(data)
        assert run(["origin", name, *options]) == 0
        return " ".join(capsys.readouterr().out.split())

    return call


def camera_file() -> bytes:
    small = specimen.jpeg(width=160, height=120)
    capture = {**specimen.CAPTURE, 0xA002: 256, 0xA003: 192}
    return specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, capture, thumbnail=small))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (
            signing.GENERATED,
            "Origin: generated; very strong support (likelihood ratio 10,000) for the output of a generative "
            "model rather than a camera capture.",
        ),
        (
            signing.CAPTURE,
            "Origin: camera; moderately strong support (likelihood ratio 100) for a camera capture rather than "
            "the output of a generative model.",
        ),
        (
            signing.PARTLY,
            "Origin: altered; moderately strong support (likelihood ratio 100) for a real picture changed by a "
            "model rather than a picture left as captured.",
        ),
    ],
)
def test_a_signed_file(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, says: str) -> None:
    authority = signing.make_authority()
    (tmp_path / "anchors.pem").write_text(authority.pem_anchor)
    data = signing.sign_picture(signing.drawn_jpeg(), authority, kind)
    monkeypatch.setenv("LEADLIGHT_TRUST_ANCHORS", str(tmp_path / "anchors.pem"))
    out = told(data, "signed.jpg")
    assert says in out
    assert "Signed by Example Camera (trusted by " in out
    assert "No signed record" not in out
    monkeypatch.delenv("LEADLIGHT_TRUST_ANCHORS")
    out = told(data, "signed.jpg")
    assert "the signer is not on the trust list: taken as an unsigned statement" in out
    assert ("Origin: altered" if kind == signing.PARTLY else "Origin: undetermined") in out


def test_a_stamped_file(told: Told) -> None:
    out = told(with_text("parameters", f"{NEUTRAL}Model: demo_v1"), "stamped.png")
    assert "Origin: undetermined; weak support (likelihood ratio 5.0) for the output of a generative model" in out
    assert "; not decided: what speaks for a generator can be written by anyone." in out
    assert "for generated or altered, log10 LR 0.7: A settings text" in out
    assert "(kept sealed)" in out
    assert "red apple" not in out
    assert "No signed record (C2PA) was found. That supports nothing" in out


def test_a_watermark_beside_a_stamp_is_shown_and_not_counted(told: Told) -> None:
    pixels = marked(chart_pixels(320, 256, 4), MARKS[3].bits, order="BGR", plane="fractions")
    text = b"parameters\0\0\0\0\0" + f"{NEUTRAL}Model: demo_v1".encode()
    out = told(png(pixels, extra=chunk(b"iTXt", text)), "both.png")
    assert "likelihood ratio 5.0" in out, "they don't add up"
    assert "The pixels hold the open watermark of Stable Diffusion XL: 48 of 48 bits agree." in out
    assert out.count("(not counted: a stronger finding on the same basis counts)") == 1
    assert "open watermark" not in told(png(pixels), "off.png", "--detect", "off")


def test_a_plain_camera_file(told: Told) -> None:
    out = told(camera_file(), "camera.jpg")
    assert "Origin: undetermined; weak support (likelihood ratio 4.0) for a camera capture rather than" in out
    assert "; not decided: the evidence is too little to decide." in out
    assert "for a camera, log10 LR 0.6: What a camera writes agrees" in out
    assert "log10 LR 0.5: States the camera Model One by Example" in out
    assert "(not counted: a stronger finding on the same basis counts)" in out


def test_a_plain_file_of_which_nothing_is_known(told: Told) -> None:
    out = told(png(chart_pixels(300, 256)), "plain.png")
    assert "Origin: undetermined; no finding speaks for or against any origin." in out
    assert "it is no probability that a picture is generated" in out
    assert "a real picture changed in one place may show no sign" in out
    (found,) = json.loads(told(png(chart_pixels(300, 256)), "plain.png", "--json"))
    assert found["origin"]["log10_lr"] is None
    assert found["origin"]["for"] == found["origin"]["against"] == []


def score(log10_lr: float | None, *, reason: str = "") -> Finding:
    """What a detector says; None where it abstained."""
    weight = None
    if log10_lr is not None:
        side = Proposition.GENERATED if log10_lr > 0 else Proposition.CAMERA
        weight = Weight(side, abs(log10_lr), Basis.PIXELS, WeightSource.MEASURED, "calibrated on a test set")
    payload = {"detector": "test", "log10_lr": log10_lr, "abstained": reason or None}
    return Finding("detect.test", "1", kinds.SCORE, "A detector, for a test.", payload, weight)


def test_what_is_left_open_is_said_of_pictures_alone() -> None:
    opens = Finding("t", "1", kinds.PICTURE, "opens", {})
    signed = Finding("t", "1", kinds.SIGNED, "signed", {})
    assert unsaid([signed, score(1.0)]) == []
    assert any("No detector looked" in w for w in unsaid([opens]))
    assert any("Every detector that was asked abstained" in w for w in unsaid([opens, score(None, reason="size")]))
    assert not any("etector" in w for w in unsaid([opens, score(None, reason="size"), score(-0.5)]))
    assert not any("No signed record" in w for w in unsaid([opens, signed]))


def composite(*, stamp: bool) -> bytes:
    """A camera's picture of a landscape, a region of it replaced by a drawn one, saved with what it stated."""
    pixels = np.asarray(Image.open(io.BytesIO(camera_file())).convert("RGB")).copy()
    pixels[40:130, 60:190] = chart_pixels(130, 90, 9)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=85)
    small = specimen.jpeg(width=160, height=120)
    exif = specimen.exif_block(specimen.CAMERA, {**specimen.CAPTURE, 0xA002: 256, 0xA003: 192}, thumbnail=small)
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    packet = specimen.packet(f'Iptc4xmpExt:DigitalSourceType="{kind}"') if stamp else b""
    segments = b""
    for body in (b"Exif\0\0" + exif, b"http://ns.adobe.com/xap/1.0/\0" + packet if packet else b""):
        if body:
            segments += b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    return out.getvalue()[:2] + segments + out.getvalue()[2:]


SAYS = [
    ("the detector abstains, its parts disagree", [score(None, reason="disagreement")]),
    ("the detector is fooled, as surely as it can be", [score(6.0)]),
    ("two detectors are fooled", [score(6.0), score(2.0)]),
    ("they contradict each other", [score(3.0), score(-1.0)]),
    ("nobody looked", []),
]


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("stamp", [False, True], ids=["as it was", "stamped"])
@pytest.mark.parametrize(("title", "scores"), SAYS, ids=[t for t, _ in SAYS])
def test_a_real_picture_with_a_region_replaced_is_never_called_generated(
    profile: str, stamp: bool, title: str, scores: list[Finding]
) -> None:
    policy = load_policy(profile)
    first = examine_bytes(composite(stamp=stamp), "edited.jpg")[0]
    found: list[Finding] = [*first.of_place, *(first.of_content or ()), *scores]
    filed = tuple(Filed(f"{n:012x}", f) for n, f in enumerate(found, 1))
    assert any(f.kind == kinds.CONTRADICTION and "thumbnail" in f.payload["what"] for f in found), "look at both"
    assert weigh(filed, policy.origin).answer not in (Answer.GENERATED, Answer.CAMERA)
    item = Item(Place(b"/evidence", (b"edited.jpg",)), source="test")
    subject = Subject(first.sha256, "picture", container=False, places=(item,), findings=filed)
    where = place(subject, Context(as_of=datetime(2026, 6, 1, tzinfo=UTC)), policy)
    assert where.tier in (Tier.POSSIBLE_VICTIM, Tier.UNDETERMINED)


def test_with_detect_on_a_picture_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    close = Content.close
    monkeypatch.setattr(Content, "close", lambda self: (counts.append(self.decodes), close(self))[1])
    data = specimen.jpeg(width=1600, height=1200)
    item = Item(Place(b"/evidence", (b"a.jpg",)), source="test")
    list(Pipeline(registry(), Settings(detect="on")).examine(item, lambda: io.BytesIO(data)))
    assert counts == [1]
