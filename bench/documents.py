"""Documents, forms, tables, charts and screens drawn by program: what resembles another without being the same.

All of one kind share a frame (a letterhead, the rows of a form, the axes of a chart, a program's window) and
differ in what fills it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image as Pil
from PIL import ImageDraw
from PIL.Image import Image

from bench.edits import WORDS, chat, desktop, font, phone

BLUE, GREY, PALE = (20, 80, 160), (90, 90, 90), (215, 215, 220)


def _lines(
    draw: ImageDraw.ImageDraw, choose: random.Random, at: tuple[float, float], wide: float, size: float
) -> None:
    text, face = "", font(size)
    while draw.textlength(text, font=face) < wide * choose.uniform(0.75, 0.95):
        text += choose.choice(WORDS) + " "
    draw.text(at, text, fill=(20, 20, 20), font=face)


def page(seed: int) -> Image:
    """A page of text in one or two columns."""
    choose = random.Random(seed)
    width, height = choose.choice(((1240, 1754), (1000, 1400), (1654, 2339)))
    out = Pil.new("RGB", (width, height), (250, 249, choose.randint(235, 250)))
    draw, size, columns = ImageDraw.Draw(out), choose.uniform(0.014, 0.028) * width, choose.choice((1, 2))
    for column in range(columns):
        y = height * 0.08
        while y < height * 0.9:
            wide = width * 0.84 / columns
            _lines(draw, choose, (width * 0.08 + column * wide, y), wide * 0.9, size)
            y += size * (1.4 if choose.random() < 0.85 else 2.6)
    return out


def letter(seed: int) -> Image:
    """A letter, its head and foot those of all."""
    choose = random.Random(seed)
    out = Pil.new("RGB", (1240, 1754), (255, 255, 255))
    draw = ImageDraw.Draw(out)
    draw.rectangle((100, 80, 220, 150), fill=BLUE)
    draw.ellipse((130, 90, 190, 140), fill=(255, 220, 60))
    draw.text((240, 90), "Example Trading Company", fill=BLUE, font=font(44))
    draw.text((240, 140), "12 Harbour Street, Anytown", fill=GREY, font=font(24))
    for n in range(choose.randint(14, 34)):
        _lines(draw, choose, (110, 300 + n * 36), 1000, 24)
    draw.line((100, 1640, 1140, 1640), fill=BLUE, width=3)
    draw.text((110, 1655), "Bank 000 000 000  Telephone 555 0100  www.example.org", fill=GREY, font=font(20))
    return out


def form(seed: int) -> Image:
    """One form, filled in differently."""
    choose = random.Random(seed)
    out = Pil.new("RGB", (1240, 1754), (255, 255, 255))
    draw = ImageDraw.Draw(out)
    for n in range(22):
        y = 150 + n * 70
        draw.rectangle((100, y, 1140, y + 60), outline=(60, 60, 60), width=2)
        draw.text((110, y + 4), f"{WORDS[n % 17]} {WORDS[(n * 5 + 1) % 17]}", fill=(80, 80, 80), font=font(22))
        words = " ".join(choose.choice(WORDS) for _ in range(choose.randint(1, 4)))
        draw.text((480, y + 20), words, fill=(0, 0, 120), font=font(24))
    return out


def table(seed: int) -> Image:
    """A sheet of numbers and words."""
    choose = random.Random(seed)
    out = Pil.new("RGB", (1600, 1000), (255, 255, 255))
    draw, wide, high = ImageDraw.Draw(out), choose.choice((120, 160, 200)), choose.choice((28, 34, 40))
    for x in range(0, 1600, wide):
        draw.line((x, 0, x, 1000), fill=PALE)
        for y in range(0, 1000, high):
            draw.line((0, y, 1600, y), fill=PALE)
            value = choose.choice(
                (str(choose.randint(0, 99_999)), f"{choose.random() * 1000:.2f}", choose.choice(WORDS))
            )
            draw.text((x + 6, y + 4), value, fill=(20, 20, 20), font=font(20))
    return out


def chart(seed: int) -> Image:
    """Bars or curves on the same axes."""
    choose = random.Random(seed)
    out = Pil.new("RGB", (1200, 800), (255, 255, 255))
    draw, count = ImageDraw.Draw(out), choose.randint(5, 14)
    draw.line((100, 60, 100, 700, 1150, 700), fill=(0, 0, 0), width=2)
    for n in range(11):
        draw.line((90, 700 - n * 60, 1150, 700 - n * 60), fill=PALE)
        draw.text((40, 690 - n * 60), str(n * 10), fill=GREY, font=font(20))
    colours = ((60, 120, 200), (220, 90, 60), (90, 170, 90))
    if choose.random() < 0.5:
        for n in range(count):
            x = 120 + n * 1000 / count
            draw.rectangle((x, 700 - choose.randint(30, 600), x + 700 / count, 700), fill=choose.choice(colours))
    else:
        for _ in range(choose.randint(1, 4)):
            curve = [(110 + n * 1000 / 30, 700 - choose.randint(30, 600)) for n in range(30)]
            draw.line(curve, fill=choose.choice(colours), width=3)
    for n in range(count):
        draw.text((120 + n * 1000 / count, 710), choose.choice(WORDS), fill=GREY, font=font(20))
    draw.text((300, 15), " ".join(choose.choice(WORDS) for _ in range(4)), fill=(0, 0, 0), font=font(32))
    return out


def mail(seed: int) -> Image:
    """A window of a mail program, with other mails."""
    choose = random.Random(seed)
    out = Pil.new("RGB", (1366, 768), (245, 246, 248))
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, 0, 1366, 60), fill=(40, 60, 90))
    draw.text((20, 18), "Example Mail", fill=(255, 255, 255), font=font(24))
    for n, name in enumerate(("Inbox", "Drafts", "Sent", "Archive", "Junk", "Bin", "Folders", "Settings", "Help")):
        draw.text((30, 90 + n * 40), name, fill=(60, 60, 60), font=font(17))
    for n in range(20):
        y = 80 + n * 34
        draw.line((220, y, 1350, y), fill=PALE)
        draw.rectangle((230, y + 9, 246, y + 25), outline=GREY)
        draw.text(
            (260, y + 8), " ".join(choose.choice(WORDS) for _ in range(2)).title(), fill=(0, 0, 0), font=font(15)
        )
        draw.text((450, y + 8), " ".join(choose.choice(WORDS) for _ in range(9)), fill=(50, 50, 50), font=font(15))
        draw.text((1280, y + 8), f"{choose.randint(1, 28)} Nov", fill=GREY, font=font(15))
    return out


def screen(seed: int) -> Image:
    """A screenshot of a phone, a conversation or a desktop that shows a page, a table or a chart."""
    shown = random.Random(seed).choice((page, table, chart))(seed + 7)
    return (lambda p: phone(p, True), lambda p: phone(p, False), chat, desktop)[seed % 4](shown)


KINDS: dict[str, Callable[[int], Image]] = {
    "pages": page,
    "letters, one letterhead": letter,
    "one form, filled in": form,
    "tables": table,
    "charts, one scale": chart,
    "one mail program": mail,
    "screenshots": screen,
}
