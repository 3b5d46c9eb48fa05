"""The report: whole, self-contained, deaf to hostile names, readable by all, written at once or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, UndefinedError

from leadlight.errors import CaseFull, UsageError
from leadlight.export import report
from leadlight.export.report import PLUGIN, render
from leadlight.records import Answer, Reason, Tier
from leadlight.records.dossier import Dossier
from tests.export import dossiers

VOID = {"meta", "br"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "div"),
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "b", "bdi", "code", "span"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    *("svg", "rect", "line", "text", "desc"),
}


class Page(HTMLParser):
    """Every element with its attributes, the text, and a check that all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attrs for name, attrs in self.elements if name == tag)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(dossiers.full()))


@pytest.fixture(scope="module", params=["full", "empty"])
def any_page(request) -> tuple[str, Page]:
    text = render(getattr(dossiers, request.param)())
    return text, Page(text)


def test_it_needs_nothing_and_runs_nothing(any_page) -> None:
    text, page = any_page
    assert {tag for tag, _ in page.elements} <= ALLOWED
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    parts = dict(part.strip().split(" ", 1) for part in (policy or "").split(";"))
    assert parts.pop("default-src") == "'none'"
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert parts == {"style-src": f"'sha256-{digest}'", "base-uri": "'none'", "form-action": "'none'"}
    for _, attrs in page.elements:
        assert not {a for a in attrs if a.startswith("on")} | attrs.keys() & {
            "style",
            "src",
            "srcset",
            "action",
            "data",
        }
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(" not in style
    assert "@import" not in style
    assert "<script" not in text.lower()
    assert next(page.all("meta"))["charset"] == "utf-8"


def test_it_tells_what_a_report_must_tell(page) -> None:
    given = dossiers.full()
    for part in (
        "Orchard survey <2026>",
        given.case.number,
        given.case.audit_head,
        "J. Example",
        "/evidence/phone & card",
        "2026-11-20 09:30:00 UTC",
        "5,120",
        "4,211",
        "15.4 GB",
        "13 min 23 s",
        "How to read this",
        "What this report can’t say",
        "no probability",
        "lawful or unlawful",
        "extremely strong support",
        "Demo reference list",
        "12 bits apart",
        "exact, distance 0",
        "The picture ends early",
        "Image the medium again.",
        "provenance.c2pa",
        "pip install 'x[jxl]'",
        "Nine near-copies.",
        "near_radius",
        "limits.depth",
        "Example Optics EX-1",
        "EXIF names an Example Optics EX-1 with serial number EX10042",
        "log10 LR +2.60",
        "log10 LR −2.30",
        "no LR stated",
        "finding\xa0000000000021",
        "and 3 more places",
        "13 copies",
        "copies.zip",
    ):
        assert re.sub(r"\s+", " ", part) in page.text, part
    for tier in Tier:
        assert tier in page.text
    for answer in Answer:
        assert answer in page.text
    for entry in given.entries:
        assert entry.sha256 is not None
        assert entry.sha256 in "".join(page.texts)
    for loss in PLUGIN.losses():
        assert loss in page.text


def test_a_weaker_finding_of_one_basis_is_shown_and_not_added(page) -> None:
    assert "Generation parameters are written in the file" in page.text
    assert "not added: a stronger finding on the same basis counts" in page.text


def test_reasons_are_all_told(page) -> None:
    for entry in dossiers.full().entries:
        for reason in entry.standing.reasons:
            assert reason.text in page.text


def test_a_reason_that_the_account_of_origin_gives_is_not_said_twice() -> None:
    given = dossiers.full()
    first = given.entries[0]
    term = first.standing.origin.supporting[0]
    reasons = (*first.standing.reasons, Reason(term.text, term.finding))
    entry = replace(first, standing=replace(first.standing, reasons=reasons))
    text = Page(render(replace(given, entries=(entry,)))).text
    assert text.count(term.text) == 1


def test_hostile_names_are_words_and_nothing_else(page) -> None:
    assert "<script>alert('x')</script>.jpg" in page.text
    assert '"><img src=http://example.invalid/x onerror=alert(1)>.png' in page.text
    assert "{{ 7 * 7 }}</td></table>{% raw %}.jpg" in page.text
    assert "photo&amp;.jpg" in page.text
    assert "תמונה של עץ.jpg" in page.text
    raw = render(dossiers.full())
    assert "\u202e" not in raw
    assert "\x1b" not in raw
    assert "gpj.\\u202eexe" in page.text


AWKWARD = st.text(st.sampled_from("<>\"'&{}%#\\/ ;:-@\x00\x1b\u202e\ud800\u2028é字\n\tabc"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(AWKWARD, AWKWARD, AWKWARD)
def test_any_text_stays_text(one: str, two: str, three: str) -> None:
    base = dossiers.full()
    entry = base.entries[5]
    standing = replace(
        entry.standing,
        reasons=(Reason(one, two),),
        origin=replace(entry.standing.origin, verbal=three),
        matches=(replace(dossiers.NEAR, list=two),),
        failures=(replace(dossiers.BROKEN, text=one, advice=two, reason=three),),
    )
    hostile = replace(
        base,
        case=dossiers.case(name=one, number=two, actor=three, evidence=(one, two)),
        entries=(replace(entry, standing=standing),),
        failures=(replace(entry, standing=standing),),
        sources={one: 3, two: 2},
        settings={one: two, "nested": {two: three}},
        links=tuple(replace(link, statement=one) for link in base.links),
    )
    text = render(hostile)
    text.encode("utf-8")
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on") or a == "src"]
    assert text.count("</style>") == 1


def test_a_missing_value_is_an_error_and_all_is_escaped() -> None:
    environment = report._environment()
    assert environment.undefined is StrictUndefined
    assert environment.from_string("{{ a }}").render(a="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing }}").render()


def test_an_empty_case_says_so() -> None:
    page = Page(render(dossiers.empty()))
    for words in ("No contents in the queue.", "No failure recorded.", "No hash list was used", "No links found."):
        assert words in page.text


def test_structure_that_a_screen_reader_needs(any_page) -> None:
    _, page = any_page
    assert next(page.all("html"))["lang"] == "en"
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attrs.get(name) or "").split()) <= set(ids)
        if (href := attrs.get("href")) is not None:
            assert href[1:] in ids
        if attrs.get("role") == "region":
            assert attrs["tabindex"] == "0"
            assert attrs["aria-label"]
    assert all(attrs.get("scope") for attrs in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    tables = sum(1 for _ in page.all("table"))
    assert tables == sum(1 for _ in page.all("caption"))
    for attrs in page.all("svg"):
        assert attrs["role"] == "img"


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast() -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11: text 4.5 to 1, parts of plots 3 to 1; light, dark and in print."""
    style = (Path(report.__file__).parent / "templates" / "report.css").read_text("utf-8")
    themes = [dict(re.findall(r"--([\w-]+): (#\w+)", body)) for body in re.findall(r":root \{([^}]*)\}", style)]
    assert len(themes) == 3
    for theme in themes:
        theme = {**themes[0], **theme}
        pairs = [("ink", "paper", 4.5), ("ink", "wash", 4.5), ("quiet", "paper", 4.5), ("quiet", "wash", 4.5)]
        pairs += [("link", "paper", 4.5), ("paper", "t1", 4.5), ("paper", "t2", 4.5), ("ink", "t3", 4.5)]
        pairs += [("ink", "t4", 4.5), ("bar", "paper", 3.0), ("bar", "track", 3.0)]
        for one, two, least in pairs:
            high, low = sorted((_luminance(theme[one]), _luminance(theme[two])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= least, (one, two)


def test_a_thousand_entries_are_quick_and_small() -> None:
    given = dossiers.large(1000)
    render(dossiers.empty())
    began = time.process_time()
    text = render(given)
    assert time.process_time() - began < 3
    assert len(text.encode()) < 3_000_000
    assert text.count('class="rank"') == 1000


def test_the_same_dossier_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (PLUGIN.export(dossiers.full(), tmp_path / name) for name in ("a.html", "b.html"))
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert first.files[0][1:] == second.files[0][1:]
    assert first.files[0][1] == hashlib.sha256((tmp_path / "a.html").read_bytes()).hexdigest()


def test_replaced_whole_or_left_as_it_was(tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "report.html"
    out.write_text("the one before")

    def full_disk(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(CaseFull, match="no room"):
            PLUGIN.export(dossiers.full(), out)
    assert out.read_text() == "the one before"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    PLUGIN.export(dossiers.full(), out)
    assert out.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert out.stat().st_mode & 0o007 == 0, "nobody else reads it"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for out in (tmp_path / "missing" / "report.html", tmp_path):
        with pytest.raises(UsageError, match="can't be written"):
            PLUGIN.export(dossiers.full(), out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (2_600_000, "2.6 MB"),
        (10**15, "1.0 PB"),
        (10**19, "10,000.0 PB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert report._size(count) == words


def test_more_than_the_dossier_shows_is_counted() -> None:
    given: Dossier = dossiers.full()
    text = Page(render(given)).text
    assert "The first 6 of" in text
    assert "and 5 more" in text, "members of the link"
