"""The report: one HTML file that explains itself, for people who were not there.

It holds no picture, no script and no outside resource, and forbids all of them by its own content security
policy, so it can be opened from a file system without network and be printed, signed and filed. Likelihood
ratios are given as the ENFSI Guideline for Evaluative Reporting (2015) asks: with both propositions and the
verbal scale. Everything on it is read from the dossier.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadlight.errors import CaseFull, UsageError
from leadlight.export.plots import bars, timeline
from leadlight.origin import SCALE
from leadlight.records import Answer, Entry, LinkKind, ListKind, Reason, Tier, display_text
from leadlight.records.dossier import Dossier, Manifest

_UNITS = ("kB", "MB", "GB", "TB", "PB")
PLACES_SHOWN = 10
"""Places of one content; the rest is counted."""
MEMBERS_SHOWN = 4
"""Digests of one link; the rest is counted."""

TIERS: Mapping[Tier, str] = {
    Tier.URGENT: "Relevant or reported, not known, with evidence of a camera or of a change by a model, "
    "and a sign that it is new or near.",
    Tier.NEAR_KNOWN: "A near-copy of a listed file that is not itself listed: it may be new, from a known series.",
    Tier.POSSIBLE_VICTIM: "Not known, with evidence of a camera or of a change by a model.",
    Tier.UNDETERMINED: "Not known, and the evidence does not decide: treated as possibly real.",
    Tier.KNOWN: "On a list of known material. It needs no second look.",
    Tier.GENERATED: "Evidence of wholly generated that is strong by policy. "
    "A picture changed by a model never lands here.",
    Tier.SET_ASIDE: "On a benign list, an icon, or no media: kept, counted and searchable.",
}
ANSWERS: Mapping[Answer, str] = {
    Answer.CAMERA: "The findings speak for a camera capture.",
    Answer.GENERATED: "The findings speak for wholly the output of a generative model.",
    Answer.ALTERED: "The findings speak for a real picture changed by a model: it may have a real victim.",
    Answer.UNDETERMINED: "The findings do not decide: treated as possibly real.",
}
LISTS: Mapping[ListKind, str] = {
    ListKind.KNOWN: "known material",
    ListKind.GENERATED: "known generated material",
    ListKind.BENIGN: "known benign",
}
LINKS: Mapping[LinkKind, str] = {
    LinkKind.NEAR_COPY: "Near-copies",
    LinkKind.PART: "Parts of one picture",
    LinkKind.CAMERA: "Same camera, as stated",
    LinkKind.SENSOR: "Same pattern of noise, as of one sensor",
    LinkKind.MODEL: "Same generator model, as written",
    LinkKind.SEED: "Same generator seed, as written",
    LinkKind.ARCHIVE: "Found in one archive",
}
REASONS: Mapping[str, str] = {
    "undecodable": "broken or truncated",
    "unsupported": "no reader for this format",
    "encrypted": "locked",
    "limit": "a limit was reached",
    "memory": "more memory than a worker may take",
    "unreadable": "the medium did not give the bytes",
    "crashed": "the worker ended without an answer",
    "timeout": "no answer in time",
    "failed": "an analyser failed",
}


class Report:
    """Writes the report."""

    name = "report"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    media_type = "text/html"

    def losses(self) -> tuple[str, ...]:
        return (
            "No picture and no thumbnail: the media stay with the evidence.",
            "The top of the queue and the first failures, as many as the dossier holds; the counts are of all.",
            f"At most {PLACES_SHOWN} places of one content and {MEMBERS_SHOWN} members of one link; "
            "the rest is counted.",
            "Findings appear by their statements; their full record stays in the case.",
            "Sealed text, such as a prompt, is left out.",
            "Grades and looks of people are left out, but for the number of looks.",
        )

    def export(self, dossier: Dossier, out: Path) -> Manifest:
        """One file at `out`, replaced whole or left as it was.

        Raises CaseFull where the disk has no room and UsageError where `out` can't be written.
        """
        data = render(dossier).encode("utf-8")
        _write(data, out)
        return Manifest(((str(out), hashlib.sha256(data).hexdigest(), len(data)),), self.losses())


def _scale() -> list[tuple[str, str]]:
    """Likelihood ratios and their words, from the least."""
    words = [*reversed(SCALE)]
    ratios = [f"{10**least:,.0f}" for least, _ in words]
    rows = [(f"below {ratios[0]}", "no support for either")]
    for (_, word), low, high in zip(words, ratios, [*ratios[1:], ""], strict=True):
        rows.append((f"{low} to {high}" if high else f"above {low}", f"{word} support"))
    return rows


PLUGIN = Report()


def render(dossier: Dossier) -> str:
    """The report as text; the same dossier gives the same text."""
    style = _style(dossier.case.number)
    counts = dossier.counts
    placed = sum(counts.tiers.values())
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            style=style,
            style_digest=base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii"),
            case=dossier.case,
            counts=counts,
            entries=[(e, _reasons(e)) for e in dossier.entries],
            failures=[(e, f) for e in dossier.failures for f in e.standing.failures],
            lists=dossier.lists,
            plugins=[p for p in dossier.plugins if p.available],
            missing=[p for p in dossier.plugins if not p.available],
            links=dossier.links,
            settings=list(_flat(dossier.settings)),
            tier_bars=bars(((str(t), str(t), counts.tiers.get(str(t), 0)) for t in Tier), total=placed),
            answer_bars=bars(
                ((str(a), str(a), counts.answers.get(str(a), 0)) for a in Answer),
                total=sum(counts.answers.values()),
            ),
            family_bars=bars(_by_count(counts.families), total=sum(counts.families.values())),
            source_bars=bars(_by_count(dossier.sources), total=counts.contents),
            failure_bars=bars(
                ((key, REASONS.get(key, key), n) for key, _, n in _by_count(counts.failures)),
                total=sum(counts.failures.values()),
            ),
            timeline=timeline(dossier.timeline),
            placed=placed,
            tiers={str(t): meaning for t, meaning in TIERS.items()},
            answers={str(a): meaning for a, meaning in ANSWERS.items()},
            list_kinds={str(k): word for k, word in LISTS.items()},
            link_kinds={str(k): word for k, word in LINKS.items()},
            reasons=REASONS,
            scale=_scale(),
            losses=PLUGIN.losses(),
            places_shown=PLACES_SHOWN,
            members_shown=MEMBERS_SHOWN,
        )
    )


@cache
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("leadlight.export", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    env.filters.update(figure=_figure, size=_size, when=_when, signed=_signed, drawn=Markup, span=_span)
    return env


def _style(number: str) -> Markup:
    """The style sheet, with the case number at the foot of each printed page."""
    sheet = _environment().get_template("report.css").render()
    foot = f'@page {{ @bottom-left {{ content: "Leadlight report, case {_css(number)}" }} }}\n'
    return Markup(sheet + "\n" + foot)  # noqa: S704


def _safe(value: Any) -> Any:
    """Whatever comes from evidence or an operator, without control and bidirectional characters."""
    return display_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _reasons(entry: Entry) -> list[Reason]:
    """The reasons that the entry's account of its origin, words and terms, does not give already."""
    origin = entry.standing.origin
    told = {(t.text, t.finding) for t in (*origin.supporting, *origin.opposing)}
    return [
        r
        for r in entry.standing.reasons
        if (r.text, r.finding) not in told and not (r.finding is None and origin.verbal in r.text)
    ]


def _by_count(figures: Mapping[str, int]) -> list[tuple[str, str, int]]:
    ordered = sorted(figures.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(name, display_text(name), count) for name, count in ordered]


def _flat(values: Mapping[str, object], head: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{head}{name}.")
        else:
            yield f"{head}{name}", "not set" if value in ("", None) else str(value)


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _size(count: int) -> str:
    """Bytes for people: 999 bytes, 1.2 MB; powers of ten."""
    if count < 1000:
        return f"{count} bytes"
    power = min((len(str(count)) - 1) // 3, len(_UNITS))
    return f"{count / 1000**power:,.1f} {_UNITS[power - 1]}"


def _span(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"


def _when(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _signed(log10_lr: float) -> str:
    return f"{log10_lr:+.2f}".replace("-", "−") if round(log10_lr, 2) else "0.00"


def _css(text: str) -> Markup:
    """Text within a CSS string: all but letters, digits and a few signs as escapes."""
    return Markup("").join(
        c if c.isascii() and (c.isalnum() or c in "-_. ") else Markup(f"\\{ord(c):06x}")  # noqa: S704
        for c in display_text(text, 80)
    )


def _write(data: bytes, out: Path) -> None:
    """Beside it under another name, to the disk, then in its place: no reader sees half a report."""
    draft: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".report-", suffix=".part", dir=out.parent)
        draft = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(0o640)
        draft.replace(out)
    except OSError as e:
        subject = display_text(str(out))
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CaseFull(
                "no room left for the report", subject=subject, advice="Free some room, or name another disk."
            ) from e
        raise UsageError(
            f"the report can't be written here ({e.strerror})",
            subject=subject,
            advice="Name a file in a folder that you can write to.",
        ) from e
    finally:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
