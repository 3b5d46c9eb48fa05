"""Whom C2PA trusts: the shipped official lists, or the operator's own anchors, and the products known to conform.

Sources: C2PA Trust List, C2PA TSA Trust List and Conforming Products List (c2pa-org/conformance-public, CC BY
4.0); see data/c2pa/README.md for commit and date.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadlight.errors import ConfigError

DATA = Path(__file__).parents[1] / "data" / "c2pa"
_BLOCK = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
LARGEST = 16 * 1024 * 1024
"""Bytes of an operator's PEM file; the official list has 38 kB."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product that C2PA found to conform, by the name in its signing certificate."""

    name: str
    level: int
    """The highest assurance level it may claim: 1, or 2 where keys are kept in attested hardware."""
    disallowed: frozenset[str]
    """Signals of the rubric that it may not give."""


@dataclass(frozen=True, slots=True)
class TrustList:
    """Anchors to check signers against."""

    anchors: str
    """PEM certificates of claim signers' authorities."""
    timestamps: str
    """PEM certificates of time-stamp authorities."""
    title: str
    """For people and payloads: the official list's date, or 'own anchors' and a digest."""
    official: bool = True
    products: Mapping[tuple[str, str, str, str], Product] = field(default_factory=dict)
    """By common name, organisation, unit and country."""

    @property
    def stamps_alone(self) -> str:
        """PEM certificates of authorities that vouch for time stamps and not for signers.

        Most authorities stand in both lists, and of those the library names one or the other by chance: left in
        both, a signer would be trusted in one process and not in the next.
        """
        signers = {_bare(block) for block in _BLOCK.findall(self.anchors)}
        return "".join(f"{b}\n" for b in _BLOCK.findall(self.timestamps) if _bare(b) not in signers)

    def product(self, subject: Mapping[str, str], issuer: Mapping[str, str]) -> Product | None:
        """The product whose certificate has this `subject`, or None.

        An issuing authority that is named 'L1' signs for level 1 only, whatever the product may reach.
        """
        cn, o, ou, c = (subject.get(part, "") for part in ("CN", "O", "OU", "C"))
        found = self.products.get((cn, o, ou, c))
        if found is None or found.level < 2 or not re.search(r"\bL1\b", issuer.get("CN", "")):
            return found
        return Product(found.name, 1, found.disallowed)


def shipped() -> TrustList:
    """The official lists as shipped."""
    listed: dict[str, Any] = json.loads((DATA / "products.json").read_text("utf-8"))
    return TrustList(
        anchors=(DATA / "signers.pem").read_text("utf-8"),
        timestamps=(DATA / "timestamps.pem").read_text("utf-8"),
        title=listed["date"],
        products={
            (p["CN"], p["O"], p["OU"], p["C"]): Product(p["CN"], p["level"], frozenset(p["disallowed"]))
            for p in listed["products"]
        },
    )


def own(path: Path) -> TrustList:
    """The operator's anchors in `path` in place of the official ones; time stamps stay with the official list.

    Raises ConfigError where the file can't be read or holds no certificate.
    """
    subject = f"trust_anchors = {path}"
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as e:
        raise ConfigError(
            f"can't be read ({e.strerror})", subject=subject, advice="Name a PEM file of certificates."
        ) from e
    text = _certificates(raw)
    if len(raw) > LARGEST or text is None:
        raise ConfigError(
            "holds no certificate that can be read, or is too large",
            subject=subject,
            advice="Name a PEM file of X.509 certificates.",
        )
    official = shipped()
    return TrustList(
        anchors=text,
        timestamps=official.timestamps,
        title=f"own anchors, SHA-256 {hashlib.sha256(raw).hexdigest()[:12]}",
        official=False,
        products=official.products,
    )


def _bare(block: str) -> str:
    """A PEM block without its line breaks."""
    return "".join(block.split())


def _certificates(raw: bytes) -> str | None:
    """The PEM blocks of certificates, each parsed to see that it is one; None where any is not, or none is."""
    blocks = _BLOCK.findall(raw.decode("latin-1"))
    text = "\n".join(blocks) + "\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return None
    return text if blocks else None
