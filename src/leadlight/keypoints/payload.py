"""Local features as a finding holds them."""

from __future__ import annotations

import base64

from leadlight.errors import CaseDamaged
from leadlight.keypoints.record import Keypoints, unpacked
from leadlight.records import Finding


def keypoints_of(sha256: str, finding: Finding) -> Keypoints:
    """The features of a content from its finding of kind FEATURES. Raises CaseDamaged where none can be read."""
    try:
        return unpacked(base64.b64decode(finding.payload["value"], validate=True))
    except (ValueError, KeyError, TypeError) as e:
        raise CaseDamaged(
            "its local features can't be read: no Leadlight wrote them so",
            subject=f"content {sha256[:16]}…",
            advice="Run 'leadlight verify' on the case, then restore it from a copy.",
        ) from e
