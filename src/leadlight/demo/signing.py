"""Signs drawn pictures with an authority made on the spot, so that neither demo nor tests hold a private key.

The certificates follow the C2PA certificate profile (C2PA specification 2.2, clause 14.5): X.509 v3, ES256, a
leaf for digital signatures with the e-mail protection usage, below a root that is named as the trust anchor.
The authority vouches for nothing: it is trusted only where its root is named in the settings.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURE = _IPTC + "digitalCapture"
GENERATED = _IPTC + "trainedAlgorithmicMedia"
"""IPTC NewsCodes, digital source type."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A root and one leaf that signs."""

    pem_anchor: str
    """The root, as a trust list holds it."""
    key: str
    """The leaf's private key, PEM: held in memory, never written."""
    chain: str
    """The leaf and the root, PEM."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A picture that goes into another."""

    data: bytes
    relationship: str = "parentOf"
    media_type: str = "image/jpeg"


def make_authority(
    common_name: str,
    organisation: str = "Example",
    *,
    issuer: str = "Example Root CA",
    unit: str | None = None,
    starts: timedelta = timedelta(days=-30),
    ends: timedelta = timedelta(days=365),
) -> Authority:
    """A fresh root `issuer` and a leaf for `common_name`, valid from now + `starts` to now + `ends`."""
    now = datetime.now(UTC)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name(issuer, "Example Trust")
    root = (
        x509.CertificateBuilder()
        .subject_name(root_name)
        .issuer_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + max(ends, timedelta(0)) + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name, organisation, unit))
        .issuer_name(root_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Authority(pem_anchor=_pem(root), key=private.decode("ascii"), chain=_pem(leaf) + _pem(root))


def sign(
    data: bytes,
    authority: Authority,
    *,
    source_type: str | None,
    ingredients: Sequence[Ingredient] = (),
    actions: Iterable[Mapping[str, Any]] = (),
    media_type: str = "image/jpeg",
    version: int = 2,
    remote_url: str | None = None,
    anchors: str | None = None,
) -> bytes:
    """`data` with a manifest: created with that source type, or opened where one of `ingredients` is the parent.

    `actions` follow the first one. `version` is that of the actions assertion. With `remote_url` the manifest is
    named and not embedded. `anchors` is what the signing tool itself trusts, for what it records of ingredients.
    """
    first: dict[str, Any] = {"action": "c2pa.created"}
    if any(i.relationship == "parentOf" for i in ingredients):
        first = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}
    if source_type:
        first["digitalSourceType"] = source_type
    label = "c2pa.actions.v2" if version == 2 else "c2pa.actions"
    if version == 1:
        first.pop("parameters", None)
    manifest = {
        "claim_version": version,
        "claim_generator_info": [{"name": "Example Tool", "version": "1.0"}],
        "title": "drawn chart",
        "assertions": [{"label": label, "data": {"actions": [first, *actions]}}],
    }
    settings: dict[str, Any] = {
        "version": 1,
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": []},
        "builder": {"thumbnail": {"enabled": False}, "actions": {"auto_placed_action": {"enabled": False}}},
        "trust": {"trust_anchors": anchors or authority.pem_anchor},
    }
    context = c2pa.Context(c2pa.Settings.from_dict(settings))
    info = c2pa.C2paSignerInfo(b"es256", authority.chain.encode(), authority.key.encode(), None)
    out = io.BytesIO()
    with c2pa.Builder(json.dumps(manifest), context) as builder:
        for number, ingredient in enumerate(ingredients):
            described = {
                "title": f"input {number}",
                "relationship": ingredient.relationship,
                "label": "parent" if ingredient.relationship == "parentOf" else f"input{number}",
            }
            builder.add_ingredient(json.dumps(described), ingredient.media_type, io.BytesIO(ingredient.data))
        if remote_url:
            builder.set_no_embed()
            builder.set_remote_url(remote_url)
        with c2pa.Signer.from_info(info) as signer:
            builder.sign(signer, media_type, io.BytesIO(data), out)
    return out.getvalue()


def _name(common_name: str, organisation: str, unit: str | None = None) -> x509.Name:
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if unit:
        parts.insert(2, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(parts)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
