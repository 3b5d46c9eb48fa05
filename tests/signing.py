"""Signs drawn pictures with a test authority made on the spot, so that tests hold no private key.

How it signs is the demo's own; here are its source types, its small pictures, and authorities kept for a run.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.demo import signing
from leadlight.demo.signing import Authority, Ingredient

__all__ = ["Authority", "Ingredient", "drawn_jpeg", "make_authority", "sign_picture"]

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURE = signing.CAPTURE
COMPUTATIONAL = IPTC + "computationalCapture"
STITCHED = IPTC + "compositeCapture"
GENERATED = signing.GENERATED
PARTLY = IPTC + "compositeWithTrainedAlgorithmicMedia"
COMPOSITE = IPTC + "composite"
SCREEN = IPTC + "screenCapture"
DRAWN = IPTC + "digitalCreation"
EMPTY = "http://c2pa.org/digitalsourcetype/empty"


@cache
def make_authority(common_name: str = "Example Camera", organisation: str = "Example", **more: Any) -> Authority:
    """The demo's authority, made once a name."""
    return signing.make_authority(common_name, organisation, **more)


@cache
def drawn_jpeg(seed: int = 0, width: int = 160, height: int = 120, quality: int = 75) -> bytes:
    """A drawn chart as a JPEG."""
    out = io.BytesIO()
    Image.fromarray(chart_pixels(width, height, seed)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def sign_picture(
    jpeg: bytes,
    authority: Authority,
    digital_source_type: str | None,
    ingredients: Sequence[Ingredient] = (),
    **more: Any,
) -> bytes:
    """`jpeg` with a manifest."""
    return signing.sign(jpeg, authority, source_type=digital_source_type, ingredients=ingredients, **more)
