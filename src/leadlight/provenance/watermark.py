"""Watermarks in pixels: the open ones of early generators, and the seam for keyed ones.

Positive only. An open watermark can be written by anyone, with the package that the generators used; it survives
no scaling and little JPEG; most generators write none. So a mark is weak evidence on the basis WATERMARK, which
adds nothing to what the metadata say, and its absence supports nothing.

The programs that mark what they made from nothing mark in the same way what they made of a real picture. Only the
mark of the inpainting program tells the two apart, and speaks for ALTERED.

A keyed watermark (SynthID, Digimarc, TrustMark and others) can be read only by whoever has the key or the weights.
Nothing is ever sent to a service that has them. A package that can read one on this machine offers
`KeyedWatermark(reader)` as its plugin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from leadlight.chart import chart_png
from leadlight.config import Settings
from leadlight.content import Content, Picture
from leadlight.provenance import dwtdct
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import plain
from leadlight.seams import Cost, Example, Known

RARE: Final = 1e-9
"""A mark is told where chance gives as many agreeing bits in fewer pictures, of one mark in one way ..."""
TWELFTHS: Final = 11
"""... and this many twelfths of it agree (44 of 48): letters have bits in common, so that another text agrees with
a long one by three quarters.
"""
PRESENT: Final = 0.7
"""log10 of the likelihood ratio of a mark, by policy: as for a generator's own settings text."""

_PROPOSITIONS: Final = {"generated": Proposition.GENERATED, "altered": Proposition.ALTERED}


@dataclass(frozen=True, slots=True)
class Mark:
    """One open watermark that is looked for."""

    name: str
    title: str
    """The program whose mark it is."""
    bits: tuple[int, ...]
    proposition: Proposition = Proposition.GENERATED


def _text(text: str) -> tuple[int, ...]:
    return tuple(int(b) for b in np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8)))


def _number(value: int) -> tuple[int, ...]:
    """As the programs make bits of it: zeros in front are lost."""
    return tuple(int(b) for b in f"{value:b}")


MARKS: Final = (
    Mark("sd1", "Stable Diffusion 1", _text("StableDiffusionV1")),
    Mark(
        "sd1-inpainting",
        "Stable Diffusion 1 (inpainting)",
        _text("StableDiffusionV1-Inpainting"),
        Proposition.ALTERED,
    ),
    Mark("sd2", "Stable Diffusion 2", _text("SDV2")),
    Mark("sdxl", "Stable Diffusion XL", _number(0b101100111110110010010000011110111011000110011110)),
    Mark("flux", "FLUX", _number(0b001010101111111010000111100111001111010100101110)),
)
"""As the published programs write them: CompVis/stable-diffusion, runwayml/stable-diffusion,
Stability-AI/stablediffusion, Stability-AI/generative-models and diffusers, black-forest-labs/flux."""


class OpenWatermarks:
    """Looks for the open watermarks in the first picture. `PLUGIN` looks for none: `configure` says whether to."""

    name = "provenance.watermark"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    needs = frozenset({kinds.PICTURE})
    gives = frozenset({kinds.WATERMARK})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def __init__(self, *, wanted: bool = False) -> None:
        self._wanted = wanted

    def configure(self, settings: Settings) -> OpenWatermarks:
        """Looks for marks where `settings.detect` is 'on'."""
        return OpenWatermarks(wanted=settings.detect == "on")

    def examples(self) -> Iterable[Example]:
        """None where nobody asked."""
        return (Example("landscape, where no watermark is looked for", lambda: chart_png(300, 256, 1), ()),)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        """One finding for each mark that is there."""
        if not self._wanted:
            return
        picture = content.picture()
        if picture.method != "full":
            return
        for found in read_marks(picture.pixels):
            yield self._finding(found)

    def _finding(self, found: Found) -> Finding:
        mark, bits = found.mark, len(found.mark.bits)
        changed = mark.proposition is Proposition.ALTERED
        whose = (
            "The program that wrote it changes parts of a picture that it is given"
            if changed
            else "Such programs mark pictures that they only changed, too"
        )
        return Finding(
            self.name,
            self.version,
            kinds.WATERMARK,
            f"The pixels hold the open watermark of {mark.title}: {found.agreeing} of {bits} bits agree. {whose}. "
            "Anyone can write this.",
            {
                "scheme": "dwtDct",
                "mark": mark.name,
                "title": mark.title,
                "bits": bits,
                "agreeing": found.agreeing,
                "least": found.least,
                "order": found.way[0],
                "written_as": found.way[1],
                "chance": float(f"{LOOKS * RARE:.1e}"),
            },
            Weight(
                mark.proposition,
                PRESENT,
                Basis.WATERMARK,
                WeightSource.POLICY,
                "an open watermark, which anyone can write",
            ),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A mark that was found, in the way of writing in which most bits agree."""

    mark: Mark
    agreeing: int
    least: int
    way: dwtdct.Way


LOOKS: Final = len(MARKS) * 4
"""Marks times ways of writing: so often chance is asked for each picture."""


def least_of(mark: Mark) -> int:
    """The fewest agreeing bits with which a mark is told."""
    return max(dwtdct.least_agreeing(len(mark.bits), RARE), -(-TWELFTHS * len(mark.bits) // 12))


def read_marks(pixels: npt.NDArray[np.uint8]) -> tuple[Found, ...]:
    """The open watermarks in `pixels`, shape (height, width, 3), RGB, in the order of MARKS."""
    best: dict[str, Found] = {}
    for way, numbers, scores in dwtdct.ways(pixels):
        for mark in MARKS:
            read = dwtdct.read_bits(numbers, scores, len(mark.bits))
            agreeing = int((read == np.array(mark.bits, dtype=np.bool_)).sum())
            least = least_of(mark)
            if agreeing >= least and (mark.name not in best or agreeing > best[mark.name].agreeing):
                best[mark.name] = Found(mark, agreeing, least, way)
    return tuple(best[m.name] for m in MARKS if m.name in best)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader of a keyed watermark found in one picture."""

    whose: str
    """Who writes it, in plain words: 'the service of Example Ltd'."""
    states: str = ""
    """'generated' or 'altered' where only what was so is marked; '' where the mark says nothing of the origin."""
    chance: float = 1.0
    """How often the reader finds it in a picture that was never marked, as measured: 0 to 1."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it tells: a payload, a version."""


@runtime_checkable
class WatermarkReader(Protocol):
    """Reads one scheme of watermark, on this machine, with the weights or the key that the operator brought.

    A reader never asks a service: no evidence leaves the machine, and a caged worker has no network.
    """

    @property
    def name(self) -> str:
        """Of the plugin, unique: 'watermark.example'."""
        ...

    @property
    def version(self) -> str: ...
    @property
    def extra(self) -> str | None: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def scheme(self) -> str:
        """The scheme, in its maker's words."""
        ...

    def read(self, picture: Picture) -> Reading | None:
        """None where it finds no mark, which supports nothing. Raises a ContentError where it can't look."""
        ...


class KeyedWatermark:
    """An analyser around a reader of a keyed watermark: what another package offers as its plugin.

    It asks where `settings.detect` is 'on'. A mark weighs at most as much as an open one, and no more than the
    reader's own rate of chance finds allows: whoever can use the service can have a real picture marked.
    """

    needs = frozenset({kinds.PICTURE})
    gives = frozenset({kinds.WATERMARK})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.MODEL

    def __init__(self, reader: WatermarkReader, *, wanted: bool = False) -> None:
        self._reader = reader
        self._wanted = wanted
        self.name, self.version = reader.name, reader.version
        self.extra, self.requires = reader.extra, reader.requires

    def configure(self, settings: Settings) -> KeyedWatermark:
        """Asks the reader where `settings.detect` is 'on'."""
        return KeyedWatermark(self._reader, wanted=settings.detect == "on")

    def examples(self) -> Iterable[Example]:
        """None where nobody asked."""
        return (Example("landscape, where no watermark is looked for", lambda: chart_png(300, 256, 1), ()),)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        """One finding where the mark is there."""
        if not self._wanted:
            return
        picture = content.picture()
        read = self._reader.read(picture) if picture.method == "full" else None
        if read is None:
            return
        scheme, whose = display_text(self._reader.scheme, 80), display_text(read.whose, 120)
        said = f", which states that the picture is {read.states}" if read.states in _PROPOSITIONS else ""
        yield Finding(
            self.name,
            self.version,
            kinds.WATERMARK,
            f"The pixels hold a watermark of the scheme {scheme}, as {whose} writes it{said}. "
            "A real picture can be given such a mark.",
            plain({**read.facts, "scheme": scheme, "whose": whose, "states": read.states, "chance": read.chance}),
            _weight(read),
        )


def _weight(read: Reading) -> Weight | None:
    proposition = _PROPOSITIONS.get(read.states)
    if proposition is None or not 0 <= read.chance < 1:
        return None
    rarity = -float(np.log10(read.chance)) if read.chance else PRESENT
    note = f"a keyed watermark, found by chance in {read.chance:g} of pictures"
    return Weight(proposition, round(min(PRESENT, rarity), 6), Basis.WATERMARK, WeightSource.POLICY, note)


PLUGIN = OpenWatermarks()
