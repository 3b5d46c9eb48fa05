"""What generators hide in the lowest bits of pixels, as the same kind of record that others write as text.

Forgeable both ways like any text: a stealth record is written with a few lines of code, and re-saving as JPEG or
scaling removes it. Its absence supports nothing. It says a little more than text only in that it survives
programs which strip metadata, so it stands on a basis of its own (WATERMARK).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator

import numpy as np

from leadlight.chart import chart_pixels, png
from leadlight.content import Content, Pixels
from leadlight.errors import ContentError
from leadlight.provenance.generator import MOST, NEUTRAL, fault_finding, stealth, texts
from leadlight.provenance.generator.normal import Form, Record, finding
from leadlight.records import Basis, Finding, Item
from leadlight.records import finding as kinds
from leadlight.seams import Cost, Example, Known


class StealthBits:
    """Reads the four variants of stealth text from the first picture."""

    name = "provenance.stealth"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    needs = frozenset({kinds.PICTURE})
    gives = frozenset({kinds.GENERATOR})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def examples(self) -> Iterable[Example]:
        """Two of the variants, a name without a text, and a plain picture."""
        for variant, where in (("stealth_rgbcomp", "colours"), ("stealth_pnginfo", "alpha")):
            yield Example(
                f"settings hidden in {where}",
                lambda v=variant: hide(chart_pixels(64, 48), v, f"{NEUTRAL}Model: demo_v1"),  # type: ignore[misc]
                (kinds.GENERATOR,),
                {"generator": "Stable Diffusion web UI", "seed": 42, "model": "demo_v1", "variant": variant},
                "apple.png",
            )
        yield Example(
            "a name and nothing that can be read",
            lambda: hide(chart_pixels(64, 48), "stealth_rgbcomp", "", payload=b"\xff" * 64),
            (kinds.FAILURE,),
            {"reason": "undecodable"},
            "broken.png",
        )
        yield Example("nothing hidden", lambda: png(chart_pixels(64, 48)), (), name="plain.png")

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        """One finding for each record hidden, or a Failure where a name is there and no text."""
        if content.filetype.media_type == "image/jpeg":
            return  # the lowest bits don't survive the compression: no decode for that
        picture = content.picture()
        if picture.method != "full":
            return
        size = (picture.width, picture.height)
        planes: list[tuple[Pixels, dict[bytes, bool], str]] = [
            (picture.pixels, stealth.COLOURS, "stealth colour bits")
        ]
        if picture.alpha is not None:
            planes.insert(0, (picture.alpha, stealth.ALPHA, "stealth alpha bits"))
        for samples, names, carrier in planes:
            try:
                hidden = stealth.read(samples, names, content.limits)
            except ContentError as e:
                yield fault_finding(e, self.name, self.version)
                continue
            if hidden is None:
                continue
            for got in _records(hidden, carrier, content)[:MOST]:
                if isinstance(got, ContentError):
                    yield fault_finding(got, self.name, self.version)
                else:
                    yield finding(
                        got, analyser=self.name, version=self.version, basis=Basis.WATERMARK, actual=size
                    )


def _records(hidden: stealth.Hidden, carrier: str, content: Content) -> list[texts.Found]:
    facts = {"variant": hidden.variant}
    unknown = Record(
        generator="",
        interface="stealth text",
        form=Form.LABEL,
        carrier=carrier,
        said="A text is hidden in the lowest bits of the pixels, in the way that generators use",
        raw=hidden.text,
        facts=facts,
    )
    found = list(texts.hidden(hidden.text, carrier, content.limits))
    return [texts.with_facts(f, facts) if isinstance(f, Record) else f for f in found] or [unknown]


def hide(pixels: Pixels, variant: str, text: str, *, payload: bytes | None = None) -> bytes:
    """A PNG of `pixels` with `text` hidden in the way of `variant`: for examples and tests."""
    if payload is None:
        payload = text.encode("utf-8")
        if variant.endswith("comp"):
            payload = gzip.compress(payload, mtime=0)
    stream = variant.encode("ascii") + (8 * len(payload)).to_bytes(4, "big") + payload
    wanted = np.unpackbits(np.frombuffer(stream, np.uint8))
    if "rgb" in variant:
        turned = pixels.swapaxes(0, 1).copy()
        line = turned.reshape(-1)
        line[: len(wanted)] = (line[: len(wanted)] & 254) | wanted
        return png(line.reshape(turned.shape).swapaxes(0, 1))
    alpha = np.full(pixels.shape[1::-1], 255, np.uint8)
    line = alpha.reshape(-1)
    line[: len(wanted)] = 254 | wanted
    return png(np.dstack((pixels, line.reshape(alpha.shape).T)))


PLUGIN = StealthBits()
