"""Edited copies of pictures, made by program: what people do to a picture before it is passed on.

Each edit takes an RGB picture and gives another; the same picture gives the same copy. `passed_on` then makes it
smaller and saves it as JPEG, as a service would.

``python -m bench.edits PICTURES [STRANGERS]``: how many copies of the pictures in a folder are found by the PDQ
hash of the original alone, and how many hashes of pictures in another folder, which show other things, are met by
chance.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFilter, ImageFont
from PIL.Image import Image

from leadlight.fingerprint.pdq import hashed, pdq, scaled
from leadlight.fingerprint.regions import regions
from leadlight.match.edited import RADIUS, WIDE
from leadlight.radius import WORDS as HASHES
from leadlight.radius import pack
from leadlight.raster import Picture, reduce

Edit = Callable[[Image], Image]
Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
DARK: Colour = (18, 18, 20)
LIGHT: Colour = (246, 246, 248)
PHONES = ((1080, 2400), (1170, 2532), (1080, 1920), (720, 1600))
"""Pixels of usual phone screens."""
TEXT = "harbour morning seven boats with green sails went out before the tide turned and nobody counted them"
WORDS = tuple(TEXT.split(" "))


def passed_on(picture: Image, *, quality: int = 75, scale: float = 0.6) -> bytes:
    """A JPEG file of the picture at `scale` of its size, as a service that makes uploads smaller writes it."""
    size = (max(16, round(picture.width * scale)), max(16, round(picture.height * scale)))
    out = io.BytesIO()
    picture.convert("RGB").resize(size, Pil.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return out.getvalue()


def chance(picture: Image, salt: str) -> random.Random:
    """A source of choices that the picture itself seeds."""
    small = picture.convert("L").resize((8, 8)).tobytes()
    return random.Random(small.hex() + salt)


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow."""
    return ImageFont.load_default(max(6.0, size))


def phrase(choose: random.Random, words: int) -> str:
    """Words without meaning."""
    return " ".join(choose.choice(WORDS) for _ in range(words))


def bars(picture: Image, across: float, down: float, colour: Colour) -> Image:
    """Bars left and right (`across`, share of the width, each) and above and below (`down`, of the height)."""
    dx, dy = round(picture.width * across), round(picture.height * down)
    out = Pil.new("RGB", (picture.width + 2 * dx, picture.height + 2 * dy), colour)
    out.paste(picture, (dx, dy))
    return out


def blurred_sides(picture: Image) -> Image:
    """On a screen of the other shape, before a blurred, enlarged copy of itself."""
    width, height = picture.size
    if height >= width:
        out = picture.resize((round(height * 16 / 9), round(height * 16 / 9 * height / width)))
        top = (out.height - height) // 2
        out = out.crop((0, top, out.width, top + height))
    else:
        out = picture.resize((round(width * 16 / 9 * width / height), round(width * 16 / 9)))
        left = (out.width - width) // 2
        out = out.crop((left, 0, left + width, out.height))
    out = out.filter(ImageFilter.GaussianBlur(max(width, height) / 40)).point(lambda v: v * 0.8)
    out.paste(picture, ((out.width - width) // 2, (out.height - height) // 2))
    return out


def phone(picture: Image, dark: bool) -> Image:
    """A screenshot of a phone that shows the picture: status bar, title bar, the picture fitted, buttons."""
    choose = chance(picture, f"phone{dark}")
    width, height = choose.choice(PHONES)
    back, ink = (BLACK if choose.random() < 0.6 else DARK, WHITE) if dark else (WHITE, (30, 30, 30))
    bar = back if choose.random() < 0.5 else (DARK if dark else LIGHT)
    out = Pil.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(out)
    unit = height // 100
    status, title, low = unit * 4, unit * 7, unit * 8
    draw.rectangle((0, 0, width, status + title), fill=bar)
    draw.rectangle((0, height - low, width, height), fill=bar)
    _status(draw, (width, status), ink, choose)
    arrow = status + title // 2
    draw.line((unit * 4, arrow - unit, unit * 3, arrow, unit * 4, arrow + unit), fill=ink, width=max(2, unit // 5))
    draw.text((unit * 7, status + title * 0.15), phrase(choose, 2), fill=ink, font=font(unit * 2))
    draw.text((unit * 7, status + title * 0.55), "Yesterday, 21:04", fill=(128, 128, 128), font=font(unit * 1.5))
    for i in range(choose.randint(3, 5)):
        x = width * (2 * i + 1) // 10
        draw.ellipse((x - unit, height - low + 2 * unit, x + unit, height - low + 4 * unit), outline=ink, width=4)
    draw.rounded_rectangle((width * 0.35, height - unit * 1.2, width * 0.65, height - unit * 0.7), 6, fill=ink)
    room = (width, height - status - title - low)
    fitted = _fitted(picture, room)
    out.paste(fitted, ((width - fitted.width) // 2, status + title + (room[1] - fitted.height) // 2))
    return out


def phone_dark(picture: Image) -> Image:
    """A phone in its dark theme."""
    return phone(picture, True)


def phone_light(picture: Image) -> Image:
    """A phone in its light theme."""
    return phone(picture, False)


def chat(picture: Image) -> Image:
    """A screenshot of a conversation with the picture in a bubble with round corners."""
    choose = chance(picture, "chat")
    width, height = choose.choice(PHONES)
    back = choose.choice(((236, 229, 221), (15, 22, 28), WHITE, (205, 220, 232)))
    ink = (20, 20, 20) if sum(back) > 380 else (235, 235, 235)
    out = Pil.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(out)
    unit = height // 100
    head = choose.choice(((7, 94, 84), DARK, LIGHT))
    draw.rectangle((0, 0, width, unit * 11), fill=head)
    light = (20, 20, 20) if sum(head) > 380 else WHITE
    _status(draw, (width, unit * 4), light, choose)
    draw.ellipse((unit * 3, unit * 5, unit * 8, unit * 10), fill=(150, 160, 170))
    draw.text((unit * 10, unit * 6), phrase(choose, 1).title(), fill=light, font=font(unit * 2.4))
    fitted = _fitted(picture, (round(width * 0.78), round(height * 0.6)))
    at = choose.randint(0, 1) * (width - fitted.width - unit * 4) + unit * 2
    top = unit * choose.randint(13, 24)
    bubble = (at - unit // 2, top - unit // 2, at + fitted.width + unit // 2, top + fitted.height + unit * 3)
    draw.rounded_rectangle(bubble, unit, fill=choose.choice(((220, 248, 198), (32, 44, 51), WHITE)))
    shape = Pil.new("L", fitted.size, 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, *fitted.size), unit, fill=255)
    out.paste(fitted, (at, top), shape)
    draw.text(
        (at + fitted.width - unit * 6, top + fitted.height + unit * 0.5), "21:04", (128,) * 3, font(unit * 1.6)
    )
    y = bubble[3] + unit * 2
    while y < height - unit * 14:
        wide = unit * choose.randint(14, 34)
        x = choose.choice((unit * 2, max(unit * 2, width - wide - unit * 2)))
        draw.rounded_rectangle(
            (x, y, x + wide, y + unit * 4), unit, fill=WHITE if sum(back) > 380 else (32, 44, 51)
        )
        draw.text((x + unit, y + unit), phrase(choose, 3), fill=ink, font=font(unit * 1.8))
        y += unit * 6
    draw.rounded_rectangle(
        (unit * 2, height - unit * 7, width - unit * 8, height - unit * 2), unit * 2, fill=LIGHT
    )
    return out


def desktop(picture: Image) -> Image:
    """A screenshot of a window that shows the picture on a grey ground, with a title, tools and a task bar."""
    choose = chance(picture, "desktop")
    width, height = 1920, 1080
    ground = choose.choice(((32, 32, 32), (240, 240, 240), BLACK, (60, 63, 65)))
    ink = WHITE if sum(ground) < 380 else (30, 30, 30)
    out = Pil.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, 0, width, 32), fill=choose.choice((WHITE, (25, 25, 25), (222, 225, 230))))
    draw.text((12, 6), phrase(choose, 3) + ".jpg - viewer", fill=(128, 128, 128), font=font(16))
    for i in range(8):
        draw.rectangle((20 + i * 48, 46, 44 + i * 48, 70), outline=ink, width=2)
    draw.rectangle((0, height - 44, width, height), fill=choose.choice(((16, 16, 16), (238, 238, 242))))
    for i in range(10):
        draw.rectangle(
            (560 + i * 60, height - 36, 590 + i * 60, height - 8), fill=(40 + i * 20, 200 - i * 15, 160)
        )
    fitted = _fitted(picture, (width - 40, height - 140))
    out.paste(fitted, ((width - fitted.width) // 2, 86 + (height - 140 - fitted.height) // 2))
    return out


def caption(picture: Image, share: float, above: bool, colour: Colour, over: bool = False) -> Image:
    """A bar with a line or two of text, `share` of the height, added outside or laid `over` the picture."""
    choose = chance(picture, "caption")
    bar = round(picture.height * share)
    strip = Pil.new("RGB", (picture.width, bar), colour)
    lines = choose.randint(1, 2)
    size = min(bar * 0.6 / lines, picture.width / 14)
    ink = BLACK if sum(colour) > 380 else WHITE
    text = "\n".join(phrase(choose, choose.randint(2, 5)) for _ in range(lines))
    draw = ImageDraw.Draw(strip)
    draw.multiline_text((picture.width * 0.04, bar * 0.12), text, fill=ink, font=font(size))
    if over:
        out = picture.copy()
        out.paste(strip, (0, 0 if above else picture.height - bar))
        return out
    out = Pil.new("RGB", (picture.width, picture.height + bar))
    out.paste(picture, (0, bar if above else 0))
    out.paste(strip, (0, 0 if above else picture.height))
    return out


def big_text(picture: Image) -> Image:
    """Large white words with a black rim along the top and the bottom."""
    choose = chance(picture, "words")
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    for low in (False, True):
        words = phrase(choose, choose.randint(2, 4)).upper()
        size = picture.height * 0.13
        while size > 8 and draw.textlength(words, font=font(size)) > picture.width * 0.94:
            size *= 0.92
        long = draw.textlength(words, font=font(size))
        y = picture.height * 0.97 - size * 1.2 if low else picture.height * 0.02
        spot = ((picture.width - long) / 2, y)
        draw.text(spot, words, WHITE, font(size), stroke_width=max(1, round(size / 14)), stroke_fill=BLACK)
    return out


def logo(picture: Image, share: float, strength: float) -> Image:
    """A disc or plate with letters in a corner over `share` of the area; `strength` 1 is opaque."""
    choose = chance(picture, "logo")
    area = picture.width * picture.height * share
    wide = min(picture.width * 0.6, (area * choose.uniform(1.0, 1.8)) ** 0.5)
    high = min(picture.height * 0.6, area / wide)
    gap = min(picture.size) * 0.03
    left = choose.choice((gap, picture.width - wide - gap))
    top = choose.choice((gap, picture.height - high - gap))
    layer, mask = picture.copy(), Pil.new("L", picture.size, 0)
    draw, cut = ImageDraw.Draw(layer), ImageDraw.Draw(mask)
    fill = choose.choice(((214, 40, 40), (20, 110, 220), (250, 200, 30), (20, 20, 20), (245, 245, 245)))
    box = (left, top, left + wide, top + high)
    round_one = choose.random() < 0.5
    for brush, ink in ((draw, fill), (cut, round(255 * strength))):
        if round_one:
            brush.ellipse(box, fill=ink)
        else:
            brush.rounded_rectangle(box, min(wide, high) / 6, fill=ink)
    ink = WHITE if sum(fill) < 450 else BLACK
    draw.text((left + wide * 0.2, top + high * 0.3), "NORD", fill=ink, font=font(min(wide / 4.2, high * 0.5)))
    return Pil.composite(layer, picture, mask)


def cropped(picture: Image, share: float) -> Image:
    """`share` of the width and of the height cut away, unevenly from both sides."""
    choose = chance(picture, "crop")
    dx, dy = picture.width * share, picture.height * share
    left, top = dx * choose.random(), dy * choose.random()
    return picture.crop(
        (round(left), round(top), round(left + picture.width - dx), round(top + picture.height - dy))
    )


def rotated(picture: Image, degrees: float) -> Image:
    """Turned about its middle within its own frame; the corners that come free are black."""
    return picture.rotate(degrees, Pil.Resampling.BICUBIC)


EDITS: dict[str, Edit] = {
    "letterbox 5 % black": lambda p: bars(p, 0, 0.05, BLACK),
    "letterbox 12 % white": lambda p: bars(p, 0, 0.12, WHITE),
    "letterbox 12 % colour": lambda p: bars(p, 0, 0.12, (38, 70, 120)),
    "side bars 20 % black": lambda p: bars(p, 0.2, 0, BLACK),
    "frame 5 % white": lambda p: bars(p, 0.05, 0.05, WHITE),
    "blurred sides": blurred_sides,
    "phone, dark": phone_dark,
    "phone, light": phone_light,
    "conversation": chat,
    "desktop": desktop,
    "caption 18 % below, white": lambda p: caption(p, 0.18, False, WHITE),
    "caption 15 % above, black": lambda p: caption(p, 0.15, True, BLACK),
    "caption 15 % over the bottom": lambda p: caption(p, 0.15, False, WHITE, over=True),
    "big text over it": big_text,
    "logo 8 %": lambda p: logo(p, 0.08, 1.0),
    "logo 15 %": lambda p: logo(p, 0.15, 1.0),
    "logo 12 %, half transparent": lambda p: logo(p, 0.12, 0.5),
    "crop 5 %": lambda p: cropped(p, 0.05),
    "crop 10 %": lambda p: cropped(p, 0.10),
    "crop 25 %": lambda p: cropped(p, 0.25),
    "rotation 1 degree": lambda p: rotated(p, 1),
    "rotation 5 degrees": lambda p: rotated(p, 5),
}
"""By name; crops and rotations are here for whatever compares more than hashes."""


def _status(draw: ImageDraw.ImageDraw, room: tuple[int, int], ink: Colour, choose: random.Random) -> None:
    width, height = room
    draw.text(
        (width * 0.05, height * 0.25),
        f"{choose.randint(0, 23):02d}:{choose.randint(0, 59):02d}",
        ink,
        font(height * 0.5),
    )
    for i in range(3):
        x = width * (0.78 + 0.06 * i)
        draw.rectangle((x, height * 0.35, x + height * 0.5, height * 0.7), outline=ink, width=3)
    draw.text((width * 0.66, height * 0.3), "4G", ink, font(height * 0.42))


def _fitted(picture: Image, room: tuple[int, int]) -> Image:
    """The whole picture as large as `room` (width, height) allows."""
    scale = min(room[0] / picture.width, room[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Pil.Resampling.LANCZOS)


SIDE = 1400
"""Pixels to which larger originals are brought first: the edits cost time by the pixel."""
COPY = 31
"""The radius at which a hash of the whole is a copy's."""
FLAT = 50
RADII = (COPY, *(radius for _, radius in reversed(WIDE)))


@dataclass(slots=True)
class Copies:
    """What was found of the copies by one edit."""

    whole: list[int] = field(default_factory=list)
    """Bits by which the hash of each whole copy differs from the original's; 256 where it is too flat."""
    inner: list[int] = field(default_factory=list)
    """The same of the nearest rectangle; 256 where there is none."""
    values: list[bytes] = field(default_factory=list)
    """All hashes of rectangles."""
    wholes: list[bytes] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Processor time of finding and hashing the rectangles of each."""

    def share(self, whole: int, inner: int = -1) -> float:
        """Found within a radius of the whole's hash or within one of a rectangle's, in percent."""
        found = sum(w <= whole or i <= inner for w, i in zip(self.whole, self.inner, strict=True))
        return 100 * found / len(self.whole)


def examined(picture: Image, edits: dict[str, Edit], into: dict[str, Copies]) -> None:
    """Make the copies of one picture, hash them and add what was found."""
    picture = picture.convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    original = int.from_bytes(pdq(np.asarray(picture))[0])
    for name, edit in edits.items():
        copy = np.asarray(Pil.open(io.BytesIO(passed_on(edit(picture)))).convert("RGB"))
        plane = reduce(Picture(copy, None, "RGB"))
        value, quality = hashed(scaled(plane)[0])
        began = time.process_time()
        found = regions(plane)
        said = into.setdefault(name, Copies())
        said.seconds.append(time.process_time() - began)
        said.whole.append((int.from_bytes(value) ^ original).bit_count() if quality >= FLAT else 256)
        said.inner.append(min(((int.from_bytes(r.value) ^ original).bit_count() for r in found), default=256))
        said.values += [r.value for r in found]
        said.wholes += [value] if quality >= FLAT else []


def distances(hashes: Sequence[bytes], strangers: HASHES) -> list[int]:
    """How many pairs lie so many bits apart, from 0 to 256."""
    counts = np.zeros(257, dtype=np.int64)
    for one in pack(hashes):
        apart = np.bitwise_count(strangers ^ one).sum(axis=1, dtype=np.int64)
        counts += np.bincount(apart, minlength=257)
    return [int(n) for n in counts]


def tables(said: dict[str, Copies], strangers: Sequence[bytes]) -> str:
    """What was found, and what was met by chance, for people."""
    heads = [f"whole <= {r}" for r in RADII]
    wide = RADII[-1]
    lines = [
        f"| edit | {' | '.join(heads)} | rectangle <= {RADIUS} | both | rectangles | ms |",
        "|---" * (len(RADII) + 5) + "|",
    ]
    for name, c in said.items():
        shares = " | ".join(f"{c.share(r):.0f}" for r in RADII)
        lines.append(
            f"| {name} | {shares} | {c.share(-1, RADIUS):.0f} | {c.share(wide, RADIUS):.0f} | "
            f"{len(c.values) / len(c.whole):.1f} | {1000 * float(np.median(c.seconds)):.1f} |"
        )
    if strangers:
        listed = pack(strangers)
        for what, hashes, radii in (
            ("rectangles", [v for c in said.values() for v in c.values], (RADIUS,)),
            ("wholes", [v for c in said.values() for v in c.wholes], RADII),
        ):
            counts = distances(hashes, listed)
            near = ", ".join(f"{sum(counts[: r + 1])} within {r}" for r in radii)
            nearest = next((n for n, found in enumerate(counts) if found), 256)
            lines.append(
                f"Of {what}, {sum(counts):,} pairs with strangers: {near}; the nearest {nearest} bits apart."
            )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the tables."""
    said: dict[str, Copies] = {}
    edits: dict[str, Edit] = {"none": lambda p: p, **EDITS}
    for path in sorted(p for p in Path(arguments[0]).rglob("*") if p.is_file()):
        with Pil.open(path) as picture:
            examined(picture, edits, said)
    strangers: list[bytes] = []
    for path in sorted(p for p in Path(arguments[1]).rglob("*") if p.is_file()) if len(arguments) > 1 else ():
        with Pil.open(path) as picture:
            value, quality = pdq(np.asarray(picture.convert("RGB")))
            strangers += [value] if quality >= FLAT else []
    print(tables(said, strangers))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
