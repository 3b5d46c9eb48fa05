from __future__ import annotations

import hashlib
import io
import random
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import c2pa as library
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels, chart_png
from leadlight.config import Limits, Settings
from leadlight.content import Content, FileType, content_of
from leadlight.errors import ConfigError, ContentError
from leadlight.provenance import binding, jumbf, trust
from leadlight.provenance.c2pa import PLUGIN, C2pa, offline
from leadlight.provenance.trust import DATA, TrustList
from leadlight.records import Basis, Finding, Item, Place, Proposition
from leadlight.seams import Known
from tests import signing
from tests.signing import Authority, Ingredient, drawn_jpeg, make_authority, sign_picture

JPEG = FileType("image/jpeg", "picture", "jpg")
PDF = FileType("application/pdf", "document", "pdf")
PNG = FileType("image/png", "picture", "png")
ITEM = Item(Place(b"/evidence", (b"x",)), source="test")
EDIT = {"action": "c2pa.edited", "digitalSourceType": signing.PARTLY}
CROP = {"action": "c2pa.cropped"}
CONVERT = {"action": "c2pa.converted"}


def content(data: bytes, filetype: FileType = JPEG, limits: Limits | None = None) -> Content:
    made = content_of(data, {"sha256": hashlib.sha256()}, limits)
    made.filetype = filetype
    return made


def findings(data: bytes, plugin: C2pa = PLUGIN, filetype: FileType = JPEG) -> list[Finding]:
    return list(plugin.analyse(ITEM, content(data, filetype), Known()))


def one(data: bytes, plugin: C2pa = PLUGIN, filetype: FileType = JPEG) -> Finding:
    (found,) = findings(data, plugin, filetype)
    assert found.statement.isprintable()
    return found


def trusting(*authorities: Authority) -> C2pa:
    """The analyser as an operator sets it who trusts these authorities."""
    shipped = trust.shipped()
    return C2pa(
        TrustList(
            anchors="".join(a.pem_anchor for a in authorities),
            timestamps=shipped.timestamps,
            title="own anchors",
            official=False,
            products=shipped.products,
        )
    )


@pytest.fixture(scope="module")
def camera() -> Authority:
    return make_authority("Example Camera", "Example")


@pytest.fixture(scope="module")
def tool() -> Authority:
    return make_authority("Example Tool", "Example", issuer="Another Root CA")


def weighed(found: Finding) -> tuple[Proposition, float, Basis] | None:
    return found.weight and (found.weight.proposition, found.weight.log10_lr, found.weight.basis)


# --- the public test files ------------------------------------------------------------------------------------

HASHED = "assertion.hashedURI.mismatch"
DATA_HASH = "assertion.dataHash.mismatch"
ADOBE = "adobe-20220124-"
PUBLIC: list[tuple[str, str | None, list[str], list[str]]] = [
    # name, state (None: no finding), problems, failures besides the untrusted signer
    (ADOBE + "A.jpg", None, [], []),
    (ADOBE + "I.jpg", None, [], []),
    *(
        (f"{ADOBE}{name}.jpg", "valid", [], [])
        for name in (
            "C CA CACA CACAICAICICA CAI CAIAIIICAICIICAIICICA CAICA CAICAI CI CICA CICACACA CII".split()  # noqa: SIM905
        )
    ),
    (ADOBE + "CIE-sig-CA.jpg", "valid", ["ingredient"], ["claimSignature.mismatch"]),
    (
        ADOBE + "E-clm-CAICAI.jpg",
        "invalid",
        ["assertion changed", "ingredient missing"],
        [HASHED, "ingredient.manifest.missing"],
    ),
    (ADOBE + "E-dat-CA.jpg", "invalid", ["content changed"], [DATA_HASH]),
    (ADOBE + "E-sig-CA.jpg", "invalid", ["signature wrong"], ["claimSignature.mismatch"]),
    (ADOBE + "E-uri-CA.jpg", "invalid", ["assertion changed"], [HASHED]),
    (ADOBE + "E-uri-CIE-sig-CA.jpg", "invalid", ["ingredient"], [HASHED, "claimSignature.mismatch"]),
    (ADOBE + "XCA.jpg", "invalid", ["content changed"], [DATA_HASH]),
    (ADOBE + "XCI.jpg", "invalid", ["content changed"], [DATA_HASH]),
    ("nikon-20221019-building.jpeg", "expired", [], ["signingCredential.expired"]),
    ("truepic-20230212-camera.jpg", "invalid", ["content changed"], [DATA_HASH]),
    ("truepic-20230212-landscape.jpg", "invalid", ["content changed"], [DATA_HASH]),
    ("truepic-20230212-library.jpg", "invalid", ["content changed"], [DATA_HASH]),
    ("adobe-20240110-single_manifest_store.pdf", "valid", [], []),
]


@pytest.mark.parametrize(("name", "state", "problems", "failures"), PUBLIC)
def test_public_file(
    public_files: Path, name: str, state: str | None, problems: list[str], failures: list[str]
) -> None:
    pdf = name.endswith(".pdf")
    folder = public_files / "formats" / "c2pa-public-testfiles" / ("pdf" if pdf else "image/jpeg")
    found = findings((folder / name).read_bytes(), filetype=PDF if pdf else JPEG)
    if state is None:
        assert not found
        return
    payload = found[0].payload
    assert payload["state"] == state
    assert payload["problems"] == problems
    assert sorted(payload["failures"]) == sorted([*failures, "signingCredential.untrusted"])
    if state == "invalid":
        assert found[0].weight is None


def test_every_public_file_is_in_the_table(public_files: Path) -> None:
    folder = public_files / "formats" / "c2pa-public-testfiles"
    media = {p.name for p in folder.rglob("*") if p.suffix in (".jpg", ".jpeg", ".pdf", ".mp4")}
    assert {p for p in media if p.startswith(("adobe", "nikon", "truepic"))} == {row[0] for row in PUBLIC}


@pytest.mark.parametrize(
    ("name", "inception", "states"),
    [
        ("captured", "capturedMedia", "camera"),
        ("computational", "capturedMedia", "camera"),
        ("genai_full", "fullyGenAIMedia", "generated"),
        ("genai_partly", "capturedMedia", "altered"),
        ("screen", "screenCaptureMayContainGenAI", None),
    ],
)
def test_own_fixture_is_valid_but_not_trusted(
    public_files: Path, name: str, inception: str, states: str | None
) -> None:
    found = one((public_files / "formats" / "own-fixtures" / "c2pa" / f"{name}.jpg").read_bytes())
    assert found.payload["state"] == "valid"
    assert found.payload["signals"]["inception"] == [inception]
    assert found.payload["states"] == states
    assert weighed(found) == (states and (Proposition(states), 0.5, Basis.METADATA))


# --- what is signed, and how far it goes ----------------------------------------------------------------------

Build = Callable[[Authority, Authority, Authority], bytes]
"""From a trusted camera, a trusted tool and an authority that nobody trusts."""

CAMERA, GENERATED, ALTERED = Proposition.CAMERA, Proposition.GENERATED, Proposition.ALTERED


def made(authority: Authority, kind: str | None, *inputs: Ingredient, **more: Any) -> bytes:
    """A drawn picture, signed."""
    return sign_picture(drawn_jpeg(), authority, kind, inputs, **more)


def parent(authority: Authority, kind: str, **more: Any) -> Ingredient:
    """Another drawn picture, signed, as what was opened."""
    return Ingredient(sign_picture(drawn_jpeg(1), authority, kind, **more))


def given_to(authority: Authority, kind: str) -> Ingredient:
    """Another drawn picture, signed, as what a generator was given."""
    return Ingredient(sign_picture(drawn_jpeg(1), authority, kind), "inputTo")


def both(*authorities: Authority) -> str:
    """What a signing tool trusts."""
    return "".join(a.pem_anchor for a in authorities)


S = signing
UNKNOWN = Ingredient(drawn_jpeg(2), "inputTo")
STATED: list[tuple[str, Build, tuple[Proposition, float] | None, str | None]] = [
    ("captured", lambda c, t, x: made(c, S.CAPTURE), (CAMERA, 2.0), None),
    ("captured, version 1", lambda c, t, x: made(c, S.CAPTURE, version=1), (CAMERA, 2.0), None),
    ("computational", lambda c, t, x: made(c, S.COMPUTATIONAL), (CAMERA, 2.0), None),
    ("stitched", lambda c, t, x: made(c, S.STITCHED), (CAMERA, 2.0), None),
    ("cropped", lambda c, t, x: made(c, S.CAPTURE, actions=[CROP]), (CAMERA, 2.0), None),
    ("edited", lambda c, t, x: made(c, S.CAPTURE, actions=[EDIT]), (ALTERED, 3.0), None),
    ("edited, version 1", lambda c, t, x: made(c, S.CAPTURE, actions=[EDIT], version=1), (ALTERED, 3.0), None),
    ("generated", lambda c, t, x: made(t, S.GENERATED), (GENERATED, 4.0), None),
    (
        "generated, input without a manifest",
        lambda c, t, x: made(t, S.GENERATED, UNKNOWN),
        (ALTERED, 3.0),
        "unknown",
    ),
    (
        "generated, input captured",
        lambda c, t, x: made(t, S.GENERATED, given_to(c, S.CAPTURE), anchors=both(c, t)),
        (ALTERED, 3.0),
        "camera",
    ),
    (
        "generated, input generated",
        lambda c, t, x: made(t, S.GENERATED, given_to(t, S.GENERATED)),
        (GENERATED, 4.0),
        "generated",
    ),
    (
        "generated, one input of two generated",
        lambda c, t, x: made(t, S.GENERATED, given_to(t, S.GENERATED), UNKNOWN),
        (ALTERED, 3.0),
        "unknown",
    ),
    (
        "generated, input signed as generated by a stranger",
        lambda c, t, x: made(t, S.GENERATED, given_to(x, S.GENERATED)),
        (ALTERED, 3.0),
        "unknown",
    ),
    (
        "generated, the stranger trusted by the tool only",
        lambda c, t, x: made(t, S.GENERATED, given_to(x, S.GENERATED), anchors=both(t, x)),
        (ALTERED, 3.0),
        "unknown",
    ),
    (
        "generated, the input's picture replaced",
        lambda c, t, x: made(t, S.GENERATED, Ingredient(_other_pixels(given_to(t, S.GENERATED).data), "inputTo")),
        (ALTERED, 3.0),
        "unknown",
    ),
    ("partly", lambda c, t, x: made(t, S.PARTLY), (ALTERED, 2.0), None),
    ("composite", lambda c, t, x: made(t, S.COMPOSITE), None, None),
    ("screen", lambda c, t, x: made(t, S.SCREEN), None, None),
    ("drawn", lambda c, t, x: made(t, S.DRAWN), None, None),
    ("blank", lambda c, t, x: made(t, S.EMPTY, actions=[CROP]), None, None),
    (
        "a capture, cropped by a tool",
        lambda c, t, x: made(t, None, parent(c, S.CAPTURE), actions=[CROP], anchors=both(c, t)),
        None,
        "camera",
    ),
    (
        "a capture, converted by a tool",
        lambda c, t, x: made(t, None, parent(c, S.CAPTURE), actions=[CONVERT], anchors=both(c, t)),
        (CAMERA, 1.0),
        "camera",
    ),
    (
        "a capture, edited by a generative tool",
        lambda c, t, x: made(t, None, parent(c, S.CAPTURE), actions=[EDIT], anchors=both(c, t)),
        (ALTERED, 3.0),
        "camera",
    ),
    (
        "edited by a generative tool, then cropped",
        lambda c, t, x: made(t, None, parent(c, S.CAPTURE, actions=[EDIT]), actions=[CROP], anchors=both(c, t)),
        (ALTERED, 3.0),
        "camera",
    ),
    (
        "a picture of unknown origin, edited by a generative tool",
        lambda c, t, x: made(t, None, Ingredient(drawn_jpeg(1)), actions=[EDIT]),
        (ALTERED, 3.0),
        "unknown",
    ),
    (
        "generated, converted by a tool",
        lambda c, t, x: made(t, None, parent(t, S.GENERATED), actions=[CONVERT]),
        (GENERATED, 3.0),
        "generated",
    ),
    (
        "generated, cropped by a tool",
        lambda c, t, x: made(t, None, parent(t, S.GENERATED), actions=[CROP]),
        None,
        "generated",
    ),
    (
        "generated, edited by a generative tool",
        lambda c, t, x: made(t, None, parent(t, S.GENERATED), actions=[EDIT]),
        (GENERATED, 3.0),
        "generated",
    ),
]


def _other_pixels(signed: bytes) -> bytes:
    """The picture data changed, the manifest left alone."""
    at = len(signed) - 40
    return signed[:at] + bytes((signed[at] ^ 0x55,)) + signed[at + 1 :]


@pytest.mark.parametrize(("title", "build", "stated", "origin"), STATED, ids=[row[0] for row in STATED])
def test_trusted_statement(
    camera: Authority,
    tool: Authority,
    title: str,
    build: Build,
    stated: tuple[Proposition, float] | None,
    origin: str | None,
) -> None:
    stranger = make_authority("Stranger", "Nobody", issuer="Nobody's Root")
    data = build(camera, tool, stranger)
    found = one(data, trusting(camera, tool))
    if title in ("generated, the input's picture replaced",):
        assert "ingredient" in found.payload["problems"]
    if title != "generated, the stranger trusted by the tool only":
        assert found.payload["state"] == "trusted"
        assert found.statement.startswith("Signed by Example ")
    assert found.payload["input_origin"] == origin
    assert found.payload["has_input"] == (origin is not None)
    assert weighed(found) == (stated and (*stated, Basis.SIGNATURE))

    alone = one(data)
    assert alone.payload["state"] == "valid"
    assert "not on the trust list" in alone.statement
    if alone.weight is not None:
        assert (alone.weight.log10_lr, alone.weight.basis) == (0.5, Basis.METADATA)


@pytest.mark.parametrize(
    ("issuer", "name", "organisation", "weight", "level"),
    [
        ("Google C2PA Mobile A 1P ICA G3", "Pixel Camera", "Google LLC", 3.0, 2),
        ("Google C2PA Mobile A 1P ICA G3 L1", "Pixel Camera", "Google LLC", 2.0, 1),
        ("Example Root CA", "Pixel Camera", "Somebody else", 2.0, None),
    ],
)
def test_assurance(issuer: str, name: str, organisation: str, weight: float, level: int | None) -> None:
    authority = make_authority(name, organisation, issuer=issuer)
    found = one(sign_picture(drawn_jpeg(), authority, signing.CAPTURE), trusting(authority))
    assert found.weight is not None
    assert found.weight.log10_lr == weight
    assert found.payload["assurance"] == (level and {"product": name, "level": level})
    assert (f"assurance level {level}" in found.statement) == (level is not None)


def test_a_product_that_may_not_state_a_capture_has_no_weight() -> None:
    cn, o, ou, _ = next(
        key for key, p in trust.shipped().products.items() if "capturedMedia" in p.disallowed and key[3] == "US"
    )
    authority = make_authority(cn, o, unit=ou or None)
    found = one(sign_picture(drawn_jpeg(), authority, signing.CAPTURE), trusting(authority))
    assert found.payload["state"] == "trusted"
    assert found.weight is None


def test_a_stated_watermark_cannot_be_checked_locally_and_says_so(camera: Authority) -> None:
    said = one(
        sign_picture(drawn_jpeg(), camera, signing.CAPTURE, actions=[{"action": "c2pa.watermarked.unbound"}]),
        trusting(camera),
    )
    assert said.payload["watermarks"] == []
    assert said.statement.endswith("It states a watermark in the pixels, which cannot be checked locally.")
    assert said.weight is not None
    plain = one(sign_picture(drawn_jpeg(), camera, signing.CAPTURE), trusting(camera))
    assert plain.payload["watermarks"] is None
    assert "watermark" not in plain.statement


def test_payload(camera: Authority) -> None:
    payload = one(sign_picture(drawn_jpeg(), camera, signing.CAPTURE, actions=[CROP]), trusting(camera)).payload
    assert payload["signer"] == {"name": "Example Camera", "organisation": "Example"}
    assert payload["issuer"] == {"name": "Example Root CA", "organisation": "Example Trust"}
    assert payload["claim_generator"] == {"name": "Example Tool", "version": "1.0"}
    assert int(payload["serial"], 16) > 0
    assert payload["signed_at"] is None
    assert not payload["signed_at_trusted"]
    assert payload["failures"] == []
    assert payload["problems"] == []
    assert payload["manifests"] == 1
    (kind,) = payload["source_types"]
    assert (kind["source_type"], kind["action"], kind["which"]) == ("digitalCapture", "c2pa.created", "active")
    assert payload["signals"] == {"inception": ["capturedMedia"], "transformation": ["ambiguousActions"]}
    assert payload["trust_list"] == "own anchors"
    assert one((DATA / "example.jpg").read_bytes()).payload["trust_list"] == "2026-08-21"


def test_source_types_of_the_whole_chain(camera: Authority, tool: Authority) -> None:
    inner = sign_picture(drawn_jpeg(1), camera, signing.CAPTURE)
    data = sign_picture(drawn_jpeg(), tool, None, [Ingredient(inner)], actions=[EDIT])
    kinds = one(data, trusting(camera, tool)).payload["source_types"]
    assert [(k["which"], k["action"], k["source_type"]) for k in kinds] == [
        ("active", "c2pa.edited", "compositeWithTrainedAlgorithmicMedia"),
        ("ingredient", "c2pa.created", "digitalCapture"),
    ]
    assert kinds[0]["manifest"] != kinds[1]["manifest"]


def test_prompts_and_models_are_no_input_pictures(tool: Authority) -> None:
    data = sign_picture(
        drawn_jpeg(), tool, signing.GENERATED, [Ingredient(b"a hill under a sky", "inputTo", "text/plain")]
    )
    found = one(data, trusting(tool))
    assert not found.payload["has_input"]
    assert weighed(found) == (Proposition.GENERATED, 4.0, Basis.SIGNATURE)


def test_png(camera: Authority) -> None:
    data = sign_picture(chart_png(64, 48), camera, signing.CAPTURE, media_type="image/png")
    assert one(data, trusting(camera), PNG).payload["state"] == "trusted"
    assert not findings(chart_png(64, 48), PLUGIN, PNG)


# --- what does not hold ---------------------------------------------------------------------------------------


def test_picture_changed_after_signing(camera: Authority) -> None:
    found = one(_other_pixels(sign_picture(drawn_jpeg(), camera, signing.CAPTURE)), trusting(camera))
    assert found.payload["state"] == "invalid"
    assert found.payload["problems"] == ["content changed"]
    assert found.payload["failures"] == [DATA_HASH]
    assert found.statement == "The signed record does not fit the content: the picture was changed after signing."
    assert found.weight is None


def test_statement_changed_after_signing(camera: Authority) -> None:
    data = sign_picture(drawn_jpeg(), camera, signing.GENERATED)
    forged = data.replace(b"/trainedAlgorithmicMedia", b"/computationalCapture___")
    assert forged != data
    found = one(forged, trusting(camera))
    assert found.payload["problems"] == ["assertion changed"]
    assert found.weight is None


def test_claim_changed_after_signing(camera: Authority) -> None:
    data = sign_picture(drawn_jpeg(), camera, signing.CAPTURE)
    found = one(data.replace(b"Example Tool", b"Example Fool"), trusting(camera))
    assert found.payload["state"] == "invalid"
    assert "signature wrong" in found.payload["problems"]


def test_expired_certificate_is_told_apart() -> None:
    authority = make_authority("Old Camera", "Example", ends=timedelta(seconds=2))
    data = sign_picture(drawn_jpeg(), authority, signing.CAPTURE)
    time.sleep(3)
    found = one(data, trusting(authority))
    assert found.payload["state"] == "expired"
    assert "signingCredential.expired" in found.payload["failures"]
    assert weighed(found) == (Proposition.CAMERA, 0.5, Basis.METADATA)
    assert "expired" in found.statement


def test_an_authority_for_time_stamps_does_not_vouch_for_signers(camera: Authority) -> None:
    data = sign_picture(drawn_jpeg(), camera, signing.CAPTURE)
    other = make_authority("Other", issuer="Other Root")
    lists = TrustList(anchors=other.pem_anchor, timestamps=camera.pem_anchor, title="crossed")
    found = one(data, C2pa(lists))
    assert found.payload["state"] == "valid"
    assert found.weight is not None
    assert found.weight.basis is Basis.METADATA


def test_an_authority_of_both_lists_vouches_for_signers_each_time(camera: Authority) -> None:
    """Most authorities stand in both lists; the library names either by chance, anew for each of its contexts."""
    data = sign_picture(drawn_jpeg(), camera, signing.CAPTURE)
    lists = TrustList(anchors=camera.pem_anchor, timestamps=camera.pem_anchor, title="both", official=False)
    assert {one(data, C2pa(lists)).payload["state"] for _ in range(16)} == {"trusted"}


def test_no_authority_of_the_shipped_lists_is_told_twice() -> None:
    x509 = pytest.importorskip("cryptography.x509")
    lists = trust.shipped()
    signers, stamps, alone = (
        {c.fingerprint(SHA256()) for c in x509.load_pem_x509_certificates(pem.encode())}
        for pem in (lists.anchors, lists.timestamps, lists.stamps_alone)
    )
    assert signers & stamps
    assert alone == stamps - signers


def test_broken_manifest_is_unreadable_not_silent() -> None:
    data = (DATA / "example.jpg").read_bytes()
    at = data.index(jumbf.STORE)
    found = one(data[: at + 200] + bytes(400) + data[at + 600 :])
    assert found.payload["state"] == "unreadable"
    assert found.weight is None


def test_broken_picture_without_manifest_is_silent() -> None:
    assert not findings(drawn_jpeg()[:500])
    assert not findings(b"")
    assert not findings(b"GIF89a" + bytes(20), filetype=FileType("image/gif", "picture", "gif"))


# --- no network -----------------------------------------------------------------------------------------------


def test_remote_manifest_is_named_and_not_fetched() -> None:
    found = one(jumbf.naming(drawn_jpeg(), "https://example.invalid/m.c2pa"))
    assert found.payload["state"] == "remote"
    assert found.payload["remote_url"] == "https://example.invalid/m.c2pa"
    assert found.statement == "Names a manifest kept elsewhere (https://example.invalid/m.c2pa); not fetched."
    assert found.weight is None


def test_nobody_is_called() -> None:
    """A listener on this machine would hear the library; a control shows that it would."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/m.c2pa"
        data = jumbf.naming(drawn_jpeg(), url)

        one(data)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()

        import threading

        listener.settimeout(20)
        heard: list[bytes] = []

        def answer() -> None:
            with listener.accept()[0] as caller:
                heard.append(caller.recv(4096))
                caller.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        allowed = library.Context(library.Settings.from_dict({"version": 1}))
        with pytest.raises(library.C2paError):
            library.Reader.try_create("image/jpeg", io.BytesIO(data), context=allowed)
        thread.join()
        assert b"/m.c2pa" in heard[0]


def test_settings_are_offline() -> None:
    given = offline(trust.shipped())
    assert given["verify"] == {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}
    assert given["core"]["allowed_network_hosts"] == []


# --- settings and lists ---------------------------------------------------------------------------------------


def test_the_operators_anchors_replace_the_list(camera: Authority, tmp_path: Path) -> None:
    path = tmp_path / "anchors.pem"
    path.write_text(camera.pem_anchor)
    plugin = PLUGIN.configure(Settings(trust_anchors=str(path)))
    found = one(sign_picture(drawn_jpeg(), camera, signing.CAPTURE), plugin)
    assert found.payload["state"] == "trusted"
    assert found.payload["trust_list"].startswith("own anchors, SHA-256 ")
    assert PLUGIN.configure(Settings()) is PLUGIN


@pytest.mark.parametrize(
    "text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "\xe9 \0"]
)
def test_anchors_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "anchors.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError):
        PLUGIN.configure(Settings(trust_anchors=str(path)))


def test_shipped_lists() -> None:
    from cryptography import x509

    lists = trust.shipped()
    assert len(x509.load_pem_x509_certificates(lists.anchors.encode())) == 30
    assert len(x509.load_pem_x509_certificates(lists.timestamps.encode())) == 22
    assert len(lists.products) == 136
    assert {p.level for p in lists.products.values()} == {1, 2}
    pixel = {"CN": "Pixel Camera", "O": "Google LLC", "C": "US"}
    assert (product := lists.product(pixel, {})) is not None
    assert product.level == 2
    assert (product := lists.product(pixel, {"CN": "Google C2PA Mobile A 1P ICA G3 L1"})) is not None
    assert product.level == 1
    assert lists.product({"CN": "Pixel Camera"}, {}) is None


# --- cost and hostile bytes -----------------------------------------------------------------------------------


def test_large_content_is_streamed(camera: Authority) -> None:
    data = sign_picture(drawn_jpeg(), camera, signing.CAPTURE)
    held = Content.read(
        io.BytesIO(data),
        hashers={"sha256": hashlib.sha256()},
        limits=Limits(memory_bytes=1000),
        reopen=lambda: io.BytesIO(data),
    )
    held.filetype = JPEG
    (found,) = trusting(camera).analyse(ITEM, held, Known())
    assert found.payload["state"] == "trusted"
    held.close()


def test_a_picture_without_manifest_never_reaches_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.Reader, "try_create", lambda *a, **k: pytest.fail("asked the library"))
    assert not findings(drawn_jpeg())


@pytest.mark.parametrize(
    ("kind", "data", "may"),
    [
        ("image/jpeg", drawn_jpeg(), False),
        ("image/jpeg", b"\xff\xd8\xff\xe1\xff", False),
        ("image/jpeg", b"\xff\xd8\xff\xe1\xff jumdc2pa", True),
        ("image/gif", b"GIF89a", False),
        ("image/gif", b"GIF89a..jumdc2pa", True),
        ("application/pdf", b"%PDF-1.7", False),
        ("application/pdf", b"%PDF-1.7 /AFRelationship /C2PA_Manifest", True),
        ("application/pdf", b"%PDF-1.7 /Type /ObjStm", True),
        ("image/svg+xml", b"<svg/>", False),
        ("image/svg+xml", b"<svg><c2pa:manifest/></svg>", True),
        ("application/epub+zip", b"PK..", False),
        ("application/epub+zip", b"PK..META-INF/content_credential.c2pa", True),
        ("video/mp4", b"", True),
    ],
)
def test_quick_look(kind: str, data: bytes, may: bool) -> None:
    assert jumbf.may_hold(kind, content(data)) is may


SAMPLE = (DATA / "example.jpg").read_bytes()


@bounds(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_only_content_errors_leave(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(SAMPLE)
    for _ in range(rng.randrange(1, 5)):
        data[rng.randrange(4200 if rng.random() < 0.9 else len(data))] = rng.randrange(256)
    if rng.random() < 0.2:
        del data[rng.randrange(len(data)) :]
    try:
        for found in findings(bytes(data)):
            assert found.statement.isprintable()
            assert found.payload["state"] != "trusted"
    except ContentError:
        pass


@pytest.mark.parametrize(
    ("form", "media_type"), [("AVIF", "image/avif"), ("WEBP", "image/webp"), ("GIF", "image/gif")]
)
def test_other_formats(camera: Authority, form: str, media_type: str) -> None:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(96, 64)).save(out, form)
    filetype = FileType(media_type, "picture", form.lower())
    assert not findings(out.getvalue(), filetype=filetype)
    signed = sign_picture(out.getvalue(), camera, signing.CAPTURE, media_type=media_type)
    plugin = trusting(camera)
    assert one(signed, plugin, filetype).payload["state"] == "trusted"
    at = signed.index(out.getvalue()[-200:-150]) + 3
    changed = signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :]
    assert one(changed, plugin, filetype).payload["problems"] == ["content changed"]


# --- what the signature does not cover -------------------------------------------------------------------------


def avif(authority: Authority, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(96, 64)).save(out, "AVIF")
    return sign_picture(out.getvalue(), authority, kind, media_type="image/avif")


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


AVIF = FileType("image/avif", "picture", "avif")


@pytest.mark.parametrize("kind", [b"free", b"skip", b"mfra"])
def test_a_picture_added_outside_the_binding_withholds_generated(tool: Authority, kind: bytes) -> None:
    hidden = drawn_jpeg(3)
    body = box(b"free", hidden) if kind == b"mfra" else hidden
    found = one(avif(tool, signing.GENERATED) + box(kind, body), trusting(tool), AVIF)
    assert found.payload["state"] == "trusted"
    assert found.payload["unbound_bytes"] >= len(hidden)
    assert found.payload["problems"] == ["not all bound"]
    assert found.weight is None
    assert "outside what the signature covers" in found.statement


def test_padding_and_small_boxes_outside_the_binding_are_no_matter(tool: Authority) -> None:
    plain = avif(tool, signing.GENERATED)
    for more in (b"", box(b"free", bytes(100_000)), box(b"skip", b"x" * 500)):
        found = one(plain + more, trusting(tool), AVIF)
        assert found.weight is not None
        assert found.weight.proposition is Proposition.GENERATED
        assert found.payload["unbound_bytes"] <= 1024


def test_a_capture_keeps_its_weight_and_says_so(camera: Authority) -> None:
    found = one(avif(camera, signing.CAPTURE) + box(b"free", drawn_jpeg(3)), trusting(camera), AVIF)
    assert weighed(found) == (Proposition.CAMERA, 2.0, Basis.SIGNATURE)
    assert found.payload["problems"] == ["not all bound"]


@pytest.mark.parametrize(
    ("form", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif")]
)
def test_what_the_store_itself_needs_is_not_counted(tool: Authority, form: str, media_type: str) -> None:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(96, 64)).save(out, form)
    inputs = tuple(Ingredient(drawn_jpeg(n, 800, 600), "inputTo") for n in range(3)) if form == "JPEG" else ()
    signed = sign_picture(out.getvalue(), tool, signing.GENERATED, inputs, media_type=media_type)
    found = one(signed, trusting(tool), FileType(media_type, "picture", form.lower()))
    assert found.payload["unbound_bytes"] <= 1024
    assert found.payload["problems"] == []


def test_wide_exclusions_of_a_data_hash_are_counted() -> None:
    data = content(bytes(100) + b"x" * 5000 + bytes(9000))
    manifest = {"assertions": {"c2pa.hash.data": {"exclusions": [{"start": 100, "length": 5000}]}}}
    assert binding.unbound(manifest, data) == 5000
    manifest = {"assertions": {"c2pa.hash.data": {"exclusions": [{"start": 5100, "length": 9000}, 7, {}]}}}
    assert binding.unbound(manifest, data) == 0
    whole = content(drawn_jpeg() + b"x" * 3000)
    assert binding.unbound({"assertions": {"c2pa.hash.boxes": {}}}, whole) == 3000


@bounds(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.recursive(st.integers() | st.text() | st.none(), st.lists, max_leaves=4))
def test_the_binding_takes_any_bytes_and_shapes(data: bytes, value: object) -> None:
    for label in ("c2pa.hash.data", "c2pa.hash.bmff.v3", "c2pa.hash.boxes"):
        manifest = {"assertions": {label: {"exclusions": [{"xpath": "/free", "start": value, "length": value}]}}}
        assert binding.unbound(manifest, content(data + box(b"free", data))) >= 0
        assert binding.unbound({"assertions": {label: value}}, content(data)) == 0
